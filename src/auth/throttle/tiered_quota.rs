//! Tiered quotas: sustained attempts wait longer.

use std::num::NonZeroU32;
use std::sync::{Mutex, TryLockError};
use std::time::Duration;

use governor::clock::{Clock, Reference as _};
use governor::middleware::NoOpMiddleware;
use governor::{Quota, RateLimiter};

use super::counts::{Ask, Counts, Room, WhenFull};
use super::{Policy, Throttled};

/// Interval for dropping keys that no longer limit.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// Counter of attempts by key, against several quotas at once.
///
/// The first quota is for bursts; each further one is larger and fills more slowly. An attempt goes on if all quotas
/// let it through. A refused attempt counts against none: all quotas are checked first, then it is counted from the
/// first to the last. Concurrent attempts may be refused while they are counted, and then have used up something; too
/// many are never let through.
pub(super) struct TieredQuota<C: Clock> {
    steps: Vec<Step<C>>,
    clock: C,
    /// Start of the limiters' time.
    started: C::Instant,
    swept: Mutex<C::Instant>,
}

struct Step<C: Clock> {
    policy: Policy,
    counts: Counts,
    limiter: RateLimiter<Ask, Counts, C, NoOpMiddleware<C::Instant>>,
}

impl<C: Clock + Clone> TieredQuota<C> {
    /// Creates a quota of these steps, the one for bursts first.
    ///
    /// Exhausting the room of a step must not lock out others, so only the first step, whose counts are dropped within
    /// seconds, refuses keys that it has no room for.
    pub(super) fn new(policies: &[Policy], room: Room, clock: &C) -> Self {
        let started = clock.now();
        let step = |(number, policy): (usize, &Policy)| {
            let when_full = if number == 0 { WhenFull::Share } else { WhenFull::Pass };
            let counts = Counts::new(room, when_full);
            let limiter = RateLimiter::new(quota(policy), counts.clone(), clock.clone());
            Step { policy: *policy, counts, limiter }
        };
        Self {
            steps: policies.iter().enumerate().map(step).collect(),
            clock: clock.clone(),
            started,
            swept: Mutex::new(started),
        }
    }

    /// Checks whether an attempt would be let through now; otherwise returns the longest wait.
    pub(super) fn look(&self, key: u64) -> Result<(), Throttled> {
        longest(self.steps.iter().map(|step| self.ask(step, Ask::Look(key))))
    }

    /// Counts an attempt if all steps let it through.
    pub(super) fn count(&self, key: u64) -> Result<(), Throttled> {
        self.sweep();
        self.steps.iter().try_for_each(|step| self.ask(step, Ask::Count(key)))
    }

    /// Checks, then counts.
    pub(super) fn check(&self, key: u64) -> Result<(), Throttled> {
        // A single step counts only attempts that it lets through.
        if self.steps.len() > 1 {
            self.look(key)?;
        }
        self.count(key)
    }

    /// Resets the counts of a key.
    pub(super) fn forget(&self, key: u64) {
        for step in &self.steps {
            step.counts.forget(key);
        }
    }

    /// Subtracts as many attempts as another quota of as many steps still counts under `part_key`.
    pub(super) fn give_back(&self, key: u64, part: &Self, part_key: u64) {
        for (step, part_step) in self.steps.iter().zip(&part.steps) {
            let attempts = part.outstanding(part_step, part_key);
            step.counts.give_back(key, step.policy.interval().saturating_mul(attempts));
        }
    }

    /// Returns the number of attempts that still count.
    fn outstanding(&self, step: &Step<C>, key: u64) -> u32 {
        let now = self.clock.now().duration_since(self.started);
        let left = step.counts.until(key).map(|until| until.saturating_sub(now));
        let left = left.map_or(0, |left| Duration::from(left).as_nanos());
        let attempts = left.div_ceil(step.policy.interval().as_nanos().max(1));
        u32::try_from(attempts).unwrap_or(u32::MAX).min(step.policy.quota.get())
    }

    /// Returns the number of remembered keys, over all steps.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.steps.iter().map(|step| step.limiter.len()).sum()
    }

    fn ask(&self, step: &Step<C>, ask: Ask) -> Result<(), Throttled> {
        step.limiter.check_key(&ask).map_err(|until| Throttled {
            retry_after: until.wait_time_from(self.clock.now()),
            policy: step.policy,
        })
    }

    /// Drops keys that no longer limit. Returns at once while another thread does so.
    fn sweep(&self) {
        let mut swept = match self.swept.try_lock() {
            Ok(swept) => swept,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let now = self.clock.now();
        if Duration::from(now.duration_since(*swept)) >= SWEEP_EVERY {
            *swept = now;
            for step in &self.steps {
                step.limiter.retain_recent();
            }
        }
    }
}

/// Returns the refusal with the longest wait, if any.
pub(super) fn longest(
    outcomes: impl IntoIterator<Item = Result<(), Throttled>>,
) -> Result<(), Throttled> {
    let refusals = outcomes.into_iter().filter_map(Result::err);
    refusals.max_by_key(|throttled| throttled.retry_after).map_or(Ok(()), Err)
}

/// Returns a quota that allows all attempts at once, and then one in each equal part of the window.
fn quota(policy: &Policy) -> Quota {
    let often = Quota::per_second(NonZeroU32::MAX);
    Quota::with_period(policy.interval()).unwrap_or(often).allow_burst(policy.quota)
}
