//! Checks of the numbers of changes, of tombstones and of uids.

use super::Check;
use super::tasks::Seen;
use crate::domain::id::TaskId;
use crate::domain::task::{Gone, Task, Tombstone};
use crate::domain::uid::Uid;
use crate::store::StoreError;
use crate::store::redb::format::index;
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::record;
use crate::store::redb::format::record::Stats;

/// First format whose changes are numbered.
const NUMBERED: u64 = 8;

/// Findings about the changes of one account.
#[derive(Default)]
pub(super) struct SeenChanges {
    /// Numbers of the last changes of tasks and lists, and of deletions.
    seqs: Vec<u64>,
    /// Number of the first deletion.
    first_deletion: Option<u64>,
    tombstones: u64,
    /// Bytes of tombstones and of the rows by which they are found.
    tombstone_bytes: u64,
    /// Number of tombstones of tasks.
    of_tasks: u64,
    /// Number of rows by which tombstones are found.
    buried: u64,
    /// Number of expected rows of uids, and of existing ones.
    uids: (u64, u64),
}

impl SeenChanges {
    pub(super) fn add(&mut self, seq: u64) {
        self.seqs.push(seq);
    }
}

impl Check<'_> {
    /// Checks the number and the uid of a task.
    pub(super) fn numbered(
        &mut self,
        seen: &mut Seen,
        task: &Task,
    ) -> Result<(), StoreError> {
        if self.format < NUMBERED {
            return Ok(());
        }
        seen.changes.seqs.push(task.seq);
        self.uid_of(seen, &task.uid, task.id)
    }

    pub(super) fn tombstone(
        &mut self,
        seen: &mut Seen,
        seq: u64,
        (key, value): (&[u8], &[u8]),
    ) -> Result<(), StoreError> {
        let owner = seen.owner;
        seen.changes.tombstones += 1;
        seen.changes.tombstone_bytes += length(key, value);
        seen.changes.seqs.push(seq);
        // Tombstones come in the order of their numbers.
        seen.changes.first_deletion.get_or_insert(seq);
        let found = self.report.sound(record::decode_tombstone(owner, seq, value))?;
        let Some(Tombstone { of, at, .. }) = found else { return Ok(()) };
        self.report.seen(at);
        let (id, uid) = match of {
            Gone::Task(id, uid) => (id, uid),
            Gone::List(id) => {
                Self::list_gone(seen, id);
                return Ok(());
            }
        };
        seen.changes.of_tasks += 1;
        self.highest_task = self.highest_task.max(id.get());
        let key = key::buried(owner, id);
        let row = self.owned.get(key.as_slice())?;
        let named = row.map(|row| record::decode_number(Table::Owned, &key, row.value()));
        if self.report.sound(named.transpose())?.flatten() != Some(seq) {
            self.report.add(format!("the tombstone of {id:?} cannot be found by its id"));
        }
        if self.owned.get(key::task(owner, id).as_slice())?.is_some() {
            self.report.add(format!("{id:?} exists, and has a tombstone"));
        }
        if let Some(key) = index::uid(owner, &uid, id)
            && let Some(row) = self.owned.get(key.as_slice())?
        {
            seen.changes.tombstone_bytes += length(&key, row.value());
        }
        self.uid_of(seen, &uid, id)
    }

    pub(super) fn buried(seen: &mut Seen, key: &[u8], value: &[u8]) {
        seen.changes.buried += 1;
        seen.changes.tombstone_bytes += length(key, value);
    }

    /// Looks for the row of a uid.
    fn uid_of(
        &mut self,
        seen: &mut Seen,
        uid: &Uid,
        id: TaskId,
    ) -> Result<(), StoreError> {
        let Some(key) = index::uid(seen.owner, uid, id) else { return Ok(()) };
        seen.changes.uids.0 += 1;
        let row = self.owned.get(key.as_slice())?;
        let named = row.map(|row| record::decode_number(Table::Owned, &key, row.value()));
        if self.report.sound(named.transpose())?.flatten() != Some(id.get()) {
            self.report.add(format!("{id:?} cannot be found by its uid"));
        }
        let Some(other) = uid.named_id() else { return Ok(()) };
        let row = self.owned.get(key::task(seen.owner, other).as_slice())?;
        // Damage of the other task is found when it is checked.
        let task =
            row.and_then(|row| record::decode_task(seen.owner, other, row.value()).ok());
        if task.is_some_and(|task| task.uid == *uid) {
            self.report.add(format!("{id:?} and {other:?} have the same uid"));
        }
        Ok(())
    }

    pub(super) const fn uid(seen: &mut Seen) {
        seen.changes.uids.1 += 1;
    }

    /// Compares the changes with the stats, after all rows of an account were read.
    pub(super) fn leave_changes(&mut self, seen: &mut Seen, stats: &Stats) {
        let (owner, changes) = (seen.owner, &mut seen.changes);
        if changes.uids.0 != changes.uids.1 {
            self.report
                .add(format!("{owner:?} has more or fewer rows of uids than uids"));
        }
        let found = (changes.tombstones, changes.tombstone_bytes);
        let counted = (stats.tombstones, stats.tombstone_bytes);
        if changes.of_tasks != changes.buried || found != counted {
            self.report
                .add(format!("the tombstones of {owner:?} do not match the stats"));
        }
        if self.format < NUMBERED {
            return;
        }
        changes.seqs.push(stats.account_seq);
        changes.seqs.sort_unstable();
        let is_unique = changes.seqs.windows(2).all(|pair| pair.first() != pair.last());
        let (first, last) = (changes.seqs.first(), changes.seqs.last());
        if !is_unique || first == Some(&0) || last > Some(&stats.seq) {
            self.report.add(format!("the numbers of {owner:?}'s changes are wrong"));
        }
        let is_later = |seq: u64| seq > stats.horizon;
        if stats.horizon > stats.seq || !changes.first_deletion.is_none_or(is_later) {
            self.report.add(format!(
                "the last forgotten deletion of {owner:?} is later than a known change"
            ));
        }
    }
}

/// Returns the length of a row, in bytes.
fn length(key: &[u8], value: &[u8]) -> u64 {
    u64::try_from(key.len() + value.len()).unwrap_or(u64::MAX)
}
