//! What leaves a server and enters one: everything that is kept, but for sessions.

use super::id::{TaskId, UserId};
use super::task::Task;
use super::user::Credential;

/// One thing of an export: each account, followed by its tasks by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// An account.
    User(Credential),
    /// A task of the account before.
    Task(Task),
}

impl Record {
    /// Most rows of an account: by id, email and role, its counts, and two audit records.
    const USER_ROWS: u64 = 6;

    /// The most that [`Self::rows`] can be.
    pub(crate) const MAX_ROWS: u64 = Task::MAX_ROWS;

    /// An upper bound of the rows that it takes in a store.
    pub(crate) fn rows(&self) -> u64 {
        match self {
            Self::User(_) => Self::USER_ROWS,
            Self::Task(task) => task.rows(),
        }
    }
}

/// A part of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exported {
    /// Comes once, first.
    Start {
        /// The ids that come next.
        ids: NextIds,
        /// How many records follow, as the counts of accounts have it: for the progress.
        records: u64,
    },
    /// Many at a time.
    Records(Vec<Record>),
}

/// The ids that were not given out yet: the first of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NextIds {
    /// Of accounts.
    pub user: u64,
    /// Of tasks.
    pub task: u64,
}

/// What happens to a task that is there already, and differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays as it is.
    Keep,
    /// It is changed to what comes in, as if its owner had changed it now.
    Replace,
}

/// Whose tasks come next: the account as the export names it, and as it is named here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// In the export.
    pub there: UserId,
    /// In this store.
    pub here: UserId,
}

/// Accounts and tasks that are taken in together, or not at all.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Accounts, each followed by its tasks. The first tasks may belong to `owner`.
    pub records: Vec<Record>,
    /// The last account of the chunk before.
    pub owner: Option<Owner>,
    /// What happens to tasks that are there already.
    pub existing: Existing,
}

/// What became of the parts of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Accounts that were made.
    pub users_added: u64,
    /// Accounts that were there already, by email; they stay as they are.
    pub users_found: u64,
    /// Tasks that were made, with their old ids and times.
    pub tasks_added: u64,
    /// Tasks that were there already, the same in every field.
    pub tasks_same: u64,
    /// Tasks that were there already, differ, and stayed as they are.
    pub tasks_kept: u64,
    /// Tasks that were there already, differed, and were changed.
    pub tasks_replaced: u64,
}

impl Imported {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            users_added: self.users_added + other.users_added,
            users_found: self.users_found + other.users_found,
            tasks_added: self.tasks_added + other.tasks_added,
            tasks_same: self.tasks_same + other.tasks_same,
            tasks_kept: self.tasks_kept + other.tasks_kept,
            tasks_replaced: self.tasks_replaced + other.tasks_replaced,
        }
    }
}

/// Why a chunk was not taken in. Nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The id of a task is that of somebody else's task here, or of another one of the same import.
    #[error("the id of {:?} is taken here by somebody else's task", .0)]
    Taken(TaskId),
    /// A task does not follow the account that it belongs to.
    #[error("task {} does not follow its owner's account", .0)]
    Stray(TaskId),
}
