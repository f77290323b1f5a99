//! Changes that produce the future state, with their traces: history, trash and tombstones.

use super::TaskOverlay;
use crate::domain::task::{Deletion, HistoryEntry, Task, TaskRefused};
use crate::domain::transfer::NextIds;
use crate::store::StoreError;
use crate::store::decide::Change;
use crate::store::decide::history::{self, Recorded};

impl TaskOverlay<'_> {
    /// Puts a deleted task back, if its rows, tags and size are within the limits. `was`: the task as it was deleted by
    /// this change.
    pub(in crate::store::decide::tasks) fn revive(
        &mut self,
        deletion: Deletion,
        was: Task,
        mut task: Task,
    ) -> Result<Result<(), TaskRefused>, StoreError> {
        if !self.may_touch(task.rows()) {
            return Ok(Err(TaskRefused::TooMuch));
        }
        if !self.may_tag(&[], &task)? {
            return Ok(Err(TaskRefused::TooManyTags));
        }
        if let Err(exceeded) = self.allowance.admit(self.snapshot, None, &task)? {
            return Ok(Err(TaskRefused::Quota(exceeded)));
        }
        self.date(&mut task)?;
        let tombstone = self.snapshot.tombstone(self.owner, task.id)?;
        self.raised.extend(tombstone.map(|it| (it.seq, it)));
        self.uids.insert(task.uid.clone(), task.id);
        let in_order = self.is_in_order(&task)?;
        self.restored.insert(task.id, in_order);
        self.revived.insert(task.id, (deletion, was));
        self.below.clear();
        let id = task.id;
        self.edit(None, Some(task), id)?;
        Ok(Ok(()))
    }

    /// Returns the changes that produce this state.
    pub(in crate::store::decide) fn into_changes(
        mut self,
    ) -> Result<Vec<Change>, StoreError> {
        let mut changes = Vec::with_capacity(2 * self.edited.len());
        self.raise(&mut changes)?;
        let mut is_id_lost = false;
        for (id, edited) in std::mem::take(&mut self.edited) {
            match (edited.old, edited.new) {
                (None, Some(new)) => {
                    if let Some((deletion, was)) = self.revived.remove(&id) {
                        let seq = deletion.seq;
                        self.record(&was, &new, Some(deletion), &mut changes)?;
                        changes.push(Change::TrashDelete(seq, was));
                    }
                    changes.push(match self.restored.get(&id) {
                        Some(&in_order) => Change::TaskRestore { new, in_order },
                        None => Change::TaskCreate(new),
                    });
                }
                (Some(old), Some(new)) if !is_same(&old, &new) => {
                    self.record(&old, &new, None, &mut changes)?;
                    changes.push(Change::TaskReplace { old, new });
                }
                (Some(old), None) => {
                    if let Some(tombstone) = self.buried.remove(&id) {
                        changes.push(Change::TrashAdd(tombstone.seq, old.clone()));
                        changes.push(Change::TombstoneAdd(tombstone));
                    }
                    changes.push(Change::TaskDelete(old));
                }
                (Some(_), Some(_)) => {}
                (None, None) => is_id_lost = true,
            }
        }
        if let Some(gone) = self.gone {
            // A client has seen it, so no later change may be older.
            changes.push(Change::TaskGone(self.owner, gone));
        }
        if is_id_lost {
            // A client was told of it, so it must not be assigned again.
            changes.push(Change::IdsUsed(NextIds { user: 1, task: self.next_id }));
        }
        Ok(changes)
    }

    /// Removes the traces of tasks that come back.
    fn raise(&mut self, changes: &mut Vec<Change>) -> Result<(), StoreError> {
        for tombstone in std::mem::take(&mut self.raised).into_values() {
            let Some((id, _)) = tombstone.of.task() else { continue };
            if self.edited.get(&id).is_none_or(|edited| edited.new.is_none()) {
                // It is deleted again.
                self.revived.remove(&id);
                continue;
            }
            // An imported task has no former changes.
            if !self.revived.contains_key(&id) {
                history::forget(self.snapshot, self.owner, tombstone.seq, changes)?;
            }
            changes.push(Change::TombstoneRaise(tombstone));
        }
        Ok(())
    }

    /// Records a change of a task in its history.
    fn record(
        &self,
        old: &Task,
        new: &Task,
        deletion: Option<Deletion>,
        changes: &mut Vec<Change>,
    ) -> Result<(), StoreError> {
        let entry = HistoryEntry {
            owner: self.owner,
            task: new.id,
            seq: new.seq,
            unit: self.unit,
            at: self.at,
            author: self.author.clone(),
            before_seq: old.seq,
            before_revision: old.revision,
            number: 1,
            was: Vec::new(),
            deletion,
        };
        Recorded { old, new, entry }.add(self.snapshot, changes)
    }
}

/// Whether two states of a task differ in the number of the change at most: it was changed, and changed back.
fn is_same(old: &Task, new: &Task) -> bool {
    old.revision == new.revision && Task { seq: old.seq, ..new.clone() } == *old
}
