//! Model of the rules of changes to one task.

use duly::domain::date::Date;
use duly::domain::due::Due;
use duly::domain::recurrence::{Recurrence, Rule};
use duly::domain::task::{Fixed, NewTask, Task, TaskPatch, TaskRefused, Title};
use duly::domain::timestamp::Timestamp;

/// Task after a change, and the completed occurrence if it recurs.
pub(super) struct Patched {
    pub(super) task: Task,
    pub(super) finished: Option<NewTask>,
}

const DAY_MS: i64 = 86_400_000;

pub(super) fn patched(
    old: &Task,
    patch: TaskPatch,
    now: Timestamp,
) -> Result<Patched, TaskRefused> {
    let TaskPatch {
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
    } = patch;
    assert_eq!(fixed, Fixed::default(), "the model knows no fixed fields");
    let is_visible = |title: &Title| title.as_str().chars().any(char::is_alphanumeric);
    let is_known = !is_typed || title.iter().all(is_visible);
    assert!(is_known, "the model knows only titles that can be seen");
    let mut new = Task {
        title: title.unwrap_or_else(|| old.title.clone()),
        description: description.unwrap_or_else(|| old.description.clone()),
        due: due.unwrap_or_else(|| old.due.clone()),
        priority: priority.unwrap_or(old.priority),
        tags: tags.unwrap_or_else(|| old.tags.clone()),
        position: position.unwrap_or_else(|| old.position.clone()),
        parent: parent.unwrap_or(old.parent),
        ..old.clone()
    };
    let old_rule = old.recurrence.as_ref().map(|it| it.rule().clone());
    let rule = recurrence.unwrap_or_else(|| old_rule.clone());
    if rule != old_rule || new.due != old.due {
        new.recurrence = match (rule, &new.due) {
            (None, _) => None,
            (Some(_), None) => return Err(TaskRefused::RecursUndated),
            (Some(rule), Some(due)) => Some(Recurrence::new(rule, due)),
        };
    }
    let now = now.max(old.updated_at);
    let mut finished = None;
    if completed == Some(false) {
        new.completed_at = None;
    } else if completed == Some(true) && old.completed_at.is_none() {
        match next_daily(&new) {
            Some((due, recurrence)) => {
                finished = Some(NewTask {
                    title: new.title.clone(),
                    description: new.description.clone(),
                    completed: true,
                    due: new.due.replace(due),
                    priority: new.priority,
                    tags: new.tags.clone(),
                    position: None,
                    parent: None,
                    recurrence: None,
                    created_at: now,
                });
                new.recurrence = Some(recurrence);
            }
            None => {
                new.completed_at = Some(now);
                new.recurrence = None;
            }
        }
    }
    if new.recurrence.is_some() && new.completed_at.is_some() {
        return Err(TaskRefused::RecursCompleted);
    }
    if new != *old {
        new.updated_at = now;
        new.revision = old.revision + 1;
    }
    Ok(Patched { task: new, finished })
}

/// Returns the next due day of a task that recurs daily, and its rule from then on.
fn next_daily(task: &Task) -> Option<(Due, Recurrence)> {
    let recurrence = task.recurrence.as_ref()?;
    let text = recurrence.rule().to_string();
    let rule = match text.split_once(";COUNT=") {
        None => {
            assert_eq!(text, "FREQ=DAILY", "the model knows no other rule");
            text
        }
        Some((_, "1")) => return None,
        Some((daily, left)) => {
            format!("{daily};COUNT={}", left.parse::<u32>().unwrap() - 1)
        }
    };
    let rule = Rule::parse(&rule).unwrap();
    let due = match task.due.as_ref()? {
        Due::On(date) => Due::On(Date::from_days(date.days() + 1).unwrap()),
        Due::At { at, zone } => {
            let at = Timestamp::from_millis(at.as_millis() + DAY_MS).unwrap();
            Due::At { at, zone: zone.clone() }
        }
    };
    Some((due, Recurrence::restore(rule, recurrence.time_millis())))
}
