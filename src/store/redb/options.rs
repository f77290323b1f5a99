//! How a data file is opened and written.

use super::migrate::Formats;
use crate::domain::quota::Quota;

/// How a commit reaches the disk.
///
/// Both survive a crash at any moment. In one phase, pages and header are flushed together and a crash is
/// repaired by walking the file. In two phases the pages are flushed before the header that names them and
/// the allocator's state is kept, so that nothing has to be walked. The figures behind the default stand
/// in the documentation of [`super`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitMode {
    /// One flush a commit.
    OnePhase,
    /// Two flushes a commit; serving again after a crash takes no repair.
    TwoPhase,
}

/// How much is kept of each person's answers.
#[derive(Clone, Copy, Debug)]
pub struct AnswerBounds {
    /// Most answers.
    pub records: u64,
    /// Most bytes of them.
    pub bytes: u64,
}

/// How to open a data file.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most memory for cached pages, in bytes.
    pub cache_bytes: usize,
    /// Free disk space below which writes are refused, in bytes.
    pub reserve_bytes: u64,
    /// Whether to make the file if there is none.
    pub create: bool,
    /// Whether to bring a file of an older format up to date. If not it is refused, and stays as it is.
    pub upgrade: bool,
    /// Whether to verify every page before anything is read. What that costs stands in the documentation
    /// of [`super`].
    pub check_pages: bool,
    /// How a commit reaches the disk.
    pub commit: CommitMode,
    /// Most tasks and answers that deletions of accounts take in one transaction; rows of larger accounts are purged.
    pub delete_at_once: u64,
    /// Rows that a purge removes with one commit: about 2 ms of work. With 0 nothing is purged.
    pub purge_slice: usize,
    /// How many answers to requests with a key are kept for each person, and how many bytes of them. The oldest
    /// make room for new ones.
    pub answers: AnswerBounds,
    /// Limits of tasks and bytes of one account, and of the number of accounts. Imports are not held to them.
    pub quota: Quota,
    /// Most tasks that are gathered for a list and then sorted. Where more would have to be, the list is read in
    /// its order.
    pub gather_at_most: usize,
    /// Most rows that a list reads where it holds up others; a longer one has a thread of its own. So many take about
    /// a millisecond.
    pub short_read: u64,
    /// Formats that are known.
    pub formats: Formats,
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
            answers: AnswerBounds { records: 16_384, bytes: 16 << 20 },
            quota: Quota::default(),
            gather_at_most: 5_000,
            short_read: 2_000,
            formats: Formats::default(),
        }
    }
}
