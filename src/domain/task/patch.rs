//! Changes to a task.

use super::occurrence::{changed_recurrence, check_change, finish};
use super::{Description, Patched, Task, TaskField, TaskRefused, Title};
use crate::domain::due::{Due, LocalTime};
use crate::domain::id::{ListId, TaskId, UserId};
use crate::domain::position::Position;
use crate::domain::priority::Priority;
use crate::domain::recurrence::{Completion, Recurrence, RepeatFrom, Rule};
use crate::domain::tag::Tags;
use crate::domain::time_zone::TimeZone;
use crate::domain::timestamp::Timestamp;
use crate::domain::uid::Uid;
use crate::domain::visible::is_visible;

/// Change to a task. `None` keeps a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskPatch {
    /// New title.
    pub title: Option<Title>,
    /// New description; `Some(None)` removes it.
    pub description: Option<Option<Description>>,
    /// Whether the task is completed.
    pub completed: Option<bool>,
    /// Whether a completion leads to the first occurrence after now. `None` for yes.
    pub catch_up: Option<bool>,
    /// New due date or time; `Some(None)` removes it.
    pub due: Option<Option<Due>>,
    /// New local time of the due time; `Some(None)` removes it, so that the task is due on the day.
    pub due_local: Option<Option<LocalTime>>,
    /// New priority.
    pub priority: Option<Priority>,
    /// New tags, in place of all others.
    pub tags: Option<Tags>,
    /// Tags that are added.
    pub tags_add: Option<Tags>,
    /// Tags that are removed, in any case of their letters, before others are added.
    pub tags_remove: Option<Tags>,
    /// New position in the order of all tasks.
    pub position: Option<Position>,
    /// New parent; `Some(None)` for none.
    pub parent: Option<Option<TaskId>>,
    /// Uid of the new parent, instead of its id.
    pub parent_uid: Option<Uid>,
    /// New list.
    pub list: Option<ListId>,
    /// New recurrence rule; `Some(None)` removes it.
    pub recurrence: Option<Option<Rule>>,
    /// New date from which the rule repeats; `Some(None)` for [`RepeatFrom::Due`].
    pub repeat_from: Option<Option<RepeatFrom>>,
    /// Immutable fields, as the client sent them.
    pub fixed: Fixed,
    /// Revision that the client knows. Values that it has not changed since are left out.
    pub base: Option<u64>,
    /// Whether the change is an import: its title may be invisible, its rule may have no effect, and a completion
    /// completes a recurring task itself.
    pub is_import: bool,
}

/// Immutable fields of a task. A client that sends back a whole task sends them too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fixed {
    /// Identifier.
    pub id: Option<TaskId>,
    /// Owner.
    pub owner: Option<UserId>,
    /// Unique name.
    pub uid: Option<Uid>,
    /// Time of creation.
    pub created_at: Option<Timestamp>,
}

impl Fixed {
    /// Checks that the fields match a task.
    ///
    /// # Errors
    ///
    /// [`TaskRefused::Fixed`], with the names of the fields that do not match.
    fn check(self, task: &Task) -> Result<(), TaskRefused> {
        let same = [
            ("id", self.id.is_none_or(|id| id == task.id)),
            ("owner_id", self.owner.is_none_or(|owner| owner == task.owner)),
            ("uid", self.uid.is_none_or(|uid| uid == task.uid)),
            ("created_at", self.created_at.is_none_or(|at| at == task.created_at)),
        ];
        let other: Vec<&str> =
            same.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect();
        if other.is_empty() { Ok(()) } else { Err(TaskRefused::Fixed(other)) }
    }
}

impl TaskPatch {
    /// Returns the change that makes a task equal to an imported one, below this parent.
    #[expect(clippy::unneeded_field_pattern, reason = "a new field must be imported too")]
    pub(crate) fn to(wanted: Task, parent: Option<TaskId>) -> Self {
        let Task {
            id: _,
            owner: _,
            uid: _,
            title,
            description,
            completed_at,
            due,
            priority,
            tags,
            position,
            parent: _,
            list,
            recurrence,
            // The store dates its own changes.
            created_at: _,
            updated_at: _,
            revision: _,
            seq: _,
            origin: _,
        } = wanted;
        let from = recurrence.as_ref().map(Recurrence::repeat_from);
        Self {
            title: Some(title),
            description: Some(description),
            completed: Some(completed_at.is_some()),
            catch_up: None,
            due: Some(due),
            due_local: None,
            priority: Some(priority),
            tags: Some(tags),
            tags_add: None,
            tags_remove: None,
            position: Some(position),
            parent: Some(parent),
            parent_uid: None,
            list: Some(list),
            recurrence: Some(recurrence.map(|it| it.rule().clone())),
            repeat_from: Some(from),
            fixed: Fixed::default(),
            base: None,
            is_import: true,
        }
    }

    /// Leaves a field as it is.
    pub(crate) fn leave(&mut self, field: TaskField) {
        match field {
            TaskField::Title => self.title = None,
            TaskField::Description => self.description = None,
            TaskField::Completed => self.completed = None,
            TaskField::Due => (self.due, self.due_local) = (None, None),
            TaskField::Priority => self.priority = None,
            TaskField::Tags => self.tags = None,
            TaskField::Position => self.position = None,
            TaskField::Parent => self.parent = None,
            TaskField::List => self.list = None,
            TaskField::Recurrence => (self.recurrence, self.repeat_from) = (None, None),
        }
    }

    /// Applies the change at a time. `home` is the time zone of the owner.
    ///
    /// A change without effect keeps `updated_at` and `revision`. `updated_at` never decreases, even if the clock
    /// was set back; the store takes other tasks into account. Completing a recurring task advances it, and leaves
    /// the completed occurrence as a separate task; the last occurrence completes the task itself.
    ///
    /// # Errors
    ///
    /// [`TaskRefused::Fixed`], [`TaskRefused::Invisible`], [`TaskRefused::TooManyTagsAdded`],
    /// [`TaskRefused::DueLocal`], [`TaskRefused::RepeatsNothing`],
    /// [`TaskRefused::RecursUndated`], [`TaskRefused::RecursCompleted`], [`TaskRefused::RecursNever`],
    /// [`TaskRefused::RecursEnded`].
    pub fn apply(
        self,
        old: &Task,
        now: Timestamp,
        home: &TimeZone,
    ) -> Result<Patched, TaskRefused> {
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
            list,
            recurrence,
            repeat_from,
            fixed,
            is_import,
            // The store looks up `parent_uid`.
            ..
        } = self;
        fixed.check(old)?;
        if let Some(title) = title.as_ref().filter(|_| !is_import)
            && *title != old.title
            && !is_visible(title.as_str())
        {
            return Err(TaskRefused::Invisible("title"));
        }
        let mut new = Task {
            id: old.id,
            owner: old.owner,
            uid: old.uid.clone(),
            title: title.unwrap_or_else(|| old.title.clone()),
            description: description.unwrap_or_else(|| old.description.clone()),
            completed_at: old.completed_at,
            due: match due {
                // An import says what is meant.
                Some(due) if is_import => due,
                due => super::due::changed(old.due.as_ref(), due, due_local)?,
            },
            priority: priority.unwrap_or(old.priority),
            tags: tags
                .unwrap_or_else(|| old.tags.clone())
                .without(tags_remove.as_ref())
                .with(tags_add.as_ref())
                .map_err(|_| TaskRefused::TooManyTagsAdded)?,
            position: position.unwrap_or_else(|| old.position.clone()),
            parent: parent.unwrap_or(old.parent),
            list: list.unwrap_or(old.list),
            recurrence: changed_recurrence(old, recurrence, repeat_from)?,
            created_at: old.created_at,
            updated_at: old.updated_at,
            revision: old.revision,
            seq: old.seq,
            origin: old.origin.clone(),
        };
        if completed == Some(false) {
            new.completed_at = None;
        }
        if !is_import {
            check_change(old, &mut new)?;
        }
        if new.recurrence.is_some() && new.due.is_none() {
            return Err(TaskRefused::RecursUndated);
        }
        let (at, now) = (now, now.max(old.updated_at));
        let mut advanced = None;
        if completed == Some(true) && !old.is_completed() && is_import {
            new.completed_at = Some(now);
        } else if completed == Some(true) && !old.is_completed() {
            let catch_up = catch_up.unwrap_or(true);
            advanced = finish(&mut new, Completion { at, home, catch_up }, now);
        }
        new.count_change(old, now);
        Ok(Patched { task: new, advanced })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::task;
    use super::*;
    use crate::domain::task::Advanced;

    fn patched(patch: TaskPatch, old: &Task, now: Timestamp) -> Task {
        patch.apply(old, now, &TimeZone::utc()).unwrap().task
    }

    fn due(text: &str) -> Option<Due> {
        Due::parse(text, &TimeZone::utc()).ok()
    }

    #[test]
    fn a_patch_that_changes_nothing_keeps_time_and_revision() {
        let patch = TaskPatch { completed: Some(false), ..TaskPatch::default() };
        assert_eq!(patched(patch, &task(), Timestamp::MAX), task());
    }

    #[test]
    fn the_first_revision_comes_after_the_last_that_an_export_can_hold() {
        for (old, new) in [
            (1, 2),
            (Task::MAX_REVISION - 1, Task::MAX_REVISION),
            (Task::MAX_REVISION, 1),
        ] {
            let old = Task { revision: old, ..task() };
            let patch = TaskPatch { completed: Some(true), ..TaskPatch::default() };
            assert_eq!(patched(patch, &old, Timestamp::EPOCH).revision, new);
        }
    }

    #[test]
    fn updated_at_never_goes_back() {
        let old = Task { updated_at: Timestamp::MAX, ..task() };
        let patch = TaskPatch { completed: Some(true), ..TaskPatch::default() };
        let new = patched(patch, &old, Timestamp::EPOCH);
        assert_eq!((new.updated_at, new.revision), (Timestamp::MAX, 2));
        assert_eq!(new.completed_at, Some(Timestamp::MAX));
    }

    #[test]
    fn a_task_that_recurs_moves_on_and_leaves_what_was_finished() {
        let daily = Rule::parse("FREQ=DAILY;COUNT=2").unwrap();
        let weekly = TaskPatch {
            due: Some(due("2030-01-01")),
            recurrence: Some(Some(daily)),
            ..TaskPatch::default()
        };
        let old = patched(weekly, &task(), Timestamp::EPOCH);
        let now = "2030-01-01T12:00:00Z".parse().unwrap();
        let complete = |old: &Task| {
            let patch = TaskPatch { completed: Some(true), ..TaskPatch::default() };
            patch.apply(old, now, &TimeZone::utc()).unwrap()
        };

        let Patched { task, advanced } = complete(&old);
        let Advanced { finished, days, .. } = advanced.unwrap();
        let finished = finished.unwrap();
        assert_eq!((finished.due, finished.completed, days), (old.due, true, 1));
        assert_eq!((task.due.clone(), task.is_completed()), (due("2030-01-02"), false));

        let Patched { task: last, advanced } = complete(&task);
        assert!(advanced.is_none() && last.is_completed());
        assert_eq!(
            last.recurrence, task.recurrence,
            "it has its rule again when it is reopened"
        );
    }

    #[test]
    fn a_skipped_occurrence_leaves_nothing() {
        let daily = TaskPatch {
            due: Some(due("2030-01-01")),
            recurrence: Some(Some(Rule::parse("FREQ=DAILY;COUNT=2").unwrap())),
            ..TaskPatch::default()
        };
        let old = patched(daily, &task(), Timestamp::EPOCH);
        let home = &TimeZone::utc();
        let at = "2030-01-01T12:00:00Z".parse().unwrap();
        let done = Completion { at, home, catch_up: true };

        let Patched { task: next, advanced } = old.skip(done).unwrap();
        assert!(advanced.unwrap().finished.is_none());
        assert_eq!(
            (next.due.clone(), next.revision),
            (due("2030-01-02"), old.revision + 1)
        );

        assert_eq!(next.skip(done).unwrap_err(), TaskRefused::SkipsLast);
        assert_eq!(task().skip(done).unwrap_err(), TaskRefused::SkipsNothing);
    }

    #[test]
    fn only_an_open_task_with_a_date_can_recur() {
        let daily = || Some(Some(Rule::parse("FREQ=DAILY").unwrap()));
        let undated = TaskPatch { recurrence: daily(), ..TaskPatch::default() };
        let refused =
            undated.apply(&task(), Timestamp::EPOCH, &TimeZone::utc()).unwrap_err();
        assert_eq!(refused, TaskRefused::RecursUndated);

        let done = Task { completed_at: Some(Timestamp::EPOCH), ..task() };
        let dated = TaskPatch {
            due: Some(due("2030-01-01")),
            recurrence: daily(),
            ..TaskPatch::default()
        };
        let refused =
            dated.clone().apply(&done, Timestamp::EPOCH, &TimeZone::utc()).unwrap_err();
        assert_eq!(refused, TaskRefused::RecursCompleted);

        let recurring = patched(dated, &task(), Timestamp::EPOCH);
        let undated = TaskPatch { due: Some(None), ..TaskPatch::default() };
        let refused =
            undated.apply(&recurring, Timestamp::EPOCH, &TimeZone::utc()).unwrap_err();
        assert_eq!(refused, TaskRefused::RecursUndated);
    }
}
