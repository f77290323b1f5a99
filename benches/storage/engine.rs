//! What every engine can do, and how much of it is asked for.

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

/// Something that keeps tasks.
pub(crate) trait Engine {
    /// As it is called in the results.
    fn name(&self) -> &'static str;

    /// Does one kind of work, `rounds` times for each of so many callers at once, and says how long it
    /// took. What the work needs is made before the clock starts.
    fn run(&self, work: Work, callers: usize, rounds: u64) -> Duration;
}

/// How many callers there are at once.
pub(crate) const CALLERS: [usize; 3] = [1, 8, 64];

/// Whether everything runs only once, to see that it runs.
pub(crate) fn is_test() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

/// Whether only some of the benches were asked for by name.
pub(crate) fn is_filtered() -> bool {
    std::env::args().skip(1).any(|argument| !argument.starts_with('-'))
}

/// The sizes to be measured.
pub(crate) fn sizes() -> Vec<Size> {
    let all = vec![
        Size { name: "1k", tasks: 1_000, owners: 1_000 },
        Size { name: "100k", tasks: 100_000, owners: 10_000 },
        Size { name: "1M", tasks: 1_000_000, owners: 10_000 },
    ];
    all.into_iter().take(if is_test() { 1 } else { 3 }).collect()
}

/// A small generator of random numbers; every one made starts elsewhere.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new() -> Self {
        static SEED: AtomicU64 = AtomicU64::new(1);
        let seed = SEED.fetch_add(1, Ordering::Relaxed);
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below a limit (xorshift64*).
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % limit
    }
}
