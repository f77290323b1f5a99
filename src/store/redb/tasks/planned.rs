//! Work of task writes, estimated before anything is read for them.

use crate::domain::task::rows::{ROWS, word_rows};
use crate::domain::task::{NewTask, TaskAction, TaskPatch, TaskWrite};
use crate::store::redb::engine::work::Work;

/// Rows of a task whose texts, tags and size are unknown before it is read.
const UNKNOWN: u64 = 16;

/// Estimates the work of a write, before anything is read for it.
pub(in crate::store::redb) fn planned(write: &TaskWrite) -> Work {
    let mut work = Work::default();
    for op in &write.ops {
        work.add(match &op.action {
            TaskAction::Create(new) => created(new),
            TaskAction::Patch(_, patch) => patched(patch),
            TaskAction::Skip(..) => Work::new(UNKNOWN, 0),
            TaskAction::Move(..) => Work::new(2 * ROWS, 256),
            TaskAction::Delete(_) | TaskAction::Restore(_) | TaskAction::Undo(..) => {
                Work::new(UNKNOWN, 0)
            }
        });
    }
    work
}

fn created(new: &NewTask) -> Work {
    let description = new.description.as_ref().map(|it| it.as_str());
    written(0, new.title.as_str(), description, new.tags.iter().len())
}

fn patched(patch: &TaskPatch) -> Work {
    let title = patch.title.as_ref().map_or("", |it| it.as_str());
    let description = patch.description.as_ref().and_then(Option::as_ref);
    let tags = [&patch.tags, &patch.tags_add];
    let tags = tags.into_iter().flatten().map(|tags| tags.iter().len()).sum();
    written(UNKNOWN, title, description.map(|it| it.as_str()), tags)
}

/// Returns the work of writing a task with these texts and tags, beside `rows` of its old state.
fn written(rows: u64, title: &str, description: Option<&str>, tags: usize) -> Work {
    let rows = rows + ROWS + size(tags) + word_rows(title, description);
    let length = title.len() + description.map_or(0, str::len);
    // Keys are longer than the words in them.
    Work::new(rows, size(length) + 32 * rows)
}

fn size(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
