//! Work of task writes, in rows, and memory of their results.

use crate::domain::task::rows::word_rows;
use crate::domain::task::{Task, TaskDone, TaskRefused};

/// Returns an upper bound of the rows that a change of a task touches: its record, and the old and new entry in each
/// index of a field that changes.
pub(super) fn rows_changed(old: &Task, new: &Task) -> u64 {
    let is_state_changed = old.is_completed() != new.is_completed();
    let entries = [
        true, // The time of the change.
        is_state_changed || old.priority != new.priority,
        is_state_changed || old.due != new.due,
        old.completed_at != new.completed_at,
        old.position != new.position,
        old.title != new.title,
        old.parent != new.parent,
    ];
    let mut count = 1 + 2 * size(entries.into_iter().filter(|it| *it).count());
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
        Ok(TaskDone::Created(task) | TaskDone::Changed { task, .. }) => {
            size(task.memory())
        }
        Err(TaskRefused::Changed(task)) => size(task.memory()),
        Ok(TaskDone::Deleted(_)) | Err(_) => 0,
    }
}

fn words_of(task: &Task) -> u64 {
    let description = task.description.as_ref().map(|it| it.as_str());
    word_rows(task.title.as_str(), description)
}

fn size(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
