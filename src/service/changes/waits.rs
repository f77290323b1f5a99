//! Permits of requests that wait for changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::config::Limits;
use crate::domain::id::UserId;
use crate::domain::network::{Block, Network};
use crate::metrics::Counter;
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
    networks: Permits<Block>,
    all: Arc<Semaphore>,
    most: usize,
    refused: Counter,
    pub(super) longest: Duration,
}

/// Permission to wait, until it is dropped.
#[derive(Debug)]
pub(super) struct Wait {
    _account: Permit<UserId>,
    _network: Permit<Block>,
    _place: OwnedSemaphorePermit,
}

/// Metrics of the requests and streams that wait.
#[derive(Clone, Copy, Debug)]
pub struct WaitMetrics {
    /// Number of them.
    pub waiting: u64,
    /// Maximum number of them.
    pub most: u64,
    /// Number of refused ones so far.
    pub refused: u64,
}

impl Waits {
    /// Creates the permits of a server: half of its connections may wait, and a network has a quarter of them.
    pub fn new(limits: &Limits) -> Self {
        let most = limits.connections.div_ceil(2);
        let of_network = most.div_ceil(4);
        let of_account = of_network.min(MOST_WAITING);
        Self {
            accounts: Permits::new(of_account, 2 * of_account),
            networks: Permits::new(of_network, 2 * of_network),
            all: Arc::new(Semaphore::new(most)),
            most,
            refused: Counter::default(),
            longest: limits.request_timeout.saturating_sub(RESERVE),
        }
    }

    /// Begins to wait, once another request of the account or the network has ended if that comes within `patience`.
    pub(super) async fn begin(
        &self,
        who: (UserId, Network),
        patience: Duration,
    ) -> Result<Wait, Error> {
        let wait = self.permit(who, Instant::now() + patience).await;
        wait.inspect_err(|_| self.refused.add(1))
    }

    /// Like [`Self::begin`], for a stream that can make room for itself: a refusal is not counted.
    pub(super) async fn try_begin(&self, who: (UserId, Network)) -> Result<Wait, Error> {
        self.permit(who, Instant::now()).await
    }

    async fn permit(
        &self,
        (account, network): (UserId, Network),
        until: Instant,
    ) -> Result<Wait, Error> {
        let own = self.accounts.acquire(account, until).await;
        let own = own.ok_or(Error::AccountWaits)?;
        let block = Block::site(network.address());
        let shared = self.networks.acquire(block, until).await;
        let shared = shared.ok_or(Error::ManyWait)?;
        let place = Arc::clone(&self.all).try_acquire_owned();
        let place = place.map_err(|_| Error::ManyWait)?;
        Ok(Wait { _account: own, _network: shared, _place: place })
    }

    /// Returns the metrics.
    pub(in crate::service) fn metrics(&self) -> WaitMetrics {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let waiting = self.most - self.all.available_permits();
        let (waiting, most) = (count(waiting), count(self.most));
        WaitMetrics { waiting, most, refused: self.refused.get() }
    }
}
