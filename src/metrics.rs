//! Counters and histograms that many threads update, and their snapshots.
//!
//! Each part of the program has its own and returns snapshots by value; `http/metrics` renders them. An update takes
//! one or two relaxed additions and never waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Number of buckets of a histogram, without the one for larger values.
pub const BUCKETS: usize = 12;

/// Upper bounds of the buckets of times, in microseconds: from a read of memory to the longest request.
const TIMES: [u64; BUCKETS] = [
    250, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000,
    5_000_000, 30_000_000,
];

/// Upper bounds of the buckets of sizes: from one row to the most rows of a commit.
const SIZES: [u64; BUCKETS] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000, 20_000];

/// A counter that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to the counter.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Returns the sum.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Unit of the values of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Times, in microseconds.
    Time,
    /// Numbers of items.
    Size,
}

impl Unit {
    /// Returns the upper bounds of the buckets.
    pub const fn bounds(self) -> &'static [u64; BUCKETS] {
        match self {
            Self::Time => &TIMES,
            Self::Size => &SIZES,
        }
    }
}

/// Histogram of values.
#[derive(Debug)]
pub struct Histogram {
    unit: Unit,
    /// Counts by bucket; the last is for larger values.
    counts: [Counter; BUCKETS + 1],
    sum: Counter,
}

/// Snapshot of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// Unit of the values.
    pub unit: Unit,
    /// Counts by bucket; the last is for larger values.
    pub counts: [u64; BUCKETS + 1],
    /// Sum of all values.
    pub sum: u64,
}

impl Histogram {
    /// Creates an empty histogram.
    pub fn new(unit: Unit) -> Self {
        Self { unit, counts: Default::default(), sum: Counter::default() }
    }

    /// Counts a value.
    pub fn add(&self, value: u64) {
        let bucket = self.unit.bounds().partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(bucket) {
            count.add(1);
        }
        self.sum.add(value);
    }

    /// Counts a time.
    pub fn add_time(&self, time: Duration) {
        self.add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Returns a snapshot.
    pub fn snapshot(&self) -> Distribution {
        let counts = self.counts.each_ref().map(Counter::get);
        Distribution { unit: self.unit, counts, sum: self.sum.get() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_in_the_first_bucket_that_has_room_for_it() {
        let sizes = Histogram::new(Unit::Size);
        for size in [0, 1, 2, 3, 20_000, 20_001] {
            sizes.add(size);
        }
        let counted = sizes.snapshot();
        assert_eq!(counted.counts, [2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(counted.sum, 40_007);
    }

    #[test]
    fn times_are_kept_in_microseconds() {
        let times = Histogram::new(Unit::Time);
        times.add_time(Duration::from_micros(250));
        times.add_time(Duration::from_secs(60));
        let counted = times.snapshot();
        assert_eq!(counted.counts, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(counted.sum, 60_000_250);
    }
}
