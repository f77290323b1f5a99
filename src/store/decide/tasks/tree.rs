//! Nested tasks.

use super::overlay::TaskOverlay;
use crate::domain::id::TaskId;
use crate::domain::task::{Task, TaskRefused};
use crate::store::StoreError;

/// Task and all its descendants, level by level. One more than [`Task::MAX_DESCENDANTS`] suffice to see that there are
/// too many.
struct Below {
    ids: Vec<TaskId>,
    levels: usize,
}

impl Below {
    fn look(
        overlay: &TaskOverlay<'_>,
        top: TaskId,
    ) -> Result<Result<Self, TaskRefused>, StoreError> {
        let (mut ids, mut level, mut levels) = (Vec::new(), vec![top], 0);
        while !level.is_empty() && ids.len() <= Task::MAX_DESCENDANTS {
            levels += 1;
            let mut next = Vec::new();
            for id in &level {
                next.extend(overlay.children(*id)?);
            }
            ids.append(&mut level);
            level = next;
        }
        ids.append(&mut level);
        overlay.looked_at.set(overlay.looked_at.get() + ids.len());
        if overlay.looked_at.get() > overlay.most_looked_at {
            return Ok(Err(TaskRefused::TooMuch));
        }
        Ok(Ok(Self { ids, levels }))
    }
}

/// Returns a task and all its descendants, the deepest last.
pub(super) fn subtree(
    overlay: &TaskOverlay<'_>,
    top: TaskId,
) -> Result<Result<Vec<TaskId>, TaskRefused>, StoreError> {
    Ok(Below::look(overlay, top)?.map(|below| below.ids))
}

/// Checks whether a task may become a subtask of another. `id` is `None` for a task that is about to be created.
pub(in crate::store::decide) fn check_reparent(
    overlay: &mut TaskOverlay<'_>,
    id: Option<TaskId>,
    parent: TaskId,
) -> Result<Result<(), TaskRefused>, StoreError> {
    let (mut top, mut depth) = (parent, 1);
    loop {
        if Some(top) == id {
            return Ok(Err(TaskRefused::Cycle));
        }
        let Some(task) = overlay.get(top)? else {
            return Ok(Err(TaskRefused::NoParent));
        };
        match task.parent {
            None => break,
            Some(_) if depth > Task::MAX_DEPTH => return Ok(Err(TaskRefused::TooDeep)),
            Some(above) => (top, depth) = (above, depth + 1),
        }
    }
    let Some(id) = id else { return check_new_child(overlay, top, depth) };
    let moved = match Below::look(overlay, id)? {
        Ok(moved) => moved,
        Err(refused) => return Ok(Err(refused)),
    };
    if depth + moved.levels > Task::MAX_DEPTH {
        return Ok(Err(TaskRefused::TooDeep));
    }
    let there = match Below::look(overlay, top)? {
        Ok(there) => there.ids,
        Err(refused) => return Ok(Err(refused)),
    };
    let coming = if there.contains(&id) { 0 } else { moved.ids.len() };
    // The top task does not count.
    if there.len() - 1 + coming > Task::MAX_DESCENDANTS {
        return Ok(Err(TaskRefused::TooManyBelow));
    }
    Ok(Ok(()))
}

/// Checks whether a task may be created below the top-level task `top`, deeper than `depth`. Counts it as created.
fn check_new_child(
    overlay: &mut TaskOverlay<'_>,
    top: TaskId,
    depth: usize,
) -> Result<Result<(), TaskRefused>, StoreError> {
    if depth >= Task::MAX_DEPTH {
        return Ok(Err(TaskRefused::TooDeep));
    }
    let there = match overlay.below.get(&top) {
        Some(there) => *there,
        None => match Below::look(overlay, top)? {
            Ok(there) => there.ids.len() - 1,
            Err(refused) => return Ok(Err(refused)),
        },
    };
    if there >= Task::MAX_DESCENDANTS {
        return Ok(Err(TaskRefused::TooManyBelow));
    }
    overlay.below.insert(top, there + 1);
    Ok(Ok(()))
}
