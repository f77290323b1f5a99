//! Counts of connections by outcome, for metrics.

use super::Admission;
use super::alarm::Counts;
use crate::metrics::Counter;

/// Connections of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionMetrics {
    /// Being served a request.
    pub serving: u64,
    /// Waiting for a request.
    pub waiting: u64,
    /// Maximum number of connections.
    pub places: u64,
    /// Accepted so far.
    pub accepted: u64,
    /// Closed to make room for others, so far.
    pub evicted: u64,
    /// Refused so far.
    pub refused: u64,
    /// Delayed until a place was free, so far.
    pub delayed: u64,
}

/// Counters of connections since the start.
#[derive(Debug, Default)]
pub(super) struct Events {
    accepted: Counter,
    evicted: Counter,
    refused: Counter,
    delayed: Counter,
}

impl Events {
    pub(super) fn add(&self, admission: &Admission, counts: Counts) {
        self.accepted.add(u64::from(matches!(admission, Admission::In(_))));
        self.evicted.add(number(counts.evicted));
        self.refused.add(number(counts.refused));
        self.delayed.add(number(counts.waiting));
    }

    pub(super) fn metrics(
        &self,
        taken: usize,
        waiting: usize,
        places: usize,
    ) -> ConnectionMetrics {
        ConnectionMetrics {
            serving: number(taken.saturating_sub(waiting)),
            waiting: number(waiting),
            places: number(places),
            accepted: self.accepted.get(),
            evicted: self.evicted.get(),
            refused: self.refused.get(),
            delayed: self.delayed.get(),
        }
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
