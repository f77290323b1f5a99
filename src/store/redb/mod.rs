//! The default store: one redb file, no other server.
//!
//! Reads take a snapshot and are answered on the spot; writes go through [`writer`]. The layout stands in
//! [`key`], the form of values in [`codec`], what holds in a sound file in [`verify`].
//!
//! # How a commit reaches the disk
//!
//! [`CommitMode::TwoPhase`], redb's two-phase commit with quick repair, is the default. Measured with
//! `cargo bench --bench storage` on two cores, 10,000 owners at random, medians:
//!
//! | | one phase | two phases | |
//! |---|---|---|---|
//! | creations a second, 17 MB file, 1 / 8 / 64 writers | 3,160 / 10,600 / 26,800 | 1,850 / 8,040 / 20,900 | 0.59 / 0.76 / 0.78 |
//! | creations a second, 1.2 GB file | 2,310 / 3,720 / 5,910 | 1,530 / 3,510 / 5,270 | 0.66 / 0.94 / 0.89 |
//! | time of one, 17 MB, half of them (ms) | 0.39 / 0.73 / 2.4 | 0.48 / 1.0 / 3.0 | 1.2 / 1.4 / 1.3 |
//! | time of one, 1.2 GB, 99 in 100 (ms) | 0.62 / 2.7 / 20 | 0.97 / 4.0 / 19 | 1.6 / 1.4 / 0.9 |
//! | open again after kill -9, 17 MB | 7.4 ms | 0.6 ms | 0.09 |
//! | open again after kill -9, 1.2 GB | 1,170 ms | 0.9 ms | 0.001 |
//! | growth of the file after 20,000 creations and deletions | none | none | |
//!
//! Two phases cost a fifth to a third of the throughput, and buy two things: a crash needs no repair whatever the
//! size of the file, and damage to the newest tree is an error at the next start, where one phase falls back
//! to the tree before it and loses acknowledged writes without a word.
//!
//! # How damage is kept from being served
//!
//! Values carry a checksum of their own ([`codec`]). What lies between them, the pages of redb, is verified when
//! the file is opened ([`Options::check_pages`]), and by [`guard`] from then on. The check is on by default:
//! time until the server listens, medians of five starts on two cores,
//!
//! | | 105 MB | 1.04 GB |
//! |---|---|---|
//! | pages verified, file in memory | 155 ms | 1.29 s |
//! | pages verified, file read from the disk | 192 ms | 1.57 s |
//! | not verified | 5 ms | 7 ms |
//!
//! and of 10,875 files, each damaged in one place (`DULY_DAMAGE_CASES=10000 cargo test --release damage`),
//! 334 gave a wrong answer without the check and none with it. The guard costs a hash for each block that is
//! read from the disk: gets beyond the cache take 1.02 to 1.07 times as long, everything else as long as before.

mod batch;
#[doc(hidden)]
pub mod bench;
mod change;
mod codec;
mod copy;
mod export;
mod guard;
mod import;
mod index;
mod key;
mod migrate;
mod nonsense;
mod open;
mod options;
mod record;
mod sessions;
mod space;
mod table;
mod tasks;
mod upgrade;
mod users;
mod verify;
mod view;
mod vitals;
mod write;
mod writer;

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use redb::{Database, ReadTransaction, ReadableDatabase};
use tokio::sync::{Semaphore, mpsc};

pub use self::copy::{CopyError, Progress};
use self::key::Table;
pub use self::migrate::{FORMAT, Formats};
pub use self::nonsense::is_caught;
pub use self::options::{CommitMode, Options};
use self::space::{Growth, Space};
pub use self::upgrade::{
    RestoreError, Restored, duplicate, is_in_use, look_into, migrate_backend, open_copy,
    prove, restore,
};
pub use self::verify::Report;
use self::view::View;
use self::vitals::Vitals;
use self::write::Verdict;
use self::writer::Writer;
use crate::domain::chain::Chain;
use crate::domain::email::CanonicalEmail;
use crate::domain::id::{SessionId, TaskId, UserId};
use crate::domain::page::{Page, TaskPage};
use crate::domain::password::PasswordHash;
use crate::domain::session::Session;
use crate::domain::task::{NewTask, Task, TaskCounts, TaskFilter, TaskPatch};
use crate::domain::timestamp::Timestamp;
use crate::domain::transfer::{Chunk, Conflict, Exported, Imported, NextIds, Owner};
use crate::domain::user::{Credential, NewUser, User};
use crate::store::{Failure, Store, StoreError, Taken};

/// Everything in a single file.
///
/// Dropping it waits for the writer and closes the file.
pub struct RedbStore {
    // First, so that the thread is joined before the file is closed.
    writer: Writer,
    space: Option<Space>,
    shared: Arc<Shared>,
    /// One import at a time.
    importing: Arc<Semaphore>,
    formats: Formats,
}

/// What reads need; they may outlast a caller that gave up waiting.
struct Shared {
    /// There until the end.
    db: Option<Arc<Database>>,
    vitals: Arc<Vitals>,
    long_reads: Arc<Semaphore>,
}

/// What is said of pages that redb panics over.
const NONSENSE: &str = "pages make no sense";

/// Most long reads at once; each has a thread of its own. More are refused as [`StoreError::Busy`].
const MAX_LONG_READS: usize = 4;

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore").field("space", &self.space).finish_non_exhaustive()
    }
}

impl Shared {
    fn new(db: Arc<Database>, vitals: Arc<Vitals>) -> Self {
        let long_reads = Arc::new(Semaphore::new(MAX_LONG_READS));
        Self { db: Some(db), vitals, long_reads }
    }

    fn begin_read(&self) -> Result<ReadTransaction, StoreError> {
        let db = self.db.as_ref().ok_or_else(write::stopped)?;
        Ok(db.begin_read()?)
    }

    /// Reads one snapshot.
    fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let outcome = nonsense::catch(|| read(&self.begin_read()?));
        let outcome = outcome.unwrap_or_else(|| {
            self.vitals.fail_damaged(NONSENSE);
            Err(StoreError::Damaged { what: NONSENSE.to_owned() })
        });
        outcome.inspect_err(|error| self.vitals.note(error))
    }
}

impl Drop for Shared {
    /// Closes the file, which reads pages and writes some.
    fn drop(&mut self) {
        let db = self.db.take();
        let closed = unpanicked(|| {
            drop(db);
            Ok::<(), StoreError>(())
        });
        if let Err(error) = closed {
            tracing::error!(error = %Chain(&error), "the data file was not closed");
        }
    }
}

/// Looks at pages that may be damaged in a way that redb does not expect.
fn unpanicked<T, E: From<StoreError>>(
    look: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    nonsense::catch(look)
        .unwrap_or_else(|| Err(StoreError::Damaged { what: NONSENSE.to_owned() }.into()))
}

impl RedbStore {
    fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.shared.read(read)
    }

    /// Reads one snapshot on a thread where a long read holds nobody up.
    async fn read_long<T: Send + 'static>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        let permit = Arc::clone(&shared.long_reads).try_acquire_owned();
        let permit = permit.map_err(|_| StoreError::Busy)?;
        let task = tokio::task::spawn_blocking(move || {
            let outcome = shared.read(read);
            drop(permit);
            outcome
        });
        task.await.unwrap_or_else(|error| Err(StoreError::unavailable(error)))
    }

    async fn write<T: Send + 'static>(
        &self,
        growth: Growth,
        decide: impl FnOnce(&View<'_, '_>) -> Result<Verdict<T>, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if let Some(space) = &self.space {
            space.admit(growth)?;
        }
        let outcome = self.writer.write(decide).await;
        outcome.inspect_err(|error| self.shared.vitals.note(error))
    }
}

#[async_trait]
impl Store for RedbStore {
    async fn user_create(&self, new: NewUser) -> Result<Option<User>, StoreError> {
        self.write(Growth::Adds, move |view| users::create(view, new)).await
    }

    async fn user_by_email(
        &self,
        email: CanonicalEmail,
    ) -> Result<Option<Credential>, StoreError> {
        self.read(|txn| users::by_email(txn, &email))
    }

    async fn user_list(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError> {
        self.read_long(move |txn| users::list(txn, after, limit)).await
    }

    async fn user_set_password(
        &self,
        id: UserId,
        password: PasswordHash,
    ) -> Result<bool, StoreError> {
        let decide = move |view: &View<'_, '_>| users::set_password(view, id, password);
        self.write(Growth::AddsLittle, decide).await
    }

    async fn user_rehash(
        &self,
        id: UserId,
        old: PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError> {
        let decide = move |view: &View<'_, '_>| users::rehash(view, id, &old, new);
        self.write(Growth::AddsLittle, decide).await
    }

    async fn user_delete(&self, id: UserId) -> Result<bool, StoreError> {
        self.write(Growth::Frees, move |view| users::delete(view, id)).await
    }

    async fn session_create(&self, session: Session) -> Result<bool, StoreError> {
        self.write(Growth::AddsLittle, move |view| sessions::create(view, session)).await
    }

    async fn session_get(
        &self,
        user: UserId,
        id: SessionId,
    ) -> Result<Option<(User, Session)>, StoreError> {
        self.read(|txn| sessions::get(txn, user, id))
    }

    async fn task_create(
        &self,
        owner: UserId,
        new: NewTask,
    ) -> Result<Option<Task>, StoreError> {
        self.write(Growth::Adds, move |view| tasks::create(view, owner, new)).await
    }

    async fn task_get(
        &self,
        owner: UserId,
        id: TaskId,
    ) -> Result<Option<Task>, StoreError> {
        self.read(|txn| tasks::get(txn, owner, id))
    }

    async fn task_list(
        &self,
        owner: UserId,
        filter: TaskFilter,
        page: Page,
    ) -> Result<TaskPage, StoreError> {
        if page.skip <= tasks::SHORT_SKIP {
            self.read(|txn| tasks::list(txn, owner, filter, page))
        } else {
            self.read_long(move |txn| tasks::list(txn, owner, filter, page)).await
        }
    }

    async fn task_counts(&self, owner: UserId) -> Result<TaskCounts, StoreError> {
        self.read(|txn| tasks::counts(txn, owner))
    }

    async fn task_patch(
        &self,
        owner: UserId,
        id: TaskId,
        patch: TaskPatch,
        now: Timestamp,
    ) -> Result<Option<Task>, StoreError> {
        self.write(Growth::Adds, move |view| tasks::patch(view, owner, id, patch, now))
            .await
    }

    async fn task_delete(&self, owner: UserId, id: TaskId) -> Result<bool, StoreError> {
        self.write(Growth::Frees, move |view| tasks::delete(view, owner, id)).await
    }

    async fn export(
        &self,
        whose: Option<UserId>,
        out: mpsc::Sender<Exported>,
    ) -> Result<(), StoreError> {
        self.read_long(move |txn| export::export(txn, whose, &out)).await
    }

    async fn import_begin(&self, ids: NextIds) -> Result<Option<Arc<Taken>>, StoreError> {
        let Ok(permit) = Arc::clone(&self.importing).try_acquire_owned() else {
            return Ok(None);
        };
        let decide = move |_: &View<'_, '_>| Ok(import::begin(ids));
        self.write(Growth::Adds, decide).await?;
        let ids = Mutex::new(self.read_long(import::task_ids).await?);
        Ok(Some(Arc::new(Taken { ids, permit: Some(permit) })))
    }

    async fn import(
        &self,
        chunk: Chunk,
        taken: Arc<Taken>,
        now: Timestamp,
    ) -> Result<Result<(Imported, Option<Owner>), Conflict>, StoreError> {
        self.write(Growth::Adds, move |view| import::import(view, chunk, &taken, now))
            .await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let unwell = |what| Err(StoreError::unavailable(std::io::Error::other(what)));
        if self.shared.vitals.is_failed() {
            return unwell("the store has failed");
        }
        if self.shared.vitals.is_damaged() {
            return unwell("damage was found in the data file");
        }
        self.read(|txn| table::number(&table::open(txn, Table::Meta)?, key::FORMAT))?;
        // Nothing to do: an answer means that the thread runs.
        self.write(Growth::Frees, |_| Ok(Verdict::unchanged(()))).await
    }

    async fn failed(&self) -> Failure {
        self.shared.vitals.failed().await
    }
}

impl From<redb::StorageError> for StoreError {
    fn from(error: redb::StorageError) -> Self {
        match error {
            redb::StorageError::Corrupted(what) => Self::Damaged { what },
            redb::StorageError::Io(cause) if open::is_nonsense(&cause) => {
                Self::Damaged { what: cause.to_string() }
            }
            other => Self::unavailable(other),
        }
    }
}

macro_rules! from_redb {
    ($($error:ident),+) => {$(
        impl From<redb::$error> for StoreError {
            fn from(error: redb::$error) -> Self {
                match error {
                    redb::$error::Storage(error) => error.into(),
                    other => Self::unavailable(other),
                }
            }
        }
    )+};
}

from_redb!(CommitError, TransactionError);

impl From<redb::TableError> for StoreError {
    fn from(error: redb::TableError) -> Self {
        match error {
            redb::TableError::Storage(error) => error.into(),
            redb::TableError::TableAlreadyOpen(..) => Self::unavailable(error),
            // A sound file has every table, and none of another type.
            other => Self::Damaged { what: other.to_string() },
        }
    }
}
