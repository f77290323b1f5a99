//! Work of task writes, in rows, and memory of their results.

use crate::domain::task::rows::{ROWS, word_rows};
use crate::domain::task::{Task, TaskDone, TaskRefused};

/// Returns an upper bound of the rows that a change of a task touches.
pub(super) fn rows_changed(old: &Task, new: &Task) -> u64 {
    let mut count = 2 * ROWS;
    if old.tags != new.tags || old.is_completed() != new.is_completed() {
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
