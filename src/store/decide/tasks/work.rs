//! Work of task writes, in rows, and memory of their results.

use crate::domain::task::rows::word_rows;
use crate::domain::task::{Merge, Task, TaskDone, TaskRefused};

/// Returns an upper bound of the rows that a change of a task touches: its record, and the old and new entry in each
/// index of a field that changes.
pub(super) fn rows_changed(old: &Task, new: &Task) -> u64 {
    let is_state_changed = old.is_completed() != new.is_completed();
    let of = |is_changed: bool, old: bool, new: bool| {
        if is_changed { u64::from(old) + u64::from(new) } else { 0 }
    };
    let has_due = (old.due.is_some(), new.due.is_some());
    let is_due_changed = is_state_changed || old.due != new.due;
    let is_completion_changed = old.completed_at != new.completed_at;
    let both = [
        true, // The time of the change.
        true, // Its number.
        is_state_changed || old.priority != new.priority,
        old.position != new.position,
        old.title != new.title,
    ];
    // The record, and its row in the history.
    let mut count = 2 + 2 * size(both.into_iter().filter(|it| *it).count());
    count += of(is_due_changed, has_due.0, has_due.1);
    count += of(is_completion_changed, old.is_completed(), new.is_completed());
    count += of(old.parent != new.parent, old.parent.is_some(), new.parent.is_some());
    let is_list_changed = is_state_changed || old.list != new.list;
    // The entry, and the counts.
    let has_list = (!old.list.is_default(), !new.list.is_default());
    count += 2 * of(is_list_changed, has_list.0, has_list.1);
    if old.tags != new.tags || is_state_changed {
        count += size(old.tags.iter().len() + new.tags.iter().len());
    }
    if old.title != new.title || old.description != new.description {
        count += words_of(old) + words_of(new);
    }
    count
}

/// Estimates the memory that the result of one operation holds, in bytes.
pub(super) fn result_bytes(result: &Result<TaskDone, TaskRefused>) -> u64 {
    match result {
        Ok(
            TaskDone::Created(task)
            | TaskDone::Known(task)
            | TaskDone::Changed { task, .. }
            | TaskDone::Restored { task, .. },
        ) => size(task.memory()),
        Err(TaskRefused::Changed(task)) => size(task.memory()),
        Err(TaskRefused::Conflict(merge)) => {
            let Merge { yours, theirs, base, .. } = merge.as_ref();
            [yours, theirs, base].into_iter().map(|task| size(task.memory())).sum()
        }
        Ok(TaskDone::Deleted(_) | TaskDone::Undone { .. }) | Err(_) => 0,
    }
}

fn words_of(task: &Task) -> u64 {
    let description = task.description.as_ref().map(|it| it.as_str());
    word_rows(task.title.as_str(), description)
}

fn size(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
