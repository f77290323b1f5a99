//! Checks of the history of tasks and of the trash.

use super::Check;
use super::tasks::Seen;
use crate::domain::id::TaskId;
use crate::domain::task::{Gone, HistoryEntry};
use crate::store::StoreError;
use crate::store::decide::HistoryUsage;
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::record;
use crate::store::redb::format::record::Stats;

impl Check<'_> {
    pub(super) fn history(
        &mut self,
        seen: &mut Seen,
        seq: u64,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), StoreError> {
        let owner = seen.owner;
        count(&mut seen.history, key, value).changes += 1;
        let found = self.report.sound(record::decode_history(owner, seq, value))?;
        let Some(HistoryEntry { task: id, before_seq, at, .. }) = found else {
            return Ok(());
        };
        self.report.seen(at);
        let Some(last) = self.last_change(seen, id)? else {
            self.report.add(format!("a change of {id:?}, which does not exist"));
            return Ok(());
        };
        if seq > last || before_seq >= seq {
            self.report.add(format!("the history of {id:?} is out of order"));
        }
        Ok(())
    }

    /// Returns the number of the last change of a task, or of a deleted one.
    fn last_change(
        &mut self,
        seen: &Seen,
        id: TaskId,
    ) -> Result<Option<u64>, StoreError> {
        let owner = seen.owner;
        if let Some(value) = self.owned.get(key::task(owner, id).as_slice())? {
            let task = record::decode_task(owner, id, value.value());
            return Ok(self.report.sound(task)?.map(|task| task.seq));
        }
        let buried = key::buried(owner, id);
        let Some(value) = self.owned.get(buried.as_slice())? else { return Ok(None) };
        let seq = record::decode_number(Table::Owned, &buried, value.value());
        let Some(seq) = self.report.sound(seq)? else { return Ok(None) };
        let is_there = self.owned.get(key::trash(owner, seq).as_slice())?.is_some();
        Ok(is_there.then_some(seq))
    }

    pub(super) fn trash(
        &mut self,
        seen: &mut Seen,
        seq: u64,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), StoreError> {
        let owner = seen.owner;
        count(&mut seen.history, key, value).trashed += 1;
        let found = self.report.sound(record::decode_trash(owner, seq, value))?;
        let Some(task) = found else { return Ok(()) };
        let tombstone = key::tombstone(owner, seq);
        let row = self.owned.get(tombstone.as_slice())?;
        let row = row.map(|row| record::decode_tombstone(owner, seq, row.value()));
        let found = self.report.sound(row.transpose())?.flatten();
        let is_of = |gone: &Gone| gone.task().is_some_and(|(id, _)| id == task.id);
        if !found.is_some_and(|found| is_of(&found.of)) {
            let id = task.id;
            self.report.add(format!("{id:?} is in the trash, and has no tombstone"));
        }
        if task.seq >= seq {
            self.report.add(format!("{:?} was changed after its deletion", task.id));
        }
        Ok(())
    }

    /// Compares the history with the stats, after all rows of an account were read.
    pub(super) fn leave_history(&mut self, seen: &Seen, stats: &Stats) {
        let HistoryUsage { changes, trashed, bytes, .. } = stats.history;
        let found = seen.history;
        if (found.changes, found.trashed, found.bytes) != (changes, trashed, bytes) {
            let owner = seen.owner;
            self.report.add(format!("the history of {owner:?} does not match the stats"));
        }
    }
}

/// Counts the bytes of a row.
fn count<'a>(
    usage: &'a mut HistoryUsage,
    key: &[u8],
    value: &[u8],
) -> &'a mut HistoryUsage {
    let length = u64::try_from(key.len() + value.len()).unwrap_or(u64::MAX);
    usage.bytes = usage.bytes.saturating_add(length);
    usage
}
