//! Line of a task.

use serde_json::json;

use super::line::line;
use crate::domain::id::TaskId;
use crate::domain::recurrence::Recurrence;
use crate::domain::task::{Description, Task};

pub(super) fn about(task: &Task) -> String {
    let about = json!({
        "id": task.id.get(),
        "title": task.title.as_str(),
        "description": task.description.as_ref().map(Description::as_str),
        "completed": task.is_completed(),
        "completed_at": task.completed_at.map(|time| time.to_string()),
        "due": task.due.as_ref().map(|due| due.to_string()),
        "priority": task.priority.as_str(),
        "tags": task.tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(),
        "position": task.position.as_str(),
        "parent_id": task.parent.map(TaskId::get),
        "recurrence": task.recurrence.as_ref().map(|it| it.rule().to_string()),
        "recurrence_time_ms": task.recurrence.as_ref().and_then(Recurrence::time_millis),
        "created_at": task.created_at.to_string(),
        "updated_at": task.updated_at.to_string(),
        "revision": task.revision,
    });
    line("task", &about)
}
