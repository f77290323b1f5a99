//! Admission of writes: space on the disk, and in the account.

use crate::domain::id::UserId;
use crate::domain::quota::QuotaExceeded;
use crate::store::StoreError;
use crate::store::redb::engine::batch::{Batch, Op};
use crate::store::redb::engine::sizes;
use crate::store::redb::engine::space::Growth;
use crate::store::redb::engine::work::Work;
use crate::store::redb::format::key::{Owned, Table};

impl Batch<'_> {
    /// Refuses steps for which the disk or the account has no room.
    pub(in crate::store::redb) fn admit(
        &self,
        growth: Growth,
        account: Option<UserId>,
        ops: &[Op],
    ) -> Result<(), StoreError> {
        if ops.is_empty() {
            return Ok(());
        }
        let account = account.filter(|_| growth == Growth::Adds);
        if let Some(account) = account {
            self.admit_record(account, ops)?;
        }
        let Some(room) = self.room else { return Ok(()) };
        let mut done = self.done;
        done.add(Work::of(ops));
        room.admit(growth, done)?;
        match account {
            Some(account) if room.is_short(done) => {
                let held = self.stats(account)?.map_or(0, |stats| stats.bytes);
                room.admit_share(held)
            }
            _ => Ok(()),
        }
    }

    /// Refuses an adding write if the quota of the account has no room for its idempotency record. The quota of tasks
    /// was checked before ([`crate::store::decide`]).
    fn admit_record(&self, account: UserId, ops: &[Op]) -> Result<(), StoreError> {
        let is_record = |op: &Op| match op {
            Op::Put(Table::Owned, key, _) => {
                matches!(Owned::decode(key), Some(Owned::Idempotency(of, _)) if of == account)
            }
            _ => false,
        };
        if !ops.iter().any(is_record) {
            return Ok(());
        }
        let Some(stats) = self.stats(account)? else { return Ok(()) };
        let Some(limit) = self.quota.bytes_of(stats.own) else { return Ok(()) };
        if stats.bytes.saturating_add(Work::of(ops).bytes) <= limit {
            return Ok(());
        }
        let grown = sizes::growth(&self.tables.owned, account, ops)?;
        let after = ops.iter().find_map(|op| match op {
            Op::Stats(of, after) if *of == account => Some(after.traces()),
            _ => None,
        });
        let used = stats.bytes.saturating_sub(stats.traces());
        let wanted = stats.bytes.saturating_add_signed(grown);
        let wanted = wanted.saturating_sub(after.unwrap_or_else(|| stats.traces()));
        if wanted > used.max(limit) {
            return Err(StoreError::Quota(QuotaExceeded::Bytes { used, wanted, limit }));
        }
        Ok(())
    }
}
