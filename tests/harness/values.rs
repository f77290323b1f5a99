//! Short constructors of values for a store.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use duly::domain::digest::SecretDigest;
use duly::domain::due::DueRange;
use duly::domain::email::Email;
use duly::domain::id::{SessionId, TaskId, UserId};
use duly::domain::page::Page;
use duly::domain::password::PasswordHash;
use duly::domain::session::{RefreshState, Session};
use duly::domain::task::{
    Description, NewTask, Task, TaskCounts, TaskFilter, TaskPatch, TaskQuery, Title,
};
use duly::domain::timestamp::Timestamp;
use duly::domain::transfer::{Chunk, ImportOptions, Imported, Numbered, Record};
use duly::domain::user::{
    Admission, Ending, NewUser, Refused, Role, User, UserChange, UserPatch,
};
use duly::store::redb::{Options, RedbStore};
use duly::store::{ImportError, Store, StoreError, WriteContext};
use tokio::sync::{mpsc, watch};

use super::TaskStore as _;

/// Filter for every task.
pub(crate) const ALL: TaskFilter = TaskFilter::ALL;
/// Filter for open tasks.
pub(crate) const OPEN: TaskFilter = TaskFilter::completed(Some(false));
/// Filter for completed tasks.
pub(crate) const DONE: TaskFilter = TaskFilter::completed(Some(true));

/// Opens or creates a data file with the default settings of the program.
pub(crate) fn open(path: &Path) -> Arc<RedbStore> {
    Arc::new(RedbStore::open(path, &Options::default()).unwrap())
}

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

pub(crate) fn email(text: &str) -> Email {
    Email::new(text).unwrap()
}

pub(crate) fn hash(text: &str) -> PasswordHash {
    PasswordHash::new(text.to_owned())
}

pub(crate) fn new_user(address: &str) -> NewUser {
    NewUser {
        email: email(address),
        password: hash("first"),
        role: Role::User,
        must_change_password: false,
        created_at: at(1),
        admission: Admission::Open,
    }
}

pub(crate) fn new_task(title: &str, millis: i64) -> NewTask {
    NewTask::new(Title::new(title.to_owned()).unwrap(), at(millis))
}

/// Session whose id and digests are `n` throughout.
pub(crate) fn session(user: UserId, n: u8, created: i64, expires: i64) -> Session {
    Session {
        id: session_id(n),
        user,
        created_at: at(created),
        expires_at: at(expires),
        last_used_at: at(created),
        client: None,
        address: None,
        refresh: RefreshState {
            family: SecretDigest([n; 32]),
            current: SecretDigest([n; 32]),
            previous: None,
        },
    }
}

pub(crate) fn session_id(n: u8) -> SessionId {
    SessionId::from_bytes([n; 16])
}

pub(crate) const fn page(skip: u64, limit: u16) -> Page {
    Page { skip, limit }
}

/// Patch of title, description and state.
pub(crate) fn patch(text: &str, completed: bool) -> TaskPatch {
    TaskPatch {
        title: Some(Title::new(text.to_owned()).unwrap()),
        description: Some(Some(Description::new(text.to_owned()).unwrap())),
        completed: Some(completed),
        ..TaskPatch::default()
    }
}

/// Patch of the state alone.
pub(crate) fn complete(completed: bool) -> TaskPatch {
    TaskPatch { completed: Some(completed), ..TaskPatch::default() }
}

/// Imports chunks, and returns the counts and the outcome.
pub(crate) async fn import(
    store: &dyn Store,
    options: ImportOptions,
    chunks: Vec<Chunk>,
) -> (Imported, Result<(), ImportError>) {
    let (sender, waiting) = mpsc::channel(chunks.len().max(1));
    let (progress, done) = watch::channel(Imported::default());
    for chunk in chunks {
        sender.try_send(chunk).unwrap();
    }
    drop(sender);
    let outcome = store.import(options, waiting, progress).await;
    let done = *done.borrow();
    (done, outcome)
}

/// Records of an import, from a line on.
pub(crate) fn chunk(from: u64, records: Vec<Record>, at: Timestamp) -> Chunk {
    let numbered = |(line, record)| Numbered { line, record };
    Chunk { records: (from..).zip(records).map(numbered).collect(), at }
}

/// Creates an account.
pub(crate) async fn given_user(store: &dyn Store, address: &str) -> User {
    store.user_create(new_user(address), WriteContext::system()).await.unwrap().unwrap()
}

/// Deletes an account, by the program itself.
pub(crate) async fn delete_user(store: &dyn Store, id: UserId) -> Result<(), Refused> {
    store.user_delete(id, None, None, WriteContext::system()).await.unwrap()
}

/// Creates an open task.
pub(crate) async fn given_task(
    store: &dyn Store,
    owner: UserId,
    title: &str,
    millis: i64,
) -> Task {
    store.task_create(owner, new_task(title, millis)).await.unwrap().unwrap()
}

/// Creates many tasks in the same millisecond, as many at once as the queue holds.
pub(crate) async fn given_tasks(
    store: &Arc<impl Store + ?Sized + 'static>,
    owner: UserId,
    count: usize,
) {
    let mut left = count;
    while left > 0 {
        let mut writes = tokio::task::JoinSet::new();
        for _ in 0..left.min(128) {
            let store = Arc::clone(store);
            writes.spawn(async move { store.task_create(owner, new_task("a", 7)).await });
        }
        left -= writes.len();
        for written in writes.join_all().await {
            written.unwrap().unwrap();
        }
    }
}

/// Returns the ids on a page of the tasks that match a filter.
pub(crate) async fn ids(
    store: &dyn Store,
    owner: UserId,
    filter: TaskFilter,
) -> Vec<TaskId> {
    let listed = store
        .task_list(owner, TaskQuery::newest(filter, page(0, Page::MAX_LIMIT)))
        .await
        .unwrap();
    listed.tasks.iter().map(|task| task.id).collect()
}

/// Change that sets another password and ends all access.
pub(crate) fn set_password(password: &str) -> UserChange {
    let patch = UserPatch { password: Some(hash(password)), ..UserPatch::default() };
    UserChange { patch, ending: Ending::Everything, ..UserChange::default() }
}

/// Counts of tasks.
#[async_trait]
pub(crate) trait Counts: Store {
    /// Counts the tasks of an account.
    async fn task_counts(&self, owner: UserId) -> Result<TaskCounts, StoreError> {
        let none = DueRange { days: 0..0, millis: 0..0 };
        Ok(self.task_summary(owner, none).await?.counts)
    }
}

#[async_trait]
impl<S: Store + ?Sized> Counts for S {}
