//! Permits for long reads, each of which takes a thread.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::domain::id::UserId;
use crate::store::StoreError;

/// Most long reads of people's own things at once.
const MOST: usize = 4;

/// Most of one account.
const MOST_OF_ACCOUNT: usize = 2;

/// Most reads of one account that wait.
const MOST_WAITING: usize = 16;

/// Time that a read waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Gives permits in the order in which they are asked for. One account holds, and waits for, at most
/// [`MOST_OF_ACCOUNT`], so that another one's read waits for a few reads of everybody who is busy, and not for all of
/// them.
pub(super) struct LongReads {
    all: Arc<Semaphore>,
    /// Accounts that read or wait.
    accounts: Arc<Mutex<HashMap<UserId, Account>>>,
    patience: Duration,
}

struct Account {
    permits: Arc<Semaphore>,
    /// How many reads hold one or wait.
    asking: usize,
}

/// A read may go on until this is dropped.
pub(super) struct Permit {
    _of_all: OwnedSemaphorePermit,
    _of_account: OwnedSemaphorePermit,
    _asking: Asking,
}

/// Counts one read of an account until it is dropped.
struct Asking {
    accounts: Arc<Mutex<HashMap<UserId, Account>>>,
    account: UserId,
}

impl Default for LongReads {
    fn default() -> Self {
        Self::patient(PATIENCE)
    }
}

impl LongReads {
    fn patient(patience: Duration) -> Self {
        let (all, accounts) = (Arc::new(Semaphore::new(MOST)), Arc::default());
        Self { all, accounts, patience }
    }

    /// Waits for a permit.
    ///
    /// # Errors
    ///
    /// [`StoreError::AccountBusy`] if too many reads of the account wait or its own reads take too long, and
    /// [`StoreError::Busy`] if those of others do.
    pub(super) async fn acquire(&self, account: UserId) -> Result<Permit, StoreError> {
        let (permits, asking) = self.ask(account)?;
        let until = Instant::now() + self.patience;
        let of_account = wait(permits, until).await.ok_or(StoreError::AccountBusy)?;
        let of_all = wait(Arc::clone(&self.all), until).await.ok_or(StoreError::Busy)?;
        Ok(Permit { _of_all: of_all, _of_account: of_account, _asking: asking })
    }

    fn ask(&self, account: UserId) -> Result<(Arc<Semaphore>, Asking), StoreError> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = accounts.entry(account).or_insert_with(|| Account {
            permits: Arc::new(Semaphore::new(MOST_OF_ACCOUNT)),
            asking: 0,
        });
        if entry.asking >= MOST_OF_ACCOUNT + MOST_WAITING {
            return Err(StoreError::AccountBusy);
        }
        entry.asking += 1;
        let permits = Arc::clone(&entry.permits);
        Ok((permits, Asking { accounts: Arc::clone(&self.accounts), account }))
    }
}

async fn wait(permits: Arc<Semaphore>, until: Instant) -> Option<OwnedSemaphorePermit> {
    match Arc::clone(&permits).try_acquire_owned() {
        Ok(permit) => Some(permit),
        // Never closed.
        Err(_) => timeout_at(until, permits.acquire_owned()).await.ok()?.ok(),
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = accounts.get_mut(&self.account) {
            entry.asking -= 1;
            if entry.asking == 0 {
                accounts.remove(&self.account);
            }
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
        drop(permits);

        let served = waiting.join_all().await.into_iter().filter(|it| *it).count();

        assert_eq!(served, MOST_WAITING);
        assert!(reads.accounts.lock().unwrap().is_empty());
    }
}
