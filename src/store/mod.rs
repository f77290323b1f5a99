//! Where users, sessions and tasks are kept.
//!
//! [`Store`] is the whole of what the rest of the program may ask of a database. One method is one
//! transaction: it happens entirely, and durably (fsynced when the method returns), or not at all.
//! `tests/store.rs` holds every implementation to the same contract.
//!
//! "Not found" and "taken" are answers, not errors: a [`StoreError`] only ever means that the
//! database failed. No method leaves a read-modify-write to its caller; changes go down as data.

mod error;
pub mod redb;

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

pub use self::error::{Failure, OpenError, StoreError};
use crate::domain::email::CanonicalEmail;
use crate::domain::id::{SessionId, TaskId, UserId};
use crate::domain::id_set::TaskIds;
use crate::domain::page::{Page, TaskPage};
use crate::domain::password::PasswordHash;
use crate::domain::session::Session;
use crate::domain::task::{NewTask, Task, TaskCounts, TaskFilter, TaskPatch};
use crate::domain::timestamp::Timestamp;
use crate::domain::transfer::{Chunk, Conflict, Exported, Imported, NextIds, Owner};
use crate::domain::user::{Credential, NewUser, User};

/// The ids that an import must not give to anybody: those of all tasks when it began, and of those it made.
#[derive(Debug, Default)]
pub struct Taken {
    /// The ids.
    pub ids: Mutex<TaskIds>,
    /// Held as long as the import goes on, for there is one at a time.
    pub permit: Option<OwnedSemaphorePermit>,
}

/// A database of users, their sessions and their tasks.
///
/// Methods are named noun first, so that a search for `task_` finds them all. A method that is given an
/// owner finds only what is that owner's. Answers of `None` or `false` mean that there is no such thing.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// Makes an account. `None` if the email is taken, in any spelling.
    async fn user_create(&self, new: NewUser) -> Result<Option<User>, StoreError>;

    /// Finds an account by its email.
    async fn user_by_email(
        &self,
        email: CanonicalEmail,
    ) -> Result<Option<Credential>, StoreError>;

    /// Lists accounts by id, at most `limit` of them, from the first after `after`.
    async fn user_list(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError>;

    /// Sets another password and ends every session of the account.
    async fn user_set_password(
        &self,
        id: UserId,
        password: PasswordHash,
    ) -> Result<bool, StoreError>;

    /// Replaces a hash by a better one of the same password; nothing happens if it changed meanwhile.
    async fn user_rehash(
        &self,
        id: UserId,
        old: PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError>;

    /// Deletes an account with its sessions, tasks, index entries and counts.
    ///
    /// From the moment this returns, nothing of it can be found.
    async fn user_delete(&self, id: UserId) -> Result<bool, StoreError>;

    /// Adds a session. Removes the owner's expired ones and, beyond
    /// [`Session::MAX_PER_USER`], the oldest. `false` if there is no such user.
    async fn session_create(&self, session: Session) -> Result<bool, StoreError>;

    /// Finds a session and its owner. Expired sessions are found until they are removed.
    async fn session_get(
        &self,
        user: UserId,
        id: SessionId,
    ) -> Result<Option<(User, Session)>, StoreError>;

    /// Makes a task, no earlier than the owner's newest ([`NewTask::no_earlier_than`]). `None` if there is no
    /// such owner.
    async fn task_create(
        &self,
        owner: UserId,
        new: NewTask,
    ) -> Result<Option<Task>, StoreError>;

    /// Finds a task.
    async fn task_get(
        &self,
        owner: UserId,
        id: TaskId,
    ) -> Result<Option<Task>, StoreError>;

    /// Lists tasks, newest first, with their exact number, both of one moment.
    async fn task_list(
        &self,
        owner: UserId,
        filter: TaskFilter,
        page: Page,
    ) -> Result<TaskPage, StoreError>;

    /// Counts tasks without reading them.
    async fn task_counts(&self, owner: UserId) -> Result<TaskCounts, StoreError>;

    /// Changes a task and returns it as it is now.
    async fn task_patch(
        &self,
        owner: UserId,
        id: TaskId,
        patch: TaskPatch,
        now: Timestamp,
    ) -> Result<Option<Task>, StoreError>;

    /// Deletes a task.
    async fn task_delete(&self, owner: UserId, id: TaskId) -> Result<bool, StoreError>;

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

    /// Returns when the store cannot go on and the process should end.
    async fn failed(&self) -> Failure;
}
