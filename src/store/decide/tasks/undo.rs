//! Restoring of deleted tasks, and undoing of changes.

use std::collections::{BTreeMap, BTreeSet};

use super::occurrence::{self, Changes};
use super::overlay::TaskOverlay;
use super::tree;
use super::write::{Decided, WriteTime};
use crate::domain::id::{ListId, TaskId};
use crate::domain::task::{
    Deletion, HistoryEntry, Task, TaskDone, TaskField, TaskRefused, TaskValue, TaskWrite,
    UndoOfTask, Undone,
};
use crate::store::StoreError;
use crate::store::decide::history::Chain;

/// Deletions before and after that of a task among which those of its subtasks are.
const NEARBY: u64 = Task::MAX_DESCENDANTS as u64 + 1;

/// Task in the trash.
struct Deleted {
    deletion: Deletion,
    task: Task,
}

/// Restores a deleted task, with the tasks below it that were deleted in the same batch.
pub(super) fn restore(
    overlay: &mut TaskOverlay<'_>,
    id: TaskId,
    at: WriteTime<'_>,
) -> Decided<TaskDone> {
    if let Some(task) = overlay.get(id)? {
        return Ok(Ok(TaskDone::Restored { task, count: 0 }));
    }
    let Some(top) = deleted(overlay, id)? else { return Ok(Err(TaskRefused::Missing)) };
    let mut below: BTreeMap<TaskId, Vec<Deleted>> = BTreeMap::new();
    for found in deleted_nearby(overlay, &top)? {
        if let Some(parent) = found.task.parent {
            below.entry(parent).or_default().push(found);
        }
    }
    let mut waiting = vec![top];
    let mut count = 0;
    while let Some(Deleted { deletion, task: was }) = waiting.pop() {
        let next = below.remove(&was.id).unwrap_or_default();
        let task = allowed!(settled(overlay, was.clone(), &was)?);
        if overlay.touched() >= TaskWrite::MAX_TOUCHED {
            return Ok(Err(TaskRefused::TooMuch));
        }
        allowed!(overlay.revive(
            deletion,
            was.clone(),
            task.restored_from(&was, at.now)
        )?);
        count += 1;
        waiting.extend(next);
    }
    Ok(match overlay.get(id)? {
        Some(task) => Ok(TaskDone::Restored { task, count }),
        None => Err(TaskRefused::Missing),
    })
}

/// Finds a task in the trash.
fn deleted(overlay: &TaskOverlay<'_>, id: TaskId) -> Result<Option<Deleted>, StoreError> {
    let (snapshot, owner) = (overlay.snapshot(), overlay.owner);
    let Some(tombstone) = snapshot.tombstone(owner, id)? else { return Ok(None) };
    let task = snapshot.trash(owner, tombstone.seq)?.filter(|task| task.id == id);
    Ok(task.map(|task| Deleted { deletion: tombstone.into(), task }))
}

/// Lists the other tasks that were deleted together with one, as far as they can be below it.
fn deleted_nearby(
    overlay: &TaskOverlay<'_>,
    top: &Deleted,
) -> Result<Vec<Deleted>, StoreError> {
    let (snapshot, owner) = (overlay.snapshot(), overlay.owner);
    let Deletion { seq: at, unit, .. } = top.deletion;
    let first = at.saturating_sub(NEARBY).max(unit);
    let last = at.saturating_add(NEARBY);
    let most = usize::try_from(2 * NEARBY + 1).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for seq in snapshot.trash_from(owner, first, most)? {
        if seq > last {
            break;
        }
        let Some(task) = snapshot.trash(owner, seq)? else { continue };
        let other = deleted(overlay, task.id)?;
        found
            .extend(other.filter(|it| it.deletion.unit == unit && it.deletion.seq != at));
    }
    Ok(found)
}

/// Fits a former state of a task into its present surroundings: without a parent that is gone or cannot have it, and in
/// the list of its parent. `old`: its present state.
fn settled(overlay: &mut TaskOverlay<'_>, mut task: Task, old: &Task) -> Decided<Task> {
    let is_moved = task.parent != old.parent || overlay.get(task.id)?.is_none();
    if let Some(parent) = task.parent.filter(|_| is_moved) {
        let id = overlay.get(task.id)?.map(|_| task.id);
        match tree::check_reparent(overlay, id, parent)? {
            Ok(()) => {}
            Err(TaskRefused::TooMuch) => return Ok(Err(TaskRefused::TooMuch)),
            Err(_) => task.parent = None,
        }
    }
    let above = task.parent.map_or(Ok(None), |parent| overlay.get(parent))?;
    task.list = match above {
        Some(above) => above.list,
        None if overlay.has_list(task.list)? => task.list,
        None => ListId::DEFAULT,
    };
    Ok(Ok(task))
}

/// Undoes changes of one task, as far as their values still stand.
pub(super) fn undo(
    overlay: &mut TaskOverlay<'_>,
    id: TaskId,
    undo: &UndoOfTask,
    at: WriteTime<'_>,
) -> Decided<TaskDone> {
    let is_wanted = |seq: u64| undo.changes.binary_search(&seq).is_ok();
    let (stored, was_deleted) = match overlay.stored(id)? {
        Some(task) => (task, None),
        None => match deleted(overlay, id)? {
            Some(it) => (it.task, Some(it.deletion)),
            None => return Ok(kept(undo, vec!["deleted"])),
        },
    };
    if was_deleted.as_ref().is_some_and(|it| !is_wanted(it.seq)) {
        return Ok(kept(undo, vec!["deleted"]));
    }
    let now = overlay.get(id)?.unwrap_or_else(|| stored.clone());
    let mut walk = Walk::new(&stored, now.clone());
    for entry in Chain::of(overlay.snapshot(), &stored) {
        let entry = entry?;
        let seq = entry.seq;
        walk.step(entry, &is_wanted);
        if !undo.creation && undo.changes.first().is_none_or(|first| seq <= *first) {
            break;
        }
    }
    let is_complete = walk.oldest.is_none_or(|number| number == 1)
        && stored.origin.unit > overlay.forgotten();
    if undo.creation {
        walk.unmake();
        if !is_complete {
            walk.edited.insert("history");
        }
    }
    let Walk { mut target, mut edited, is_there, .. } = walk;
    if !is_there && edited.is_empty() {
        // The same request may have deleted what it has created.
        if was_deleted.is_some() {
            return Ok(Ok(TaskDone::Undone {
                outcome: Undone::Nothing,
                edited: Vec::new(),
            }));
        }
        if !overlay.children(id)?.is_empty() {
            return Ok(kept(undo, vec!["subtasks"]));
        }
        overlay.delete(now)?;
        return Ok(Ok(TaskDone::Undone { outcome: Undone::Deleted, edited: Vec::new() }));
    }
    if target.recurrence.is_some() && target.due.is_none() {
        for field in [TaskField::Due, TaskField::Recurrence] {
            if !target.has_same(field, &now) {
                edited.insert(field.name());
                target.set(now.value(field));
            }
        }
    }
    let wanted = target.clone();
    let target = allowed!(settled(overlay, target, &now)?);
    if was_deleted.is_none() {
        edited.extend(target.differences(&wanted).into_iter().map(TaskField::name));
    }
    let edited: Vec<&str> = edited.into_iter().collect();
    if !undo.skip && !edited.is_empty() {
        return Ok(Err(TaskRefused::Edited(edited)));
    }
    let outcome = if let Some(deletion) = was_deleted {
        let new = target.restored_from(&stored, at.now);
        allowed!(overlay.revive(deletion, stored, new)?);
        Undone::Restored
    } else {
        let new = target.changed_from(&now, at.now);
        if new == now {
            Undone::Nothing
        } else {
            allowed!(put(overlay, now, new, at)?);
            Undone::Changed
        }
    };
    Ok(Ok(TaskDone::Undone { outcome, edited }))
}

/// Returns the result of an undoing that leaves the task as it is.
fn kept(undo: &UndoOfTask, edited: Vec<&'static str>) -> Result<TaskDone, TaskRefused> {
    if undo.skip {
        Ok(TaskDone::Undone { outcome: Undone::Nothing, edited })
    } else {
        Err(TaskRefused::Edited(edited))
    }
}

/// Replaces a task. Its subtasks follow it to another list.
fn put(
    overlay: &mut TaskOverlay<'_>,
    old: Task,
    new: Task,
    at: WriteTime<'_>,
) -> Decided<Task> {
    let mut changes = Changes::new(overlay);
    let done = occurrence::put(&mut changes, old, new, at)?;
    if done.is_err() {
        changes.undo()?;
    }
    Ok(done)
}

/// Walk from the last change of a task to its first.
struct Walk {
    /// Task before the changes that were passed.
    state: Task,
    /// Task after the undoing.
    target: Task,
    /// Fields whose values no longer stand.
    edited: BTreeSet<&'static str>,
    /// Whether the task exists after the undoing.
    is_there: bool,
    /// Number of the oldest change that was passed.
    oldest: Option<u32>,
}

impl Walk {
    fn new(stored: &Task, now: Task) -> Self {
        Self {
            state: stored.clone(),
            target: now,
            edited: BTreeSet::new(),
            is_there: true,
            oldest: None,
        }
    }

    /// Passes a change. `is_wanted`: whether the change with this number is undone.
    fn step(&mut self, entry: HistoryEntry, is_wanted: &dyn Fn(u64) -> bool) {
        self.oldest = Some(entry.number);
        let is_undone = is_wanted(entry.seq);
        if is_undone && entry.is_restore() {
            self.unmake();
        }
        for value in entry.was {
            if is_undone {
                self.undo(&value);
            }
            self.state.set(value);
        }
        self.is_there |= entry.deletion.is_some_and(|it| is_wanted(it.seq));
    }

    /// Removes the task that the last change passed has created or restored, unless it was edited since.
    fn unmake(&mut self) {
        let since = self.target.differences(&self.state);
        if since.is_empty() {
            self.is_there = false;
        } else if self.is_there {
            self.edited.extend(since.into_iter().map(TaskField::name));
        }
    }

    /// Puts back a value, if the field still has the value that replaced it.
    fn undo(&mut self, value: &TaskValue) {
        let field = value.field();
        if self.target.has_same(field, &self.state) {
            self.target.set(value.clone());
        } else if self.target.value(field) != *value {
            self.edited.insert(field.name());
        }
    }
}
