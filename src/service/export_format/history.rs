//! Values that changes have replaced.

use crate::domain::due::Due;
use crate::domain::id::TaskId;
use crate::domain::tag::Tag;
use crate::domain::task::{TaskField, TaskValue};

/// Returns values of fields of a task as an object.
pub(in crate::service) fn values(values: &[TaskValue]) -> serde_json::Value {
    let object = values.iter().map(|value| {
        let text = match value {
            TaskValue::Title(title) => Some(title.as_str().to_owned()),
            TaskValue::Description(text) => {
                text.as_ref().map(|it| it.as_str().to_owned())
            }
            TaskValue::Completed(at) => at.map(|at| at.to_string()),
            TaskValue::Due(due) => due.as_ref().map(Due::to_string),
            TaskValue::Priority(priority) => Some(priority.as_str().to_owned()),
            TaskValue::Position(position) => Some(position.as_str().to_owned()),
            TaskValue::Recurrence(it) => it.as_ref().map(|it| it.rule().to_string()),
            TaskValue::Tags(tags) => {
                let tags = tags.iter().map(Tag::as_str);
                return ("tags".to_owned(), tags.collect());
            }
            TaskValue::Parent(id) => {
                return ("parent_id".to_owned(), id.map(TaskId::get).into());
            }
            TaskValue::List(id) => return ("list_id".to_owned(), id.get().into()),
        };
        let name = match value.field() {
            TaskField::Completed => "completed_at",
            field => field.name(),
        };
        (name.to_owned(), text.into())
    });
    serde_json::Value::Object(object.collect())
}
