//! Changes by a client that knows an earlier revision of the task.

use super::overlay::TaskOverlay;
use super::write::{Decided, WriteTime};
use crate::domain::task::{Merge, Task, TaskField, TaskPatch, TaskRefused};
use crate::store::decide::history::Chain;

/// Removes from a change the values that the client has not changed since `base`. Refuses it if others have changed a
/// field that it changes.
pub(super) fn merge(
    overlay: &TaskOverlay<'_>,
    old: &Task,
    patch: &mut TaskPatch,
    at: WriteTime<'_>,
) -> Decided<()> {
    let Some(base) = patch.base.filter(|base| *base != old.revision) else {
        return Ok(Ok(()));
    };
    let Some(stored) = overlay.stored(old.id)? else { return Ok(Ok(())) };
    let mut known = stored.clone();
    let mut is_found = stored.revision == base;
    for entry in Chain::of(overlay.snapshot(), &stored) {
        if is_found {
            break;
        }
        let entry = entry?;
        for value in entry.was {
            known.set(value);
        }
        is_found = entry.before_revision == base;
    }
    if !is_found {
        return Ok(Err(TaskRefused::BaseUnknown));
    }
    known.revision = base;
    // Adding and removing tags merges by itself.
    let wanted = TaskPatch { tags_add: None, tags_remove: None, ..patch.clone() };
    let yours = allowed!(wanted.apply(&known, at.now, at.home)).task;
    let mut fields = Vec::new();
    for field in TaskField::ALL {
        let is_yours = match field {
            TaskField::Completed => {
                patch.completed.is_some_and(|it| it != known.is_completed())
            }
            field => !yours.has_same(field, &known),
        };
        if !is_yours {
            patch.leave(field);
        } else if !old.has_same(field, &known) && !is_agreed(field, old, &yours) {
            fields.push(field);
        }
    }
    if fields.is_empty() {
        return Ok(Ok(()));
    }
    let theirs = old.clone();
    Ok(Err(TaskRefused::Conflict(Box::new(Merge { fields, yours, theirs, base: known }))))
}

/// Whether both changed a field in the same way.
fn is_agreed(field: TaskField, theirs: &Task, yours: &Task) -> bool {
    match field {
        TaskField::Completed => {
            theirs.is_completed() == yours.is_completed() && theirs.due == yours.due
        }
        field => theirs.has_same(field, yours),
    }
}
