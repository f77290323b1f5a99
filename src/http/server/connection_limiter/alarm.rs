//! Log line that reports a full connection limiter.

use std::time::{Duration, Instant};

use crate::domain::network::{Block, LogNetworks};

/// Minimum time between two lines.
const PAUSE: Duration = Duration::from_secs(60);

/// Counts of evicted, refused and waiting connections, logged at most once a minute.
#[derive(Debug)]
pub(super) struct Alarm {
    networks: LogNetworks,
    last: Option<Instant>,
    counts: Counts,
}

/// Counts since the last line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Closed to make room.
    pub(super) evicted: usize,
    /// Refused at once.
    pub(super) refused: usize,
    /// Waiting for a place.
    pub(super) waiting: usize,
}

impl Alarm {
    pub(super) const fn new(networks: LogNetworks) -> Self {
        Self {
            networks,
            last: None,
            counts: Counts { evicted: 0, refused: 0, waiting: 0 },
        }
    }

    /// Adds counts, and returns the totals if a line is due.
    pub(super) fn count(&mut self, more: Counts, now: Instant) -> Option<Counts> {
        self.counts.evicted += more.evicted;
        self.counts.refused += more.refused;
        self.counts.waiting += more.waiting;
        if self.counts == Counts::default()
            || self.last.is_some_and(|last| now.duration_since(last) < PAUSE)
        {
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.counts))
    }

    /// Writes the line. `what` names the counted items: connections, or requests through proxies.
    pub(super) fn warn(
        &self,
        what: &'static str,
        taken: usize,
        counts: Counts,
        busiest: Option<(Block, usize)>,
    ) {
        tracing::warn!(
            event = "gate_full",
            what,
            taken,
            evicted = counts.evicted,
            refused = counts.refused,
            waiting = counts.waiting,
            client.network = busiest.and_then(|(block, _)| self.networks.text(block)),
            client.count = busiest.map(|(_, count)| count),
            "reached the limit of connections or requests: some are closed, refused or delayed"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_line_a_minute_with_all_since_the_last() {
        let mut alarm = Alarm::new(LogNetworks::On);
        let start = Instant::now();
        let one = Counts { evicted: 1, refused: 2, waiting: 3 };
        assert_eq!(alarm.count(Counts::default(), start), None);
        assert_eq!(alarm.count(one, start), Some(one));
        for second in 1..60 {
            assert_eq!(alarm.count(one, start + Duration::from_secs(second)), None);
        }
        let all = Counts { evicted: 60, refused: 120, waiting: 180 };
        assert_eq!(alarm.count(one, start + PAUSE), Some(all));
        assert_eq!(alarm.count(Counts::default(), start + 2 * PAUSE), None);
    }
}
