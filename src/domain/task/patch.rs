//! Changes to a task.

use super::{Description, NewTask, Task, TaskRefused, Title};
use crate::domain::due::Due;
use crate::domain::id::{TaskId, UserId};
use crate::domain::position::Position;
use crate::domain::priority::Priority;
use crate::domain::recurrence::{Recurrence, Rule};
use crate::domain::tag::Tags;
use crate::domain::timestamp::Timestamp;
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
    /// New due date or time; `Some(None)` removes it.
    pub due: Option<Option<Due>>,
    /// New priority.
    pub priority: Option<Priority>,
    /// New tags, in place of all others.
    pub tags: Option<Tags>,
    /// New position in the order of all tasks.
    pub position: Option<Position>,
    /// New parent; `Some(None)` for none.
    pub parent: Option<Option<TaskId>>,
    /// New recurrence rule; `Some(None)` removes it.
    pub recurrence: Option<Option<Rule>>,
    /// Immutable fields, as the client sent them.
    pub fixed: Fixed,
    /// Whether a person typed the change, as opposed to an import: a new title must then be visible.
    pub is_typed: bool,
}

/// Immutable fields of a task. A client that sends back a whole task sends them too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fixed {
    /// Identifier.
    pub id: Option<TaskId>,
    /// Owner.
    pub owner: Option<UserId>,
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
            ("created_at", self.created_at.is_none_or(|at| at == task.created_at)),
        ];
        let other: Vec<&str> =
            same.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect();
        if other.is_empty() { Ok(()) } else { Err(TaskRefused::Fixed(other)) }
    }
}

/// Result of a change.
#[derive(Clone, Debug)]
pub struct Patched {
    /// Task after the change.
    pub task: Task,
    /// Completed occurrence of a recurring task that advanced, to be stored as a separate task.
    pub finished: Option<Box<NewTask>>,
}

impl TaskPatch {
    /// Returns the change that makes a task equal to an imported one, below this parent.
    #[expect(clippy::unneeded_field_pattern, reason = "a new field must be imported too")]
    pub(crate) fn to(wanted: Task, parent: Option<TaskId>) -> Self {
        let Task {
            id: _,
            owner: _,
            title,
            description,
            completed_at,
            due,
            priority,
            tags,
            position,
            parent: _,
            recurrence,
            // The store dates its own changes.
            created_at: _,
            updated_at: _,
            revision: _,
        } = wanted;
        Self {
            title: Some(title),
            description: Some(description),
            completed: Some(completed_at.is_some()),
            due: Some(due),
            priority: Some(priority),
            tags: Some(tags),
            position: Some(position),
            parent: Some(parent),
            recurrence: Some(recurrence.map(|it| it.rule().clone())),
            fixed: Fixed::default(),
            is_typed: false,
        }
    }

    /// Applies the change at a time.
    ///
    /// A change without effect keeps `updated_at` and `revision`. `updated_at` never decreases, even if the clock
    /// was set back; the store takes other tasks into account. Completing a recurring task advances it, and leaves
    /// the completed occurrence as a separate task; the last occurrence completes the task itself.
    ///
    /// # Errors
    ///
    /// [`TaskRefused::Fixed`], [`TaskRefused::Invisible`], [`TaskRefused::RecursUndated`],
    /// [`TaskRefused::RecursCompleted`].
    pub fn apply(self, old: &Task, now: Timestamp) -> Result<Patched, TaskRefused> {
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
            fixed,
            is_typed,
        } = self;
        fixed.check(old)?;
        // A whole task that is sent back must not lose its intended time of day, which a clock change may hide.
        let rule = old.recurrence.as_ref().map(|it| it.rule());
        let is_timed_anew = due.as_ref().is_some_and(|due| *due != old.due)
            || recurrence.as_ref().is_some_and(|new| new.as_ref() != rule);
        if let Some(title) = title.as_ref().filter(|_| is_typed)
            && *title != old.title
            && !is_visible(title.as_str())
        {
            return Err(TaskRefused::Invisible("title"));
        }
        let mut new = Task {
            id: old.id,
            owner: old.owner,
            title: title.unwrap_or_else(|| old.title.clone()),
            description: description.unwrap_or_else(|| old.description.clone()),
            completed_at: old.completed_at,
            due: due.unwrap_or_else(|| old.due.clone()),
            priority: priority.unwrap_or(old.priority),
            tags: tags.unwrap_or_else(|| old.tags.clone()),
            position: position.unwrap_or_else(|| old.position.clone()),
            parent: parent.unwrap_or(old.parent),
            recurrence: old.recurrence.clone(),
            created_at: old.created_at,
            updated_at: old.updated_at,
            revision: old.revision,
        };
        if is_timed_anew {
            let rule = match recurrence {
                Some(rule) => rule,
                None => old.recurrence.as_ref().map(|it| it.rule().clone()),
            };
            new.recurrence = anchored(rule, new.due.as_ref())?;
        }
        let now = now.max(old.updated_at);
        let mut finished = None;
        match completed {
            Some(true) if !old.is_completed() => finished = finish(&mut new, now),
            Some(false) => new.completed_at = None,
            Some(true) | None => {}
        }
        let mut new = check(new)?;
        if new != *old {
            new.updated_at = now;
            new.revision = old.next_revision();
        }
        Ok(Patched { task: new, finished })
    }
}

/// Completes a task, or advances it.
fn finish(task: &mut Task, now: Timestamp) -> Option<Box<NewTask>> {
    let next = match (&task.recurrence, &task.due) {
        (Some(recurrence), Some(due)) => recurrence.next(due),
        _ => None,
    };
    let Some((due, recurrence)) = next else {
        task.completed_at = Some(now);
        task.recurrence = None;
        return None;
    };
    let finished = NewTask {
        title: task.title.clone(),
        description: task.description.clone(),
        completed: true,
        due: task.due.replace(due),
        priority: task.priority,
        tags: task.tags.clone(),
        position: None,
        parent: None,
        recurrence: None,
        created_at: now,
    };
    task.recurrence = Some(recurrence);
    Some(Box::new(finished))
}

/// Creates the recurrence of a rule from the time that a task is due.
pub(super) fn anchored(
    rule: Option<Rule>,
    due: Option<&Due>,
) -> Result<Option<Recurrence>, TaskRefused> {
    match (rule, due) {
        (None, _) => Ok(None),
        (Some(_), None) => Err(TaskRefused::RecursUndated),
        (Some(rule), Some(due)) => Ok(Some(Recurrence::new(rule, due))),
    }
}

/// Checks that a completed task does not recur.
pub(super) fn check(task: Task) -> Result<Task, TaskRefused> {
    if task.recurrence.is_some() && task.is_completed() {
        return Err(TaskRefused::RecursCompleted);
    }
    Ok(task)
}

#[cfg(test)]
mod tests {
    use super::super::tests::task;
    use super::*;
    use crate::domain::time_zone::TimeZone;

    fn patched(patch: TaskPatch, old: &Task, now: Timestamp) -> Task {
        patch.apply(old, now).unwrap().task
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
        let complete = || TaskPatch { completed: Some(true), ..TaskPatch::default() };

        let Patched { task, finished } = complete().apply(&old, Timestamp::MAX).unwrap();
        let finished = finished.unwrap();
        assert_eq!((finished.due, finished.completed), (old.due, true));
        assert_eq!((task.due.clone(), task.is_completed()), (due("2030-01-02"), false));

        let Patched { task, finished } = complete().apply(&task, Timestamp::MAX).unwrap();
        assert!(finished.is_none() && task.is_completed() && task.recurrence.is_none());
    }

    #[test]
    fn only_an_open_task_with_a_date_can_recur() {
        let daily = || Some(Some(Rule::parse("FREQ=DAILY").unwrap()));
        let undated = TaskPatch { recurrence: daily(), ..TaskPatch::default() };
        let refused = undated.apply(&task(), Timestamp::EPOCH).unwrap_err();
        assert_eq!(refused, TaskRefused::RecursUndated);

        let done = Task { completed_at: Some(Timestamp::EPOCH), ..task() };
        let dated = TaskPatch {
            due: Some(due("2030-01-01")),
            recurrence: daily(),
            ..TaskPatch::default()
        };
        let refused = dated.clone().apply(&done, Timestamp::EPOCH).unwrap_err();
        assert_eq!(refused, TaskRefused::RecursCompleted);

        let recurring = patched(dated, &task(), Timestamp::EPOCH);
        let undated = TaskPatch { due: Some(None), ..TaskPatch::default() };
        let refused = undated.apply(&recurring, Timestamp::EPOCH).unwrap_err();
        assert_eq!(refused, TaskRefused::RecursUndated);
    }
}
