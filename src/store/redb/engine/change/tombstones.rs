//! Changes of tombstones.

use super::Plan;
use super::history::length;
use crate::domain::task::Tombstone;
use crate::store::StoreError;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::{index, key, record};

/// Key and value.
type Row = (Vec<u8>, Vec<u8>);

impl Plan<'_, '_, '_> {
    pub(super) fn tombstone_add(&mut self, new: &Tombstone) -> Result<(), StoreError> {
        let mut bytes = 0;
        // The row of a uid was there before, and is the tombstone's now.
        for (key, value) in tombstone_rows(new)? {
            bytes += length(&key, &value);
            self.put(Table::Owned, &key, value);
        }
        let stats = self.stats_of(new.owner)?;
        stats.tombstones += 1;
        stats.tombstone_bytes = stats.tombstone_bytes.saturating_add(bytes);
        stats.seq = stats.seq.max(new.seq);
        Ok(())
    }

    pub(super) fn tombstone_delete(&mut self, old: &Tombstone) -> Result<(), StoreError> {
        let mut bytes = 0;
        for (key, value) in tombstone_rows(old)? {
            bytes += length(&key, &value);
            self.delete(Table::Owned, &key);
        }
        let stats = self.stats_of(old.owner)?;
        stats.tombstones = stats.tombstones.saturating_sub(1);
        stats.tombstone_bytes = stats.tombstone_bytes.saturating_sub(bytes);
        Ok(())
    }
}

/// Returns the rows of a tombstone: its record, and those by which it is found.
fn tombstone_rows(of: &Tombstone) -> Result<Vec<Row>, StoreError> {
    let owner = of.owner;
    let mut rows = vec![(key::tombstone(owner, of.seq).to_vec(), record::tombstone(of)?)];
    if let Some((id, uid)) = of.of.task() {
        let key = key::buried(owner, id).to_vec();
        let value = record::number(Table::Owned, &key, of.seq)?;
        rows.push((key, value));
        if let Some(key) = index::uid(owner, uid, id) {
            let value = record::number(Table::Owned, &key, id.get())?;
            rows.push((key, value));
        }
    }
    Ok(rows)
}
