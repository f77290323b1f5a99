//! Changes of the tasks of an account, as a client follows them.

use super::Task;
use crate::domain::author::Author;
use crate::domain::id::{ListId, TaskId, UserId};
use crate::domain::list::TaskList;
use crate::domain::timestamp::Timestamp;
use crate::domain::uid::Uid;
use crate::domain::user::User;

/// Trace of a deleted task or list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// Owner.
    pub owner: UserId,
    /// Deleted object.
    pub of: Gone,
    /// Number of the deletion among all changes of the account.
    pub seq: u64,
    /// Number of the first change of the request that deleted it.
    pub unit: u64,
    /// Time of the deletion.
    pub at: Timestamp,
    /// Author of the deletion.
    pub author: Author,
}

/// Object that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gone {
    /// Task, with its unique name.
    Task(TaskId, Uid),
    /// List.
    List(ListId),
}

impl Gone {
    /// Returns the id and the uid of a task.
    pub const fn task(&self) -> Option<(TaskId, &Uid)> {
        match self {
            Self::Task(id, uid) => Some((*id, uid)),
            Self::List(_) => None,
        }
    }
}

/// Part of the changes of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeQuery {
    /// Number of the last change that the client knows; 0 for none.
    pub since: u64,
    /// Number of the change up to which deletions are left out. A client that began without data knows none of these
    /// tasks.
    pub deleted_since: u64,
    /// Id up to which the client was told the lists that there were when it began; 0 for none.
    pub lists_after: u64,
    /// Maximum number of changes.
    pub limit: usize,
    /// Kinds of objects.
    pub kinds: ChangeKinds,
}

impl ChangeQuery {
    /// Whether a list is one of those that a client is told when it begins, by their ids and before all else, since tasks
    /// refer to them; and was not told it yet.
    pub fn is_first(&self, list: &TaskList) -> bool {
        list.seq <= self.deleted_since && list.id.get() > self.lists_after
    }

    /// Whether a list has changed since the client knows it.
    pub const fn is_changed(&self, list: &TaskList) -> bool {
        list.seq > self.since && list.seq > self.deleted_since
    }
}

/// Kinds of objects whose changes are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeKinds {
    /// Tasks.
    pub tasks: bool,
    /// Lists.
    pub lists: bool,
    /// The account.
    pub account: bool,
}

impl ChangeKinds {
    /// No kind.
    pub const NONE: Self = Self { tasks: false, lists: false, account: false };

    /// All kinds.
    pub const ALL: Self = Self { tasks: true, lists: true, account: true };

    /// Whether the deletion of an object is wanted.
    pub const fn has(self, gone: &Gone) -> bool {
        match gone {
            Gone::Task(..) => self.tasks,
            Gone::List(_) => self.lists,
        }
    }
}

/// Last change of a task, of a list or of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "most changes are of tasks")]
pub enum Changed {
    /// Task that was created or changed.
    Task(Task),
    /// List that was created or changed.
    List(TaskList),
    /// Task or list that was deleted.
    Deleted(Tombstone),
    /// Account that was changed.
    Account(User),
}

impl Changed {
    /// Returns the approximate memory of the change, in bytes.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Task(task) => task.memory(),
            Self::List(list) => size_of::<Self>() + list.position.as_str().len(),
            Self::Deleted(_) | Self::Account(_) => size_of::<Self>(),
        }
    }
}

/// Changes of an account, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePage {
    /// Changes with their numbers. Each object occurs once, as of its last change. Lists that a client is told when it
    /// begins have the number of the query.
    pub changes: Vec<(u64, Changed)>,
    /// Number of the last change that is known after this page.
    pub seq: u64,
    /// Id up to which the client is told the lists that there were when it began.
    pub lists_after: u64,
    /// Whether there are more changes.
    pub more: bool,
    /// Number of the last change of the account.
    pub latest: u64,
}
