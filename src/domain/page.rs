//! Pages of long lists.

use super::audit::AuditRecord;
use super::task::Task;
use super::user::Account;

/// Page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Number of items to skip.
    pub skip: u64,
    /// Maximum number of items: 1 to [`Self::MAX_LIMIT`].
    pub limit: u16,
}

impl Page {
    /// Maximum number of items on a page.
    pub const MAX_LIMIT: u16 = 200;
    /// Default number of items on a page.
    pub const DEFAULT_LIMIT: u16 = 100;
}

/// Page of tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskPage {
    /// Tasks in the requested order.
    pub tasks: Vec<Task>,
    /// Number of tasks on all pages, from the same snapshot.
    pub total: u64,
    /// Whether more tasks follow.
    pub more: bool,
}

impl TaskPage {
    /// Empty page.
    pub const EMPTY: Self = Self { tasks: Vec::new(), total: 0, more: false };
}

/// Order of a list of accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserOrder {
    /// Newest first.
    #[default]
    Newest,
    /// Most bytes first.
    Bytes,
    /// Most tasks first.
    Tasks,
}

/// Page of accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPage {
    /// Accounts in the requested order.
    pub users: Vec<Account>,
    /// Number of accounts on all pages, from the same snapshot.
    pub total: u64,
}

/// Audit records about one account, out of a run of consecutive records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPart {
    /// Records, oldest first.
    pub records: Vec<AuditRecord>,
    /// Last record examined, if more may follow.
    pub next: Option<u64>,
}

/// Page of audit records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditPage {
    /// Records, newest first.
    pub records: Vec<AuditRecord>,
    /// Number of records on all pages, from the same snapshot.
    pub total: u64,
}
