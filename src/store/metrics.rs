//! Numbers of the store at a moment.

use crate::metrics::Distribution;

/// Numbers of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreMetrics {
    /// Writes that wait, by lane.
    pub queue: [(&'static str, WaitingWrites); 2],
    /// Commits.
    pub commits: Commits,
    /// Reads of pages from the file, because the cache did not have them.
    pub page_reads: u64,
    /// Bytes of these pages.
    pub page_read_bytes: u64,
    /// Writes that were refused, by the reason.
    pub refused: Vec<(&'static str, u64)>,
    /// Changes that were refused because of a quota, by the limit.
    pub quota_refused: Vec<(&'static str, u64)>,
    /// Long reads.
    pub long_reads: LongReadMetrics,
    /// Space on the disk; `None` if it cannot be asked.
    pub disk: Option<Disk>,
    /// Accounts; `None` if they cannot be counted.
    pub users: Option<u64>,
    /// Tasks of all accounts, counted from time to time; `None` if they could not be counted yet.
    pub tasks: Option<u64>,
    /// Whether damage was found in the file, or the store has failed.
    pub is_damaged: bool,
}

/// Writes of a lane that wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitingWrites {
    /// How many.
    pub writes: u64,
    /// Bytes that they are planned to write.
    pub bytes: u64,
}

/// Commits so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commits {
    /// Time of each, from the first decision until it is on disk.
    pub times: Distribution,
    /// Rows that each has written.
    pub rows: Distribution,
    /// Writes that have shared each.
    pub writes: Distribution,
    /// Time that the disk took for each flush; a commit has two.
    pub syncs: Distribution,
    /// Commits that failed.
    pub failed: u64,
}

/// Long reads, which take a thread each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LongReadMetrics {
    /// Being done.
    pub running: u64,
    /// Waiting for a turn.
    pub waiting: u64,
    /// Refused so far.
    pub refused: u64,
}

/// Space on the disk of the data file, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// Free.
    pub free: u64,
    /// To be kept free.
    pub reserve: u64,
    /// Size of the data file.
    pub file: u64,
}
