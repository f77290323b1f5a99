//! Occurrences of recurring tasks.

use super::{NewTask, Task, TaskRefused};
use crate::domain::due::Due;
use crate::domain::id::{ListId, TaskId};
use crate::domain::recurrence::{Completion, NoEffect, Recurrence, RepeatFrom, Rule};
use crate::domain::timestamp::Timestamp;

/// Result of a change.
#[derive(Clone, Debug)]
pub struct Patched {
    /// Task after the change.
    pub task: Task,
    /// Move of a recurring task to its next occurrence.
    pub advanced: Option<Advanced>,
}

/// Move of a recurring task to its next occurrence.
#[derive(Clone, Debug)]
pub struct Advanced {
    /// Completed occurrence, to be stored as a separate task. `None` if it was skipped.
    pub finished: Option<Box<NewTask>>,
    /// Due date or time of that occurrence.
    pub due: Due,
    /// Number of days to the next occurrence.
    pub days: i64,
}

impl Task {
    /// Moves a recurring task on to its next occurrence, without a completed copy.
    ///
    /// # Errors
    ///
    /// [`TaskRefused::SkipsNothing`] and [`TaskRefused::SkipsLast`].
    pub fn skip(&self, done: Completion<'_>) -> Result<Patched, TaskRefused> {
        let mut new = self.clone();
        if self.recurrence.is_none() || self.is_completed() {
            return Err(TaskRefused::SkipsNothing);
        }
        let advanced = advance(&mut new, done).ok_or(TaskRefused::SkipsLast)?;
        new.count_change(self, done.at.max(self.updated_at));
        Ok(Patched { task: new, advanced: Some(advanced) })
    }

    /// Whether the rule of an open task never comes, or ends before the due date.
    pub fn has_idle_rule(&self) -> bool {
        let (Some(recurrence), Some(due)) = (&self.recurrence, &self.due) else {
            return false;
        };
        !self.is_completed() && recurrence.check(due).is_err()
    }

    /// Returns the task as a part of the next occurrence of the task above it: open, and due some days later. `None` if
    /// nothing changes.
    pub(crate) fn brought_back(&self, days: i64, now: Timestamp) -> Option<Self> {
        let mut new = Self { completed_at: None, ..self.clone() };
        // Beyond the last day the date stays.
        let due = self.due.as_ref().and_then(|due| due.plus_days(days));
        new.due = due.or_else(|| self.due.clone());
        new.count_change(self, now.max(self.updated_at));
        (new != *self).then_some(new)
    }

    /// Returns the task in another list. `None` if it is there already.
    pub(crate) fn moved_to(&self, list: ListId, now: Timestamp) -> Option<Self> {
        let mut new = Self { list, ..self.clone() };
        new.count_change(self, now.max(self.updated_at));
        (new != *self).then_some(new)
    }

    /// Returns a copy of the completed task, as a record of it below a copy of its parent.
    pub(crate) fn finished_copy(
        &self,
        parent: Option<TaskId>,
        now: Timestamp,
    ) -> NewTask {
        NewTask {
            uid: None,
            title: self.title.clone(),
            description: self.description.clone(),
            completed: true,
            completed_at: self.completed_at,
            due: self.due.clone(),
            priority: self.priority,
            tags: self.tags.clone(),
            position: None,
            parent,
            parent_uid: None,
            list: Some(self.list),
            recurrence: None,
            created_at: now,
        }
    }

    /// Counts a change, if there is one.
    pub(super) fn count_change(&mut self, old: &Self, now: Timestamp) {
        if self != old {
            self.updated_at = now;
            self.revision = old.next_revision();
        }
    }
}

/// Completes a task, or advances it and keeps the completed occurrence. Both are dated `now`, which is later than the
/// completion if the clock was set back.
pub(super) fn finish(
    task: &mut Task,
    done: Completion<'_>,
    now: Timestamp,
) -> Option<Advanced> {
    let finished = Task { completed_at: Some(now), ..task.clone() };
    let finished = finished.finished_copy(None, now);
    let advanced = advance(task, done);
    if advanced.is_none() {
        task.completed_at = Some(now);
    }
    advanced.map(|it| Advanced { finished: Some(Box::new(finished)), ..it })
}

/// Moves a recurring task on. `None` if it has no next occurrence.
fn advance(task: &mut Task, done: Completion<'_>) -> Option<Advanced> {
    let (Some(recurrence), Some(due)) = (&task.recurrence, &task.due) else {
        return None;
    };
    let (next, recurrence) = recurrence.next(due, done)?;
    let days = due.days_until(&next);
    task.recurrence = Some(recurrence);
    let due = task.due.replace(next)?;
    Some(Advanced { finished: None, due, days })
}

/// Returns the recurrence after a change.
#[expect(clippy::option_option, reason = "it is absent, null or there")]
pub(super) fn changed_recurrence(
    old: &Task,
    rule: Option<Option<Rule>>,
    from: Option<Option<RepeatFrom>>,
) -> Result<Option<Recurrence>, TaskRefused> {
    let old = old.recurrence.as_ref();
    let old_from = old.map(Recurrence::repeat_from);
    let rule = rule.unwrap_or_else(|| old.map(|it| it.rule().clone()));
    match (rule, from) {
        // A client that removes the rule may send back all other members as they were.
        (None, Some(Some(from))) if Some(from) != old_from => {
            Err(TaskRefused::RepeatsNothing)
        }
        (None, _) => Ok(None),
        (Some(rule), from) => {
            let from = from.unwrap_or(old_from).unwrap_or_default();
            Ok(Some(Recurrence::new(rule, from)))
        }
    }
}

/// Checks a change of the rule or of the due date. The date of the last occurrence may be put off beyond the end of the
/// rule.
pub(super) fn check_change(old: &Task, new: &mut Task) -> Result<(), TaskRefused> {
    let rule = |task: &Task| task.recurrence.as_ref().map(|it| it.rule().clone());
    if rule(new) != rule(old) {
        return check_recurrence(new);
    }
    if new.due.is_none() && new.is_completed() {
        // A rule that was kept for later goes with its date.
        new.recurrence = None;
    }
    let has_changed = new.due != old.due || new.recurrence != old.recurrence;
    let was_idle = old.has_idle_rule();
    match (&new.recurrence, &new.due) {
        (Some(recurrence), Some(due))
            if has_changed && !was_idle && !new.is_completed() =>
        {
            match recurrence.check(due) {
                Err(NoEffect::Never) => Err(TaskRefused::RecursNever),
                Err(NoEffect::Ended) | Ok(()) => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Checks that a rule that a person sets has an effect.
pub(super) fn check_recurrence(task: &Task) -> Result<(), TaskRefused> {
    let Some(recurrence) = &task.recurrence else { return Ok(()) };
    let due = task.due.as_ref().ok_or(TaskRefused::RecursUndated)?;
    if task.is_completed() {
        return Err(TaskRefused::RecursCompleted);
    }
    recurrence.check(due).map_err(|why| match why {
        NoEffect::Never => TaskRefused::RecursNever,
        NoEffect::Ended => TaskRefused::RecursEnded,
    })
}
