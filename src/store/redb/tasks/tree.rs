//! Tasks in tasks.

use super::draft::Draft;
use crate::domain::id::TaskId;
use crate::domain::task::{Task, TaskRefused};
use crate::store::StoreError;

/// A task and all below it, level by level. One more than [`Task::MAX_BELOW`] are enough to see that there are too
/// many.
struct Below {
    ids: Vec<TaskId>,
    levels: usize,
}

impl Below {
    fn look(draft: &Draft<'_, '_, '_>, top: TaskId) -> Result<Self, StoreError> {
        let (mut ids, mut level, mut levels) = (Vec::new(), vec![top], 0);
        while !level.is_empty() && ids.len() <= Task::MAX_BELOW {
            levels += 1;
            let mut next = Vec::new();
            for id in &level {
                next.extend(draft.children(*id)?);
            }
            ids.append(&mut level);
            level = next;
        }
        ids.append(&mut level);
        Ok(Self { ids, levels })
    }
}

/// A task and all below it, the deepest last.
pub(super) fn all_below(
    draft: &Draft<'_, '_, '_>,
    top: TaskId,
) -> Result<Vec<TaskId>, StoreError> {
    Ok(Below::look(draft, top)?.ids)
}

/// Whether a task may become a part of another. `id` is `None` for one that is about to be made.
pub(in crate::store::redb) fn may_go_below(
    draft: &Draft<'_, '_, '_>,
    id: Option<TaskId>,
    parent: TaskId,
) -> Result<Result<(), TaskRefused>, StoreError> {
    let (mut top, mut depth) = (parent, 1);
    loop {
        if Some(top) == id {
            return Ok(Err(TaskRefused::Cycle));
        }
        let Some(task) = draft.get(top)? else {
            return Ok(Err(TaskRefused::NoParent));
        };
        match task.parent {
            None => break,
            Some(_) if depth > Task::MAX_DEPTH => return Ok(Err(TaskRefused::TooDeep)),
            Some(above) => (top, depth) = (above, depth + 1),
        }
    }
    let moved = match id {
        Some(id) => Below::look(draft, id)?,
        None => Below { ids: Vec::new(), levels: 1 },
    };
    if depth + moved.levels > Task::MAX_DEPTH {
        return Ok(Err(TaskRefused::TooDeep));
    }
    let there = Below::look(draft, top)?.ids;
    let is_there = id.is_some_and(|id| there.contains(&id));
    let coming = if is_there { 0 } else { moved.ids.len().max(1) };
    // The one at the top does not count.
    if there.len() - 1 + coming > Task::MAX_BELOW {
        return Ok(Err(TaskRefused::TooManyBelow));
    }
    Ok(Ok(()))
}
