//! Permits of requests that wait for changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::config::Limits;
use crate::domain::id::UserId;
use crate::permits::{Permit, Permits};
use crate::service::Error;

/// Maximum number of requests and streams of one account that wait for changes.
const MOST_WAITING: usize = 8;

/// Time that is left of a request when it stops waiting.
const RESERVE: Duration = Duration::from_secs(5);

/// Permits for requests and streams that wait for changes, and the longest wait of a request.
#[derive(Debug)]
pub struct Waits {
    accounts: Permits<UserId>,
    all: Arc<Semaphore>,
    pub(super) longest: Duration,
}

/// Permission to wait, until it is dropped.
#[derive(Debug)]
pub(super) struct Wait {
    _of_account: Permit<UserId>,
    _of_all: OwnedSemaphorePermit,
}

impl Waits {
    /// Creates the permits of a server: half of its connections may wait.
    pub fn new(limits: &Limits) -> Self {
        Self {
            accounts: Permits::new(MOST_WAITING, 2 * MOST_WAITING),
            all: Arc::new(Semaphore::new(limits.connections.div_ceil(2))),
            longest: limits.request_timeout.saturating_sub(RESERVE),
        }
    }

    /// Begins to wait, once another request of the account has ended if that comes within `patience`.
    pub(super) async fn begin(
        &self,
        account: UserId,
        patience: Duration,
    ) -> Result<Wait, Error> {
        let until = Instant::now() + patience;
        let of_account = self.accounts.acquire(account, until).await;
        let of_account = of_account.ok_or(Error::AccountBusy)?;
        let of_all = Arc::clone(&self.all).try_acquire_owned();
        let of_all = of_all.map_err(|_| Error::Busy)?;
        Ok(Wait { _of_account: of_account, _of_all: of_all })
    }
}
