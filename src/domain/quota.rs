//! Quotas: limits of tasks and bytes of an account, and its usage.

/// Limits of all accounts that have none of their own. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Most tasks of one account.
    pub tasks: Option<u64>,
    /// Most bytes of one account, in MiB. See [`Usage::bytes`] for what counts.
    pub mib: Option<u64>,
    /// Most accounts.
    pub accounts: Option<u64>,
}

/// Limits that one account has in place of the general ones. `None` is the general limit, 0 no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnQuota {
    /// Most tasks.
    pub tasks: Option<u64>,
    /// Most MiB.
    pub mib: Option<u64>,
}

/// A change to an account's own limits. `None` leaves a limit as it is, `Some(None)` is the general limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaPatch {
    /// Most tasks.
    pub tasks: Option<Option<u64>>,
    /// Most MiB.
    pub mib: Option<Option<u64>>,
}

impl QuotaPatch {
    /// The limits with the changes made.
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
    /// Tasks, open and completed.
    pub tasks: u64,
    /// Key and value bytes of all rows kept under the account's id: tasks, their index entries, counts of tags,
    /// sessions, personal tokens and kept answers, but not the row that holds this count. The pages of the file
    /// take more.
    pub bytes: u64,
    /// Limits of its own.
    pub own: OwnQuota,
}

/// Limit that an account has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuotaExceeded {
    /// The limit of tasks.
    #[error("this account has {used} tasks and may have {limit}: delete some first")]
    Tasks {
        /// Tasks of the account.
        used: u64,
        /// Most tasks that it may have.
        limit: u64,
    },
    /// The limit of bytes.
    #[error(
        "this account holds {used} bytes, would hold {wanted} and may hold {limit}: \
         delete or shorten something first"
    )]
    Bytes {
        /// Bytes that it holds.
        used: u64,
        /// Bytes that it would hold.
        wanted: u64,
        /// Most bytes that it may hold.
        limit: u64,
    },
}

impl Quota {
    /// The greatest limit that can be set.
    pub const MAX_LIMIT: u64 = 1_000_000_000;

    /// Most tasks of an account.
    pub fn tasks_of(&self, own: OwnQuota) -> Option<u64> {
        chosen(own.tasks, self.tasks)
    }

    /// Most bytes of an account.
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
