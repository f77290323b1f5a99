//! Request bodies that create and change tasks.

use poem_openapi::registry::MetaSchema;
use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{Enum, Object};
use serde::Serialize;

use crate::domain::due::{Due, LocalTime};
use crate::domain::id::{ListId, TaskId, UserId};
use crate::domain::position::Position;
use crate::domain::priority;
use crate::domain::recurrence::{RepeatFrom, Rule};
use crate::domain::task::{Fixed, TaskRef, Title};
use crate::domain::timestamp::Timestamp;
use crate::domain::uid::Uid;
use crate::http::completed::Completed;
use crate::http::format;
use crate::http::ignored::Ignored;
use crate::http::wire::text_type;
use crate::service::{TaskInput, TaskPatchInput};

/// Priority of a task.
#[derive(Clone, Copy, Debug, Default, Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub(super) enum Priority {
    /// No priority.
    #[default]
    None,
    /// Low priority.
    Low,
    /// Normal priority.
    Medium,
    /// High priority.
    High,
    /// Highest priority.
    Urgent,
}

impl From<priority::Priority> for Priority {
    fn from(priority: priority::Priority) -> Self {
        match priority {
            priority::Priority::None => Self::None,
            priority::Priority::Low => Self::Low,
            priority::Priority::Medium => Self::Medium,
            priority::Priority::High => Self::High,
            priority::Priority::Urgent => Self::Urgent,
        }
    }
}

impl From<Priority> for priority::Priority {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::None => Self::None,
            Priority::Low => Self::Low,
            Priority::Medium => Self::Medium,
            Priority::High => Self::High,
            Priority::Urgent => Self::Urgent,
        }
    }
}

text_type!(
    /// Title in a patch. Checked by [`Title::new`], since clients may send back an existing title.
    TitleText,
    "string_title",
    MetaSchema {
        min_length: Some(1),
        max_length: Some(Title::MAX_CHARS),
        ..MetaSchema::new("string")
    }
);

text_type!(
    /// Title of a new task. Checked by [`Title::typed`].
    NewTitleText,
    "string_new_title",
    MetaSchema {
        min_length: Some(1),
        max_length: Some(Title::MAX_CHARS),
        ..MetaSchema::new_with_format("string", format::TITLE)
    }
);

text_type!(
    /// Due date of a task. Checked by [`Due::parse`].
    DueText,
    "string_due",
    MetaSchema {
        max_length: Some(Due::MAX_BYTES),
        ..MetaSchema::new_with_format("string", format::DUE)
    }
);

text_type!(
    /// Local time of a due time. Checked by [`LocalTime::parse`].
    LocalTimeText,
    "string_local_time",
    MetaSchema {
        max_length: Some(LocalTime::MAX_BYTES),
        ..MetaSchema::new_with_format("string", format::LOCAL_TIME)
    }
);

text_type!(
    /// Tag of a task. Checked by [`Tag::new`](crate::domain::tag::Tag::new).
    TagText,
    "string_tag",
    MetaSchema::new_with_format("string", format::TAG)
);

text_type!(
    /// Position among all tasks. Checked by [`Position::parse`].
    PositionText,
    "string_position",
    MetaSchema {
        min_length: Some(1),
        max_length: Some(Position::MAX_CHARS),
        ..MetaSchema::new_with_format("string", format::POSITION)
    }
);

text_type!(
    /// Recurrence rule of a task. Checked by [`Rule::parse`].
    RuleText,
    "string_rule",
    MetaSchema {
        max_length: Some(Rule::MAX_BYTES),
        ..MetaSchema::new_with_format("string", format::RULE)
    }
);

text_type!(
    /// Date from which a recurrence rule repeats. A text and not an enumeration, because it may be null.
    RepeatFromText,
    "string_repeat_from",
    MetaSchema {
        pattern: Some("^(due|completion)$".to_owned()),
        ..MetaSchema::new_with_format("string", format::REPEAT_FROM)
    }
);

text_type!(
    /// Uid of a task. Checked by [`Uid::new`].
    UidText,
    "string_uid",
    MetaSchema {
        description: Some("16 to 255 bytes of UTF-8, without control characters."),
        // Characters may have several bytes.
        min_length: Some(Uid::MIN_BYTES / 4),
        max_length: Some(Uid::MAX_BYTES),
        ..MetaSchema::new_with_format("string", format::UID)
    }
);

impl From<UidText> for TaskRef {
    /// The format has checked the text.
    fn from(uid: UidText) -> Self {
        Self::Uid(Uid::new_unchecked(uid.0))
    }
}

impl RepeatFromText {
    /// Returns the value, which its format has checked.
    fn value(&self) -> RepeatFrom {
        RepeatFrom::from_name(&self.0).unwrap_or_default()
    }
}

/// Body of a request that completes a task or skips an occurrence.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
pub(super) struct TaskAdvance {
    /// If true, the default, a recurring task moves on to its first occurrence after now. If false, to the first after
    /// its due date, even if that has passed. No difference with `repeat_from` `completion`.
    pub(super) catch_up: Option<bool>,
}

impl Example for TaskAdvance {
    fn example() -> Self {
        Self { catch_up: Some(true) }
    }
}

/// Body of a request that creates a task.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
pub(super) struct TaskCreate {
    /// Unique name of the task: 16 to 255 bytes, best a UUID. If one of your tasks has this uid, the response is that task,
    /// with status 200. If the task with this uid was deleted, the response is 410 `task_deleted`. In a batch, two
    /// operations that create a task with the same uid are an error of the second. Defaults to a UUID made by the server.
    #[oai(nullable)]
    uid: Option<UidText>,
    /// Title: 1 to 255 characters, at least one of them visible. Stored as sent.
    title: NewTitleText,
    /// Description, up to 2000 characters.
    #[oai(nullable, validator(max_length = 2000))]
    description: Option<String>,
    /// Whether the task is completed.
    #[oai(default)]
    completed: Completed,
    /// Due date: a day, `2026-12-01`, or a time with its time zone, `2026-12-01T09:00:00+01:00[Europe/Berlin]`
    /// ([RFC 9557](https://www.rfc-editor.org/rfc/rfc9557)). `2026-12-01T09:00` is a time in the zone of your profile,
    /// or in UTC.
    #[oai(nullable)]
    due: Option<DueText>,
    /// Local time of a due time, such as `09:00`: that of `due`, or the one that the clocks skip there.
    #[oai(nullable)]
    due_local: Option<LocalTimeText>,
    /// Priority. Defaults to `none`.
    priority: Option<Priority>,
    /// Up to 20 tags, each of 1 to 50 characters.
    #[oai(validator(max_items = 20))]
    tags: Option<Vec<TagText>>,
    /// Position among all tasks, in the format of `position` in a task. Defaults to the last.
    #[oai(nullable)]
    position: Option<PositionText>,
    /// Id of the parent task.
    #[oai(nullable)]
    parent_id: Option<u64>,
    /// Uid of the parent task, instead of `parent_id`.
    #[oai(nullable)]
    parent_uid: Option<UidText>,
    /// Id of the list. Defaults to that of the parent task, or to the default list.
    #[oai(nullable)]
    list_id: Option<u64>,
    /// Recurrence rule ([RFC 5545](https://www.rfc-editor.org/rfc/rfc5545#section-3.3.10)) with `FREQ` (`DAILY`,
    /// `WEEKLY`, `MONTHLY`, `YEARLY`) and optionally `INTERVAL`, `WKST`, `BYMONTH`, `BYDAY`, `BYMONTHDAY`, `BYSETPOS`,
    /// `COUNT` or `UNTIL`. Requires a due date.
    #[oai(nullable)]
    recurrence: Option<RuleText>,
    /// Date from which the rule repeats: `due`, the default, or `completion` for the day on which the task is completed.
    #[oai(nullable)]
    repeat_from: Option<RepeatFromText>,
}

impl Example for TaskCreate {
    fn example() -> Self {
        Self {
            uid: None,
            title: NewTitleText("Ship portfolio".to_owned()),
            description: Some("Polish the README".to_owned()),
            completed: Completed(false),
            due: Some(DueText("2026-12-01".to_owned())),
            due_local: None,
            priority: Some(Priority::High),
            tags: Some(vec![TagText("work".to_owned())]),
            position: None,
            parent_id: None,
            parent_uid: None,
            list_id: None,
            recurrence: None,
            repeat_from: None,
        }
    }
}

impl From<TaskCreate> for TaskInput {
    fn from(task: TaskCreate) -> Self {
        Self {
            uid: task.uid.map(|it| it.0),
            title: task.title.0,
            description: task.description,
            completed: task.completed.0,
            due: task.due.map(|it| it.0),
            due_local: task.due_local.map(|it| it.0),
            priority: task.priority.unwrap_or_default().into(),
            tags: texts(task.tags.unwrap_or_default()),
            position: task.position.map(|it| it.0),
            parent: task.parent_id.map(TaskId::new),
            parent_uid: task.parent_uid.map(|it| it.0),
            list: task.list_id.map(ListId::new),
            recurrence: task.recurrence.map(|it| it.0),
            repeat_from: task.repeat_from.map(|it| it.value()),
        }
    }
}

/// Body of a request that changes a task. Absent fields keep their values.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
pub(super) struct TaskPatch {
    /// Title: 1 to 255 characters, at least one of them visible.
    title: MaybeUndefined<TitleText>,
    /// Description, up to 2000 characters; null clears it.
    #[oai(nullable, validator(max_length = 2000))]
    description: MaybeUndefined<String>,
    /// Whether the task is completed. A recurring task advances to its next occurrence and stays open; the completed
    /// occurrence is kept as a separate task.
    completed: MaybeUndefined<Completed>,
    /// Choice for a completion, as in `TaskAdvance`. Only with `completed` `true`.
    catch_up: Option<bool>,
    /// Due date, as in `TaskCreate`; null clears it.
    #[oai(nullable)]
    due: MaybeUndefined<DueText>,
    /// Local time of the due time. Alone, it moves the due time to this time of the same day, or with null to the day
    /// as a whole. With `due`, as in `TaskCreate`; ignored if it is unchanged and `due` is not.
    #[oai(nullable)]
    due_local: MaybeUndefined<LocalTimeText>,
    /// Priority.
    priority: MaybeUndefined<Priority>,
    /// Tags; replaces all existing tags.
    #[oai(validator(max_items = 20))]
    tags: MaybeUndefined<Vec<TagText>>,
    /// Tags to add to the existing ones, after `tags_remove`: 20 tags in all. Not together with `tags`.
    #[oai(validator(max_items = 20))]
    tags_add: MaybeUndefined<Vec<TagText>>,
    /// Tags to remove, whatever the case of their letters. Not together with `tags`.
    #[oai(validator(max_items = 20))]
    tags_remove: MaybeUndefined<Vec<TagText>>,
    /// Position among all tasks.
    position: MaybeUndefined<PositionText>,
    /// Id of the parent task; null for none.
    #[oai(nullable)]
    parent_id: MaybeUndefined<u64>,
    /// Uid of the parent task, instead of `parent_id`.
    parent_uid: Option<UidText>,
    /// Id of the list. The subtasks of the task follow it there. A subtask is in the list of its parent.
    list_id: Option<u64>,
    /// Recurrence rule, as in `TaskCreate`; null clears it.
    #[oai(nullable)]
    recurrence: MaybeUndefined<RuleText>,
    /// Date from which the rule repeats, as in `TaskCreate`; null for `due`.
    #[oai(nullable)]
    repeat_from: MaybeUndefined<RepeatFromText>,
    /// `rev` of your copy of the task. Others may have changed other fields since: your changes are applied to them. If
    /// they changed the same fields, the response is 409 `edit_conflict`.
    base: Option<u64>,
    /// Read-only: accepted if it equals the current value, so that a whole task can be sent back.
    id: Option<u64>,
    /// Read-only, like `id`.
    uid: Option<UidText>,
    /// Read-only, like `id`.
    owner_id: Option<u64>,
    /// Read-only, like `id`.
    created_at: Option<Timestamp>,
    /// Ignored; set by the server.
    updated_at: Option<Ignored>,
    /// Ignored; set by the server.
    completed_at: Option<Ignored>,
    /// Ignored; follows from `due`.
    due_at: Option<Ignored>,
    /// Ignored; follows from `due`.
    due_date: Option<Ignored>,
    /// Ignored; follows from `due`.
    due_time_zone: Option<Ignored>,
    /// Ignored; set by the server.
    finished_id: Option<Ignored>,
    /// Ignored; set by the server. To change only this revision of the task, send its `ETag` in `If-Match`.
    rev: Option<Ignored>,
}

impl Example for TaskPatch {
    fn example() -> Self {
        Self { completed: MaybeUndefined::Value(Completed(true)), ..Self::nothing() }
    }
}

impl From<TaskPatch> for TaskPatchInput {
    fn from(patch: TaskPatch) -> Self {
        Self {
            title: patch.title.take().map(|it| it.0),
            description: clearable(patch.description),
            completed: patch.completed.take().map(|it| it.0),
            catch_up: patch.catch_up,
            due: clearable(patch.due).map(|due| due.map(|it| it.0)),
            due_local: clearable(patch.due_local).map(|time| time.map(|it| it.0)),
            priority: patch.priority.take().map(Into::into),
            tags: patch.tags.take().map(texts),
            tags_add: patch.tags_add.take().map(texts),
            tags_remove: patch.tags_remove.take().map(texts),
            position: patch.position.take().map(|it| it.0),
            parent: clearable(patch.parent_id).map(|id| id.map(TaskId::new)),
            parent_uid: patch.parent_uid.map(|it| it.0),
            list: patch.list_id.map(ListId::new),
            recurrence: clearable(patch.recurrence).map(|rule| rule.map(|it| it.0)),
            repeat_from: clearable(patch.repeat_from)
                .map(|from| from.map(|it| it.value())),
            fixed: Fixed {
                id: patch.id.map(TaskId::new),
                owner: patch.owner_id.map(UserId::new),
                uid: patch.uid.map(|it| Uid::new_unchecked(it.0)),
                created_at: patch.created_at,
            },
            base: patch.base,
        }
    }
}

impl TaskPatch {
    /// Returns a patch that changes nothing.
    pub(super) const fn nothing() -> Self {
        Self {
            title: MaybeUndefined::Undefined,
            description: MaybeUndefined::Undefined,
            completed: MaybeUndefined::Undefined,
            catch_up: None,
            due: MaybeUndefined::Undefined,
            due_local: MaybeUndefined::Undefined,
            priority: MaybeUndefined::Undefined,
            tags: MaybeUndefined::Undefined,
            tags_add: MaybeUndefined::Undefined,
            tags_remove: MaybeUndefined::Undefined,
            position: MaybeUndefined::Undefined,
            parent_id: MaybeUndefined::Undefined,
            parent_uid: None,
            list_id: None,
            recurrence: MaybeUndefined::Undefined,
            repeat_from: MaybeUndefined::Undefined,
            base: None,
            id: None,
            uid: None,
            owner_id: None,
            created_at: None,
            updated_at: None,
            completed_at: None,
            due_at: None,
            due_date: None,
            due_time_zone: None,
            finished_id: None,
            rev: None,
        }
    }
}

fn texts(tags: Vec<TagText>) -> Vec<String> {
    tags.into_iter().map(|tag| tag.0).collect()
}

/// Converts null to `Some(None)`, which clears the field, and absent to `None`, which keeps it.
#[expect(clippy::option_option, reason = "it is absent, null or there")]
pub(in crate::http) fn clearable<T>(value: MaybeUndefined<T>) -> Option<Option<T>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}
