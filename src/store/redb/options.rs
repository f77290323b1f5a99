//! How a data file is opened and written.

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

/// How to open a data file.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most memory for cached pages, in bytes.
    pub cache_bytes: usize,
    /// Free disk space below which writes are refused, in bytes.
    pub reserve_bytes: u64,
    /// Whether to make the file if there is none.
    pub create: bool,
    /// Whether to verify every page before anything is read. Nothing is purged then either.
    pub check_pages: bool,
    /// How a commit reaches the disk.
    pub commit: CommitMode,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
            reserve_bytes: 64 << 20,
            create: true,
            check_pages: false,
            commit: CommitMode::TwoPhase,
        }
    }
}
