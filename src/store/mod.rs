//! Where accounts, what gives access to them, and tasks are kept.
//!
//! [`Store`] is the whole of what the rest of the program may ask of a database. One method is one
//! transaction: it happens entirely, and durably (fsynced when the method returns), or not at all.
//! `tests/store.rs` holds every implementation to the same contract.
//!
//! "Not found" and "taken" are answers, not errors: a [`StoreError`] only ever means that the
//! database failed. No method leaves a read-modify-write to its caller; changes go down as data.

mod behalf;
mod error;
pub mod metrics;
mod once;
pub mod redb;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

pub use self::behalf::{Behalf, on_behalf};
pub use self::error::{Failure, OpenError, StoreError};
use self::metrics::StoreMetrics;
pub use self::once::{MakeAnswer, Once, once};
use crate::domain::access::Access;
use crate::domain::answer::{Answer, AnswerKey, AnswerNote, Swept};
use crate::domain::audit::Act;
use crate::domain::due::DueRange;
use crate::domain::email::Email;
use crate::domain::id::{InvitationId, SessionId, TaskId, TokenId, UserId};
use crate::domain::id_set::TaskIds;
use crate::domain::invitation::Invitation;
use crate::domain::page::{AuditPage, AuditPart, Page, TaskPage, UserOrder, UserPage};
use crate::domain::password::PasswordHash;
use crate::domain::quota::Usage;
use crate::domain::session::{Refreshing, Renewed, Session};
use crate::domain::task::{
    NewTask, Task, TaskAction, TaskCounts, TaskPatch, TaskQuery, TaskSummary, TaskWrite,
    TaskWritten,
};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::PersonalToken;
use crate::domain::transfer::{Chunk, Conflict, Exported, Imported, NextIds, Owner};
use crate::domain::user::{
    Credential, Ended, Ending, NewUser, Refused, User, UserChange,
};

/// Tasks that were taken in before their parent, by owner and parent.
pub type Orphans = BTreeMap<(UserId, TaskId), Vec<TaskId>>;

/// The ids that an import must not give to anybody: those of all tasks when it began, and of those it made.
#[derive(Debug, Default)]
pub struct Taken {
    /// The ids.
    pub ids: Mutex<TaskIds>,
    /// The ids that were given out next when it began. All below stay free for it.
    pub next: NextIds,
    /// Tasks whose parent is still to come, by owner and parent.
    pub orphans: Mutex<Orphans>,
    /// Held as long as the import goes on, for there is one at a time.
    pub permit: Option<OwnedSemaphorePermit>,
}

/// A database of users, what lets them in, and their tasks.
///
/// Methods are named noun first, so that a search for `task_` finds them all. A method that is given an
/// owner finds only what is that owner's. Answers of `None` or `false` mean that there is no such thing.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// Makes an account, and uses up the invitation if it takes one.
    async fn user_create(
        &self,
        new: NewUser,
    ) -> Result<Result<User, Refused>, StoreError>;

    /// Finds an account.
    async fn user_get(&self, id: UserId) -> Result<Option<Credential>, StoreError>;

    /// Finds an account by its email, in whatever spelling. Of two accounts whose emails have become one address, the
    /// one that is spelled like this.
    async fn user_by_email(&self, email: Email)
    -> Result<Option<Credential>, StoreError>;

    /// Lists accounts by id, at most `limit` of them, from the first after `after`.
    async fn user_list(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError>;

    /// Lists accounts in an order; only those with a text in their email, if one is given.
    async fn user_page(
        &self,
        containing: Option<String>,
        order: UserOrder,
        page: Page,
    ) -> Result<UserPage, StoreError>;

    /// Lists what is kept of passwords, by account, at most `limit` of them, from the first after `after`.
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

    /// Says how much an account holds.
    async fn user_usage(&self, id: UserId) -> Result<Option<Usage>, StoreError>;

    /// Changes an account and ends what goes with the change.
    async fn user_patch(
        &self,
        id: UserId,
        change: UserChange,
    ) -> Result<Result<(User, Ended), Refused>, StoreError>;

    /// Replaces a hash by a better one of the same password; nothing happens if it changed meanwhile.
    async fn user_rehash(
        &self,
        id: UserId,
        old: PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError>;

    /// Deletes an account with its sessions, tokens, tasks, index entries and counts. It must still have the
    /// password that was proven, if one was; `by` is who does it if not its owner.
    ///
    /// From the moment this returns, nothing of it can be found.
    async fn user_delete(
        &self,
        id: UserId,
        expected: Option<PasswordHash>,
        by: Option<Act>,
    ) -> Result<Result<(), Refused>, StoreError>;

    /// Ends sessions and personal tokens of an account. `by` is who does it if not its owner.
    async fn access_end(
        &self,
        id: UserId,
        ending: Ending,
        by: Option<Act>,
    ) -> Result<Result<Ended, Refused>, StoreError>;

    /// Notes when a session or a token was used, and where, if it is there.
    async fn access_touch(
        &self,
        user: UserId,
        access: Access,
        at: Timestamp,
        address: Option<IpAddr>,
    ) -> Result<(), StoreError>;

    /// Adds a session. Removes the owner's expired ones and, beyond [`Session::MAX_PER_USER`], the one that is least
    /// in use ([`Session::sort_by_use`]). `false` if there is no such user, the account is disabled, or its
    /// password is no longer the one that was proven.
    async fn session_create(
        &self,
        session: Session,
        expected: Option<PasswordHash>,
    ) -> Result<bool, StoreError>;

    /// Finds a session and its owner. Expired sessions are found until they are removed.
    async fn session_get(
        &self,
        user: UserId,
        id: SessionId,
    ) -> Result<Option<(User, Session)>, StoreError>;

    /// Lists all sessions of a person, by id.
    async fn session_list(&self, user: UserId) -> Result<Vec<Session>, StoreError>;

    /// Takes a refresh token for the one that follows it, or ends the session if it was used before
    /// ([`Session::refresh`]).
    async fn session_refresh(
        &self,
        user: UserId,
        id: SessionId,
        refreshing: Refreshing,
    ) -> Result<Renewed, StoreError>;

    /// Ends a session.
    async fn session_delete(
        &self,
        user: UserId,
        id: SessionId,
    ) -> Result<bool, StoreError>;

    /// Adds a personal token. `None` if there is no such account or it is disabled, `false` if it has
    /// [`PersonalToken::MAX_PER_USER`].
    async fn token_create(
        &self,
        token: PersonalToken,
    ) -> Result<Option<bool>, StoreError>;

    /// Finds a personal token and its owner. Expired tokens are found until they are deleted.
    async fn token_get(
        &self,
        user: UserId,
        id: TokenId,
    ) -> Result<Option<(User, PersonalToken)>, StoreError>;

    /// Lists all personal tokens of a person, by id.
    async fn token_list(&self, user: UserId) -> Result<Vec<PersonalToken>, StoreError>;

    /// Deletes a personal token.
    async fn token_delete(&self, user: UserId, id: TokenId) -> Result<bool, StoreError>;

    /// Adds an invitation and removes expired ones. `false` if there are [`Invitation::MAX`].
    async fn invitation_create(
        &self,
        invitation: Invitation,
        by: Act,
    ) -> Result<bool, StoreError>;

    /// Lists all invitations, newest first.
    async fn invitation_list(&self) -> Result<Vec<Invitation>, StoreError>;

    /// Takes an invitation back.
    async fn invitation_delete(
        &self,
        id: InvitationId,
        by: Act,
    ) -> Result<bool, StoreError>;

    /// Lists what administrators and the operator did, newest first. Every method that is told who does it
    /// adds to these records in its own transaction.
    async fn audit_list(&self, page: Page) -> Result<AuditPage, StoreError>;

    /// Finds the audit records that are about an account ([`crate::domain::audit::AuditRecord::is_about`]): looks at `limit` records from
    /// the first after `after`, in the order in which they were made.
    async fn audit_about(
        &self,
        user: UserId,
        after: u64,
        limit: usize,
    ) -> Result<AuditPart, StoreError>;

    /// Finds the answer to a request that was done [`once()`]. `None` if there is none, and if the account is
    /// disabled. Old ones are found until they are removed.
    async fn answer_get(
        &self,
        owner: UserId,
        key: AnswerKey,
    ) -> Result<Option<Answer>, StoreError>;

    /// Lists the answers that are kept for an account, the oldest first, at most `limit` of them, from the first after
    /// `after`.
    async fn answer_list(
        &self,
        owner: UserId,
        after: Option<AnswerNote>,
        limit: usize,
    ) -> Result<Vec<AnswerNote>, StoreError>;

    /// Removes answers that have been kept for [`Answer::KEPT`], of a few accounts from the first after `after`.
    /// Short: whoever wants all of them gone asks again, from where this left off.
    async fn answer_sweep(
        &self,
        after: Option<UserId>,
        now: Timestamp,
    ) -> Result<Swept, StoreError>;

    /// Removes some hundreds of the answers that are kept for an account, whatever their age, and returns how many.
    /// To be asked again until it is none.
    async fn answer_forget(&self, owner: UserId) -> Result<u64, StoreError>;

    /// Makes, changes, moves and deletes tasks: all of it or nothing, or whatever can be. `None` if there is no
    /// such owner.
    ///
    /// Tasks are made no earlier than the owner's newest ([`NewTask::no_earlier_than`]), and changed no earlier than
    /// any of the owner's tasks has been: `updated_at` of what is written is no less than that of all there are and
    /// were. Only [`Self::import`] brings in tasks with the times that they had.
    async fn task_write(
        &self,
        owner: UserId,
        write: TaskWrite,
    ) -> Result<Option<TaskWritten>, StoreError>;

    /// Makes one task. `None` if there is no such owner, or the task is refused.
    async fn task_create(
        &self,
        owner: UserId,
        new: NewTask,
    ) -> Result<Option<Task>, StoreError> {
        let now = new.created_at;
        let write = TaskWrite::one(TaskAction::Create(Box::new(new)), now);
        Ok(self.task_write(owner, write).await?.and_then(TaskWritten::into_task))
    }

    /// Changes one task and returns it as it is now. `None` if there is no such task, or the change is refused.
    async fn task_patch(
        &self,
        owner: UserId,
        id: TaskId,
        patch: TaskPatch,
        now: Timestamp,
    ) -> Result<Option<Task>, StoreError> {
        let write = TaskWrite::one(TaskAction::Patch(id, Box::new(patch)), now);
        Ok(self.task_write(owner, write).await?.and_then(TaskWritten::into_task))
    }

    /// Deletes one task and all below it. `false` if there is no such task.
    async fn task_delete(&self, owner: UserId, id: TaskId) -> Result<bool, StoreError> {
        let write = TaskWrite::one(TaskAction::Delete(id), Timestamp::EPOCH);
        let written = self.task_write(owner, write).await?;
        Ok(written.is_some_and(|written| written.applied))
    }

    /// Finds a task.
    async fn task_get(
        &self,
        owner: UserId,
        id: TaskId,
    ) -> Result<Option<Task>, StoreError>;

    /// Lists tasks with their exact number, both of one moment.
    async fn task_list(
        &self,
        owner: UserId,
        query: TaskQuery,
    ) -> Result<TaskPage, StoreError>;

    /// Lists all tasks by id, at most `limit` of them, from the first after `after`.
    async fn task_after(
        &self,
        owner: UserId,
        after: Option<TaskId>,
        limit: usize,
    ) -> Result<Vec<Task>, StoreError>;

    /// Counts tasks without reading them.
    async fn task_counts(&self, owner: UserId) -> Result<TaskCounts, StoreError>;

    /// Counts tasks by tag as well, and the open ones that are due in a range.
    async fn task_summary(
        &self,
        owner: UserId,
        overdue: DueRange,
    ) -> Result<TaskSummary, StoreError>;

    /// Sends everything, or all of one account, as of one moment; sessions are left out.
    ///
    /// Ends when all is sent, or when nobody receives any more. The moment is held for as long as that
    /// takes, which costs space in the file, so receivers must not dawdle.
    async fn export(
        &self,
        whose: Option<UserId>,
        out: mpsc::Sender<Exported>,
    ) -> Result<(), StoreError>;

    /// Sees to it that no id below these is given out from now on, and returns the ids that are taken.
    /// `None` as long as another import holds its own.
    async fn import_begin(&self, ids: NextIds) -> Result<Option<Arc<Taken>>, StoreError>;

    /// Takes accounts and tasks in, all or none of them, with their ids and times. Doing so twice is the
    /// same as doing it once.
    ///
    /// An account is the same if its email is, and stays as it is; otherwise it gets its old id, or a new
    /// one if that is somebody else's. `taken` comes from [`Self::import_begin`]. Returns what became of the
    /// records, and the last account.
    async fn import(
        &self,
        chunk: Chunk,
        taken: Arc<Taken>,
        now: Timestamp,
    ) -> Result<Result<(Imported, Option<Owner>), Conflict>, StoreError>;

    /// Whether requests can be served: reads, and sees the writer alive.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Numbers for those who watch, unless this store keeps none.
    async fn metrics(&self) -> Option<StoreMetrics> {
        None
    }

    /// Returns when the store cannot go on and the process should end.
    async fn failed(&self) -> Failure;
}
