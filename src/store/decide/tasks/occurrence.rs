//! Changes of a task, and of its subtasks if it moves on to its next occurrence.

use std::collections::BTreeMap;

use super::overlay::TaskOverlay;
use super::write::{Decided, WriteTime};
use super::{lists, tree};
use crate::domain::id::TaskId;
use crate::domain::task::{Advanced, NewTask, Task, TaskDone, TaskRefused, TaskWrite};
use crate::store::StoreError;

/// Changes of one operation, which are undone if it is refused.
pub(super) struct Changes<'o, 'a> {
    overlay: &'o mut TaskOverlay<'a>,
    created: Vec<Task>,
    /// Tasks before and after their change.
    replaced: Vec<(Task, Task)>,
}

impl<'o, 'a> Changes<'o, 'a> {
    pub(super) const fn new(overlay: &'o mut TaskOverlay<'a>) -> Self {
        Self { overlay, created: Vec::new(), replaced: Vec::new() }
    }

    pub(super) const fn overlay(&self) -> &TaskOverlay<'a> {
        self.overlay
    }

    /// Restores the state before the first change.
    pub(super) fn undo(self) -> Result<(), StoreError> {
        for (old, new) in self.replaced.into_iter().rev() {
            self.overlay.put(new, old)?;
        }
        for task in self.created.into_iter().rev() {
            self.overlay.remove(task)?;
        }
        Ok(())
    }

    fn create(&mut self, new: NewTask) -> Decided<TaskId> {
        let task = allowed!(self.overlay.create(new)?);
        let id = task.id;
        self.created.push(task);
        Ok(Ok(id))
    }

    /// Replaces a task, and returns it with the time of its change.
    pub(super) fn replace(&mut self, old: Task, mut new: Task) -> Decided<Task> {
        self.overlay.date(&mut new)?;
        allowed!(self.overlay.replace(old.clone(), new.clone())?);
        self.replaced.push((old, new.clone()));
        Ok(Ok(new))
    }
}

/// Replaces a task, and moves its subtasks to its list. If it advanced, creates the record of the completed occurrence, and
/// moves its subtasks to the next one.
pub(super) fn replace(
    changes: &mut Changes<'_, '_>,
    old: Task,
    new: Task,
    advanced: Option<Advanced>,
    at: WriteTime<'_>,
) -> Decided<TaskDone> {
    let Some(Advanced { finished, due, days }) = advanced else {
        let task = if new == old { new } else { allowed!(put(changes, old, new, at)?) };
        return Ok(Ok(TaskDone::Changed { task, finished: None }));
    };
    let finished = match finished {
        Some(new) => Some(allowed!(changes.create(*new)?)),
        None => None,
    };
    let task = allowed!(put(changes, old, new, at)?);
    let subtasks = allowed!(tree::subtree(changes.overlay, task.id)?);
    let passed = due.moment(at.home);
    let mut places = BTreeMap::from([(task.id, finished)]);
    for id in subtasks.into_iter().skip(1) {
        // It may leave a copy.
        if changes.overlay.touched() + 2 > TaskWrite::MAX_TOUCHED {
            return Ok(Err(TaskRefused::TooMuch));
        }
        let Some(subtask) = changes.overlay.get(id)? else { continue };
        // Subtasks of one that stays behind stay with it.
        let Some(copy_of_parent) = subtask.parent.and_then(|it| places.get(&it)) else {
            continue;
        };
        let copy_of_parent = *copy_of_parent;
        let recurs = subtask.recurrence.is_some() && !subtask.is_completed();
        let is_ahead = subtask.due.as_ref().is_some_and(|it| it.moment(at.home) > passed);
        if recurs && is_ahead {
            // Its own rule has moved it already.
            continue;
        }
        let copy = if subtask.is_completed() && finished.is_some() {
            let copy = subtask.finished_copy(copy_of_parent, at.now);
            Some(allowed!(changes.create(copy)?))
        } else {
            copy_of_parent
        };
        places.insert(id, copy);
        if let Some(new) = subtask.brought_back(days, at.now) {
            allowed!(changes.replace(subtask, new)?);
        }
    }
    changes.overlay.below.clear();
    Ok(Ok(TaskDone::Changed { task, finished }))
}

/// Replaces a task, and returns it with the time of its change. Its subtasks follow it to another list.
pub(super) fn put(
    changes: &mut Changes<'_, '_>,
    old: Task,
    new: Task,
    at: WriteTime<'_>,
) -> Decided<Task> {
    let before = old.list;
    let task = allowed!(changes.replace(old, new)?);
    if task.list != before {
        allowed!(lists::move_below(changes, &task, at)?);
    }
    Ok(Ok(task))
}
