//! Lists of tasks that are created, changed or moved. A subtask is always in the list of its parent.

use super::occurrence::Changes;
use super::overlay::TaskOverlay;
use super::tree;
use super::write::{Decided, WriteTime};
use crate::domain::id::{ListId, TaskId};
use crate::domain::task::{Task, TaskPatch, TaskRefused, TaskWrite};
use crate::store::StoreError;

/// Returns the list of a new task.
pub(super) fn of_new(
    overlay: &TaskOverlay<'_>,
    parent: Option<TaskId>,
    wanted: Option<ListId>,
) -> Decided<ListId> {
    let wanted = allowed!(existing(overlay, wanted)?);
    Ok(match list_of(overlay, parent)? {
        Some(list) => beside(list, wanted),
        None => Ok(wanted.unwrap_or(ListId::DEFAULT)),
    })
}

/// Returns the list that a change puts a task in, if it changes. The parent in the change has been looked up.
///
/// A client may read a whole task, change its parent, and send both: a list that is sent back as it was changes nothing.
pub(super) fn of_changed(
    overlay: &TaskOverlay<'_>,
    old: &Task,
    patch: &TaskPatch,
) -> Decided<Option<ListId>> {
    let wanted = patch.list.filter(|list| *list != old.list);
    let wanted = allowed!(existing(overlay, wanted)?);
    let parent = patch.parent.unwrap_or(old.parent);
    if wanted.is_none() && parent == old.parent {
        return Ok(Ok(None));
    }
    Ok(match list_of(overlay, parent)? {
        Some(list) => beside(list, wanted).map(Some),
        None => Ok(wanted),
    })
}

/// Checks that a list exists.
fn existing(overlay: &TaskOverlay<'_>, list: Option<ListId>) -> Decided<Option<ListId>> {
    Ok(match list {
        Some(id) if !overlay.has_list(id)? => Err(TaskRefused::NoList),
        list => Ok(list),
    })
}

/// Returns the list of a parent task. Another check refuses a parent that does not exist.
fn list_of(
    overlay: &TaskOverlay<'_>,
    parent: Option<TaskId>,
) -> Result<Option<ListId>, StoreError> {
    let Some(parent) = parent else { return Ok(None) };
    Ok(overlay.get(parent)?.map(|task| task.list))
}

/// Returns the list of a subtask of a task in a list.
fn beside(list: ListId, wanted: Option<ListId>) -> Result<ListId, TaskRefused> {
    match wanted {
        Some(wanted) if wanted != list => Err(TaskRefused::ListOfParent),
        _ => Ok(list),
    }
}

/// Moves the tasks below one to its list.
pub(super) fn move_below(
    changes: &mut Changes<'_, '_>,
    top: &Task,
    at: WriteTime<'_>,
) -> Decided<()> {
    let below = allowed!(tree::subtree(changes.overlay(), top.id)?);
    if changes.overlay().touched() + below.len() > TaskWrite::MAX_TOUCHED {
        return Ok(Err(TaskRefused::TooMuch));
    }
    for id in below.into_iter().skip(1) {
        let Some(old) = changes.overlay().get(id)? else { continue };
        if let Some(new) = old.moved_to(top.list, at.now) {
            allowed!(changes.replace(old, new)?);
        }
    }
    Ok(Ok(()))
}

/// Moves the imported tasks below one to its list, without a date of their own.
pub(in crate::store::decide) fn carry_below(
    overlay: &mut TaskOverlay<'_>,
    top: TaskId,
    list: ListId,
) -> Result<(), StoreError> {
    let below = tree::subtree(overlay, top)?.unwrap_or_default();
    for id in below.into_iter().skip(1) {
        let Some(old) = overlay.get(id)?.filter(|task| task.list != list) else {
            continue;
        };
        let seq = overlay.take_seq();
        overlay.put(old.clone(), Task { list, seq, ..old })?;
    }
    Ok(())
}

/// Moves tasks of a list to the default list, with all tasks above and below them, until `most` have moved. Returns
/// their number.
pub(in crate::store::decide) fn take_out(
    overlay: &mut TaskOverlay<'_>,
    tasks: Vec<TaskId>,
    most: usize,
    at: WriteTime<'_>,
) -> Result<usize, StoreError> {
    let mut count = 0;
    for id in tasks {
        if count >= most {
            break;
        }
        let Some(mut top) = overlay.get(id)?.filter(|task| !task.list.is_default())
        else {
            continue;
        };
        while let Some(parent) = top.parent {
            match overlay.get(parent)? {
                Some(above) => top = above,
                None => break,
            }
        }
        for id in tree::subtree(overlay, top.id)?.unwrap_or_default() {
            let Some(old) = overlay.get(id)? else { continue };
            if let Some(mut new) = old.moved_to(ListId::DEFAULT, at.now) {
                overlay.date(&mut new)?;
                overlay.put(old, new)?;
                count += 1;
            }
        }
    }
    Ok(count)
}

/// Deletes tasks with all tasks below them, until `most` are deleted or the rows are too many. Returns their number.
pub(in crate::store::decide) fn clear_out(
    overlay: &mut TaskOverlay<'_>,
    tasks: Vec<TaskId>,
    most: usize,
) -> Result<usize, StoreError> {
    let mut count = 0;
    for id in tasks {
        let doomed = match overlay.get(id)? {
            Some(_) => tree::subtree(overlay, id)?.unwrap_or_default(),
            None => continue,
        };
        // The deepest first, so that every task that is left has its parent.
        for id in doomed.into_iter().rev() {
            let Some(task) = overlay.get(id)? else { continue };
            if count >= most || !overlay.may_touch(task.rows()) {
                return Ok(count);
            }
            overlay.delete(task)?;
            count += 1;
        }
    }
    Ok(count)
}
