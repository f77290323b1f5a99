//! Changes, lowered to rows.
//!
//! This is the only place that combines records, index entries and counts, so that none can be
//! forgotten. [`lower`] reads and may find damage; it returns plain steps on bytes, which are executed
//! only if all of them could be planned. A change that fails has written nothing.

mod history;
mod tombstones;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{ListId, TaskId, UserId};
use crate::domain::list::TaskList;
use crate::domain::tag::Tag;
use crate::domain::task::{Task, TaskCounts};
use crate::domain::user::Credential;
use crate::store::StoreError;
use crate::store::decide::idempotency::record_bytes;
use crate::store::decide::{Change, IdempotencyUsage, Snapshot as _};
use crate::store::redb::engine::batch::Op;
use crate::store::redb::engine::view::View;
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::record;
use crate::store::redb::format::record::{LastTask, Stats};
use crate::store::redb::format::{codec, index, task_index, task_key};

/// Converts changes to steps on bytes.
pub(in crate::store::redb) fn lower<'a>(
    view: &'a View<'_, '_>,
    changes: &'a [Change],
) -> Result<Vec<Op>, StoreError> {
    let mut plan = Plan {
        view,
        ops: Vec::with_capacity(16),
        stats: Vec::new(),
        tags: BTreeMap::new(),
        lists: BTreeMap::new(),
        tasks: BTreeMap::new(),
        idempotency: Vec::new(),
    };
    for change in changes {
        plan.add(change)?;
    }
    plan.tags()?;
    plan.lists()?;
    plan.tasks()?;
    plan.idempotency_stats()?;
    let stats = plan.stats.into_iter();
    let stats = stats.map(|(owner, stats)| Op::Stats(owner, Box::new(stats)));
    plan.ops.extend(stats);
    Ok(plan.ops)
}

/// Task before and after a write.
#[derive(Clone, Copy)]
struct Edited<'a> {
    old: Option<&'a Task>,
    new: Option<&'a Task>,
}

struct Plan<'a, 'view, 'txn> {
    view: &'a View<'view, 'txn>,
    ops: Vec<Op>,
    /// Counts after the changes planned so far.
    stats: Vec<(UserId, Stats)>,
    /// Counts of tags before the changes, and after those planned so far.
    tags: BTreeMap<(UserId, Tag), (TaskCounts, TaskCounts)>,
    /// The same of lists other than the default list.
    lists: BTreeMap<(UserId, ListId), (TaskCounts, TaskCounts)>,
    /// Tasks before the changes, and after those planned so far.
    tasks: BTreeMap<UserId, BTreeMap<TaskId, Edited<'a>>>,
    /// Counts of idempotency records after the changes planned so far.
    idempotency: Vec<(UserId, IdempotencyUsage)>,
}

impl<'a> Plan<'a, '_, '_> {
    fn add(&mut self, change: &'a Change) -> Result<(), StoreError> {
        match change {
            Change::UserCreate { new, email_key, seq } => {
                let id = new.user.id;
                self.put(Table::Users, &id.to_bytes(), record::user(new)?);
                self.email_put(email_key, id)?;
                if let Some(entry) = index::admin(&new.user) {
                    self.put(Table::Admins, &entry, Vec::new());
                }
                self.ops.push(Op::UsedUserId(id.get()));
                let (seq, horizon) = (*seq, seq.saturating_sub(1));
                let stats = Stats { seq, account_seq: seq, horizon, ..Stats::EMPTY };
                self.stats.push((id, stats));
            }
            Change::UserReplace { old, new } => self.user_replace(old, new)?,
            Change::UserDelete(old) => self.user_delete(old)?,
            Change::IdsUsed(next) => {
                self.ops.push(Op::UsedUserId(next.user.saturating_sub(1)));
                self.ops.push(Op::UsedTaskId(next.task.saturating_sub(1)));
            }
            Change::SessionPut(new) => {
                let key = key::session(new.user, new.id);
                self.put(Table::Owned, &key, record::session(new)?);
            }
            Change::SessionDelete(user, id) => {
                self.delete(Table::Owned, &key::session(*user, *id));
            }
            Change::TokenPut(new) => {
                let key = key::token(new.user, new.id);
                self.put(Table::Owned, &key, record::token(new)?);
            }
            Change::TokenDelete(user, id) => {
                self.delete(Table::Owned, &key::token(*user, *id));
            }
            Change::InvitationPut(new) => {
                let value = record::invitation(new)?;
                self.put(Table::Invitations, &new.id.to_bytes(), value);
            }
            Change::InvitationDelete(id) => {
                self.delete(Table::Invitations, &id.to_bytes());
            }
            Change::AuditAdd(new) => {
                self.put(Table::Audit, &key::audit(new.id), record::audit(new)?);
            }
            Change::AuditDelete(id) => self.delete(Table::Audit, &key::audit(*id)),
            Change::IdempotencyPut(owner, new) => {
                let entry = index::idempotency_by_age(*owner, new.key, new.made_at);
                let value = record::idempotency(*owner, new)?;
                self.put(Table::Owned, &key::idempotency(*owner, new.key), value);
                self.put(Table::Owned, &entry.encode(), Vec::new());
                let stats = self.idempotency_of(*owner)?;
                stats.records += 1;
                stats.bytes += record_bytes(new);
            }
            Change::IdempotencyDelete(owner, old) => {
                let entry = index::idempotency_by_age(*owner, old.key, old.made_at);
                self.delete(Table::Owned, &key::idempotency(*owner, old.key));
                self.delete(Table::Owned, &entry.encode());
                let stats = self.idempotency_of(*owner)?;
                stats.records = stats.records.saturating_sub(1);
                stats.bytes = stats.bytes.saturating_sub(record_bytes(old));
            }
            Change::QuotaSet(owner, own) => self.stats_of(*owner)?.own = *own,
            Change::ListCreate(new) => {
                self.list_put(new)?;
                self.stats_of(new.owner)?.lists += 1;
            }
            Change::ListReplace(new) => self.list_put(new)?,
            Change::ListDelete(old) => {
                self.delete(Table::Owned, &key::list(old.owner, old.id));
                let stats = self.stats_of(old.owner)?;
                stats.lists = stats.lists.saturating_sub(1);
            }
            Change::TaskCreate(new) => {
                let newest = self.stats_of(new.owner)?.newest;
                self.task_add(new, new.created_at >= newest)?;
            }
            Change::TaskRestore { new, in_order } => self.task_add(new, *in_order)?,
            Change::TaskReplace { old, new } => self.task_replace(old, new)?,
            Change::TaskDelete(old) => self.task_delete(old)?,
            Change::TaskGone(owner, changed) => {
                let stats = self.stats_of(*owner)?;
                stats.newest = stats.newest.max(*changed);
            }
            Change::HistoryAdd(new) => self.history_add(new)?,
            Change::HistoryDelete(old) => self.history_delete(old)?,
            Change::HistoryExpire(old) => {
                self.history_delete(old)?;
                let usage = &mut self.stats_of(old.owner)?.history;
                usage.forgotten = usage.forgotten.max(old.seq);
            }
            Change::TrashAdd(seq, task) => self.trash_add(*seq, task)?,
            Change::TrashDelete(seq, task) => self.trash_delete(*seq, task)?,
            Change::TombstoneAdd(new) => self.tombstone_add(new)?,
            Change::TombstoneExpire(old) => {
                self.tombstone_delete(old)?;
                let stats = self.stats_of(old.owner)?;
                stats.horizon = stats.horizon.max(old.seq);
            }
            Change::TombstoneRaise(old) => self.tombstone_delete(old)?,
        }
        Ok(())
    }

    fn user_replace(
        &mut self,
        old: &Credential,
        new: &Credential,
    ) -> Result<(), StoreError> {
        let id = new.user.id;
        self.put(Table::Users, &id.to_bytes(), record::user(new)?);
        if old.user.email != new.user.email {
            self.email_delete(old)?;
            // A key exists, or the change would have been refused.
            let to = self.view.email_key(&new.user.email, id)?;
            self.email_put(&to.unwrap_or_else(|| new.user.email.lower()), id)?;
        }
        match (index::admin(&old.user), index::admin(&new.user)) {
            (None, Some(entry)) => self.put(Table::Admins, &entry, Vec::new()),
            (Some(entry), None) => self.delete(Table::Admins, &entry),
            _ => {}
        }
        if old.user != new.user {
            let stats = self.stats_of(id)?;
            stats.seq = stats.seq.saturating_add(1);
            stats.account_seq = stats.seq;
        }
        Ok(())
    }

    fn email_put(&mut self, key: &str, id: UserId) -> Result<(), StoreError> {
        let value = record::number(Table::UserByEmail, key.as_bytes(), id.get())?;
        self.put(Table::UserByEmail, key.as_bytes(), value);
        Ok(())
    }

    fn email_delete(&mut self, old: &Credential) -> Result<(), StoreError> {
        let key = self.view.email_key(&old.user.email, old.user.id)?;
        if let Some(key) = key {
            self.delete(Table::UserByEmail, key.as_bytes());
        }
        Ok(())
    }

    /// Deletes an account with all its rows: at once, or, if that would hold up the writer for long,
    /// the reachable rows at once and the rest in slices (see [`crate::store::redb::engine::writer`]).
    fn user_delete(&mut self, old: &Credential) -> Result<(), StoreError> {
        let id = old.user.id;
        self.delete(Table::Users, &id.to_bytes());
        self.email_delete(old)?;
        if let Some(entry) = index::admin(&old.user) {
            self.delete(Table::Admins, &entry);
        }
        let records = self.idempotency_of(id)?.records;
        let stats = self.stats_of(id)?;
        let history = stats.history.changes.saturating_add(stats.history.trashed);
        let traces = stats.tombstones.saturating_add(history);
        let rows = stats.counts().total.saturating_add(records).saturating_add(traces);
        self.stats.retain(|(owner, _)| *owner != id);
        self.idempotency.retain(|(owner, _)| *owner != id);
        if self.view.is_deleted_at_once(rows) {
            self.ops.push(Op::DeleteOwned(key::everything_of(id)));
        } else {
            self.delete(Table::Owned, &key::stats(id));
            self.ops.push(Op::DeleteOwned(key::sessions_of(id)));
            self.ops.push(Op::DeleteOwned(key::tokens_of(id)));
            let value = record::number(Table::Purge, &id.to_bytes(), 0)?;
            self.put(Table::Purge, &id.to_bytes(), value);
        }
        Ok(())
    }

    fn list_put(&mut self, new: &TaskList) -> Result<(), StoreError> {
        self.put(Table::Owned, &key::list(new.owner, new.id), record::list(new)?);
        let stats = self.stats_of(new.owner)?;
        stats.next_list = stats.next_list.max(new.id.get().saturating_add(1));
        stats.seq = stats.seq.max(new.seq);
        Ok(())
    }

    fn task_add(&mut self, new: &'a Task, in_order: bool) -> Result<(), StoreError> {
        self.task_put(new)?;
        if let Some(row) = index::uid(new.owner, &new.uid, new.id) {
            let value = record::number(Table::Owned, &row, new.id.get())?;
            self.put(Table::Owned, &row, value);
        }
        self.ops.push(Op::UsedTaskId(new.id.get()));
        let stats = self.stats_of(new.owner)?;
        stats.in_order &= in_order;
        stats.newest = stats.newest.max(new.created_at);
        self.count(None, Some(new))
    }

    fn task_replace(&mut self, old: &'a Task, new: &'a Task) -> Result<(), StoreError> {
        self.task_put(new)?;
        self.count(Some(old), Some(new))
    }

    fn task_delete(&mut self, old: &'a Task) -> Result<(), StoreError> {
        self.delete(Table::Owned, &key::task(old.owner, old.id));
        let stats = self.stats_of(old.owner)?;
        stats.newest = stats.newest.max(old.updated_at);
        self.count(Some(old), None)
    }

    /// Removes the old task from the counts and adds the new one.
    fn count(
        &mut self,
        old: Option<&'a Task>,
        new: Option<&'a Task>,
    ) -> Result<(), StoreError> {
        let Some(any) = old.or(new) else { return Ok(()) };
        let owner = any.owner;
        let edited = self.tasks.entry(owner).or_default().entry(any.id);
        edited.or_insert(Edited { old, new }).new = new;
        let stats = self.stats_of(owner)?;
        let weight = |task: Option<&Task>| task.map_or(0, Task::weight);
        stats.weight =
            stats.weight.saturating_add(weight(new)).saturating_sub(weight(old));
        for task in [old, new].into_iter().flatten() {
            stats.latest_change = stats.latest_change.max(task.updated_at);
        }
        if let Some(new) = new {
            more(stats.of_mut(new.priority), new);
            stats.nested += u64::from(new.parent.is_some());
        }
        if let Some(old) = old {
            less(stats.of_mut(old.priority), old)?;
            stats.nested = minus(stats.nested, u64::from(old.parent.is_some()), owner)?;
        }
        let has_same_tags = |old: &Task, new: &Task| {
            let is_same = old.tags == new.tags && old.list == new.list;
            is_same && old.is_completed() == new.is_completed()
        };
        if old.zip(new).is_some_and(|(old, new)| has_same_tags(old, new)) {
            return Ok(());
        }
        for (task, is_new) in
            new.map(|it| (it, true)).into_iter().chain(old.map(|it| (it, false)))
        {
            for tag in task.tags.iter() {
                let (_, counts) = self.tag_of(owner, tag)?;
                if is_new {
                    more(counts, task);
                } else {
                    less(counts, task)?;
                }
            }
            if !task.list.is_default() {
                let (_, counts) = self.list_of(owner, task.list)?;
                if is_new {
                    more(counts, task);
                } else {
                    less(counts, task)?;
                }
            }
        }
        Ok(())
    }

    fn list_of(
        &mut self,
        owner: UserId,
        id: ListId,
    ) -> Result<&mut (TaskCounts, TaskCounts), StoreError> {
        Ok(match self.lists.entry((owner, id)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let counts = self.view.list_counts(owner, id)?;
                place.insert((counts, counts))
            }
        })
    }

    /// Writes the counts of lists. A list has a row of counts as long as it has tasks.
    fn lists(&mut self) -> Result<(), StoreError> {
        for ((owner, id), (before, after)) in std::mem::take(&mut self.lists) {
            let key = task_key::list_counts(owner, id);
            if after.total == 0 {
                self.delete(Table::Owned, &key);
            } else if before != after {
                let value = record::task_counts(&key, after)?;
                self.put(Table::Owned, &key, value);
            }
        }
        Ok(())
    }

    fn tag_of(
        &mut self,
        owner: UserId,
        tag: &Tag,
    ) -> Result<&mut (TaskCounts, TaskCounts), StoreError> {
        Ok(match self.tags.entry((owner, tag.clone())) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let counts = self.view.tag_counts(owner, tag)?;
                place.insert((counts, counts))
            }
        })
    }

    /// Writes the counts of tags. A tag has a row of counts as long as a task has it.
    fn tags(&mut self) -> Result<(), StoreError> {
        for ((owner, tag), (before, after)) in std::mem::take(&mut self.tags) {
            let key = task_key::tag_counts(owner, &tag);
            let stats = self.stats_of(owner)?;
            stats.tags += u64::from(before.total == 0 && after.total > 0);
            if before.total > 0 && after.total == 0 {
                stats.tags = minus(stats.tags, 1, owner)?;
                self.delete(Table::Owned, &key);
            } else if before != after {
                let value = record::task_counts(&key, after)?;
                self.put(Table::Owned, &key, value);
            }
        }
        Ok(())
    }

    /// Updates the values that depend on all tasks of an account: the last one in its order, and the state of the
    /// indexes.
    fn tasks(&mut self) -> Result<(), StoreError> {
        for (owner, edited) in std::mem::take(&mut self.tasks) {
            let last = self.last(owner, &edited)?;
            let view = self.view;
            let stats = self.stats_of(owner)?;
            stats.last = last;
            let (was_indexed, wants_index) = (stats.is_indexed, view.wants_index(stats));
            let others = if wants_index == was_indexed {
                None
            } else {
                self.unchanged(owner, &edited)?
            };
            let is_indexed = if others.is_some() { wants_index } else { was_indexed };
            self.stats_of(owner)?.is_indexed = is_indexed;
            for task in others.iter().flatten() {
                self.reindex(was_indexed.then_some(task), is_indexed.then_some(task));
            }
            for Edited { old, new } in edited.into_values() {
                let (old, new) =
                    (old.filter(|_| was_indexed), new.filter(|_| is_indexed));
                self.reindex(old, new);
            }
        }
        Ok(())
    }

    /// Reads the tasks of an account that the changes leave as they are. `None` if one is damaged: the indexes then stay
    /// as they are, so that the account can go on writing.
    fn unchanged(
        &self,
        owner: UserId,
        edited: &BTreeMap<TaskId, Edited<'_>>,
    ) -> Result<Option<Vec<Task>>, StoreError> {
        match self.view.all_tasks(owner) {
            Ok(mut tasks) => {
                tasks.retain(|task| !edited.contains_key(&task.id));
                Ok(Some(tasks))
            }
            Err(StoreError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the last task after the changes. Reads other tasks only if the last one has lost its place.
    fn last(
        &self,
        owner: UserId,
        edited: &BTreeMap<TaskId, Edited<'_>>,
    ) -> Result<Option<LastTask>, StoreError> {
        let edited_before = edited.values().filter(|edited| edited.old.is_some()).count();
        let has_others = self.view.stats(owner)?.is_some_and(|stats| {
            usize::try_from(stats.counts().total).is_ok_and(|total| total > edited_before)
        });
        let skips = |id| edited.contains_key(&id);
        let other = if has_others { self.view.last_task(owner, &skips)? } else { None };
        let new = edited.values().filter_map(|edited| edited.new);
        let new = new.max_by_key(|task| (&task.position, task.id));
        let new = new.map(|task| (task.position.clone(), task.id));
        Ok(other.max(new).and_then(|(position, id)| LastTask::new(position, id)))
    }

    fn reindex(&mut self, old: Option<&Task>, new: Option<&Task>) {
        let is_same_text = old.zip(new).is_some_and(|(old, new)| {
            old.title == new.title && old.description == new.description
        });
        let entries = if is_same_text {
            task_index::entries_without_words
        } else {
            task_index::entries
        };
        match (old.map(entries), new.map(entries)) {
            (Some(old), Some(new)) => {
                let (from, to) = (BTreeSet::from_iter(old), BTreeSet::from_iter(new));
                for entry in from.difference(&to) {
                    self.delete(Table::Owned, entry);
                }
                for entry in to.difference(&from) {
                    self.put(Table::Owned, entry, Vec::new());
                }
            }
            (Some(old), None) => {
                self.ops.extend(old.into_iter().map(|it| Op::Delete(Table::Owned, it)));
            }
            (None, Some(new)) => {
                let put = |it| Op::Put(Table::Owned, it, Vec::new());
                self.ops.extend(new.into_iter().map(put));
            }
            (None, None) => {}
        }
    }

    fn task_put(&mut self, task: &Task) -> Result<(), StoreError> {
        self.put(Table::Owned, &key::task(task.owner, task.id), record::task(task)?);
        let stats = self.stats_of(task.owner)?;
        stats.seq = stats.seq.max(task.seq);
        Ok(())
    }

    fn idempotency_of(
        &mut self,
        owner: UserId,
    ) -> Result<&mut IdempotencyUsage, StoreError> {
        let at = match self.idempotency.iter().position(|(of, _)| *of == owner) {
            Some(at) => at,
            None => {
                self.idempotency.push((owner, self.view.idempotency_usage(owner)?));
                self.idempotency.len() - 1
            }
        };
        let (_, stats) =
            self.idempotency.get_mut(at).expect("found or pushed just above");
        Ok(stats)
    }

    /// Writes the row of each account whose idempotency records changed, or removes it if none are left.
    fn idempotency_stats(&mut self) -> Result<(), StoreError> {
        for (owner, stats) in std::mem::take(&mut self.idempotency) {
            let key = key::idempotency_stats(owner);
            if stats == IdempotencyUsage::default() {
                self.delete(Table::Owned, &key);
            } else {
                self.put(Table::Owned, &key, record::idempotency_stats(owner, stats)?);
            }
        }
        Ok(())
    }

    fn put(&mut self, table: Table, key: &[u8], value: Vec<u8>) {
        self.ops.push(Op::Put(table, key.to_vec(), value));
    }

    fn delete(&mut self, table: Table, key: &[u8]) {
        self.ops.push(Op::Delete(table, key.to_vec()));
    }

    fn stats_of(&mut self, owner: UserId) -> Result<&mut Stats, StoreError> {
        let at = match self.stats.iter().position(|(of, _)| *of == owner) {
            Some(at) => at,
            None => {
                let stats = self.view.stats(owner)?;
                let stats = stats.ok_or_else(|| damaged(owner, "missing"))?;
                self.stats.push((owner, Stats::clone(&stats)));
                self.stats.len() - 1
            }
        };
        let (_, stats) = self.stats.get_mut(at).expect("found or pushed just above");
        Ok(stats)
    }
}

fn more(counts: &mut TaskCounts, task: &Task) {
    counts.total += 1;
    counts.open += u64::from(!task.is_completed());
}

fn less(counts: &mut TaskCounts, task: &Task) -> Result<(), StoreError> {
    counts.total = minus(counts.total, 1, task.owner)?;
    counts.open = minus(counts.open, u64::from(!task.is_completed()), task.owner)?;
    Ok(())
}

fn minus(count: u64, by: u64, owner: UserId) -> Result<u64, StoreError> {
    count.checked_sub(by).ok_or_else(|| damaged(owner, "counts fewer tasks than exist"))
}

fn damaged(owner: UserId, why: &str) -> StoreError {
    codec::damaged(Table::Owned, &key::stats(owner), &why)
}
