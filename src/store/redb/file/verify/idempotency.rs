//! Checks of the idempotency records of an account.

use super::Check;
use super::tasks::Seen;
use crate::domain::id::UserId;
use crate::domain::idempotency::IdempotencyKey;
use crate::store::StoreError;
use crate::store::decide::idempotency::record_bytes;
use crate::store::redb::format::key;
use crate::store::redb::format::key::IdempotencyByAge;
use crate::store::redb::format::{index, record};

impl Check<'_> {
    pub(super) fn idempotency(
        &mut self,
        seen: &mut Seen,
        owner: UserId,
        key: IdempotencyKey,
        value: &[u8],
    ) -> Result<(), StoreError> {
        self.report.answers += 1;
        let record = self.report.sound(record::decode_idempotency(owner, key, value))?;
        let Some(record) = record else { return Ok(()) };
        self.report.seen(record.made_at);
        seen.idempotency.records += 1;
        seen.idempotency.bytes += record_bytes(&record);
        let entry = index::idempotency_by_age(owner, key, record.made_at).encode();
        if self.owned.get(entry.as_slice())?.is_none() {
            self.report.add(format!("an idempotency record of {owner:?} has no entry"));
        }
        Ok(())
    }

    pub(super) fn idempotency_entry(
        &mut self,
        seen: &mut Seen,
        entry: IdempotencyByAge,
        value: &[u8],
    ) -> Result<(), StoreError> {
        let IdempotencyByAge { owner, key, .. } = entry;
        seen.idempotency_entries += 1;
        if !value.is_empty() {
            self.report
                .add(format!("an entry of {owner:?}'s idempotency records has a value"));
        }
        let record = self.owned.get(key::idempotency(owner, key).as_slice())?;
        // Damage is reported at the record itself.
        let record =
            record.and_then(|it| record::decode_idempotency(owner, key, it.value()).ok());
        let made_at = record.map(|record| record.made_at);
        if made_at.map(|at| index::idempotency_by_age(owner, key, at)) != Some(entry) {
            self.report
                .add(format!("an entry of {owner:?} without its idempotency record"));
        }
        Ok(())
    }

    /// Compares the records with their stats, after all rows of an account were read.
    pub(super) fn leave_idempotency(&mut self, seen: &Seen) {
        let owner = seen.owner;
        if seen.idempotency_stats != seen.idempotency {
            self.report
                .add(format!("the stats of {owner:?}'s idempotency records are wrong"));
        }
        if seen.idempotency_entries != seen.idempotency.records {
            self.report.add(format!(
                "{owner:?} has more or fewer entries than idempotency records"
            ));
        }
    }
}
