//! Plan of an undoing: the tasks that it concerns, and their changes.

use std::collections::BTreeMap;

use crate::domain::access::Access;
use crate::domain::author::Author;
use crate::domain::id::{TaskId, UserId};
use crate::domain::task::{
    Deletion, Gone, HistoryEntry, Task, TaskValue, UndoOfTask, UndoPlan, UndoScope,
};
use crate::domain::timestamp::Timestamp;
use crate::store::StoreError;
use crate::store::decide::Snapshot;

/// Rows that are read at once.
const AT_ONCE: usize = 512;

/// Finds the changes that a person wants to undo; see [`crate::store::Store::undo_plan`].
///
/// # Errors
///
/// Errors of the database.
pub fn plan(
    snapshot: &dyn Snapshot,
    owner: UserId,
    scope: UndoScope,
) -> Result<UndoPlan, StoreError> {
    let mut found = Found { scope, tasks: BTreeMap::new(), is_too_much: false };
    found.changes(snapshot, owner)?;
    found.deletions(snapshot, owner)?;
    if !matches!(scope, UndoScope::Change(_)) {
        found.creations(snapshot, owner)?;
    }
    Ok(found.into_plan())
}

#[derive(Default)]
struct Marked {
    changes: Vec<u64>,
    creation: bool,
    deletion: Option<u64>,
    /// Whether a restoring of the task is one of the changes, and the deletion before is not.
    restoring: bool,
    /// Parent of a created, deleted or restored task.
    parent: Option<TaskId>,
    /// Whether these changes have replaced the parent.
    is_moved: bool,
    /// Parent before the first of these changes that has replaced it.
    former_parent: Option<TaskId>,
}

struct Found {
    scope: UndoScope,
    tasks: BTreeMap<TaskId, Marked>,
    is_too_much: bool,
}

impl Found {
    /// Returns the number of the first change that may be meant.
    const fn first(&self) -> u64 {
        match self.scope {
            UndoScope::Change(seq) | UndoScope::Batch(seq) => seq,
            UndoScope::Since(..) => 0,
        }
    }

    fn is_meant(&self, seq: u64, unit: u64, at: Timestamp, author: &Author) -> bool {
        match self.scope {
            UndoScope::Change(wanted) => seq == wanted,
            UndoScope::Batch(wanted) => unit == wanted,
            UndoScope::Since(since, access) => at >= since && is_by(author, access),
        }
    }

    /// Whether a task was created by these changes. A single change is of a task that exists.
    fn has_created(&self, task: &Task) -> bool {
        let (origin, at) = (&task.origin, task.created_at);
        // A task has its number since its creation, or a later one.
        let is_single = matches!(self.scope, UndoScope::Change(_));
        !is_single
            && task.seq >= self.first()
            && self.is_meant(task.seq, origin.unit, at, &origin.author)
    }

    /// Returns the marks of a task, unless there are too many tasks.
    fn mark(&mut self, id: TaskId) -> Option<&mut Marked> {
        let is_full = self.tasks.len() >= UndoPlan::MAX_TASKS;
        if is_full && !self.tasks.contains_key(&id) {
            self.is_too_much = true;
            return None;
        }
        Some(self.tasks.entry(id).or_default())
    }

    fn changes(
        &mut self,
        snapshot: &dyn Snapshot,
        owner: UserId,
    ) -> Result<(), StoreError> {
        let mut from = self.first();
        loop {
            let entries = snapshot.history_from(owner, from, AT_ONCE)?;
            let is_last = entries.len() < AT_ONCE;
            for entry in entries {
                from = entry.seq.saturating_add(1);
                if matches!(self.scope, UndoScope::Change(wanted) if entry.seq > wanted) {
                    return Ok(());
                }
                self.change(snapshot, &entry)?;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    fn change(
        &mut self,
        snapshot: &dyn Snapshot,
        entry: &HistoryEntry,
    ) -> Result<(), StoreError> {
        // The tombstone of a restored task is gone.
        let deletion = entry.deletion.as_ref().filter(|it| {
            let Deletion { seq, unit, at, author } = it;
            self.is_meant(*seq, *unit, *at, author)
        });
        if let Some(deletion) = deletion
            && let Some(marked) = self.mark(entry.task)
        {
            marked.changes.push(deletion.seq);
        }
        if !self.is_meant(entry.seq, entry.unit, entry.at, &entry.author) {
            return Ok(());
        }
        let is_restore = entry.is_restore() && deletion.is_none();
        let now = if is_restore { snapshot.task(entry.owner, entry.task)? } else { None };
        if let Some(marked) = self.mark(entry.task) {
            marked.changes.push(entry.seq);
            if is_restore {
                marked.restoring = true;
                marked.parent = now.and_then(|task| task.parent);
            }
            for value in &entry.was {
                if let (TaskValue::Parent(parent), false) = (value, marked.is_moved) {
                    marked.is_moved = true;
                    marked.former_parent = *parent;
                }
            }
        }
        Ok(())
    }

    fn deletions(
        &mut self,
        snapshot: &dyn Snapshot,
        owner: UserId,
    ) -> Result<(), StoreError> {
        let mut from = self.first();
        loop {
            let tombstones = snapshot.tombstones(owner, from, AT_ONCE)?;
            let is_last = tombstones.len() < AT_ONCE;
            for tombstone in tombstones {
                from = tombstone.seq.saturating_add(1);
                if matches!(self.scope, UndoScope::Change(wanted) if tombstone.seq > wanted)
                {
                    return Ok(());
                }
                let Gone::Task(id, _) = tombstone.of else { continue };
                let (seq, unit, at) = (tombstone.seq, tombstone.unit, tombstone.at);
                if !self.is_meant(seq, unit, at, &tombstone.author) {
                    continue;
                }
                let task = snapshot.trash(owner, seq)?;
                let creation = task.as_ref().is_some_and(|task| self.has_created(task));
                if let Some(marked) = self.mark(id) {
                    marked.changes.push(seq);
                    marked.deletion = Some(seq);
                    marked.creation = creation;
                    marked.parent = match task {
                        Some(task) if !marked.is_moved => task.parent,
                        _ => marked.former_parent,
                    };
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }

    fn creations(
        &mut self,
        snapshot: &dyn Snapshot,
        owner: UserId,
    ) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let tasks = snapshot.tasks_after(owner, after, AT_ONCE)?;
            let is_last = tasks.len() < AT_ONCE;
            for task in tasks {
                after = Some(task.id);
                if self.has_created(&task)
                    && let Some(marked) = self.mark(task.id)
                {
                    marked.creation = true;
                    marked.parent = task.parent;
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Counts the tasks above one that were created, deleted or restored, too.
    fn depth(&self, id: TaskId) -> usize {
        let parent = |id: &TaskId| self.tasks.get(id).and_then(|marked| marked.parent);
        let above = std::iter::successors(parent(&id), |id| parent(id));
        // States of different times might form a circle.
        above.take(Task::MAX_DEPTH).count()
    }

    /// Puts the tasks in an order in which they can be undone: parents come back before their subtasks, and subtasks go
    /// before their parents.
    fn into_plan(mut self) -> UndoPlan {
        for marked in self.tasks.values_mut() {
            marked.changes.sort_unstable();
        }
        let place = |(id, marked): (&TaskId, &Marked)| {
            let last = marked.changes.last().copied().unwrap_or_default();
            let place = match marked {
                Marked { deletion: Some(seq), .. } => (0, self.depth(*id), *seq),
                Marked { creation: true, .. } | Marked { restoring: true, .. } => {
                    (2, usize::MAX - self.depth(*id), u64::MAX - id.get())
                }
                Marked { .. } => (1, 0, u64::MAX - last),
            };
            (*id, place)
        };
        let places: BTreeMap<TaskId, _> = self.tasks.iter().map(place).collect();
        let mut tasks: Vec<(TaskId, Marked)> = self.tasks.into_iter().collect();
        tasks.sort_by_key(|(id, _)| places.get(id));
        let undo = |(id, marked): (TaskId, Marked)| {
            let Marked { changes, creation, .. } = marked;
            (id, UndoOfTask { changes, creation, skip: false })
        };
        let tasks = tasks.into_iter().map(undo).collect();
        UndoPlan { tasks, is_too_much: self.is_too_much }
    }
}

fn is_by(author: &Author, access: Access) -> bool {
    match (author, access) {
        (Author::Session(id), Access::Session(wanted)) => *id == wanted,
        (Author::Token(id, _), Access::Token(wanted)) => *id == wanted,
        _ => false,
    }
}
