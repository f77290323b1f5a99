//! Write transaction, shared by all writes of a commit.

use redb::{ReadableTable as _, WriteTransaction};

use crate::domain::id::UserId;
use crate::domain::quota::Quota;
use crate::random::{Random as _, SystemRandom};
use crate::store::StoreError;
use crate::store::redb::engine::sizes::Sizes;
use crate::store::redb::engine::space::Room;
use crate::store::redb::engine::work::Work;
use crate::store::redb::format::key;
use crate::store::redb::format::key::{KeyRange, Table};
use crate::store::redb::format::record::Stats;
use crate::store::redb::format::table::Tables;
use crate::store::redb::format::{record, table};
use crate::store::redb::options::Options;

/// Row reads that take as long as one row write.
const READS_A_ROW: u64 = 4;

/// Step on bytes. Fails only if the file fails.
#[derive(Debug)]
pub(in crate::store::redb) enum Op {
    Put(Table, Vec<u8>, Vec<u8>),
    Delete(Table, Vec<u8>),
    /// Removal of all entries of a range of a deleted account. Their bytes are no longer counted.
    DeleteOwned(KeyRange),
    /// Statistics of an account to write, with the byte count from before these steps.
    Stats(UserId, Box<Stats>),
    /// Highest used user id.
    UsedUserId(u64),
    /// Highest used task id.
    UsedTaskId(u64),
}

/// Tables of a transaction, and the ids that it assigns next.
pub(in crate::store::redb) struct Batch<'txn> {
    pub(in crate::store::redb) tables: Tables<'txn>,
    pub(in crate::store::redb) next_user_id: u64,
    pub(in crate::store::redb) next_task_id: u64,
    /// Rows removed so far by deletions of whole accounts.
    pub(in crate::store::redb) rows_deleted: u64,
    /// See [`Options::delete_at_once`].
    pub(in crate::store::redb) delete_at_once: u64,
    /// See [`Options::scan_at_most`].
    pub(in crate::store::redb) scan_at_most: u64,
    pub(in crate::store::redb) quota: Quota,
    /// Work written so far.
    pub(in crate::store::redb) done: Work,
    /// Rows and bytes that decisions have read so far, with the bytes that their answers hold.
    pub(in crate::store::redb) read: Work,
    /// Space on the disk; `None` if it is not monitored.
    pub(in crate::store::redb) room: Option<Room>,
    /// Accounts whose record, sessions or personal tokens were written.
    pub(in crate::store::redb) access_changed: Vec<UserId>,
    /// Accounts whose tasks may have changed, with the number of their last change.
    pub(in crate::store::redb) changed_tasks: Vec<(UserId, u64)>,
    ids_changed: bool,
    changed: bool,
}

impl<'txn> Batch<'txn> {
    pub(in crate::store::redb) fn open(
        txn: &'txn WriteTransaction,
        options: &Options,
        room: Option<Room>,
    ) -> Result<Self, StoreError> {
        let tables = Tables::open(txn)?;
        let next_user_id = table::number(&tables.meta, key::NEXT_USER_ID)?;
        let next_task_id = table::number(&tables.meta, key::NEXT_TASK_ID)?;
        Ok(Self {
            tables,
            next_user_id,
            next_task_id,
            rows_deleted: 0,
            delete_at_once: options.delete_at_once,
            scan_at_most: options.scan_at_most,
            quota: options.quota,
            done: Work::default(),
            read: Work::default(),
            room,
            access_changed: Vec::new(),
            changed_tasks: Vec::new(),
            ids_changed: false,
            changed: false,
        })
    }

    /// Writes the first transaction of a file: creates every table, so that reads find all of them.
    pub(in crate::store::redb) fn create(
        txn: &'txn WriteTransaction,
        format: u64,
    ) -> Result<(), StoreError> {
        let mut tables = Tables::open(txn)?;
        Self::set_format(&mut tables, format)?;
        Self::begin_epoch(&mut tables)?;
        for name in [key::NEXT_USER_ID, key::NEXT_TASK_ID] {
            let value = record::number(Table::Meta, name, 1)?;
            drop(tables.meta.insert(name, value.as_slice())?);
        }
        Ok(())
    }

    /// Sets the format that the file has from this transaction on.
    pub(in crate::store::redb) fn set_format(
        tables: &mut Tables<'_>,
        format: u64,
    ) -> Result<(), StoreError> {
        let value = record::number(Table::Meta, key::FORMAT, format)?;
        drop(tables.meta.insert(key::FORMAT, value.as_slice())?);
        Ok(())
    }

    /// Begins a new epoch: clients that follow changes begin anew.
    pub(in crate::store::redb) fn begin_epoch(
        tables: &mut Tables<'_>,
    ) -> Result<(), StoreError> {
        let mut bytes = [0; 8];
        SystemRandom.fill(&mut bytes).map_err(StoreError::unavailable)?;
        let epoch = u64::from_be_bytes(bytes).max(1);
        let value = record::number(Table::Meta, key::EPOCH, epoch)?;
        drop(tables.meta.insert(key::EPOCH, value.as_slice())?);
        drop(tables.meta.remove(key::COPIED)?);
        Ok(())
    }

    /// Returns the work so far, including reads and the memory of answers.
    pub(in crate::store::redb) fn spent(&self) -> Work {
        let mut spent = self.done;
        spent.add(Work::new(self.read.rows / READS_A_ROW, self.read.bytes));
        spent
    }

    pub(in crate::store::redb) fn stats(
        &self,
        owner: UserId,
    ) -> Result<Option<Stats>, StoreError> {
        let value = self.tables.owned.get(key::stats(owner).as_slice())?;
        value.map(|value| record::decode_stats(owner, value.value())).transpose()
    }

    /// Executes steps.
    pub(in crate::store::redb) fn apply(
        &mut self,
        ops: Vec<Op>,
    ) -> Result<(), StoreError> {
        self.changed |= !ops.is_empty();
        self.done.add(Work::of(&ops));
        let mut sizes = Sizes::default();
        let mut all_stats = Vec::new();
        for op in ops {
            match op {
                Op::Put(table, key, value) => {
                    self.access_changed.extend(key::access_owner(table, &key));
                    let is_owned = table == Table::Owned;
                    let table = self.tables.get_mut(table);
                    let old = table.insert(key.as_slice(), value.as_slice())?;
                    if is_owned {
                        let old = old.map(|old| old.value().len());
                        sizes.put(&key, old, value.len());
                    }
                }
                Op::Delete(table, key) => {
                    self.access_changed.extend(key::access_owner(table, &key));
                    let old = self.tables.get_mut(table).remove(key.as_slice())?;
                    if table == Table::Owned
                        && let Some(old) = old
                    {
                        sizes.delete(&key, old.value().len());
                    }
                }
                Op::Stats(owner, stats) => {
                    self.changed_tasks.push((owner, stats.seq));
                    all_stats.push((owner, *stats));
                }
                Op::DeleteOwned(range) => {
                    self.access_changed.extend(key::owner(range.start()));
                    let rows = self.delete_owned(&range, usize::MAX)?;
                    self.rows_deleted += u64::try_from(rows).unwrap_or(u64::MAX);
                }
                Op::UsedUserId(id) => {
                    self.next_user_id = self.next_user_id.max(id.saturating_add(1));
                    self.ids_changed = true;
                }
                Op::UsedTaskId(id) => {
                    self.next_task_id = self.next_task_id.max(id.saturating_add(1));
                    self.ids_changed = true;
                }
            }
        }
        self.put_stats(all_stats, sizes)
    }

    /// Writes the statistics of all accounts whose bytes were counted. A deleted account has none.
    fn put_stats(
        &mut self,
        mut all: Vec<(UserId, Stats)>,
        sizes: Sizes,
    ) -> Result<(), StoreError> {
        for (owner, grown) in sizes.all() {
            if let Some((_, stats)) = all.iter_mut().find(|(of, _)| *of == owner) {
                stats.bytes = stats.bytes.saturating_add_signed(grown);
            } else if grown != 0 {
                let Some(mut stats) = self.stats(owner)? else { continue };
                stats.bytes = stats.bytes.saturating_add_signed(grown);
                all.push((owner, stats));
            }
        }
        for (owner, stats) in all {
            let value = record::stats(owner, &stats)?;
            let key = key::stats(owner);
            drop(self.tables.owned.insert(key.as_slice(), value.as_slice())?);
        }
        Ok(())
    }

    /// Removes up to `most` entries of a range, and returns how many.
    pub(in crate::store::redb) fn delete_owned(
        &mut self,
        range: &KeyRange,
        most: usize,
    ) -> Result<usize, StoreError> {
        self.changed = true;
        let range = range.start().as_slice()..=range.end().as_slice();
        let doomed = self.tables.owned.extract_from_if::<&[u8], _>(range, |_, _| true)?;
        let mut count = 0;
        for entry in doomed.take(most) {
            drop(entry?);
            count += 1;
        }
        self.done.add(Work::new(u64::try_from(count).unwrap_or(u64::MAX), 0));
        Ok(count)
    }

    /// Writes the state kept in memory during the batch. Returns whether there is anything to commit.
    pub(in crate::store::redb) fn finish(mut self) -> Result<bool, StoreError> {
        if self.ids_changed {
            let ids = [
                (key::NEXT_USER_ID, self.next_user_id),
                (key::NEXT_TASK_ID, self.next_task_id),
            ];
            for (name, next) in ids {
                let value = record::number(Table::Meta, name, next)?;
                drop(self.tables.meta.insert(name, value.as_slice())?);
            }
        }
        Ok(self.changed)
    }
}

#[cfg(test)]
mod tests {
    use redb::Builder;
    use redb::backends::InMemoryBackend;

    use super::*;
    use crate::store::redb::engine::commit::begin;
    use crate::store::redb::engine::space::Growth;
    use crate::store::redb::options::CommitMode;

    const KB: u64 = 1000;

    fn adds(number: u8) -> Vec<Op> {
        vec![Op::Put(Table::Purge, vec![number], vec![0; 100_000])]
    }

    #[test]
    fn a_commit_takes_writes_until_its_room_is_used_up() {
        let db = Builder::new().create_with_backend(InMemoryBackend::new()).unwrap();
        let txn = begin(&db, CommitMode::OnePhase).unwrap();
        Batch::create(&txn, 1).unwrap();
        // Room for five times the content of one write; each may take twice its content.
        let reserve = 1000 * KB;
        let room = Room::given(reserve + Room::OVERHEAD + 500 * KB, 0, reserve);
        let mut batch = Batch::open(&txn, &Options::default(), Some(room)).unwrap();

        let mut admitted = 0;
        for number in 0..10 {
            let ops = adds(number);
            if batch.admit(Growth::Adds, None, &ops).is_ok() {
                batch.apply(ops).unwrap();
                admitted += 1;
            }
        }

        assert_eq!(admitted, 2);
        batch.admit(Growth::AddsLittle, None, &adds(10)).unwrap();
        batch.admit(Growth::Frees, None, &[Op::Delete(Table::Purge, vec![1])]).unwrap();
    }
}
