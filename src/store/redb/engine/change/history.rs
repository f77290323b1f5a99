//! Changes of the history and of the trash.

use super::{Plan, minus};
use crate::domain::task::{HistoryEntry, Task};
use crate::store::StoreError;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::{key, record};

impl Plan<'_, '_, '_> {
    pub(super) fn history_add(&mut self, new: &HistoryEntry) -> Result<(), StoreError> {
        let (key, value) = (key::history(new.owner, new.seq), record::history(new)?);
        let usage = &mut self.stats_of(new.owner)?.history;
        usage.changes += 1;
        usage.bytes = usage.bytes.saturating_add(length(&key, &value));
        self.put(Table::Owned, &key, value);
        Ok(())
    }

    pub(super) fn history_delete(
        &mut self,
        old: &HistoryEntry,
    ) -> Result<(), StoreError> {
        let (key, value) = (key::history(old.owner, old.seq), record::history(old)?);
        let usage = &mut self.stats_of(old.owner)?.history;
        usage.changes = minus(usage.changes, 1, old.owner)?;
        usage.bytes = minus(usage.bytes, length(&key, &value), old.owner)?;
        self.delete(Table::Owned, &key);
        Ok(())
    }

    pub(super) fn trash_add(&mut self, seq: u64, task: &Task) -> Result<(), StoreError> {
        let (key, value) = (key::trash(task.owner, seq), record::trash(seq, task)?);
        let usage = &mut self.stats_of(task.owner)?.history;
        usage.trashed += 1;
        usage.bytes = usage.bytes.saturating_add(length(&key, &value));
        self.put(Table::Owned, &key, value);
        Ok(())
    }

    pub(super) fn trash_delete(
        &mut self,
        seq: u64,
        task: &Task,
    ) -> Result<(), StoreError> {
        let (key, value) = (key::trash(task.owner, seq), record::trash(seq, task)?);
        let usage = &mut self.stats_of(task.owner)?.history;
        usage.trashed = minus(usage.trashed, 1, task.owner)?;
        usage.bytes = minus(usage.bytes, length(&key, &value), task.owner)?;
        self.delete(Table::Owned, &key);
        Ok(())
    }
}

/// Returns the length of a row, in bytes.
pub(super) fn length(key: &[u8], value: &[u8]) -> u64 {
    u64::try_from(key.len() + value.len()).unwrap_or(u64::MAX)
}
