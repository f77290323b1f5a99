//! Counts of a quota: in memory, with a fixed maximum number.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use governor::nanos::Nanos;
use governor::state::keyed::{DashMapStateStore, ShrinkableKeyedStateStore};
use governor::state::{NotKeyed, StateStore};

/// Maximum number of keys with a count of their own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room(pub(super) u32);

impl Room {
    /// Default size, some 2 MiB for each quota.
    pub(super) const USUAL: Self = Self(100_000);

    /// Returns the number of counts that new keys share once there is no room.
    fn shared(self) -> u64 {
        u64::from(self.0 / 100).max(1)
    }
}

/// A question about one key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Ask {
    /// Would an attempt be let through? Counts nothing.
    Look(u64),
    /// May this attempt go on? Counts it if so.
    Count(u64),
}

/// Treatment of new keys when there is no room for their counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenFull {
    /// They share a few counts: a flood slows down new keys only, and only while it lasts.
    Share,
    /// They are not counted.
    Pass,
}

/// Counts by key. Clones share the counts.
#[derive(Clone)]
pub(super) struct Counts {
    map: Arc<DashMapStateStore<u64>>,
    room: Room,
    when_full: WhenFull,
}

impl Counts {
    pub(super) fn new(room: Room, when_full: WhenFull) -> Self {
        Self { map: Arc::default(), room, when_full }
    }

    /// Resets the count of a key.
    pub(super) fn forget(&self, key: u64) {
        self.map.remove(&key);
    }

    /// Returns the time until which the counted attempts limit, in the limiter's own time.
    pub(super) fn until(&self, key: u64) -> Option<Nanos> {
        let count = self.map.get(&key)?;
        let looked: Result<((), Nanos), Nanos> = count
            .measure_and_replace(&NotKeyed::NonKey, |until| {
                Err(until.unwrap_or_default())
            });
        looked.err()
    }

    /// Subtracts attempts that limit for `time` together.
    pub(super) fn give_back(&self, key: u64, time: Duration) {
        if self.map.contains_key(&key) {
            let less = |until: Option<Nanos>| {
                Ok::<_, Infallible>((
                    (),
                    until.unwrap_or_default().saturating_sub(time.into()),
                ))
            };
            let Ok(()) = self.map.measure_and_replace(&key, less);
        }
    }

    /// Returns the key whose count is used for this one, if any.
    fn place(&self, key: u64) -> Option<u64> {
        let is_full =
            || self.map.len() >= usize::try_from(self.room.0).unwrap_or(usize::MAX);
        if self.map.contains_key(&key) || !is_full() {
            return Some(key);
        }
        match self.when_full {
            WhenFull::Share => Some(key % self.room.shared()),
            WhenFull::Pass => None,
        }
    }
}

impl StateStore for Counts {
    type Key = Ask;

    fn measure_and_replace<T, F, E>(&self, key: &Ask, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let uncounted = || f(None).map(|(outcome, _)| outcome);
        match *key {
            Ask::Count(key) => match self.place(key) {
                Some(key) => self.map.measure_and_replace(&key, f),
                None => uncounted(),
            },
            Ask::Look(key) => {
                let count = self.place(key).and_then(|key| self.map.get(&key));
                let Some(count) = count else { return uncounted() };
                // An error leaves the count unchanged.
                let looked: Result<Infallible, Result<T, E>> = count
                    .measure_and_replace(&NotKeyed::NonKey, |before| {
                        Err(f(before).map(|(outcome, _)| outcome))
                    });
                match looked {
                    Err(outcome) => outcome,
                }
            }
        }
    }
}

impl ShrinkableKeyedStateStore<Ask> for Counts {
    fn retain_recent(&self, drop_below: Nanos) {
        self.map.retain_recent(drop_below);
    }

    fn len(&self) -> usize {
        self.map.len()
    }

    fn is_empty(&self) -> bool {
        self.map.is_empty()
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counts").field("keys", &self.map.len()).finish_non_exhaustive()
    }
}
