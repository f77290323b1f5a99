//! Model of the rules of changes to one task. Its owner lives in UTC, and its rules are daily.

use duly::domain::date::Date;
use duly::domain::due::Due;
use duly::domain::id::TaskId;
use duly::domain::recurrence::{Recurrence, RepeatFrom, Rule};
use duly::domain::tag::{Tag, Tags};
use duly::domain::task::{Fixed, NewTask, Task, TaskPatch, TaskRefused, Title};
use duly::domain::time_zone::TimeZone;
use duly::domain::timestamp::Timestamp;

/// Task after a change, and its step if it came back.
pub(super) struct Patched {
    pub(super) task: Task,
    pub(super) step: Option<Step>,
}

/// Step of a recurring task.
pub(super) struct Step {
    /// Completed occurrence, unless it was skipped.
    pub(super) finished: Option<NewTask>,
    pub(super) days: i64,
}

const DAY_MS: i64 = 86_400_000;

pub(super) fn patched(
    old: &Task,
    patch: TaskPatch,
    at: Timestamp,
) -> Result<Patched, TaskRefused> {
    let TaskPatch {
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
        fixed,
        base,
        is_import,
    } = patch;
    assert_eq!(base, None, "the model merges nothing");
    assert_eq!(parent_uid, None, "it was looked up");
    assert_eq!(fixed, Fixed::default(), "the model knows no fixed fields");
    assert_eq!(due_local, None, "the model knows no local times");
    let is_visible = |title: &Title| title.as_str().chars().any(char::is_alphanumeric);
    let is_known = is_import || title.iter().all(is_visible);
    assert!(is_known, "the model knows only titles that can be seen");
    let mut new = Task {
        title: title.unwrap_or_else(|| old.title.clone()),
        description: description.unwrap_or_else(|| old.description.clone()),
        due: due.unwrap_or_else(|| old.due.clone()),
        priority: priority.unwrap_or(old.priority),
        tags: with_changes(tags.as_ref().unwrap_or(&old.tags), tags_add, tags_remove),
        position: position.unwrap_or_else(|| old.position.clone()),
        parent: parent.unwrap_or(old.parent),
        list: list.unwrap_or(old.list),
        ..old.clone()
    };
    let old_rule = old.recurrence.as_ref().map(|it| it.rule().clone());
    let old_from = old.recurrence.as_ref().map(Recurrence::repeat_from);
    let rule = recurrence.unwrap_or_else(|| old_rule.clone());
    if rule.is_none()
        && repeat_from.is_some_and(|from| from.is_some() && from != old_from)
    {
        return Err(TaskRefused::RepeatsNothing);
    }
    let from = repeat_from.unwrap_or(old_from).unwrap_or(RepeatFrom::Due);
    new.recurrence = rule.clone().map(|rule| Recurrence::new(rule, from));
    if completed == Some(false) {
        new.completed_at = None;
    }
    if !is_import && rule == old_rule && new.due.is_none() && new.completed_at.is_some() {
        new.recurrence = None;
    }
    if new.recurrence.is_some() && new.due.is_none() {
        return Err(TaskRefused::RecursUndated);
    }
    if !is_import && rule != old_rule && rule.is_some() && new.completed_at.is_some() {
        return Err(TaskRefused::RecursCompleted);
    }
    let now = at.max(old.updated_at);
    let mut step = None;
    if completed == Some(true) && old.completed_at.is_none() {
        let finished =
            finished(&Task { completed_at: Some(now), ..new.clone() }, None, now);
        let days =
            if is_import { None } else { advance(&mut new, at, catch_up != Some(false)) };
        if days.is_none() {
            new.completed_at = Some(now);
        }
        step = days.map(|days| Step { finished: Some(finished), days });
    }
    Ok(Patched { task: counted(old, new, now), step })
}

/// Returns tags after some were removed and others were added.
fn with_changes(tags: &Tags, add: Option<Tags>, remove: Option<Tags>) -> Tags {
    let remove = remove.unwrap_or_default();
    let is_removed = |tag: &Tag| remove.iter().any(|it| it.caseless() == tag.caseless());
    let mut tags: Vec<Tag> =
        tags.iter().filter(|tag| !is_removed(tag)).cloned().collect();
    tags.extend(add.unwrap_or_default().iter().cloned());
    Tags::new(tags).unwrap()
}

pub(super) fn skipped(
    old: &Task,
    at: Timestamp,
    catch_up: bool,
) -> Result<Patched, TaskRefused> {
    if old.recurrence.is_none() || old.completed_at.is_some() {
        return Err(TaskRefused::SkipsNothing);
    }
    let mut new = old.clone();
    let days = advance(&mut new, at, catch_up).ok_or(TaskRefused::SkipsLast)?;
    let task = counted(old, new, at.max(old.updated_at));
    Ok(Patched { task, step: Some(Step { finished: None, days }) })
}

/// Returns a task as a record of what was completed.
pub(super) fn finished(task: &Task, parent: Option<TaskId>, now: Timestamp) -> NewTask {
    NewTask {
        description: task.description.clone(),
        completed: true,
        completed_at: task.completed_at,
        due: task.due.clone(),
        priority: task.priority,
        tags: task.tags.clone(),
        parent,
        list: Some(task.list),
        ..NewTask::new(task.title.clone(), now)
    }
}

/// Returns a subtask that comes back with the task above it.
pub(super) fn brought_back(old: &Task, days: i64, now: Timestamp) -> Task {
    let due = old.due.as_ref().map(|due| later(due, days));
    let new = Task { completed_at: None, due, ..old.clone() };
    counted(old, new, now.max(old.updated_at))
}

fn counted(old: &Task, mut new: Task, now: Timestamp) -> Task {
    if new != *old {
        new.updated_at = now;
        new.revision = old.revision + 1;
    }
    new
}

/// Moves a task that recurs daily on, and returns the number of days.
fn advance(task: &mut Task, now: Timestamp, catch_up: bool) -> Option<i64> {
    let recurrence = task.recurrence.clone()?;
    let due = task.due.clone()?;
    let from = recurrence.repeat_from();
    let today = now.as_millis().div_euclid(DAY_MS);
    let is_after_now = |due: &Due| match due {
        Due::On(date) => i64::from(date.days()) > today,
        Due::At { at, .. } => *at > now,
    };
    let is_after_today = |due: &Due| match due {
        Due::On(date) => i64::from(date.days()) > today,
        Due::At { at, .. } => at.as_millis().div_euclid(DAY_MS) > today,
    };
    let is_next = |days: &i64| {
        let due = later(&due, *days);
        match from {
            RepeatFrom::Due => !catch_up || is_after_now(&due),
            RepeatFrom::Completion => is_after_today(&due),
        }
    };
    let days = (1..100).find(is_next)?;
    let passed = if from == RepeatFrom::Due { days } else { 1 };
    let text = recurrence.rule().to_string();
    let rule = match text.split_once(";COUNT=") {
        None => {
            assert_eq!(text, "FREQ=DAILY", "the model knows no other rule");
            text
        }
        Some((daily, left)) => {
            let left = left.parse::<i64>().unwrap() - passed;
            (left > 0).then(|| format!("{daily};COUNT={left}"))?
        }
    };
    task.due = Some(later(&due, days));
    task.recurrence = Some(Recurrence::new(Rule::parse(&rule).unwrap(), from));
    Some(days)
}

fn later(due: &Due, days: i64) -> Due {
    match due {
        Due::On(date) => {
            let days = i64::from(date.days()) + days;
            Due::On(Date::from_days(i32::try_from(days).unwrap()).unwrap())
        }
        Due::At { at, zone, .. } => {
            let at = Timestamp::from_millis(at.as_millis() + days * DAY_MS).unwrap();
            Due::at(at, zone.clone(), None)
        }
    }
}

/// Returns the moment of a due date some days earlier.
pub(super) fn moment_before(due: &Due, days: i64) -> Timestamp {
    later(due, -days).moment(&TimeZone::utc())
}
