//! Storage of accounts, credentials, lists and tasks.
//!
//! [`Store`] is the complete interface to the database. Each method is one transaction: it takes effect entirely and
//! durably (fsynced when the method returns), or not at all. `tests/store/` holds every implementation to the same
//! contract.
//!
//! "Not found" and "taken" are answers, not errors: a [`StoreError`] only ever means that the database failed. No
//! method leaves a read-modify-write to its caller; changes are passed as data.

mod context;
pub mod decide;
mod error;
pub mod metrics;
pub mod redb;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, watch};

pub use self::context::{Idempotency, MakeRecord, WriteContext};
pub use self::error::{Failure, ImportError, OpenError, StoreError};
use self::metrics::StoreMetrics;
use crate::domain::access::Access;
use crate::domain::audit::Act;
use crate::domain::due::DueRange;
use crate::domain::email::Email;
use crate::domain::id::{InvitationId, SessionId, TaskId, TokenId, UserId};
use crate::domain::idempotency::{IdempotencyKey, IdempotencyNote, IdempotencyRecord};
use crate::domain::invitation::Invitation;
use crate::domain::list::{ListDone, ListRefused, ListState, ListWrite};
use crate::domain::page::{AuditPage, AuditPart, Page, TaskPage, UserOrder, UserPage};
use crate::domain::password::PasswordHash;
use crate::domain::quota::Usage;
use crate::domain::session::{Refreshing, Renewed, Session};
use crate::domain::sweep::SweepProgress;
use crate::domain::task::{
    ChangePage, ChangeQuery, HistoryEntry, HistoryRetention, Task, TaskHistory,
    TaskQuery, TaskSummary, TaskWrite, TaskWritten, TrashPage, UndoPlan, UndoScope,
};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::PersonalToken;
use crate::domain::transfer::{Chunk, Exported, ImportOptions, Imported};
use crate::domain::user::{
    Credential, Ended, Ending, NewUser, Refused, User, UserChange,
};

/// Database of users, credentials and tasks.
///
/// Methods are named noun first, so that a search for `task_` finds them all. A method that takes an owner finds only
/// records of that owner. Answers of `None` or `false` mean that the record does not exist.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// Creates an account, and consumes the invitation if it uses one.
    async fn user_create(
        &self,
        new: NewUser,
        context: WriteContext<Result<User, Refused>>,
    ) -> Result<Result<User, Refused>, StoreError>;

    /// Finds an account.
    async fn user_get(&self, id: UserId) -> Result<Option<Credential>, StoreError>;

    /// Finds an account by its email, in any spelling. If the emails of two accounts have become one address, finds the
    /// account with this exact spelling.
    async fn user_by_email(&self, email: Email)
    -> Result<Option<Credential>, StoreError>;

    /// Lists accounts by id, at most `limit`, starting after `after`.
    async fn user_list(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError>;

    /// Lists accounts in an order, optionally only those whose email contains a text.
    async fn user_page(
        &self,
        containing: Option<String>,
        order: UserOrder,
        page: Page,
    ) -> Result<UserPage, StoreError>;

    /// Lists password hashes by account, at most `limit`, starting after `after`.
    async fn password_list(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<(UserId, PasswordHash)>, StoreError> {
        let mut hashes = Vec::new();
        for User { id, .. } in self.user_list(after, limit).await? {
            if let Some(found) = self.user_get(id).await? {
                hashes.push((id, found.password));
            }
        }
        Ok(hashes)
    }

    /// Returns the usage of an account.
    async fn user_usage(&self, id: UserId) -> Result<Option<Usage>, StoreError>;

    /// Changes an account and ends the access that the change revokes.
    async fn user_patch(
        &self,
        id: UserId,
        change: UserChange,
        context: WriteContext<Result<(User, Ended), Refused>>,
    ) -> Result<Result<(User, Ended), Refused>, StoreError>;

    /// Replaces a hash with a better one of the same password; does nothing if the hash changed meanwhile.
    async fn user_rehash(
        &self,
        id: UserId,
        old: PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError>;

    /// Deletes an account with its sessions, tokens, tasks, index entries and counts. The account must still have the
    /// proven password, if one is given; `by` is the actor unless it is the owner.
    ///
    /// Nothing of the account can be found once this returns.
    async fn user_delete(
        &self,
        id: UserId,
        expected: Option<PasswordHash>,
        by: Option<Act>,
        context: WriteContext<Result<(), Refused>>,
    ) -> Result<Result<(), Refused>, StoreError>;

    /// Ends sessions and personal tokens of an account. `by` is the actor unless it is the owner.
    async fn access_end(
        &self,
        id: UserId,
        ending: Ending,
        by: Option<Act>,
        context: WriteContext<Result<Ended, Refused>>,
    ) -> Result<Result<Ended, Refused>, StoreError>;

    /// Records the time and address of the last use of a session or token, if it exists.
    async fn access_touch(
        &self,
        user: UserId,
        access: Access,
        at: Timestamp,
        address: Option<IpAddr>,
    ) -> Result<(), StoreError>;

    /// Adds a session. Removes the owner's expired sessions and, beyond [`Session::MAX_PER_USER`], the one least in use
    /// ([`Session::sort_by_use`]). `false` if there is no such user, the account is disabled, or its password is no
    /// longer the one that was proven.
    async fn session_create(
        &self,
        session: Session,
        expected: Option<PasswordHash>,
        context: WriteContext<bool>,
    ) -> Result<bool, StoreError>;

    /// Finds a session and its owner. Expired sessions are found until they are removed.
    async fn session_get(
        &self,
        user: UserId,
        id: SessionId,
    ) -> Result<Option<(User, Session)>, StoreError>;

    /// Lists all sessions of a user, by id.
    async fn session_list(&self, user: UserId) -> Result<Vec<Session>, StoreError>;

    /// Exchanges a refresh token for its successor, or ends the session if the token was used before
    /// ([`Session::refresh`]).
    async fn session_refresh(
        &self,
        user: UserId,
        id: SessionId,
        refreshing: Refreshing,
        context: WriteContext<Renewed>,
    ) -> Result<Renewed, StoreError>;

    /// Ends a session.
    async fn session_delete(
        &self,
        user: UserId,
        id: SessionId,
        context: WriteContext<bool>,
    ) -> Result<bool, StoreError>;

    /// Adds a personal token. `None` if there is no such account or it is disabled, `false` if it already has
    /// [`PersonalToken::MAX_PER_USER`].
    async fn token_create(
        &self,
        token: PersonalToken,
        context: WriteContext<Option<bool>>,
    ) -> Result<Option<bool>, StoreError>;

    /// Finds a personal token and its owner. Expired tokens are found until they are deleted.
    async fn token_get(
        &self,
        user: UserId,
        id: TokenId,
    ) -> Result<Option<(User, PersonalToken)>, StoreError>;

    /// Lists all personal tokens of a user, by id.
    async fn token_list(&self, user: UserId) -> Result<Vec<PersonalToken>, StoreError>;

    /// Deletes a personal token.
    async fn token_delete(
        &self,
        user: UserId,
        id: TokenId,
        context: WriteContext<bool>,
    ) -> Result<bool, StoreError>;

    /// Adds an invitation and removes expired ones. `false` if there are already [`Invitation::MAX`].
    async fn invitation_create(
        &self,
        invitation: Invitation,
        by: Act,
        context: WriteContext<bool>,
    ) -> Result<bool, StoreError>;

    /// Lists all invitations, newest first.
    async fn invitation_list(&self) -> Result<Vec<Invitation>, StoreError>;

    /// Revokes an invitation.
    async fn invitation_delete(
        &self,
        id: InvitationId,
        by: Act,
        context: WriteContext<bool>,
    ) -> Result<bool, StoreError>;

    /// Lists actions of administrators and the operator, newest first. Every method that takes an actor adds to these
    /// records in its own transaction.
    async fn audit_list(&self, page: Page) -> Result<AuditPage, StoreError>;

    /// Finds audit records about an account ([`crate::domain::audit::AuditRecord::is_about`]): examines `limit`
    /// records, starting after `after`, in the order of their creation.
    async fn audit_about(
        &self,
        user: UserId,
        after: u64,
        limit: usize,
    ) -> Result<AuditPart, StoreError>;

    /// Finds the record of a request that had an idempotency key. `None` if there is none or the account is
    /// disabled. Expired answers are found until they are removed.
    async fn idempotency_get(
        &self,
        owner: UserId,
        key: IdempotencyKey,
    ) -> Result<Option<IdempotencyRecord>, StoreError>;

    /// Lists the idempotency records of an account, oldest first, at most `limit`, starting after `after`.
    async fn idempotency_list(
        &self,
        owner: UserId,
        after: Option<IdempotencyNote>,
        limit: usize,
    ) -> Result<Vec<IdempotencyNote>, StoreError>;

    /// Removes answers stored for [`IdempotencyRecord::RETENTION`] or longer, of a few accounts, starting after `after`. Each call is
    /// short: to remove all, call again from where the last call stopped.
    async fn idempotency_sweep(
        &self,
        after: Option<UserId>,
        now: Timestamp,
    ) -> Result<SweepProgress, StoreError>;

    /// Removes some hundreds of the idempotency records of an account, whatever their age, and returns how many. Call again
    /// until it returns 0.
    async fn idempotency_forget(&self, owner: UserId) -> Result<u64, StoreError>;

    /// Removes tombstones that are older than `retention`, of a few accounts, starting after `after`. Each call is short: to
    /// remove all, call again from where the last call stopped.
    async fn tombstone_sweep(
        &self,
        after: Option<UserId>,
        now: Timestamp,
        retention: Duration,
    ) -> Result<SweepProgress, StoreError>;

    /// Lists changes of the tasks and lists of an account and of the account itself, in their order and each as of its
    /// last change, from one snapshot. A client that begins is told all lists first. `None` if the client must begin
    /// anew: it may have missed a deletion, or knows a change that the account has not had.
    async fn change_list(
        &self,
        owner: UserId,
        query: ChangeQuery,
    ) -> Result<Option<ChangePage>, StoreError>;

    /// Returns a receiver that is told the number of each change of an account, once it is durable. It may be told
    /// several changes at once, and a change without effect. It is also told when access to the account may have ended.
    fn change_watch(&self, owner: UserId) -> watch::Receiver<u64>;

    /// Returns the epoch of the data: a random number that changes when a data file is replaced by a backup. Numbers of
    /// changes of different epochs cannot be compared.
    fn epoch(&self) -> u64;

    /// Creates, changes or deletes a list. `None` if there is no such owner.
    ///
    /// A list with tasks is not deleted at once: each call takes some hundreds of them out of it, and the call that takes
    /// the last ones deletes it.
    async fn list_write(
        &self,
        owner: UserId,
        write: ListWrite,
        context: WriteContext<Option<Result<ListDone, ListRefused>>>,
    ) -> Result<Option<Result<ListDone, ListRefused>>, StoreError>;

    /// Returns all lists with the counts of their tasks, by position, from one snapshot. `None` if there is no such owner.
    async fn list_all(&self, owner: UserId)
    -> Result<Option<Vec<ListState>>, StoreError>;

    /// Creates, changes, moves and deletes tasks: either all operations or none, or every operation that is possible.
    /// `None` if there is no such owner.
    ///
    /// A task is created no earlier than the owner's newest ([`NewTask::no_earlier_than`](crate::domain::task::NewTask::no_earlier_than)), and changed no earlier than
    /// any of the owner's tasks: `updated_at` of a written task is at least that of all present and former tasks. Only
    /// [`Self::import`] keeps the original times.
    async fn task_write(
        &self,
        owner: UserId,
        write: TaskWrite,
        context: WriteContext<Option<TaskWritten>>,
    ) -> Result<Option<TaskWritten>, StoreError>;

    /// Finds a task.
    async fn task_get(
        &self,
        owner: UserId,
        id: TaskId,
    ) -> Result<Option<Task>, StoreError>;

    /// Lists tasks with their exact total, both from one snapshot. A tag in the filter that no task has stands for a tag
    /// that differs by case alone and that some task has.
    async fn task_list(
        &self,
        owner: UserId,
        query: TaskQuery,
    ) -> Result<TaskPage, StoreError>;

    /// Lists all tasks by id, at most `limit`, starting after `after`.
    async fn task_after(
        &self,
        owner: UserId,
        after: Option<TaskId>,
        limit: usize,
    ) -> Result<Vec<Task>, StoreError>;

    /// Returns the last changes of a task, also of a deleted one in the trash, at most `limit`. `None` if there is no such
    /// task.
    async fn history_list(
        &self,
        owner: UserId,
        id: TaskId,
        limit: usize,
    ) -> Result<Option<TaskHistory>, StoreError>;

    /// Lists recorded changes of all tasks, oldest first, at most `limit`, starting after the change with this number.
    async fn history_after(
        &self,
        owner: UserId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, StoreError>;

    /// Lists deleted tasks that can be restored, the last deletion first, at most `limit`, starting before the deletion
    /// with this number. `None` if there is no such owner.
    async fn trash_list(
        &self,
        owner: UserId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Option<TrashPage>, StoreError>;

    /// Deletes one task of the trash for good, or some hundreds of all, and returns how many. To delete all, call again
    /// until it returns 0.
    async fn trash_empty(
        &self,
        owner: UserId,
        id: Option<TaskId>,
        context: WriteContext<u64>,
    ) -> Result<u64, StoreError>;

    /// Finds changes that a person wants to undo. They are undone by [`Self::task_write`].
    async fn undo_plan(
        &self,
        owner: UserId,
        scope: UndoScope,
    ) -> Result<UndoPlan, StoreError>;

    /// Removes old changes and deleted tasks of a few accounts, starting after `after`. Each call is short: to remove all,
    /// call again from where the last call stopped.
    async fn history_sweep(
        &self,
        after: Option<UserId>,
        now: Timestamp,
        retention: HistoryRetention,
    ) -> Result<SweepProgress, StoreError>;

    /// Counts tasks, also by tag, and the open tasks that are due in a range.
    async fn task_summary(
        &self,
        owner: UserId,
        overdue: DueRange,
    ) -> Result<TaskSummary, StoreError>;

    /// Sends all records, or all records of one account, from one snapshot; sessions are excluded.
    ///
    /// Ends when all records are sent, or when the receiver is dropped. The snapshot is held that long, which takes
    /// space in the file, so receivers must not be slow.
    async fn export(
        &self,
        whose: Option<UserId>,
        out: mpsc::Sender<Exported>,
    ) -> Result<(), StoreError>;

    /// Imports accounts and tasks with their ids and times, one chunk after the other, until the sender is dropped.
    ///
    /// Each chunk takes effect entirely and durably, or not at all. Only one import runs at a time. An import that is
    /// repeated has no further effect. An account with the same email is the same account and stays unchanged; any
    /// other gets its old id, or a new one if that is in use.
    ///
    /// Tells `done` the counts so far: when the import has begun, and after each chunk.
    async fn import(
        &self,
        options: ImportOptions,
        chunks: mpsc::Receiver<Chunk>,
        done: watch::Sender<Imported>,
    ) -> Result<(), ImportError>;

    /// Checks that requests can be served: reads, and sees that the writer is alive.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Returns the metrics of the store, if it keeps any.
    async fn metrics(&self) -> Option<StoreMetrics> {
        None
    }

    /// Waits until the store cannot continue and the process should end.
    async fn failed(&self) -> Failure;
}
