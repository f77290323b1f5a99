//! Quotas: limits of tasks and bytes per account, and its usage.

/// Limits of all accounts that have none of their own. `None` means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Maximum number of tasks of one account.
    pub tasks: Option<u64>,
    /// Maximum size of one account, in MiB. See [`Usage::bytes`] for what counts.
    pub mib: Option<u64>,
    /// Maximum number of accounts.
    pub accounts: Option<u64>,
    /// Maximum number of tombstones of deleted tasks of one account. The oldest make room for new ones.
    pub tombstones: u64,
    /// Maximum bytes of the history of one account, with its deleted tasks. The oldest make room for new ones.
    pub history_bytes: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            tasks: None,
            mib: None,
            accounts: None,
            tombstones: 16_384,
            history_bytes: 16 << 20,
        }
    }
}

/// Limits of one account that override the general ones. `None` means the general limit, 0 no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnQuota {
    /// Maximum number of tasks.
    pub tasks: Option<u64>,
    /// Maximum size, in MiB.
    pub mib: Option<u64>,
}

/// Change to the limits of one account. `None` keeps a limit, `Some(None)` restores the general limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaPatch {
    /// Maximum number of tasks.
    pub tasks: Option<Option<u64>>,
    /// Maximum size, in MiB.
    pub mib: Option<Option<u64>>,
}

impl QuotaPatch {
    /// Applies the change to limits.
    pub fn apply(self, own: OwnQuota) -> OwnQuota {
        OwnQuota {
            tasks: self.tasks.unwrap_or(own.tasks),
            mib: self.mib.unwrap_or(own.mib),
        }
    }
}

/// Usage of one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Number of tasks, open and completed.
    pub tasks: u64,
    /// Key and value bytes of all rows kept under the account's id: tasks, their index entries, counts of tags,
    /// sessions, personal tokens and idempotency records, but not the row that holds this count. The pages of the file
    /// take more.
    pub bytes: u64,
    /// Limits of this account.
    pub own: OwnQuota,
}

/// Limit that an account has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuotaExceeded {
    /// Limit of tasks.
    #[error(
        "this account has {used} tasks, and its maximum is {limit}: delete some first"
    )]
    Tasks {
        /// Number of tasks of the account.
        used: u64,
        /// Maximum number of tasks.
        limit: u64,
    },
    /// Limit of bytes.
    #[error(
        "this account holds {used} bytes, would hold {wanted}, and its maximum is {limit}: \
         delete or shorten something first"
    )]
    Bytes {
        /// Current size, in bytes.
        used: u64,
        /// Size after the change, in bytes.
        wanted: u64,
        /// Maximum size, in bytes.
        limit: u64,
    },
}

impl Quota {
    /// Greatest limit that can be set.
    pub const MAX_LIMIT: u64 = 1_000_000_000;

    /// Returns the maximum number of tasks of an account.
    pub fn tasks_of(&self, own: OwnQuota) -> Option<u64> {
        chosen(own.tasks, self.tasks)
    }

    /// Returns the maximum size of an account, in bytes.
    pub fn bytes_of(&self, own: OwnQuota) -> Option<u64> {
        chosen(own.mib, self.mib).map(|mib| mib.saturating_mul(1 << 20))
    }
}

fn chosen(own: Option<u64>, all: Option<u64>) -> Option<u64> {
    match own {
        Some(0) => None,
        Some(own) => Some(own),
        None => all,
    }
}
