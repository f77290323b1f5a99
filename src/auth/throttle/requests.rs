//! Rate limit on all requests of an account.

use std::fmt;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};

use super::counts::Room;
use super::tiered_quota::TieredQuota;
use super::{Policy, Throttled};

/// Counter of requests by account, in memory, whatever the credential.
pub struct RequestLimit<C: Clock = DefaultClock> {
    requests: TieredQuota<C>,
    hash: RandomState,
}

impl RequestLimit {
    /// Creates a limit of `quota` requests at once, and as many a minute.
    pub fn per_minute(quota: NonZeroU32) -> Self {
        Self::with_clock(quota, &DefaultClock::default())
    }
}

impl<C: Clock + Clone> RequestLimit<C> {
    fn with_clock(quota: NonZeroU32, clock: &C) -> Self {
        let policy = Policy { name: "requests", quota, window: Duration::from_secs(60) };
        Self {
            requests: TieredQuota::new(&[policy], Room::USUAL, clock),
            hash: RandomState::new(),
        }
    }

    /// Counts a request of an account whose credential is valid.
    ///
    /// # Errors
    ///
    /// [`Throttled`] after too many. The request must not go on then.
    pub fn check(&self, account: impl Hash) -> Result<(), Throttled> {
        self.requests.check(self.hash.hash_one(account))
    }
}

impl<C: Clock> fmt::Debug for RequestLimit<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestLimit").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    #[test]
    fn each_account_has_its_quota_and_gets_it_back_within_a_minute() {
        let clock = FakeRelativeClock::default();
        let limit = RequestLimit::with_clock(NonZeroU32::new(30).unwrap(), &clock);
        let granted =
            |id: &[u8; 16]| (0..100).filter(|_| limit.check(id).is_ok()).count();
        let (one, two) = ([1; 16], [2; 16]);

        assert_eq!((granted(&one), granted(&one), granted(&two)), (30, 0, 30));
        let refused = limit.check(one).unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_secs(2));

        clock.advance(refused.retry_after);
        assert_eq!((granted(&one), granted(&two)), (1, 1));
        clock.advance(Duration::from_secs(60));
        assert_eq!((granted(&one), granted(&two)), (30, 30));
    }
}
