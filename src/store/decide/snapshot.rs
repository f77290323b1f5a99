//! Data that a decision reads.

use crate::domain::email::Email;
use crate::domain::id::{InvitationId, ListId, SessionId, TaskId, TokenId, UserId};
use crate::domain::idempotency::{IdempotencyKey, IdempotencyRecord};
use crate::domain::invitation::Invitation;
use crate::domain::list::TaskList;
use crate::domain::position::Position;
use crate::domain::quota::{OwnQuota, Quota};
use crate::domain::session::Session;
use crate::domain::tag::Tag;
use crate::domain::task::{HistoryEntry, Task, TaskCounts, Tombstone};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::PersonalToken;
use crate::domain::uid::Uid;
use crate::domain::user::Credential;
use crate::store::StoreError;

type Read<T> = Result<T, StoreError>;

/// Data that a decision reads: the effects of all earlier writes, and of no later one.
///
/// Methods that take an owner find only records of that owner. `None` means that the record does not exist. Errors are
/// errors of the database.
pub trait Snapshot {
    /// Returns the id of the next account.
    fn next_user_id(&self) -> Read<UserId>;

    /// Returns the id of the next task.
    fn next_task_id(&self) -> Read<TaskId>;

    /// Finds an account.
    fn credential(&self, id: UserId) -> Read<Option<Credential>>;

    /// Returns the number of accounts.
    fn users(&self) -> Read<u64>;

    /// Lists account ids, at most `limit`, starting after `after`.
    fn users_after(&self, after: Option<UserId>, limit: usize) -> Read<Vec<UserId>>;

    /// Finds the account with an email, in any spelling.
    fn user_id(&self, email: &Email) -> Read<Option<UserId>>;

    /// Finds the account with a key of [`Email::keys`].
    fn user_of_key(&self, key: &str) -> Read<Option<UserId>>;

    /// Returns the key of an email that an account has or may get. `None` if other accounts have all of them.
    fn email_key(&self, email: &Email, id: UserId) -> Read<Option<String>> {
        let mut free = None;
        for key in email.keys() {
            match self.user_of_key(&key)? {
                Some(user) if user == id => return Ok(Some(key)),
                Some(_) => {}
                None => free = free.or(Some(key)),
            }
        }
        Ok(free)
    }

    /// Whether this account is the only active administrator.
    fn is_last_admin(&self, id: UserId) -> Read<bool>;

    /// Whether data of a deleted account with this id still waits for its removal.
    fn is_purged(&self, id: UserId) -> Read<bool>;

    /// Lists the sessions of an account, by id.
    fn sessions(&self, owner: UserId) -> Read<Vec<Session>>;

    /// Finds a session.
    fn session(&self, owner: UserId, id: SessionId) -> Read<Option<Session>>;

    /// Lists the personal tokens of an account, by id.
    fn tokens(&self, owner: UserId) -> Read<Vec<PersonalToken>>;

    /// Finds a personal token.
    fn token(&self, owner: UserId, id: TokenId) -> Read<Option<PersonalToken>>;

    /// Lists all invitations, newest first.
    fn invitations(&self) -> Read<Vec<Invitation>>;

    /// Finds an invitation.
    fn invitation(&self, id: InvitationId) -> Read<Option<Invitation>>;

    /// Returns the numbers of the first and the last audit record.
    fn audited(&self) -> Read<Option<(u64, u64)>>;

    /// Finds an idempotency record.
    fn idempotency(
        &self,
        owner: UserId,
        key: IdempotencyKey,
    ) -> Read<Option<IdempotencyRecord>>;

    /// Lists the idempotency records of an account, oldest first, at most `limit`, starting after `after`.
    fn idempotency_by_age(
        &self,
        owner: UserId,
        after: Option<IdempotencyAge>,
        limit: usize,
    ) -> Read<Vec<IdempotencyAge>>;

    /// Returns the number and size of the idempotency records of an account.
    fn idempotency_usage(&self, owner: UserId) -> Read<IdempotencyUsage>;

    /// Returns figures about the tasks of an account. `None` if there is no such account.
    fn figures(&self, owner: UserId) -> Read<Option<Figures>>;

    /// Finds a task.
    fn task(&self, owner: UserId, id: TaskId) -> Read<Option<Task>>;

    /// Finds the id of the task with a uid, also of a deleted one that has a tombstone.
    fn task_of_uid(&self, owner: UserId, uid: &Uid) -> Read<Option<TaskId>>;

    /// Finds the tombstone of a deleted task.
    fn tombstone(&self, owner: UserId, id: TaskId) -> Read<Option<Tombstone>>;

    /// Lists tombstones, oldest first, at most `limit`, from a change on.
    fn tombstones(&self, owner: UserId, from: u64, limit: usize) -> Read<Vec<Tombstone>>;

    /// Finds the state that a change of a task has replaced.
    fn history(&self, owner: UserId, seq: u64) -> Read<Option<HistoryEntry>>;

    /// Lists changes of tasks, oldest first, at most `limit`, from a change on.
    fn history_from(
        &self,
        owner: UserId,
        seq: u64,
        limit: usize,
    ) -> Read<Vec<HistoryEntry>>;

    /// Returns the bytes that a change of a task takes in this database.
    fn history_bytes(&self, entry: &HistoryEntry) -> Read<u64>;

    /// Finds the task that a change has deleted.
    fn trash(&self, owner: UserId, seq: u64) -> Read<Option<Task>>;

    /// Lists the numbers of deletions of tasks that can be restored, in their order, at most `limit`, from a change on.
    fn trash_from(&self, owner: UserId, seq: u64, limit: usize) -> Read<Vec<u64>>;

    /// Lists the numbers of deletions before a change, the last one first, at most `limit`.
    fn trash_before(&self, owner: UserId, seq: u64, limit: usize) -> Read<Vec<u64>>;

    /// Lists all tasks by id, at most `limit`, starting after `after`.
    fn tasks_after(
        &self,
        owner: UserId,
        after: Option<TaskId>,
        limit: usize,
    ) -> Read<Vec<Task>>;

    /// Returns the bytes that a deleted task takes in this database.
    fn trash_bytes(&self, task: &Task) -> Read<u64>;

    /// Lists a task and its descendants, level by level, each with its children. Leaves out the children of descendants
    /// for which `skips` is true. Stops after the task with which more than `most` tasks are found, so that some may be
    /// missing.
    fn subtree(
        &self,
        owner: UserId,
        top: TaskId,
        most: usize,
        skips: &dyn Fn(TaskId) -> bool,
    ) -> Read<Vec<Family>>;

    /// Returns the nearest position of a task beside another position, or the outermost one without it. Ignores tasks
    /// at that very position, and tasks for which `skips` is true.
    fn position_beside(
        &self,
        owner: UserId,
        from: Option<&Position>,
        side: Side,
        skips: &dyn Fn(TaskId) -> bool,
    ) -> Read<Option<Position>>;

    /// Returns the time of the last change of any task.
    fn latest_change(&self, owner: UserId) -> Read<Option<Timestamp>>;

    /// Returns the times of creation of the tasks before and after this id.
    fn neighbours(
        &self,
        owner: UserId,
        id: TaskId,
    ) -> Read<(Option<Timestamp>, Option<Timestamp>)>;

    /// Lists tags of tasks, at most `limit`.
    fn tags(&self, owner: UserId, limit: usize) -> Read<Vec<Tag>>;

    /// Counts the tasks with a tag.
    fn tag_counts(&self, owner: UserId, tag: &Tag) -> Read<TaskCounts>;

    /// Returns the bytes that a task takes in this database, without the counts of its tags: at most 64 KiB together.
    fn task_bytes(&self, task: &Task) -> Read<u64>;

    /// Returns the bytes that the counts of a tag take in this database.
    fn tag_bytes(&self, owner: UserId, tag: &Tag) -> Read<u64>;

    /// Lists the stored lists of an account, by id. A default list that was never changed is not stored.
    fn lists(&self, owner: UserId) -> Read<Vec<TaskList>>;

    /// Finds a stored list.
    fn list(&self, owner: UserId, id: ListId) -> Read<Option<TaskList>>;

    /// Counts the tasks in a list other than the default list.
    fn list_counts(&self, owner: UserId, id: ListId) -> Read<TaskCounts>;

    /// Lists tasks in a list other than the default list, at most `limit`.
    fn tasks_in_list(&self, owner: UserId, id: ListId, limit: usize)
    -> Read<Vec<TaskId>>;

    /// Returns the bytes that a list takes in this database, with the counts of its tasks.
    fn list_bytes(&self, list: &TaskList) -> Read<u64>;

    /// Counts memory that the result of the decision holds until the write is durable.
    fn count_result(&self, bytes: u64);
}

/// Task and the tasks directly below it.
pub type Family = (TaskId, Vec<TaskId>);

/// Direction along the owner's order of the tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Towards the first task.
    Before,
    /// Towards the last task.
    After,
}

/// Place of an idempotency record in its account, by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdempotencyAge {
    /// Time at which the request was executed.
    pub made_at: Timestamp,
    /// Key of the record.
    pub key: IdempotencyKey,
}

/// Number and size of the idempotency records of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdempotencyUsage {
    /// Number of records.
    pub records: u64,
    /// Bytes of sealed outcomes.
    pub bytes: u64,
}

/// Size of the history of the tasks of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryUsage {
    /// Number of recorded changes.
    pub changes: u64,
    /// Number of deleted tasks that can be restored.
    pub trashed: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// Number of the last change that was removed because of its age or of the size of the history. Changes up to it
    /// may be forgotten.
    pub forgotten: u64,
}

/// Figures about the tasks of an account.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Number of tasks.
    pub tasks: u64,
    /// Number of open tasks.
    pub open: u64,
    /// Number of distinct tags.
    pub tags: u64,
    /// Bytes that count towards the quota.
    pub bytes: u64,
    /// Latest time of creation so far, or of the last change of a deleted task.
    pub newest: Timestamp,
    /// Limits of this account.
    pub own: OwnQuota,
    /// Number of the last change.
    pub seq: u64,
    /// Number of tombstones.
    pub tombstones: u64,
    /// Bytes of tombstones and of the rows by which they are found.
    pub tombstone_bytes: u64,
    /// Number of lists besides the default list.
    pub lists: u64,
    /// Id of the next list.
    pub next_list: ListId,
    /// Size of the history.
    pub history: HistoryUsage,
}

impl Figures {
    /// Figures of a new account, whose creation is its first change.
    pub const NEW: Self = Self {
        tasks: 0,
        open: 0,
        tags: 0,
        bytes: 0,
        newest: Timestamp::EPOCH,
        own: OwnQuota { tasks: None, mib: None },
        seq: 1,
        tombstones: 0,
        tombstone_bytes: 0,
        lists: 0,
        next_list: ListId::new(2),
        history: HistoryUsage { changes: 0, trashed: 0, bytes: 0, forgotten: 0 },
    };

    /// Returns the bytes without the history and the tombstones, which make room for a write that needs it.
    pub const fn lasting_bytes(&self) -> u64 {
        let traces = self.history.bytes.saturating_add(self.tombstone_bytes);
        self.bytes.saturating_sub(traces)
    }

    /// Returns the bytes that the quota leaves to the history and the tombstones. `None` means no limit.
    pub fn room_for_traces(&self, quota: &Quota) -> Option<u64> {
        quota.bytes_of(self.own).map(|most| most.saturating_sub(self.lasting_bytes()))
    }
}
