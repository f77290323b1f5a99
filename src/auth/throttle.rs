//! Slows down the guessing of passwords and the making of accounts.
//!
//! By the network that asks, and by that network and the account asked for together. Never by the account
//! alone: that would let a stranger lock somebody out.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::domain::network::Network;

/// Attempts of one network at once. After that, one a second.
const NETWORK_BURST: NonZeroU32 = NonZeroU32::new(60).expect("60 is not zero");

/// Attempts of one network at one account at once. After that, [`ACCOUNT_PER_MINUTE`].
const ACCOUNT_BURST: NonZeroU32 = NonZeroU32::new(20).expect("20 is not zero");
const ACCOUNT_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("10 is not zero");

/// Most networks, and most pairs, that are remembered: about 10 MiB each.
const MAX_KEYS: usize = 100_000;

/// How often those that have been quiet are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(10);

/// Counts attempts, in memory.
pub struct Throttle {
    networks: Limiter,
    accounts: Limiter,
    hash: RandomState,
    forgotten: Mutex<Instant>,
}

type Limiter = RateLimiter<u64, DashMapStateStore<u64>, DefaultClock>;

/// Too many attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// When the next one may be made.
    pub retry_after: Duration,
}

impl Default for Throttle {
    fn default() -> Self {
        let network = Quota::per_second(NonZeroU32::MIN).allow_burst(NETWORK_BURST);
        let account = Quota::per_minute(ACCOUNT_PER_MINUTE).allow_burst(ACCOUNT_BURST);
        Self {
            networks: RateLimiter::dashmap(network),
            accounts: RateLimiter::dashmap(account),
            hash: RandomState::new(),
            forgotten: Mutex::new(Instant::now()),
        }
    }
}

impl Throttle {
    /// Counts one attempt at an account, by its canonical email.
    ///
    /// # Errors
    ///
    /// [`Throttled`] if there have been too many. The attempt must not go on then.
    pub fn attempt(&self, network: Network, account: &str) -> Result<(), Throttled> {
        self.forget();
        if self.networks.len() >= MAX_KEYS {
            return Err(Throttled { retry_after: FORGET_EVERY });
        }
        Self::count(&self.networks, self.hash.hash_one(network))?;
        // One network can try many accounts. It is slowed down as a network then, and nobody else is.
        if self.accounts.len() >= MAX_KEYS {
            return Ok(());
        }
        Self::count(&self.accounts, self.hash.hash_one((network, account)))
    }

    fn count(limiter: &Limiter, key: u64) -> Result<(), Throttled> {
        limiter.check_key(&key).map_err(|until| {
            let retry_after = until.wait_time_from(DefaultClock::default().now());
            Throttled { retry_after }
        })
    }

    /// Drops what no longer limits anybody.
    fn forget(&self) {
        let mut forgotten = self.forgotten.lock().unwrap_or_else(PoisonError::into_inner);
        if forgotten.elapsed() >= FORGET_EVERY {
            *forgotten = Instant::now();
            self.networks.retain_recent();
            self.accounts.retain_recent();
        }
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::of(text.parse().unwrap())
    }

    #[test]
    fn one_network_is_stopped_at_one_account_and_nobody_else_is() {
        let throttle = Throttle::default();
        let (here, there) = (network("192.0.2.1"), network("192.0.2.2"));
        for _ in 0..ACCOUNT_BURST.get() {
            throttle.attempt(here, "jane@example.com").unwrap();
        }
        let stopped = throttle.attempt(here, "jane@example.com").unwrap_err();
        assert!(stopped.retry_after <= Duration::from_secs(6));
        throttle.attempt(here, "john@example.com").unwrap();
        throttle.attempt(there, "jane@example.com").unwrap();
    }

    #[test]
    fn one_network_is_stopped_over_all_accounts() {
        let throttle = Throttle::default();
        let attempts = |at: &str| {
            let network = network(at);
            let attempt = |n: u32| throttle.attempt(network, &n.to_string()).is_ok();
            (0..NETWORK_BURST.get() * 2).filter(|n| attempt(*n)).count()
        };
        // A second may pass meanwhile, which gives one more.
        assert!((60..65).contains(&attempts("2001:db8::1")));
        assert!(attempts("2001:db8::2") < 5, "the same /64");
        assert!((60..65).contains(&attempts("2001:db8:0:1::1")));
    }
}
