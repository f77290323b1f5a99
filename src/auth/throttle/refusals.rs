//! Numbers of refused attempts, by policy.

use super::Throttled;
use crate::metrics::Counter;

/// Names of all policies.
const NAMES: [&str; 15] = [
    "login-network",
    "login",
    "login-hour",
    "login-day",
    "login-stranger",
    "login-stranger-hour",
    "login-stranger-day",
    "registration",
    "registration-day",
    "refresh",
    "password",
    "password-day",
    "password-account",
    "admin",
    "requests",
];

/// Counters of refused attempts.
#[derive(Debug, Default)]
pub struct Refusals([Counter; NAMES.len()]);

impl Refusals {
    /// Counts a refusal.
    pub fn add(&self, throttled: &Throttled) {
        let counts = NAMES.iter().zip(&self.0);
        for (_, count) in counts.filter(|(name, _)| **name == throttled.policy.name) {
            count.add(1);
        }
    }

    /// Returns the number of refusals by policy.
    pub fn all(&self) -> Vec<(&'static str, u64)> {
        NAMES.iter().zip(&self.0).map(|(name, count)| (*name, count.get())).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{
        ADMIN, NETWORK, OWNER, PAIR, PASSWORD, Policy, REFRESH, REGISTRATION, STRANGER,
    };
    use super::*;

    #[test]
    fn refusals_of_every_policy_are_counted() {
        let policies: [&[Policy]; 8] = [
            &NETWORK,
            &PAIR,
            &STRANGER,
            &REGISTRATION,
            &REFRESH,
            &PASSWORD,
            &OWNER,
            &ADMIN,
        ];
        let requests = Policy { name: "requests", ..ADMIN[0] };
        let refusals = Refusals::default();
        for policy in policies.into_iter().flatten().copied().chain([requests]) {
            refusals.add(&Throttled { retry_after: Duration::ZERO, policy });
        }
        assert!(refusals.all().iter().all(|(_, count)| *count == 1), "{refusals:?}");
    }
}
