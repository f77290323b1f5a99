//! Quotas on top of each other: the longer somebody goes on, the longer the wait.

use std::num::NonZeroU32;
use std::sync::{Mutex, TryLockError};
use std::time::Duration;

use governor::clock::{Clock, Reference as _};
use governor::middleware::NoOpMiddleware;
use governor::{Quota, RateLimiter};

use super::counts::{Ask, Counts, Room, WhenFull};
use super::{Policy, Throttled};

/// How often those that have been quiet are forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// Counts attempts by key, against several quotas at once.
///
/// The first quota is the one for bursts, each further one is larger and fills more slowly. An attempt
/// goes on if all of them let it. One that is refused counts against none: first they are all looked at,
/// then it is counted from the first to the last. Attempts at the same instant may be refused while
/// they are counted, and have used up something then; never more is let through.
pub(super) struct Ladder<C: Clock> {
    steps: Vec<Step<C>>,
    clock: C,
    /// Start of the limiters, where their time begins.
    started: C::Instant,
    swept: Mutex<C::Instant>,
}

struct Step<C: Clock> {
    policy: Policy,
    counts: Counts,
    limiter: RateLimiter<Ask, Counts, C, NoOpMiddleware<C::Instant>>,
}

impl<C: Clock + Clone> Ladder<C> {
    /// A ladder of these steps, the one for bursts first.
    ///
    /// What is full is the first to be used against everybody else, so only the first step, whose counts
    /// are forgotten within seconds, holds back those that it has no room for.
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

    /// Whether an attempt would be let through now; if not, how long the longest wait is.
    pub(super) fn look(&self, key: u64) -> Result<(), Throttled> {
        longest(self.steps.iter().map(|step| self.ask(step, Ask::Look(key))))
    }

    /// Counts an attempt if all steps let it through.
    pub(super) fn count(&self, key: u64) -> Result<(), Throttled> {
        self.sweep();
        self.steps.iter().try_for_each(|step| self.ask(step, Ask::Count(key)))
    }

    /// Looks, then counts.
    pub(super) fn check(&self, key: u64) -> Result<(), Throttled> {
        // One step alone counts what it lets through, and nothing else.
        if self.steps.len() > 1 {
            self.look(key)?;
        }
        self.count(key)
    }

    /// Begins at nothing again.
    pub(super) fn forget(&self, key: u64) {
        for step in &self.steps {
            step.counts.forget(key);
        }
    }

    /// Counts as many attempts less as another ladder of as many steps still counts under a key of its own.
    pub(super) fn give_back(&self, key: u64, part: &Self, part_key: u64) {
        for (step, part_step) in self.steps.iter().zip(&part.steps) {
            let attempts = part.outstanding(part_step, part_key);
            step.counts.give_back(key, step.policy.interval().saturating_mul(attempts));
        }
    }

    /// Number of attempts that still count.
    fn outstanding(&self, step: &Step<C>, key: u64) -> u32 {
        let now = self.clock.now().duration_since(self.started);
        let left = step.counts.until(key).map(|until| until.saturating_sub(now));
        let left = left.map_or(0, |left| Duration::from(left).as_nanos());
        let attempts = left.div_ceil(step.policy.interval().as_nanos().max(1));
        u32::try_from(attempts).unwrap_or(u32::MAX).min(step.policy.quota.get())
    }

    /// Keys that are remembered, over all steps.
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

    /// Drops what no longer limits anybody. Nobody waits for somebody else to do it.
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

/// The refusal with the longest wait, if there is any.
pub(super) fn longest(
    outcomes: impl IntoIterator<Item = Result<(), Throttled>>,
) -> Result<(), Throttled> {
    let refusals = outcomes.into_iter().filter_map(Result::err);
    refusals.max_by_key(|throttled| throttled.retry_after).map_or(Ok(()), Err)
}

/// All at once, and then one in each equal part of the window.
fn quota(policy: &Policy) -> Quota {
    let often = Quota::per_second(NonZeroU32::MAX);
    Quota::with_period(policy.interval()).unwrap_or(often).allow_burst(policy.quota)
}
