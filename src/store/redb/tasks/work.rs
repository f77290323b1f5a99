//! Work of writing tasks, in rows.

use crate::domain::task::rows::{ROWS, word_rows};
use crate::domain::task::{
    NewTask, Task, TaskAction, TaskDone, TaskPatch, TaskRefused, TaskWrite,
};
use crate::store::redb::work::Work;

/// Rows of a task whose texts, tags and size are unknown before it is read.
const UNKNOWN: u64 = 16;

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

/// Estimates the work of a write, before anything is read for it.
pub(in crate::store::redb) fn planned(write: &TaskWrite) -> Work {
    let mut work = Work::default();
    for op in &write.ops {
        work.add(match &op.action {
            TaskAction::Create(new) => created(new),
            TaskAction::Patch(_, patch) => patched(patch),
            TaskAction::Move(..) => Work::new(2 * ROWS, 256),
            TaskAction::Delete(_) => Work::new(UNKNOWN, 0),
        });
    }
    work
}

/// Estimates the memory that the answer to one operation holds, in bytes.
pub(super) fn answered(result: &Result<TaskDone, TaskRefused>) -> u64 {
    match result {
        Ok(TaskDone::Created(task) | TaskDone::Changed { task, .. }) => {
            size(task.memory())
        }
        Err(TaskRefused::Changed(task)) => size(task.memory()),
        Ok(TaskDone::Deleted(_)) | Err(_) => 0,
    }
}

fn created(new: &NewTask) -> Work {
    let description = new.description.as_ref().map(|it| it.as_str());
    written(0, new.title.as_str(), description, new.tags.iter().len())
}

fn patched(patch: &TaskPatch) -> Work {
    let title = patch.title.as_ref().map_or("", |it| it.as_str());
    let description = patch.description.as_ref().and_then(Option::as_ref);
    let tags = patch.tags.as_ref().map_or(0, |tags| tags.iter().len());
    written(UNKNOWN, title, description.map(|it| it.as_str()), tags)
}

/// Returns the work of writing a task with these texts and tags, beside `rows` of its old state.
fn written(rows: u64, title: &str, description: Option<&str>, tags: usize) -> Work {
    let rows = rows + ROWS + size(tags) + word_rows(title, description);
    let length = title.len() + description.map_or(0, str::len);
    // Keys are longer than the words in them.
    Work::new(rows, size(length) + 32 * rows)
}

fn words_of(task: &Task) -> u64 {
    let description = task.description.as_ref().map(|it| it.as_str());
    word_rows(task.title.as_str(), description)
}

fn size(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
