//! Line of a task.

use serde_json::json;

use super::line::line;
use crate::domain::due::Due;
use crate::domain::id::TaskId;
use crate::domain::recurrence::Recurrence;
use crate::domain::tag::Tag;
use crate::domain::task::{Description, Task};
use crate::domain::timestamp::Timestamp;

#[expect(clippy::unneeded_field_pattern, reason = "a new field must be exported too")]
pub(super) fn about(task: &Task) -> String {
    let is_completed = task.is_completed();
    let Task {
        id,
        // The account of the export.
        owner: _,
        title,
        description,
        completed_at,
        due,
        priority,
        tags,
        position,
        parent,
        recurrence,
        created_at,
        updated_at,
        revision,
    } = task;
    let recurrence = recurrence.as_ref();
    let about = json!({
        "id": id.get(),
        "title": title.as_str(),
        "description": description.as_ref().map(Description::as_str),
        "completed": is_completed,
        "completed_at": completed_at.as_ref().map(Timestamp::to_string),
        "due": due.as_ref().map(Due::to_string),
        "priority": priority.as_str(),
        "tags": tags.iter().map(Tag::as_str).collect::<Vec<_>>(),
        "position": position.as_str(),
        "parent_id": parent.map(TaskId::get),
        "recurrence": recurrence.map(|it| it.rule().to_string()),
        "recurrence_time_ms": recurrence.and_then(Recurrence::time_millis),
        "created_at": created_at.to_string(),
        "updated_at": updated_at.to_string(),
        "revision": revision,
    });
    line("task", &about)
}
