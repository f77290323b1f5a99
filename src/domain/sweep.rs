//! Removal of records that have expired.

use super::id::UserId;

/// Progress of a sweep over all accounts that removes expired records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepProgress {
    /// Number of records removed.
    pub removed: u64,
    /// Account at which the sweep continues; `None` at the end.
    pub next: Option<UserId>,
}
