//! Removal of expired records: idempotency records, tombstones, and the history of tasks.
//!
//! The job depends on the clock, and a wrong clock must not make it remove records that are still needed. If the
//! time has moved by more than a day against the running time of the program, it removes nothing until the clock is
//! back, or has been steady for a day. Nor does it in the first pass, which has no earlier time to compare with.
//! Remaining records do no harm: expired idempotency records are not replayed, and later requests of their owner remove
//! them too.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::error_chain::ErrorChain;
use crate::domain::task::HistoryRetention;
use crate::domain::timestamp::Timestamp;
use crate::store::{Store, StoreError};

/// Interval between two passes.
const TICK: Duration = Duration::from_secs(10 * 60);

/// Maximum deviation of the clock between two passes, and time that it must be steady after a larger one.
const JUMP: Duration = Duration::from_secs(24 * 3600);

/// The job and its dependencies.
#[derive(Debug)]
pub struct SweepJob {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    retention: Retention,
    watch: Mutex<Watch>,
}

/// Ages at which records are removed.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Tombstones of deleted tasks.
    pub tombstones: Duration,
    /// Changes of tasks, and deleted tasks.
    pub history: HistoryRetention,
}

/// Readings of the clock.
#[derive(Debug, Default)]
struct Watch {
    trusted: Option<Look>,
    /// First reading after a jump.
    doubted: Option<Look>,
}

/// A reading of the clock, with the running time of the program.
#[derive(Clone, Copy, Debug)]
struct Look {
    time: Timestamp,
    running: Duration,
}

impl Look {
    /// Whether the clock has run steadily from one reading to the other.
    fn leads_to(self, later: Self) -> bool {
        let expected = self.time.plus(later.running.saturating_sub(self.running));
        later.time.since(expected).max(expected.since(later.time)) <= JUMP
    }
}

impl Watch {
    /// Takes a reading, and returns whether the clock can be trusted.
    fn see(&mut self, look: Look) -> bool {
        let Some(trusted) = self.trusted else {
            self.trusted = Some(look);
            return false;
        };
        let is_steady = match self.doubted {
            _ if trusted.leads_to(look) => true,
            Some(doubted) if doubted.leads_to(look) => {
                look.running.saturating_sub(doubted.running) >= JUMP
            }
            _ => {
                self.doubted = Some(look);
                false
            }
        };
        if is_steady {
            *self = Self { trusted: Some(look), doubted: None };
        }
        is_steady
    }
}

impl SweepJob {
    /// Creates a job that has not read the clock yet.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        retention: Retention,
    ) -> Self {
        Self { store, clock, retention, watch: Mutex::default() }
    }

    /// Removes expired records until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        let started = Instant::now();
        let work = async {
            loop {
                match self.pass(started.elapsed()).await {
                    Ok(Some(removed)) => {
                        tracing::debug!(removed, "removed expired records");
                    }
                    Ok(None) => tracing::debug!(
                        "kept expired records: the clock is not trusted yet"
                    ),
                    Err(error) => {
                        let error = ErrorChain(&error);
                        tracing::warn!(%error, "could not remove expired records");
                    }
                }
                tokio::time::sleep(TICK).await;
            }
        };
        tokio::select! {
            () = work => {}
            () = stop.cancelled() => {}
        }
    }

    /// Runs one pass at this running time of the program, and returns the number of removed records. `None` if the
    /// clock cannot be trusted.
    ///
    /// # Errors
    ///
    /// Errors of the store.
    pub async fn pass(&self, running: Duration) -> Result<Option<u64>, StoreError> {
        let time = self.clock.now();
        let look = Look { time, running };
        if !self.watch.lock().unwrap_or_else(PoisonError::into_inner).see(look) {
            return Ok(None);
        }
        let (mut removed, mut after) = (0, None);
        loop {
            let swept = self.store.idempotency_sweep(after, time).await?;
            removed += swept.removed;
            after = swept.next;
            if after.is_none() {
                break;
            }
        }
        let Retention { tombstones, history } = self.retention;
        loop {
            let swept = self.store.history_sweep(after, time, history).await?;
            removed += swept.removed;
            after = swept.next;
            if after.is_none() {
                break;
            }
        }
        loop {
            let swept = self.store.tombstone_sweep(after, time, tombstones).await?;
            removed += swept.removed;
            after = swept.next;
            if after.is_none() {
                return Ok(Some(removed));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;

    fn look(time_hours: u64, running_hours: u64) -> Look {
        Look {
            time: Timestamp::EPOCH
                .plus(Duration::from_secs((100_000 + time_hours) * HOUR)),
            running: Duration::from_secs(running_hours * HOUR),
        }
    }

    #[test]
    fn a_clock_that_goes_on_is_trusted_from_the_second_look() {
        let mut watch = Watch::default();
        assert!(!watch.see(look(0, 0)));
        for hour in 1..100 {
            assert!(watch.see(look(hour, hour)));
        }
        // Summer time, and a correction of less than a day.
        assert!(watch.see(look(100, 99)));
        assert!(watch.see(look(80, 99)));
    }

    #[test]
    fn a_clock_that_jumped_is_trusted_when_it_is_back_or_has_gone_on_for_a_day() {
        for jumped in [1_000, 90_000] {
            let mut watch = Watch::default();
            watch.see(look(50_000, 0));
            for hour in 1..24 {
                assert!(!watch.see(look(jumped + hour, hour)), "{hour}");
            }
            assert!(watch.see(look(50_024, 24)), "back");
            for hour in 25..49 {
                assert!(!watch.see(look(jumped + hour, hour)), "{hour}");
            }
            assert!(watch.see(look(jumped + 49, 49)), "steady");
            assert!(watch.see(look(jumped + 50, 50)), "trusted");
        }
    }

    #[test]
    fn a_clock_that_jumps_again_and_again_is_not_trusted() {
        let mut watch = Watch::default();
        for hour in 0..100 {
            assert!(!watch.see(look(hour * 30, hour)), "{hour}");
        }
    }
}
