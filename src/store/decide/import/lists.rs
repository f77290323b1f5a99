//! Import of lists.

use std::collections::{BTreeMap, BTreeSet};

use super::chunk::ChunkImport;
use crate::domain::id::{ListId, UserId};
use crate::domain::list::TaskList;
use crate::domain::task::Task;
use crate::domain::transfer::{Conflict, Existing, Owner};
use crate::store::StoreError;
use crate::store::decide::Change;

/// Greatest id that an import keeps, so that no file can use up the ids of an account.
const MAX_KEPT: u64 = 1 << 32;

/// Stored lists of an account, with those of the chunk.
pub(super) type Lists = BTreeMap<ListId, TaskList>;

impl ChunkImport<'_> {
    /// Imports a list. It is the list with its id and time of creation, or another one with its name and time of
    /// creation; otherwise it is new, and keeps its id if that is free.
    pub(super) fn list(
        &mut self,
        found: TaskList,
    ) -> Result<Result<(), Conflict>, StoreError> {
        let is_its = |owner: &Owner| owner.there == found.owner;
        let Some(Owner { here: owner, .. }) = self.state.owner.filter(is_its) else {
            return Ok(Err(Conflict::Stray));
        };
        // Two lists of the file stay two lists, even if they were made with the same name at the same time.
        let others: BTreeSet<ListId> = self.state.lists.values().copied().collect();
        let (there, lists) = (found.id, self.lists_of(owner)?);
        let known = match lists.get(&there) {
            Some(list) if there.is_default() || list.created_at == found.created_at => {
                Some(list)
            }
            _ if there.is_default() => None,
            _ => lists.values().find(|list| {
                !list.id.is_default()
                    && !others.contains(&list.id)
                    && list.created_at == found.created_at
                    && list.name == found.name
            }),
        };
        let here = match known.cloned() {
            Some(old) => self.keep_or_replace(old, found)?,
            None => {
                let count = lists.keys().filter(|id| !id.is_default()).count();
                if !there.is_default() && count + 1 >= TaskList::MAX_PER_USER {
                    return Ok(Err(Conflict::TooManyLists));
                }
                let is_free = !lists.contains_key(&there) && there.get() <= MAX_KEPT;
                let id = if is_free { there } else { self.next_list(owner)? };
                self.done.lists_added += 1;
                self.put(TaskList { id, owner, ..found })?;
                id
            }
        };
        self.state.lists.insert(there, here);
        Ok(Ok(()))
    }

    /// Returns the stored lists of an account, with those of the chunk.
    fn lists_of(&mut self, owner: UserId) -> Result<&Lists, StoreError> {
        if !self.lists.contains_key(&owner) {
            let stored = self.snapshot.lists(owner)?;
            let stored = stored.into_iter().map(|list| (list.id, list)).collect();
            self.lists.insert(owner, stored);
        }
        Ok(self.lists.entry(owner).or_default())
    }

    fn next_list(&mut self, owner: UserId) -> Result<ListId, StoreError> {
        let figures = self.snapshot.figures(owner)?;
        let next = figures.map_or(2, |figures| figures.next_list.get());
        let last = self.lists_of(owner)?.keys().next_back().map_or(1, |last| last.get());
        Ok(ListId::new(next.max(last.saturating_add(1))))
    }

    fn keep_or_replace(
        &mut self,
        old: TaskList,
        found: TaskList,
    ) -> Result<ListId, StoreError> {
        let TaskList { id, owner, created_at, seq, .. } = old;
        let wanted = TaskList { id, owner, created_at, seq, ..found };
        match self.state.options.existing {
            _ if wanted == old => self.done.lists_same += 1,
            Existing::Keep => self.done.lists_kept += 1,
            Existing::Replace => {
                let TaskList { updated_at, revision, .. } = old;
                let new = TaskList { updated_at, revision, ..wanted };
                if new == old {
                    self.done.lists_same += 1;
                } else {
                    self.done.lists_replaced += 1;
                    self.put(TaskList {
                        updated_at: self.now.max(updated_at),
                        revision: Task::revision_after(revision),
                        ..new
                    })?;
                }
            }
        }
        Ok(id)
    }

    /// Writes a list, which gets the number of the next change.
    fn put(&mut self, list: TaskList) -> Result<(), StoreError> {
        let (owner, id) = (list.owner, list.id);
        let overlay = self.overlay(owner)?;
        let list = TaskList { seq: overlay.take_seq(), ..list };
        overlay.know_list(id);
        let old = self.lists.entry(owner).or_default().insert(id, list.clone());
        self.changes.push(match old {
            None if !id.is_default() => Change::ListCreate(list),
            _ => Change::ListReplace(list),
        });
        Ok(())
    }

    /// Returns the list here of an imported task. A list that was deleted during the import is replaced by the default
    /// list.
    pub(super) fn list_here(
        &mut self,
        owner: UserId,
        there: ListId,
    ) -> Result<Result<ListId, Conflict>, StoreError> {
        if there.is_default() {
            return Ok(Ok(there));
        }
        let Some(here) = self.state.lists.get(&there).copied() else {
            return Ok(Err(Conflict::NoList));
        };
        let is_there = self.overlay(owner)?.has_list(here)?;
        Ok(Ok(if is_there { here } else { ListId::DEFAULT }))
    }
}
