//! Interface of every engine, and the amount of work.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::data::Size;

/// One kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Create,
    Get,
    List,
    Patch,
    Delete,
}

impl Work {
    pub(crate) const ALL: [Self; 5] =
        [Self::Create, Self::Get, Self::List, Self::Patch, Self::Delete];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Get => "get",
            Self::List => "list50",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }

    pub(crate) const fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Patch | Self::Delete)
    }
}

/// Engine that stores tasks.
pub(crate) trait Engine {
    /// Name of the engine in the results.
    fn name(&self) -> &'static str;

    /// Does one kind of work, `rounds` times for each of `callers` callers at once, and returns the time. Data that
    /// the work needs is created before the clock starts.
    fn run(&self, work: Work, callers: usize, rounds: u64) -> Duration;
}

/// Numbers of callers at once.
pub(crate) const CALLERS: [usize; 3] = [1, 8, 64];

/// Returns whether everything runs only once, as a test.
pub(crate) fn is_test() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

/// Returns whether some benchmarks were selected by name.
pub(crate) fn is_filtered() -> bool {
    std::env::args().skip(1).any(|argument| !argument.starts_with('-'))
}

/// Returns whether the filter names a kind of work, as in `create/100k`.
pub(crate) fn is_of_work() -> bool {
    std::env::args()
        .skip(1)
        .any(|filter| Work::ALL.iter().any(|work| filter.starts_with(work.name())))
}

/// Returns the sizes to be measured: the one that the filter names, as in `create/100k`, or else all.
pub(crate) fn sizes() -> Vec<Size> {
    let all = [
        Size { name: "1k", tasks: 1_000, owners: 1_000 },
        Size { name: "100k", tasks: 100_000, owners: 10_000 },
        Size { name: "1M", tasks: 1_000_000, owners: 10_000 },
    ];
    if is_test() {
        return vec![all[0]];
    }
    let is_named = |size: &&Size| {
        std::env::args()
            .skip(1)
            .any(|filter| filter.split('/').any(|part| part == size.name))
    };
    all.iter().find(is_named).map_or_else(|| all.to_vec(), |size| vec![*size])
}

/// Small random number generator; each one created has another seed.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new() -> Self {
        static SEED: AtomicU64 = AtomicU64::new(1);
        let seed = SEED.fetch_add(1, Ordering::Relaxed);
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Returns a number below a limit (xorshift64*).
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % limit
    }
}
