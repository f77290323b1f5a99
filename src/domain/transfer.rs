//! Records of an export or import; sessions are excluded.

use super::id::UserId;
use super::list::TaskList;
use super::task::Task;
use super::timestamp::Timestamp;
use super::user::Credential;

/// Record of an export. Each account is followed by its lists and then its tasks, by id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "most records are tasks")]
pub enum Record {
    /// Account.
    User(Credential),
    /// List of the preceding account. The default list is left out if it was never changed.
    List(TaskList),
    /// Task of the preceding account.
    Task(Task),
}

impl Record {
    /// Maximum number of rows of an account: by id, email and role, its counts, and two audit records.
    const USER_ROWS: u64 = 6;

    /// Maximum of [`Self::rows`].
    pub(crate) const MAX_ROWS: u64 = Task::MAX_ROWS;

    /// Returns an upper bound of its rows in a store.
    pub(crate) fn rows(&self) -> u64 {
        match self {
            Self::User(_) => Self::USER_ROWS,
            Self::List(_) => 1,
            Self::Task(task) => task.rows(),
        }
    }
}

/// Part of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exported {
    /// First part, sent once.
    Start {
        /// Next free ids.
        ids: NextIds,
        /// Number of records that follow, from the counts of the accounts; for progress.
        records: u64,
    },
    /// Batch of records.
    Records(Vec<Record>),
}

/// Next free id of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NextIds {
    /// Next account id.
    pub user: u64,
    /// Next task id.
    pub task: u64,
}

/// Treatment of an existing task or list that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Keeps the existing one.
    Keep,
    /// Changes the existing one to the imported one, as if its owner had changed it now.
    Replace,
}

/// Owner of the tasks that follow: the account in the export and in this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Account id in the export.
    pub there: UserId,
    /// Account id in this store.
    pub here: UserId,
}

/// Terms of an import.
#[derive(Clone, Copy, Debug)]
pub struct ImportOptions {
    /// Treatment of existing tasks that differ.
    pub existing: Existing,
    /// Whether new accounts may be administrators.
    pub allow_admins: bool,
    /// Next free ids of the source. The ids of its records are lower.
    pub ids: NextIds,
}

/// Accounts and tasks that are imported in one transaction.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Accounts, each followed by its tasks. The first tasks may belong to the last account of the previous chunk.
    pub records: Vec<Numbered>,
    /// Time of the changes.
    pub at: Timestamp,
}

impl Chunk {
    /// Returns the line of the first record; 0 without records.
    pub fn first_line(&self) -> u64 {
        self.records.first().map_or(0, |first| first.line)
    }
}

/// Record of an import.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// Line number in the source, from 1; for errors.
    pub line: u64,
    /// The record.
    pub record: Record,
}

/// Result of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Accounts that were created.
    pub users_added: u64,
    /// Accounts that already existed, by email; they are unchanged.
    pub users_found: u64,
    /// Lists that were created, with their old ids where these were free.
    pub lists_added: u64,
    /// Lists that already existed and are equal in every field.
    pub lists_same: u64,
    /// Lists that already existed, differ, and were kept.
    pub lists_kept: u64,
    /// Lists that already existed, differed, and were changed.
    pub lists_replaced: u64,
    /// Tasks that were created, with their old ids and times.
    pub tasks_added: u64,
    /// Tasks that already existed and are equal in every field.
    pub tasks_same: u64,
    /// Tasks that already existed, differ, and were kept.
    pub tasks_kept: u64,
    /// Tasks that already existed, differed, and were changed.
    pub tasks_replaced: u64,
}

impl Imported {
    /// Adds two results.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            users_added: self.users_added + other.users_added,
            users_found: self.users_found + other.users_found,
            lists_added: self.lists_added + other.lists_added,
            lists_same: self.lists_same + other.lists_same,
            lists_kept: self.lists_kept + other.lists_kept,
            lists_replaced: self.lists_replaced + other.lists_replaced,
            tasks_added: self.tasks_added + other.tasks_added,
            tasks_same: self.tasks_same + other.tasks_same,
            tasks_kept: self.tasks_kept + other.tasks_kept,
            tasks_replaced: self.tasks_replaced + other.tasks_replaced,
        }
    }
}

/// Reason that a record cannot be imported. The texts complete the sentence "line 1 ...".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The id of a task belongs to a task of another account here, or to another task of the same import.
    #[error(
        "id belongs to a task of another account here, or to another task of this import"
    )]
    Taken,
    /// The task does not follow its account.
    #[error("owner_id must name the account that precedes the line")]
    Stray,
    /// The list of the task does not precede it.
    #[error("list_id must be 1, or the id of a list that precedes the line")]
    NoList,
    /// The account would have too many lists.
    #[error("would give the account more than 200 lists")]
    TooManyLists,
    /// A new account would become an administrator.
    #[error("creates an administrator, which requires --allow-admins")]
    Admin,
    /// The store could assign the id to another account during the import.
    #[error("id must be below the next id in the first line")]
    Unreserved,
    /// The id would leave too few ids for the existing accounts.
    #[error(
        "id must be below 2^52 in a data file that has accounts: import into a new data file"
    )]
    TooLarge,
}
