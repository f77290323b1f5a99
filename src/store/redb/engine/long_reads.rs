//! Permits for long reads, each of which takes a thread.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::domain::id::UserId;
use crate::metrics::Counter;
use crate::permits::{self, Permits};
use crate::store::StoreError;
use crate::store::metrics::LongReadMetrics;

/// Maximum number of concurrent long reads by accounts of their own data.
const MOST: usize = 4;

/// Maximum number of concurrent long reads of one account.
const MOST_OF_ACCOUNT: usize = 2;

/// Maximum number of waiting reads of one account.
const MOST_WAITING: usize = 16;

/// Maximum time that a read waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Permits, granted in the order of the requests. One account holds, and waits for, at most [`MOST_OF_ACCOUNT`], so
/// that the read of another account waits for a few reads of each busy account, and not for all of them.
pub(in crate::store::redb) struct LongReads {
    all: Arc<Semaphore>,
    accounts: Permits<UserId>,
    patience: Duration,
    refused: Counter,
}

/// Permission to read, until it is dropped.
pub(in crate::store::redb) struct Permit {
    _of_all: OwnedSemaphorePermit,
    _of_account: permits::Permit<UserId>,
}

impl Default for LongReads {
    fn default() -> Self {
        Self::patient(PATIENCE)
    }
}

impl LongReads {
    fn patient(patience: Duration) -> Self {
        let all = Arc::new(Semaphore::new(MOST));
        let accounts = Permits::new(MOST_OF_ACCOUNT, MOST_OF_ACCOUNT + MOST_WAITING);
        Self { all, accounts, patience, refused: Counter::default() }
    }

    /// Waits for a permit.
    ///
    /// # Errors
    ///
    /// [`StoreError::AccountBusy`] if too many reads of the account wait or its own reads take too long, and
    /// [`StoreError::Busy`] if reads of other accounts do.
    pub(in crate::store::redb) async fn acquire(
        &self,
        account: UserId,
    ) -> Result<Permit, StoreError> {
        self.wait(account).await.inspect_err(|_| self.refused.add(1))
    }

    async fn wait(&self, account: UserId) -> Result<Permit, StoreError> {
        let until = Instant::now() + self.patience;
        let of_account = self.accounts.acquire(account, until).await;
        let of_account = of_account.ok_or(StoreError::AccountBusy)?;
        let of_all = permits::wait(Arc::clone(&self.all), until).await;
        let of_all = of_all.ok_or(StoreError::Busy)?;
        Ok(Permit { _of_all: of_all, _of_account: of_account })
    }

    /// Returns the numbers of current reads, and of refused reads so far.
    pub(in crate::store::redb) fn metrics(&self) -> LongReadMetrics {
        let running = MOST.saturating_sub(self.all.available_permits());
        let waiting = self.accounts.asking().saturating_sub(running);
        let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
        LongReadMetrics {
            running: number(running),
            waiting: number(waiting),
            refused: self.refused.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREEDY: UserId = UserId::new(1);
    const MODEST: UserId = UserId::new(2);

    #[tokio::test]
    async fn one_account_holds_two_and_leaves_the_rest_to_others() {
        let reads = LongReads::patient(Duration::ZERO);
        let first = reads.acquire(GREEDY).await.unwrap();
        let _second = reads.acquire(GREEDY).await.unwrap();

        assert!(matches!(reads.acquire(GREEDY).await, Err(StoreError::AccountBusy)));
        let _modest = reads.acquire(MODEST).await.unwrap();
        drop(first);
        assert!(reads.acquire(GREEDY).await.is_ok());
    }

    #[tokio::test]
    async fn a_read_waits_for_those_of_others() {
        let reads = LongReads::default();
        let mut held = Vec::new();
        for account in [GREEDY, GREEDY, UserId::new(3), UserId::new(3)] {
            held.push(reads.acquire(account).await.unwrap());
        }

        let (waited, ()) = tokio::join!(reads.acquire(MODEST), async {
            tokio::task::yield_now().await;
            held.pop();
        });
        assert!(waited.is_ok());
    }

    #[tokio::test]
    async fn few_of_an_account_wait_and_nothing_of_them_stays() {
        let reads = Arc::new(LongReads::default());
        let permits =
            (reads.acquire(GREEDY).await.unwrap(), reads.acquire(GREEDY).await.unwrap());
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let reads = Arc::clone(&reads);
            waiting.spawn(async move { reads.acquire(GREEDY).await.is_ok() });
            tokio::task::yield_now().await;
        }
        let seen = reads.metrics();
        assert_eq!((seen.running, seen.waiting), (2, 16));
        drop(permits);

        let served = waiting.join_all().await.into_iter().filter(|it| *it).count();

        assert_eq!(served, MOST_WAITING);
        assert!(reads.accounts.is_empty());
        let refused = 100 - u64::try_from(MOST_WAITING).unwrap();
        let none = LongReadMetrics { running: 0, waiting: 0, refused };
        assert_eq!(reads.metrics(), none);
    }
}
