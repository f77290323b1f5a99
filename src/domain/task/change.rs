//! Changes of the tasks of an account, as a client follows them.

use super::Task;
use crate::domain::author::Author;
use crate::domain::id::{TaskId, UserId};
use crate::domain::timestamp::Timestamp;
use crate::domain::uid::Uid;
use crate::domain::user::User;

/// Trace of a deleted task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// Owner of the task.
    pub owner: UserId,
    /// Identifier of the task.
    pub id: TaskId,
    /// Unique name of the task.
    pub uid: Uid,
    /// Number of the deletion among all changes of the account.
    pub seq: u64,
    /// Number of the first change of the request that deleted the task.
    pub unit: u64,
    /// Time of the deletion.
    pub at: Timestamp,
    /// Author of the deletion.
    pub author: Author,
}

/// Part of the changes of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeQuery {
    /// Number of the last change that the client knows; 0 for none.
    pub since: u64,
    /// Number of the change up to which deletions are left out. A client that began without data knows none of these
    /// tasks.
    pub deleted_since: u64,
    /// Maximum number of changes.
    pub limit: usize,
    /// Whether tasks are wanted.
    pub tasks: bool,
    /// Whether the account is wanted.
    pub account: bool,
}

/// Last change of a task or of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "most changes are of tasks")]
pub enum Changed {
    /// Task that was created or changed.
    Task(Task),
    /// Task that was deleted.
    TaskDeleted(Tombstone),
    /// Account that was changed.
    Account(User),
}

impl Changed {
    /// Returns the approximate memory of the change, in bytes.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Task(task) => task.memory(),
            Self::TaskDeleted(_) | Self::Account(_) => size_of::<Self>(),
        }
    }
}

/// Changes of an account, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePage {
    /// Changes with their numbers. Each task occurs once, as of its last change.
    pub changes: Vec<(u64, Changed)>,
    /// Number of the last change that is known after this page.
    pub seq: u64,
    /// Whether there are more changes.
    pub more: bool,
    /// Number of the last change of the account.
    pub latest: u64,
}
