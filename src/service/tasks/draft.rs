//! Data of task requests, and its validation.

use crate::domain::due::{Due, LocalError, LocalTime};
use crate::domain::id::{ListId, TaskId};
use crate::domain::position::Position;
use crate::domain::priority::Priority;
use crate::domain::recurrence::{Recurrence, RepeatFrom, Rule};
use crate::domain::tag::{Tag, Tags};
use crate::domain::task::{Description, Fixed, NewTask, TaskPatch, TaskRefused, Title};
use crate::domain::time_zone::TimeZone;
use crate::domain::timestamp::Timestamp;
use crate::domain::uid::Uid;
use crate::service::FieldError;

/// Data of a new task, unchecked.
#[derive(Clone, Debug, Default)]
pub struct TaskInput {
    /// Unique name, checked by [`Uid::new`].
    pub uid: Option<String>,
    /// Title, checked by [`Title::new`].
    pub title: String,
    /// Description, checked by [`Description::new`].
    pub description: Option<String>,
    /// Whether the task is completed already.
    pub completed: bool,
    /// Due date, checked by [`Due::parse`].
    pub due: Option<String>,
    /// Local time of the due time, checked by [`LocalTime::parse`].
    pub due_local: Option<String>,
    /// Priority.
    pub priority: Priority,
    /// Tags, each checked by [`Tag::new`], all by [`Tags::new`].
    pub tags: Vec<String>,
    /// Position, checked by [`Position::parse`].
    pub position: Option<String>,
    /// Parent task.
    pub parent: Option<TaskId>,
    /// Uid of the parent task, checked by [`Uid::new`]. Not together with `parent`.
    pub parent_uid: Option<String>,
    /// List.
    pub list: Option<ListId>,
    /// Recurrence rule, checked by [`Rule::parse`].
    pub recurrence: Option<String>,
    /// Date from which the rule repeats.
    pub repeat_from: Option<RepeatFrom>,
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
    /// Whether a recurring task that is completed moves on to its first occurrence after now; `None` for yes.
    pub catch_up: Option<bool>,
    /// Due date, checked by [`Due::parse`].
    pub due: Option<Option<String>>,
    /// Local time of the due time, checked by [`LocalTime::parse`].
    pub due_local: Option<Option<String>>,
    /// Priority.
    pub priority: Option<Priority>,
    /// Tags, each checked by [`Tag::new`], all by [`Tags::new`].
    pub tags: Option<Vec<String>>,
    /// Tags to add, checked likewise. Not together with `tags`.
    pub tags_add: Option<Vec<String>>,
    /// Tags to remove, checked likewise. Not together with `tags`.
    pub tags_remove: Option<Vec<String>>,
    /// Position, checked by [`Position::parse`].
    pub position: Option<String>,
    /// New parent task.
    pub parent: Option<Option<TaskId>>,
    /// Uid of the new parent task, checked by [`Uid::new`]. Not together with `parent`.
    pub parent_uid: Option<String>,
    /// New list.
    pub list: Option<ListId>,
    /// Recurrence rule, checked by [`Rule::parse`].
    pub recurrence: Option<Option<String>>,
    /// Date from which the rule repeats.
    pub repeat_from: Option<Option<RepeatFrom>>,
    /// Members that cannot be changed.
    pub fixed: Fixed,
    /// Revision that the client knows; others may have changed the task since.
    pub base: Option<u64>,
}

/// Collector of rejected fields.
#[derive(Debug, Default)]
pub(in crate::service) struct Check(Vec<FieldError>);

impl Check {
    /// Returns the value, or records why the field was rejected.
    pub(in crate::service) fn take<T, E: ToString>(
        &mut self,
        field: &str,
        value: Result<T, E>,
    ) -> Option<T> {
        value.map_err(|error| self.0.push(FieldError::new(field, error))).ok()
    }

    /// Does the same for an optional value.
    pub(in crate::service) fn maybe<V, T, E: ToString>(
        &mut self,
        field: &str,
        value: Option<V>,
        check: impl FnOnce(V) -> Result<T, E>,
    ) -> Option<T> {
        value.and_then(|value| self.take(field, check(value)))
    }

    /// Returns the uid of a parent task, which is not also named by its id.
    fn parent_uid(&mut self, has_id: bool, uid: Option<String>) -> Option<Uid> {
        if has_id && uid.is_some() {
            self.take("parent_uid", Err::<(), _>("must not be combined with parent_id"));
        }
        self.maybe("parent_uid", uid, Uid::new)
    }

    /// Returns the value, unless a field was rejected.
    pub(in crate::service) fn finish<T>(
        self,
        value: Option<T>,
    ) -> Result<T, Vec<FieldError>> {
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
        let uid = check.maybe("uid", self.uid, Uid::new);
        let title = check.take("title", Title::new(self.title));
        let description = check.maybe("description", self.description, Description::new);
        let due = check.maybe("due", self.due, |text| Due::parse(&text, home));
        let local =
            check.maybe("due_local", self.due_local, |text| LocalTime::parse(&text));
        let due = match (due, local) {
            (Some(due), Some(time)) => check.take("due_local", due.meaning(time)),
            (None, Some(_)) => check.take("due_local", Err(LocalError::Untimed)),
            (due, None) => due,
        };
        let tags = check.take("tags", tags(&self.tags));
        let position =
            check.maybe("position", self.position, |text| Position::parse(&text));
        let has_rule = self.recurrence.is_some();
        let rule = check.maybe("recurrence", self.recurrence, |text| Rule::parse(&text));
        if self.repeat_from.is_some() && !has_rule {
            let refused = Err::<(), _>(TaskRefused::RepeatsNothing);
            check.take("repeat_from", refused);
        }
        let from = self.repeat_from.unwrap_or_default();
        let parent_uid = check.parent_uid(self.parent.is_some(), self.parent_uid);
        let new = title.map(|title| NewTask {
            uid,
            description,
            completed: self.completed,
            completed_at: None,
            due,
            priority: self.priority,
            tags: tags.unwrap_or_default(),
            position,
            parent: self.parent,
            parent_uid,
            list: self.list,
            recurrence: rule.map(|rule| Recurrence::new(rule, from)),
            title,
            created_at: now,
        });
        check.finish(new)
    }
}

impl TaskPatchInput {
    pub(super) fn check(self, home: &TimeZone) -> Result<TaskPatch, Vec<FieldError>> {
        let mut check = Check::default();
        if self.catch_up.is_some() && self.completed != Some(true) {
            check.take("catch_up", Err::<(), _>("is only for completed: true"));
        }
        for (name, is_there) in [
            ("tags_add", self.tags_add.is_some()),
            ("tags_remove", self.tags_remove.is_some()),
        ] {
            if is_there && self.tags.is_some() {
                check.take(name, Err::<(), _>("must not be combined with tags"));
            }
        }
        let patch = TaskPatch {
            title: check.maybe("title", self.title, Title::new),
            description: check.maybe("description", self.description, |text| {
                text.map(Description::new).transpose()
            }),
            completed: self.completed,
            catch_up: self.catch_up,
            due: check.maybe("due", self.due, |text| {
                text.map(|text| Due::parse(&text, home)).transpose()
            }),
            due_local: check.maybe("due_local", self.due_local, |text| {
                text.map(|text| LocalTime::parse(&text)).transpose()
            }),
            priority: self.priority,
            tags: check.maybe("tags", self.tags, |texts| tags(&texts)),
            tags_add: check.maybe("tags_add", self.tags_add, |texts| tags(&texts)),
            tags_remove: check
                .maybe("tags_remove", self.tags_remove, |texts| tags(&texts)),
            position: check
                .maybe("position", self.position, |text| Position::parse(&text)),
            parent: self.parent,
            parent_uid: check.parent_uid(self.parent.is_some(), self.parent_uid),
            list: self.list,
            recurrence: check.maybe("recurrence", self.recurrence, |text| {
                text.map(|text| Rule::parse(&text)).transpose()
            }),
            repeat_from: self.repeat_from,
            fixed: self.fixed,
            base: self.base,
            is_import: false,
        };
        check.finish(Some(patch))
    }

    /// Returns a text that identifies a change. It is part of stored keys, and never changes for the fields that it has.
    pub(super) fn identity(&self) -> String {
        let Self {
            title,
            description,
            completed,
            catch_up,
            due,
            due_local,
            priority,
            tags,
            tags_add,
            tags_remove,
            position,
            parent,
            parent_uid,
            list,
            recurrence,
            repeat_from,
            fixed: Fixed { id, owner, uid, created_at },
            base,
        } = self;
        let mut identity = format!(
            "TaskChange {{ title: {title:?}, description: {description:?}, completed: {completed:?}, due: {due:?}, \
             priority: {priority:?}, tags: {tags:?}, position: {position:?}, parent: {parent:?}, \
             recurrence: {recurrence:?}, fixed: Fixed {{ id: {id:?}, owner: {owner:?}, created_at: {created_at:?} }} }}"
        );
        // A change without the later fields keeps its identity.
        let later = [
            ("catch_up", catch_up.map(|it| it.to_string())),
            ("due_local", due_local.as_ref().map(|it| format!("{it:?}"))),
            ("tags_add", tags_add.as_ref().map(|it| format!("{it:?}"))),
            ("tags_remove", tags_remove.as_ref().map(|it| format!("{it:?}"))),
            ("list", list.map(|it| it.to_string())),
            ("parent_uid", parent_uid.as_ref().map(|it| format!("{it:?}"))),
            ("base", base.map(|it| it.to_string())),
            ("uid", uid.as_ref().map(|it| format!("{it:?}"))),
            (
                "repeat_from",
                repeat_from.map(|it| format!("{:?}", it.map(RepeatFrom::as_str))),
            ),
        ];
        for (name, value) in later {
            let Some(value) = value else { continue };
            identity = format!("{identity}, {name}: {value}");
        }
        identity
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
