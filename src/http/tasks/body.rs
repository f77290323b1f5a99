//! What clients send to make and change tasks.

use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{Enum, Object};
use serde::Serialize;

use crate::domain::id::TaskId;
use crate::domain::priority;
use crate::service::{FieldError, TaskChange, TaskDraft};

/// How much a task matters.
#[derive(Clone, Copy, Debug, Default, Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub(super) enum Priority {
    /// Not said.
    #[default]
    None,
    /// Whenever there is time.
    Low,
    /// As most things do.
    Medium,
    /// More than most.
    High,
    /// Now.
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

/// What a client sends to make a task.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
pub(super) struct TaskCreate {
    /// What to do. 1 to 255 characters, kept as typed.
    #[oai(validator(min_length = 1, max_length = 255))]
    title: String,
    /// More about it. Up to 2000 characters.
    #[oai(nullable, validator(max_length = 2000))]
    description: Option<String>,
    /// Whether it is done already.
    #[oai(default)]
    completed: bool,
    /// When it is to be done: a day, `2026-12-01`, or a moment and the time zone that it is meant in,
    /// `2026-12-01T09:00:00+01:00[Europe/Berlin]`
    /// ([RFC 9557](https://www.rfc-editor.org/rfc/rfc9557)). Without a zone, that of your profile, else UTC.
    #[oai(nullable, validator(max_length = 110))]
    due: Option<String>,
    /// How much it matters: `none` if nothing is said.
    priority: Option<Priority>,
    /// Up to 20 words to find it by, each of 1 to 50 characters.
    #[oai(validator(max_items = 20))]
    tags: Option<Vec<String>>,
    /// Its place among all tasks, as `position` of tasks shows them. The last one if there is none.
    #[oai(nullable, validator(min_length = 1, max_length = 8000))]
    position: Option<String>,
    /// The task that it is a part of.
    #[oai(nullable)]
    parent_id: Option<u64>,
    /// When it comes round again: a rule of [RFC 5545](https://www.rfc-editor.org/rfc/rfc5545#section-3.3.10) with `FREQ`
    /// (`DAILY`, `WEEKLY`, `MONTHLY`, `YEARLY`) and perhaps `INTERVAL`, `BYDAY`, `BYMONTHDAY`, `COUNT` or `UNTIL`. Only
    /// for tasks with a due date.
    #[oai(nullable, validator(max_length = 200))]
    recurrence: Option<String>,
}

impl Example for TaskCreate {
    fn example() -> Self {
        Self {
            title: "Ship portfolio".to_owned(),
            description: Some("Polish the README".to_owned()),
            completed: false,
            due: Some("2026-12-01".to_owned()),
            priority: Some(Priority::High),
            tags: Some(vec!["work".to_owned()]),
            position: None,
            parent_id: None,
            recurrence: None,
        }
    }
}

impl From<TaskCreate> for TaskDraft {
    fn from(task: TaskCreate) -> Self {
        Self {
            title: task.title,
            description: task.description,
            completed: task.completed,
            due: task.due,
            priority: task.priority.unwrap_or_default().into(),
            tags: task.tags.unwrap_or_default(),
            position: task.position,
            parent: task.parent_id.map(TaskId::new),
            recurrence: task.recurrence,
        }
    }
}

/// What a client sends to change a task. What is absent stays as it is.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
pub(super) struct TaskPatch {
    /// What to do. 1 to 255 characters.
    #[oai(validator(min_length = 1, max_length = 255))]
    title: MaybeUndefined<String>,
    /// More about it. Up to 2000 characters; null clears it.
    #[oai(nullable, validator(max_length = 2000))]
    description: MaybeUndefined<String>,
    /// Done, or open again. A task that recurs moves on to its next time and stays open; what was finished is kept as
    /// a task of its own.
    completed: MaybeUndefined<bool>,
    /// When it is to be done, as in `TaskCreate`; null clears it.
    #[oai(nullable, validator(max_length = 110))]
    due: MaybeUndefined<String>,
    /// How much it matters.
    priority: MaybeUndefined<Priority>,
    /// All of its tags.
    #[oai(validator(max_items = 20))]
    tags: MaybeUndefined<Vec<String>>,
    /// Another place among all tasks.
    #[oai(validator(min_length = 1, max_length = 8000))]
    position: MaybeUndefined<String>,
    /// The task that it becomes a part of; null for none.
    #[oai(nullable)]
    parent_id: MaybeUndefined<u64>,
    /// When it comes round again, as in `TaskCreate`; null for never.
    #[oai(nullable, validator(max_length = 200))]
    recurrence: MaybeUndefined<String>,
}

impl Example for TaskPatch {
    fn example() -> Self {
        Self { completed: MaybeUndefined::Value(true), ..Self::nothing() }
    }
}

impl From<TaskPatch> for TaskChange {
    fn from(patch: TaskPatch) -> Self {
        Self {
            title: patch.title.take(),
            description: clearable(patch.description),
            completed: patch.completed.take(),
            due: clearable(patch.due),
            priority: patch.priority.take().map(Into::into),
            tags: patch.tags.take(),
            position: patch.position.take(),
            parent: clearable(patch.parent_id).map(|id| id.map(TaskId::new)),
            recurrence: clearable(patch.recurrence),
        }
    }
}

impl TaskPatch {
    /// Changes nothing.
    pub(super) const fn nothing() -> Self {
        Self {
            title: MaybeUndefined::Undefined,
            description: MaybeUndefined::Undefined,
            completed: MaybeUndefined::Undefined,
            due: MaybeUndefined::Undefined,
            priority: MaybeUndefined::Undefined,
            tags: MaybeUndefined::Undefined,
            position: MaybeUndefined::Undefined,
            parent_id: MaybeUndefined::Undefined,
            recurrence: MaybeUndefined::Undefined,
        }
    }

    /// The same fields, of a task to be made.
    pub(super) fn into_draft(self) -> Result<TaskDraft, Vec<FieldError>> {
        let Some(title) = self.title.take() else {
            return Err(vec![FieldError::new("task.title", "is required")]);
        };
        Ok(TaskDraft {
            title,
            description: self.description.take(),
            completed: self.completed.take().unwrap_or(false),
            due: self.due.take(),
            priority: self.priority.take().map(Into::into).unwrap_or_default(),
            tags: self.tags.take().unwrap_or_default(),
            position: self.position.take(),
            parent: self.parent_id.take().map(TaskId::new),
            recurrence: self.recurrence.take(),
        })
    }
}

/// What is null is cleared, what is absent stays.
#[expect(clippy::option_option, reason = "it is absent, null or there")]
pub(super) fn clearable<T>(value: MaybeUndefined<T>) -> Option<Option<T>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}
