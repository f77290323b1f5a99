//! Data of task requests, and its validation.

use crate::domain::due::Due;
use crate::domain::id::TaskId;
use crate::domain::position::Position;
use crate::domain::priority::Priority;
use crate::domain::recurrence::Rule;
use crate::domain::tag::{Tag, Tags};
use crate::domain::task::{Description, Fixed, NewTask, TaskPatch, Title};
use crate::domain::time_zone::TimeZone;
use crate::domain::timestamp::Timestamp;
use crate::service::FieldError;

/// Data of a new task, unchecked.
#[derive(Clone, Debug, Default)]
pub struct TaskInput {
    /// Title, checked by [`Title::new`].
    pub title: String,
    /// Description, checked by [`Description::new`].
    pub description: Option<String>,
    /// Whether the task is completed already.
    pub completed: bool,
    /// Due date, checked by [`Due::parse`].
    pub due: Option<String>,
    /// Priority.
    pub priority: Priority,
    /// Tags, each checked by [`Tag::new`], all by [`Tags::new`].
    pub tags: Vec<String>,
    /// Position, checked by [`Position::parse`].
    pub position: Option<String>,
    /// Parent task.
    pub parent: Option<TaskId>,
    /// Recurrence rule, checked by [`Rule::parse`].
    pub recurrence: Option<String>,
}

/// Changes to a task, unchecked. `None` leaves a member unchanged, `Some(None)` clears it.
#[derive(Clone, Debug, Default)]
pub struct TaskPatchInput {
    /// Title, checked by [`Title::new`].
    pub title: Option<String>,
    /// Description, checked by [`Description::new`].
    pub description: Option<Option<String>>,
    /// Whether the task is completed.
    pub completed: Option<bool>,
    /// Due date, checked by [`Due::parse`].
    pub due: Option<Option<String>>,
    /// Priority.
    pub priority: Option<Priority>,
    /// Tags, each checked by [`Tag::new`], all by [`Tags::new`].
    pub tags: Option<Vec<String>>,
    /// Position, checked by [`Position::parse`].
    pub position: Option<String>,
    /// New parent task.
    pub parent: Option<Option<TaskId>>,
    /// Recurrence rule, checked by [`Rule::parse`].
    pub recurrence: Option<Option<String>>,
    /// Members that cannot be changed.
    pub fixed: Fixed,
}

/// Collector of rejected fields.
#[derive(Debug, Default)]
pub(super) struct Check(Vec<FieldError>);

impl Check {
    /// Returns the value, or records why the field was rejected.
    pub(super) fn take<T, E: ToString>(
        &mut self,
        field: &str,
        value: Result<T, E>,
    ) -> Option<T> {
        value.map_err(|error| self.0.push(FieldError::new(field, error))).ok()
    }

    /// Does the same for an optional value.
    pub(super) fn maybe<V, T, E: ToString>(
        &mut self,
        field: &str,
        value: Option<V>,
        check: impl FnOnce(V) -> Result<T, E>,
    ) -> Option<T> {
        value.and_then(|value| self.take(field, check(value)))
    }

    /// Returns the value, unless a field was rejected.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, Vec<FieldError>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }
}

impl TaskInput {
    pub(super) fn check(
        self,
        home: &TimeZone,
        now: Timestamp,
    ) -> Result<NewTask, Vec<FieldError>> {
        let mut check = Check::default();
        let title = check.take("title", Title::new(self.title));
        let description = check.maybe("description", self.description, Description::new);
        let due = check.maybe("due", self.due, |text| Due::parse(&text, home));
        let tags = check.take("tags", tags(&self.tags));
        let position =
            check.maybe("position", self.position, |text| Position::parse(&text));
        let recurrence =
            check.maybe("recurrence", self.recurrence, |text| Rule::parse(&text));
        let new = title.map(|title| NewTask {
            description,
            completed: self.completed,
            due,
            priority: self.priority,
            tags: tags.unwrap_or_default(),
            position,
            parent: self.parent,
            recurrence,
            title,
            created_at: now,
        });
        check.finish(new)
    }
}

impl TaskPatchInput {
    pub(super) fn check(self, home: &TimeZone) -> Result<TaskPatch, Vec<FieldError>> {
        let mut check = Check::default();
        let patch = TaskPatch {
            title: check.maybe("title", self.title, Title::new),
            description: check.maybe("description", self.description, |text| {
                text.map(Description::new).transpose()
            }),
            completed: self.completed,
            due: check.maybe("due", self.due, |text| {
                text.map(|text| Due::parse(&text, home)).transpose()
            }),
            priority: self.priority,
            tags: check.maybe("tags", self.tags, |texts| tags(&texts)),
            position: check
                .maybe("position", self.position, |text| Position::parse(&text)),
            parent: self.parent,
            recurrence: check.maybe("recurrence", self.recurrence, |text| {
                text.map(|text| Rule::parse(&text)).transpose()
            }),
            fixed: self.fixed,
            is_typed: true,
        };
        check.finish(Some(patch))
    }

    /// Returns a text that identifies a change. It is part of stored keys, and never changes for the fields that it has.
    pub(super) fn identity(&self) -> String {
        let Self {
            title,
            description,
            completed,
            due,
            priority,
            tags,
            position,
            parent,
            recurrence,
            fixed: Fixed { id, owner, created_at },
        } = self;
        format!(
            "TaskChange {{ title: {title:?}, description: {description:?}, completed: {completed:?}, due: {due:?}, \
             priority: {priority:?}, tags: {tags:?}, position: {position:?}, parent: {parent:?}, \
             recurrence: {recurrence:?}, fixed: Fixed {{ id: {id:?}, owner: {owner:?}, created_at: {created_at:?} }} }}"
        )
    }
}

fn tags(texts: &[String]) -> Result<Tags, String> {
    let tags: Result<Vec<Tag>, _> = texts.iter().map(|text| Tag::new(text)).collect();
    let tags = tags.map_err(|error| format!("must be valid: each tag {error}"))?;
    Tags::new(tags).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_of_a_change_never_changes() {
        let change = TaskPatchInput {
            title: Some("a".to_owned()),
            description: Some(None),
            completed: Some(true),
            parent: Some(Some(TaskId::new(2))),
            ..TaskPatchInput::default()
        };
        assert_eq!(
            change.identity(),
            r#"TaskChange { title: Some("a"), description: Some(None), completed: Some(true), due: None, priority: None, tags: None, position: None, parent: Some(Some(task:2)), recurrence: None, fixed: Fixed { id: None, owner: None, created_at: None } }"#
        );
    }
}
