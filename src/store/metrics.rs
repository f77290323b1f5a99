//! Metrics of the store at one moment.

use crate::metrics::Distribution;

/// Metrics of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreMetrics {
    /// Waiting writes, by lane.
    pub queue: [(&'static str, WaitingWrites); 2],
    /// Commits.
    pub commits: Commits,
    /// Page reads from the file, after a cache miss.
    pub page_reads: u64,
    /// Bytes of these page reads.
    pub page_read_bytes: u64,
    /// Refused writes, by reason.
    pub refused: Vec<(&'static str, u64)>,
    /// Changes refused by a quota, by limit.
    pub quota_refused: Vec<(&'static str, u64)>,
    /// Long reads.
    pub long_reads: LongReadMetrics,
    /// Space on the disk; `None` if it cannot be read.
    pub disk: Option<Disk>,
    /// Number of accounts; `None` if they cannot be counted.
    pub users: Option<u64>,
    /// Number of tasks of all accounts, counted from time to time; `None` before the first count.
    pub tasks: Option<u64>,
    /// Whether damage was found in the file, or the store has failed.
    pub is_damaged: bool,
}

/// Waiting writes of a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitingWrites {
    /// Number of writes.
    pub writes: u64,
    /// Planned bytes of the writes.
    pub bytes: u64,
}

/// Commits so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commits {
    /// Time of each, from the first decision until it is on disk.
    pub times: Distribution,
    /// Rows written by each.
    pub rows: Distribution,
    /// Writes that share each.
    pub writes: Distribution,
    /// Time of each flush to the disk; a commit has two.
    pub syncs: Distribution,
    /// Commits that failed.
    pub failed: u64,
}

/// Long reads, each on its own thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LongReadMetrics {
    /// Number of running reads.
    pub running: u64,
    /// Number of waiting reads.
    pub waiting: u64,
    /// Number of refused reads so far.
    pub refused: u64,
}

/// Space on the disk of the data file, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// Free space.
    pub free: u64,
    /// Space to keep free.
    pub reserve: u64,
    /// Size of the data file.
    pub file: u64,
}
