//! Tasks in responses.

use std::borrow::Cow;

use poem_openapi::Object;
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::{Example, Type};
use serde::Serialize;

use super::body::Priority;
use super::history::ConflictView;
use crate::domain::due::{Due, DueText};
use crate::domain::id::TaskId;
use crate::domain::recurrence::Recurrence;
use crate::domain::tag::Tags;
use crate::domain::task::{Description, Task};
use crate::domain::timestamp::{TEXT_LEN, Timestamp};
use crate::http::etag;
use crate::http::payload::WriteJson;
use crate::http::problem::Problem;
use crate::json::{write, write_plain, write_text};
use crate::service::Error;

/// A task.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub(super) struct TaskView {
    /// Id. Never changes and is never reused.
    id: u64,
    /// Unique name among your tasks. Never changes.
    uid: String,
    /// Title.
    title: String,
    /// Description.
    #[oai(nullable)]
    description: Option<String>,
    /// Whether the task is completed.
    completed: bool,
    /// Id of the owner's account.
    owner_id: u64,
    /// Creation time.
    created_at: Timestamp,
    /// Time of the last change.
    updated_at: Timestamp,
    /// Completion time.
    #[oai(nullable)]
    completed_at: Option<Timestamp>,
    /// Due date: a day, or a time with its time zone ([RFC 9557](https://www.rfc-editor.org/rfc/rfc9557)).
    #[oai(nullable)]
    due: Option<String>,
    /// Due time in UTC; null for a day.
    #[oai(nullable)]
    due_at: Option<Timestamp>,
    /// Day on which the task is due. That of a due time is the day in its time zone.
    #[oai(nullable)]
    due_date: Option<String>,
    /// Local time of a due time, such as `09:00`; null for a day. Where the clocks skip it, `due` shows a later time.
    #[oai(nullable)]
    due_local: Option<String>,
    /// Time zone of a due time: a name, or an offset such as `+01:00`; null for a day.
    #[oai(nullable)]
    due_time_zone: Option<String>,
    /// Priority: `none`, `low`, `medium`, `high` or `urgent`.
    priority: Priority,
    /// Tags, sorted.
    tags: Vec<String>,
    /// Position among all tasks. Positions compare byte by byte; a new position fits between any two.
    position: String,
    /// Id of the parent task.
    #[oai(nullable)]
    parent_id: Option<u64>,
    /// Id of the list.
    list_id: u64,
    /// Recurrence rule ([RFC 5545](https://www.rfc-editor.org/rfc/rfc5545#section-3.3.10)).
    #[oai(nullable)]
    recurrence: Option<String>,
    /// Date from which the rule repeats: `due`, or `completion` for the day on which the task is completed.
    #[oai(nullable)]
    repeat_from: Option<String>,
    /// Revision: 1 for a new task, incremented by each write. The `ETag` is this number in quotes.
    rev: u64,
    /// Id of the completed copy. Present only in a response to a change that moved a recurring task to its next
    /// occurrence.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_id: Option<u64>,
}

impl Example for TaskView {
    fn example() -> Self {
        Self {
            id: 1,
            uid: "00000000-0000-8000-877d-0d5b3f5d0c9a".to_owned(),
            title: "Ship portfolio".to_owned(),
            description: Some("Polish the README".to_owned()),
            completed: false,
            owner_id: 1,
            created_at: crate::http::example_time(),
            updated_at: crate::http::example_time(),
            completed_at: None,
            due: Some("2026-12-01".to_owned()),
            due_at: None,
            due_date: Some("2026-12-01".to_owned()),
            due_local: None,
            due_time_zone: None,
            priority: Priority::High,
            tags: vec!["work".to_owned()],
            position: "a1".to_owned(),
            parent_id: None,
            list_id: 1,
            recurrence: None,
            repeat_from: None,
            rev: 1,
            finished_id: None,
        }
    }
}

impl From<Task> for TaskView {
    fn from(task: Task) -> Self {
        let text = task.due.as_ref().map(DueText::from);
        let text = text.as_ref();
        let local = text.and_then(DueText::local_time);
        let (at, zone) = timed(task.due.as_ref());
        let from = task.recurrence.as_ref().map(Recurrence::repeat_from);
        Self {
            id: task.id.get(),
            uid: task.uid.as_str().to_owned(),
            completed: task.is_completed(),
            title: task.title.into_string(),
            description: task.description.map(Description::into_string),
            owner_id: task.owner.get(),
            created_at: task.created_at,
            updated_at: task.updated_at,
            completed_at: task.completed_at,
            due: text.map(|it| it.as_str().to_owned()),
            due_at: at,
            due_date: text.map(|it| it.date().to_owned()),
            due_local: local.map(str::to_owned),
            due_time_zone: zone.map(str::to_owned),
            priority: task.priority.into(),
            tags: task.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
            position: task.position.as_str().to_owned(),
            parent_id: task.parent.map(TaskId::get),
            list_id: task.list.get(),
            recurrence: task.recurrence.as_ref().map(|it| it.rule().to_string()),
            repeat_from: from.map(|it| it.as_str().to_owned()),
            rev: task.revision,
            finished_id: None,
        }
    }
}

/// Returns the time and the zone of a due time.
fn timed(due: Option<&Due>) -> (Option<Timestamp>, Option<&str>) {
    match due {
        Some(Due::At { at, zone, .. }) => (Some(*at), Some(zone.as_str())),
        Some(Due::On(_)) | None => (None, None),
    }
}

/// Task whose JSON is that of its [`TaskView`], byte for byte, written directly from it.
///
/// A view has a copy of every text, and serde escapes the names of members anew for each task.
#[derive(Debug)]
pub(super) struct TaskJson {
    task: Task,
    finished: Option<TaskId>,
}

impl TaskJson {
    pub(super) const fn new(task: Task) -> Self {
        Self { task, finished: None }
    }

    /// Adds the id of the completed copy, if there is one.
    pub(super) fn with_finished(self, finished: Option<TaskId>) -> Self {
        Self { finished, ..self }
    }
}

/// Value of a member.
enum Value<'a> {
    Null,
    Bool(bool),
    Number(u64),
    Text(&'a str),
    Time([u8; TEXT_LEN]),
    Tags(&'a Tags),
}

impl WriteJson for TaskJson {
    fn write_json(&self, bytes: &mut Vec<u8>) -> Result<(), Problem> {
        let Task {
            id,
            owner,
            uid,
            title,
            description,
            completed_at,
            due,
            priority,
            tags,
            position,
            parent,
            list,
            recurrence,
            created_at,
            updated_at,
            revision,
            // Not shown.
            ..
        } = &self.task;
        let description = description.as_ref().map(|it| it.as_str());
        // Most tasks have one time only: they were never changed.
        let created = created_at.to_ascii();
        let updated =
            if updated_at == created_at { created } else { updated_at.to_ascii() };
        let completed = completed_at
            .map(|time| if time == *updated_at { updated } else { time.to_ascii() });
        let (due_at, zone) = timed(due.as_ref());
        let due = due.as_ref().map(DueText::from);
        let due = due.as_ref();
        let local = due.and_then(DueText::local_time);
        let from = recurrence.as_ref().map(|it| it.repeat_from().as_str());
        let rule = recurrence.as_ref().map(|it| it.rule().to_string());
        let members = [
            (r#"{"id":"#, Value::Number(id.get())),
            (r#","uid":"#, Value::Text(uid.as_str())),
            (r#","title":"#, Value::Text(title.as_str())),
            (r#","description":"#, Value::or_null(description, Value::Text)),
            (r#","completed":"#, Value::Bool(completed_at.is_some())),
            (r#","owner_id":"#, Value::Number(owner.get())),
            (r#","created_at":"#, Value::Time(created)),
            (r#","updated_at":"#, Value::Time(updated)),
            (r#","completed_at":"#, Value::or_null(completed, Value::Time)),
            (r#","due":"#, Value::or_null(due.map(DueText::as_str), Value::Text)),
            (
                r#","due_at":"#,
                Value::or_null(due_at.map(Timestamp::to_ascii), Value::Time),
            ),
            (r#","due_date":"#, Value::or_null(due.map(DueText::date), Value::Text)),
            (r#","due_local":"#, Value::or_null(local, Value::Text)),
            (r#","due_time_zone":"#, Value::or_null(zone, Value::Text)),
            (r#","priority":"#, Value::Text(priority.as_str())),
            (r#","tags":"#, Value::Tags(tags)),
            (r#","position":"#, Value::Text(position.as_str())),
            (
                r#","parent_id":"#,
                Value::or_null(parent.map(|it| it.get()), Value::Number),
            ),
            (r#","list_id":"#, Value::Number(list.get())),
            (r#","recurrence":"#, Value::or_null(rule.as_deref(), Value::Text)),
            (r#","repeat_from":"#, Value::or_null(from, Value::Text)),
            (r#","rev":"#, Value::Number(*revision)),
        ];
        for (name, value) in members {
            bytes.extend_from_slice(name.as_bytes());
            value.write(bytes);
        }
        if let Some(finished) = self.finished {
            bytes.extend_from_slice(br#","finished_id":"#);
            Value::Number(finished.get()).write(bytes);
        }
        bytes.push(b'}');
        Ok(())
    }
}

impl Value<'_> {
    fn or_null<T>(value: Option<T>, of: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Null, of)
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Null => bytes.extend_from_slice(b"null"),
            Self::Bool(value) => write(bytes, value),
            Self::Number(number) => write(bytes, number),
            Self::Text(text) => write_text(bytes, text),
            Self::Time(time) => write_plain(bytes, time),
            Self::Tags(tags) => {
                bytes.push(b'[');
                for (number, tag) in tags.iter().enumerate() {
                    if number > 0 {
                        bytes.push(b',');
                    }
                    write_text(bytes, tag.as_str());
                }
                bytes.push(b']');
            }
        }
    }
}

/// Describes the task as its view in the OpenAPI document.
impl Type for TaskJson {
    const IS_REQUIRED: bool = TaskView::IS_REQUIRED;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        TaskView::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        TaskView::schema_ref()
    }

    fn register(registry: &mut Registry) {
        TaskView::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

/// Converts an error to a problem; one of a failed precondition or of a conflict includes the
/// current task.
pub(super) fn problem(error: Error) -> Problem {
    if let Error::Conflict(merge) = &error {
        let etag = etag::of(merge.theirs.revision);
        let conflicts = serde_json::to_value(ConflictView::all(merge));
        let theirs = serde_json::to_value(TaskView::from(merge.theirs.clone()));
        return Problem::from(error)
            .with_etag(&etag)
            .with_member("conflicts", conflicts.unwrap_or_default())
            .with_member("task", theirs.unwrap_or_default());
    }
    let Error::Changed(task) = &error else { return error.into() };
    let (etag, view) = (etag::of(task.revision), TaskView::from((**task).clone()));
    let view = serde_json::to_value(&view).unwrap_or_default();
    Problem::from(error).with_etag(&etag).with_member("task", view)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::position::Position;
    use crate::domain::priority::Priority;
    use crate::domain::recurrence::{RepeatFrom, Rule};
    use crate::domain::tag::Tag;
    use crate::domain::task::Title;
    use crate::domain::task::tests::task;
    use crate::domain::time_zone::TimeZone;

    #[track_caller]
    fn check(task: &Task) {
        let mut direct = Vec::new();
        TaskJson::new(task.clone()).write_json(&mut direct).unwrap();
        let generic = serde_json::to_string(&TaskView::from(task.clone())).unwrap();
        assert_eq!(String::from_utf8(direct).unwrap(), generic);
    }

    fn due(text: &str) -> Due {
        Due::parse(text, &TimeZone::utc()).unwrap()
    }

    #[test]
    fn a_task_is_written_as_its_view_is() {
        check(&task());
        let mut full = task();
        full.id = TaskId::new(u64::MAX);
        full.title = Title::new("\"a\" \\ \u{e9} \u{1f600} \u{7f}".to_owned()).unwrap();
        full.description = Some(Description::new("two\r\n\tlines /".to_owned()).unwrap());
        full.completed_at = Some("2030-01-01T00:00:00.007Z".parse().unwrap());
        full.updated_at = Timestamp::MAX;
        let tags = ["work", "\"home\"", "back\\slash"].map(|tag| Tag::new(tag).unwrap());
        full.tags = Tags::new(tags.to_vec()).unwrap();
        full.position = Position::of_number(1_000_000);
        full.parent = Some(TaskId::new(7));
        full.revision = Task::MAX_REVISION;
        for text in [
            "2026-12-01",
            "1970-01-01T00:00:00Z",
            "2026-07-01T09:00:00.5[Europe/Berlin]",
            "2026-03-29T02:30[Europe/Berlin]",
            "2026-07-01T09:00:07[-03:30]",
        ] {
            full.due = Some(due(text));
            check(&full);
            full.completed_at = Some(full.updated_at);
            check(&full);
        }
        for priority in Priority::ALL {
            full.priority = priority;
            check(&full);
        }
    }

    #[test]
    fn a_recurring_task_is_written_as_its_view_is() {
        let mut recurring = task();
        let due = due("2026-12-01T09:00:00[America/New_York]");
        let rule = Rule::parse("FREQ=MONTHLY;INTERVAL=2;BYDAY=-1MO,2TU;COUNT=9").unwrap();
        recurring.recurrence = Some(Recurrence::new(rule, RepeatFrom::Completion));
        recurring.due = Some(due);
        check(&recurring);
    }
}
