//! Numbers of a store for metrics, gathered when they are asked for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redb::{ReadTransaction, ReadableTableMetadata as _};

use super::key::Table;
use super::{RedbStore, codec, quota, table};
use crate::store::StoreError;
use crate::store::metrics::{Counts, StoreMetrics};

/// Shortest time from one count of tasks to the next.
const COUNT_EVERY: Duration = Duration::from_secs(60);

/// A count takes at most one part of so many of the time of a thread: it reads a row of each account.
const PART: u32 = 100;

/// The last count of accounts and tasks.
#[derive(Debug, Default)]
pub(super) struct Census(Mutex<Option<Counted>>);

#[derive(Clone, Copy, Debug)]
struct Counted {
    counts: Counts,
    next: Instant,
}

impl Census {
    fn last(&self) -> Option<Counted> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, counted: Counted) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(counted);
    }
}

impl RedbStore {
    pub(super) async fn numbers(&self) -> StoreMetrics {
        let vitals = &self.shared.vitals;
        let meters = &vitals.meters;
        StoreMetrics {
            queue: self.writer.waiting(),
            commits: meters.commits(),
            page_reads: meters.page_reads.get(),
            page_read_bytes: meters.page_read_bytes.get(),
            refused: meters.refusals(),
            quota_refused: meters.quota_refusals(),
            long_reads: self.shared.long_reads.metrics(),
            disk: self.space.as_ref().and_then(|space| space.look().ok()).map(Into::into),
            counts: self.counts().await,
            is_damaged: vitals.is_damaged() || vitals.is_failed(),
        }
    }

    /// Counts accounts and tasks, or gives the last count if that is recent, or if reads of administrators are many.
    async fn counts(&self) -> Option<Counts> {
        let last = self.census.last();
        let is_due = last.is_none_or(|last| Instant::now() >= last.next);
        let permit = Arc::clone(&self.shared.admin_reads).try_acquire_owned();
        if let (true, Ok(permit)) = (is_due, permit) {
            let began = Instant::now();
            if let Ok(counts) = self.read_beside(permit, count).await {
                let pause = COUNT_EVERY.max(began.elapsed().saturating_mul(PART));
                self.census.set(Counted { counts, next: Instant::now() + pause });
                return Some(counts);
            }
        }
        last.map(|last| last.counts)
    }
}

fn count(txn: &ReadTransaction) -> Result<Counts, StoreError> {
    let users = table::open(txn, Table::Users)?;
    let owned = table::open(txn, Table::Owned)?;
    let mut counts = Counts { users: users.len()?, tasks: 0 };
    for entry in table::all(&users)? {
        let id = codec::user_id(Table::Users, entry?.0.value())?;
        let usage = quota::usage(&owned, id)?;
        counts.tasks += usage.map_or(0, |usage| usage.tasks);
    }
    Ok(counts)
}
