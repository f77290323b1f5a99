//! Costs of hashes: the cost of new ones, and the costs of imported ones.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use argon2::Params;

use super::Cost;
use super::phc::{Parts, understand};
use crate::domain::password::PasswordHash;

/// Length of a hash, in bytes.
pub(super) const HASH_LEN: usize = 32;

/// Maximum number of distinct costs, including the current one.
const MAX_KINDS: usize = 4;

/// Parameters that decide how long a hash takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
}

impl Kind {
    /// Returns the parameters of new hashes.
    pub(super) fn of(cost: Cost) -> io::Result<Self> {
        let kind = Self { memory_kib: cost.memory_kib, passes: cost.passes, lanes: 1 };
        kind.params(HASH_LEN).map(|_| kind)
    }

    pub(super) fn params(self, len: usize) -> io::Result<Params> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(len));
        params.map_err(io::Error::other)
    }

    fn work(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.passes)
    }
}

/// Costs of the stored hashes.
#[derive(Debug)]
pub(super) struct Kinds {
    today: Kind,
    all: Mutex<Vec<Kind>>,
    /// Duration of the last verification, in microseconds.
    micros: AtomicU64,
}

impl Kinds {
    pub(super) fn new(today: Kind) -> Self {
        Self { today, all: Mutex::new(vec![today]), micros: AtomicU64::new(0) }
    }

    pub(super) const fn today(&self) -> Kind {
        self.today
    }

    /// Adds the cost of a hash. Beyond [`MAX_KINDS`] the most expensive are kept.
    pub(super) fn learn(&self, hash: &PasswordHash) {
        let Ok(Parts { kind, .. }) = understand(hash) else { return };
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.contains(&kind) {
            return;
        }
        all.push(kind);
        // In a fixed order, so that every verification does the same.
        all.sort_by_key(|it| {
            (*it != self.today, std::cmp::Reverse((it.work(), it.memory_kib, it.lanes)))
        });
        all.truncate(MAX_KINDS);
    }

    /// Returns the costs of the hashes that a verification computes, whatever is stored: one of each.
    pub(super) fn to_make(&self, stored: Option<Kind>) -> Vec<Kind> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.extend(stored.filter(|stored| !all.contains(stored)));
        all
    }

    pub(super) fn note_time(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.store(micros, Ordering::Relaxed);
    }

    pub(super) fn usual_time(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::password::phc::tests::hash;

    #[test]
    fn few_costs_are_told_apart_and_the_dearest_and_todays_stay() {
        let today = Kind::of(Cost { memory_kib: 64, passes: 1 }).unwrap();
        let kinds = Kinds::new(today);
        for memory in [128, 1024, 256, 512, 96, 128] {
            kinds.learn(&hash(&format!("m={memory},t=1,p=1")));
        }
        let all = kinds.to_make(None);
        let memory: Vec<u32> = all.iter().map(|it| it.memory_kib).collect();
        assert_eq!(memory, [64, 1024, 512, 256]);
        for kind in &all {
            assert_eq!(kinds.to_make(Some(*kind)), all, "as without an account");
        }
    }
}
