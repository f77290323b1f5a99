//! Options for opening and writing a data file.

use crate::domain::quota::Quota;
use crate::store::decide::IdempotencyBounds;

/// Commit protocol.
///
/// Both survive a crash at any moment. With one phase, pages and header are flushed together and a crash is repaired
/// by walking the file. With two phases the pages are flushed before the header that names them and the allocator's
/// state is kept, so that no walk is needed. The documentation of [`super`] has the figures behind the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitMode {
    /// One flush per commit.
    OnePhase,
    /// Two flushes per commit; serving again after a crash takes no repair.
    TwoPhase,
}

/// Options of a data file.
#[derive(Clone, Debug)]
pub struct Options {
    /// Maximum memory for cached pages, in bytes.
    pub cache_bytes: usize,
    /// Free disk space below which writes are refused, in bytes.
    pub reserve_bytes: u64,
    /// Whether to create the file if it does not exist.
    pub create: bool,
    /// Whether to upgrade a file of an older format. Otherwise it is refused, and stays unchanged.
    pub upgrade: bool,
    /// Whether to verify every page before the first read. The documentation of [`super`] has the cost.
    pub check_pages: bool,
    /// Commit protocol.
    pub commit: CommitMode,
    /// Maximum number of tasks and idempotency records of accounts deleted in one transaction; larger accounts are purged.
    pub delete_at_once: u64,
    /// Rows that a purge removes per commit: about 2 ms of work. 0 disables purging.
    pub purge_slice: usize,
    /// Maximum number and size of idempotency records to requests with a key, per account. The oldest make room for new
    /// ones.
    pub idempotency: IdempotencyBounds,
    /// Limits of tasks and bytes per account, and of the number of accounts. Imports are exempt.
    pub quota: Quota,
    /// Maximum number of tasks of an account whose lists scan all tasks. Beyond it, or if its tasks are heavy, they have
    /// index entries, and keep them until a quarter is left. With the default, a scan takes about as long as a walk
    /// through an index.
    pub scan_at_most: u64,
    /// Maximum number of tasks that are gathered for a list and then sorted. Beyond it, the list is read in its
    /// order.
    pub gather_at_most: usize,
    /// Maximum work of a list where it blocks others, in rows that it reads: about a millisecond. A search in long texts
    /// counts as many rows. A longer list has its own thread.
    pub short_read: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
            reserve_bytes: 64 << 20,
            create: true,
            upgrade: true,
            check_pages: true,
            commit: CommitMode::TwoPhase,
            delete_at_once: 2_000,
            purge_slice: 2_000,
            idempotency: IdempotencyBounds { records: 16_384, bytes: 16 << 20 },
            quota: Quota::default(),
            scan_at_most: 128,
            gather_at_most: 5_000,
            short_read: 2_000,
        }
    }
}
