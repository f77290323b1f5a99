//! Parts of long lists.

use super::audit::AuditRecord;
use super::task::Task;
use super::user::Account;

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many to pass over first.
    pub skip: u64,
    /// Most to return: 1 to [`Self::MAX_LIMIT`].
    pub limit: u16,
}

impl Page {
    /// Most things on one page.
    pub const MAX_LIMIT: u16 = 200;
    /// Things on a page when nobody says.
    pub const DEFAULT_LIMIT: u16 = 100;
}

/// One page of tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskPage {
    /// In the order that was asked for.
    pub tasks: Vec<Task>,
    /// How many there are on all pages, at the same moment.
    pub total: u64,
    /// Whether there are more after these.
    pub more: bool,
}

impl TaskPage {
    /// Nothing at all.
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

/// One page of accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPage {
    /// In the order that was asked for.
    pub users: Vec<Account>,
    /// How many there are on all pages, at the same moment.
    pub total: u64,
}

/// The audit records that one account is in, out of some that follow one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPart {
    /// Oldest first.
    pub records: Vec<AuditRecord>,
    /// The last record that was looked at, if there may be more after it.
    pub next: Option<u64>,
}

/// One page of audit records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditPage {
    /// Newest first.
    pub records: Vec<AuditRecord>,
    /// How many there are on all pages, at the same moment.
    pub total: u64,
}
