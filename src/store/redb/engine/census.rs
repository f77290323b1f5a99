//! Metrics of a store, gathered on request.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redb::{ReadTransaction, ReadableTableMetadata as _};

use crate::store::StoreError;
use crate::store::metrics::StoreMetrics;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::{codec, table};
use crate::store::redb::{RedbStore, quota};

/// Shortest and longest time between two counts of tasks. Within these limits it is one second per account: a count
/// reads a row of each, which takes room in the cache.
const PAUSES: [Duration; 2] = [Duration::from_secs(15), Duration::from_secs(3600)];

/// Last count of tasks.
#[derive(Debug, Default)]
pub(in crate::store::redb) struct Census(Mutex<Option<Counted>>);

#[derive(Clone, Copy, Debug)]
struct Counted {
    tasks: u64,
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
    pub(in crate::store::redb) async fn numbers(&self) -> StoreMetrics {
        let health = &self.shared.health;
        let meters = &health.meters;
        StoreMetrics {
            queue: self.writer.waiting(),
            commits: meters.commits(),
            page_reads: meters.page_reads.get(),
            page_read_bytes: meters.page_read_bytes.get(),
            refused: meters.refusals(),
            quota_refused: meters.quota_refusals(),
            long_reads: self.shared.long_reads.metrics(),
            disk: self.space.as_ref().and_then(|space| space.look().ok()).map(Into::into),
            users: self.read(accounts).ok(),
            tasks: self.tasks().await,
            is_damaged: health.is_damaged() || health.is_failed(),
        }
    }

    /// Counts the tasks of all accounts, or returns the last count if it is recent or many administrative reads run.
    async fn tasks(&self) -> Option<u64> {
        let last = self.census.last();
        let is_due = last.is_none_or(|last| Instant::now() >= last.next);
        let permit = Arc::clone(&self.shared.admin_reads).try_acquire_owned();
        if let (true, Ok(permit)) = (is_due, permit)
            && let Ok((tasks, accounts)) = self.read_beside(permit, count).await
        {
            let [shortest, longest] = PAUSES;
            let pause = Duration::from_secs(accounts).clamp(shortest, longest);
            self.census.set(Counted { tasks, next: Instant::now() + pause });
            return Some(tasks);
        }
        last.map(|last| last.tasks)
    }
}

fn accounts(txn: &ReadTransaction) -> Result<u64, StoreError> {
    Ok(table::open(txn, Table::Users)?.len()?)
}

/// Counts tasks and accounts.
fn count(txn: &ReadTransaction) -> Result<(u64, u64), StoreError> {
    let users = table::open(txn, Table::Users)?;
    let owned = table::open(txn, Table::Owned)?;
    let (mut tasks, mut accounts) = (0, 0);
    for entry in table::all(&users)? {
        let id = codec::user_id(Table::Users, entry?.0.value())?;
        tasks += quota::usage(&owned, id)?.map_or(0, |usage| usage.tasks);
        accounts += 1;
    }
    Ok((tasks, accounts))
}
