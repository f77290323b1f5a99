//! Default store: one redb file, no other server.
//!
//! Reads take a snapshot and are answered immediately, except for credentials, which are cached
//! ([`access_cache`](engine::access_cache)); writes go through the [`writer`](engine::writer).
//! [`key`](format::key) describes the layout, [`codec`](format::codec) the encoding of values, and
//! [`verify`](file::verify) the invariants of a sound file.
//!
//! | room | contents |
//! |---|---|
//! | [`format`](mod@format) | layout of the file: keys, records, index entries |
//! | [`engine`] | reads and writes of an open file |
//! | [`file`](mod@file) | opening, upgrading, copying, compacting and checking of a file |
//! | [`list`] | lists of tasks |
//!
//! The other files have the reads of one noun each.
//!
//! # Durability of commits
//!
//! [`CommitMode::TwoPhase`], redb's two-phase commit with quick repair, is the default. Measured with
//! `cargo bench --bench storage` on two cores, 10,000 owners at random, medians:
//!
//! | | one phase | two phases | |
//! |---|---|---|---|
//! | creations a second, 17 MB file, 1 / 8 / 64 writers | 3,160 / 10,600 / 26,800 | 1,850 / 8,040 / 20,900 | 0.59 / 0.76 / 0.78 |
//! | creations a second, 1.2 GB file | 2,310 / 3,720 / 5,910 | 1,530 / 3,510 / 5,270 | 0.66 / 0.94 / 0.89 |
//! | latency, 17 MB, median (ms) | 0.39 / 0.73 / 2.4 | 0.48 / 1.0 / 3.0 | 1.2 / 1.4 / 1.3 |
//! | latency, 1.2 GB, 99th percentile (ms) | 0.62 / 2.7 / 20 | 0.97 / 4.0 / 19 | 1.6 / 1.4 / 0.9 |
//! | reopen after kill -9, 17 MB | 7.4 ms | 0.6 ms | 0.09 |
//! | reopen after kill -9, 1.2 GB | 1,170 ms | 0.9 ms | 0.001 |
//! | growth of the file after 20,000 creations and deletions | none | none | |
//!
//! Two phases cost a fifth to a third of the throughput, and have two advantages: a crash needs no repair whatever
//! the size of the file, and damage to the newest tree is an error at the next start, where one phase falls back
//! to the previous tree and silently loses acknowledged writes.
//!
//! # Detection of damage
//!
//! Values carry a checksum of their own ([`codec`](format::codec)). The pages of redb around them are verified when the file is
//! opened ([`Options::check_pages`]), and by [`verifying_backend`](file::verifying_backend) from then on. The check is on by default. Time until the
//! server listens, medians of five starts on two cores:
//!
//! | | 105 MB | 1.04 GB |
//! |---|---|---|
//! | pages verified, file in memory | 155 ms | 1.29 s |
//! | pages verified, file read from the disk | 192 ms | 1.57 s |
//! | not verified | 5 ms | 7 ms |
//!
//! Of 10,875 files, each damaged in one place (`DULY_DAMAGE_CASES=10000 cargo test --release damage`), 334 gave a
//! wrong answer without the check and none with it. The verifying backend costs a hash for each block that is read from the
//! disk: gets beyond the cache take 1.02 to 1.07 times as long, everything else as long as before.

mod audit;
#[doc(hidden)]
pub mod bench;
mod changes;
mod engine;
mod export;
mod file;
mod format;
mod history;
mod idempotency;
mod import;
mod invitations;
mod list;
mod lists;
mod options;
mod quota;
mod sessions;
mod store;
mod tasks;
mod tokens;
mod tombstones;
mod users;

use std::fmt;
use std::sync::Arc;

use redb::{Database, ReadTransaction, ReadableDatabase};
use tokio::sync::Semaphore;

use self::engine::access_cache::AccessCache;
use self::engine::census::Census;
use self::engine::health::Health;
use self::engine::long_reads::LongReads;
use self::engine::space::Space;
pub use self::engine::space::has_room;
use self::engine::view::View;
use self::engine::watches::Watches;
use self::engine::writer::Writer;
pub use self::file::compact::{Compacted, compact};
pub use self::file::copy::CopyError;
use self::file::corruption;
pub use self::file::corruption::is_caught;
pub use self::file::migrate::FORMAT;
pub use self::file::progress::{Progress, Tell};
pub use self::file::upgrade::{
    RestoreError, Restored, duplicate, inspect, is_in_use, open_copy, prove, restore,
};
pub use self::file::verify::Report;
use self::format::table::SnapshotTables;
use self::list::ReadLimits;
pub use self::options::{CommitMode, Options};
use crate::domain::authority::Authority;
use crate::domain::error_chain::ErrorChain;
use crate::domain::id::UserId;
use crate::domain::list::{ListDone, ListRefused, ListWrite};
use crate::domain::quota::Quota;
use crate::domain::task::{TaskWrite, TaskWritten};
use crate::store::StoreError;
use crate::store::decide;

/// Store in a single file.
///
/// Dropping it waits for the writer and closes the file.
pub struct RedbStore {
    // First, so that the thread is joined before the file is closed.
    writer: Writer,
    space: Option<Arc<Space>>,
    accesses: Arc<AccessCache>,
    shared: Arc<Shared>,
    /// Permit for the one import at a time.
    importing: Semaphore,
    quota: Quota,
    reads: ReadLimits,
    census: Census,
    watches: Arc<Watches>,
    epoch: u64,
}

/// State that reads need; reads may outlast a caller that stopped waiting.
struct Shared {
    /// `Some` until dropped.
    db: Option<Arc<Database>>,
    health: Arc<Health>,
    long_reads: LongReads,
    admin_reads: Arc<Semaphore>,
}

/// Maximum number of concurrent long reads of administrators and the operator. More wait: load by other accounts
/// must not keep them from finding out which account causes it.
const MAX_ADMIN_READS: usize = 4;

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore").field("space", &self.space).finish_non_exhaustive()
    }
}

impl Shared {
    fn new(db: Arc<Database>, health: Arc<Health>) -> Self {
        let long_reads = LongReads::default();
        let admin_reads = Arc::new(Semaphore::new(MAX_ADMIN_READS));
        Self { db: Some(db), health, long_reads, admin_reads }
    }

    fn begin_read(&self) -> Result<ReadTransaction, StoreError> {
        let db = self.db.as_ref().ok_or_else(engine::write::stopped)?;
        Ok(db.begin_read()?)
    }

    /// Reads from one snapshot.
    fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let outcome = corruption::catch(|| read(&self.begin_read()?));
        let outcome = outcome.unwrap_or_else(|| {
            self.health.fail_damaged(corruption::FINDING);
            Err(StoreError::Damaged { what: corruption::FINDING.to_owned() })
        });
        outcome.inspect_err(|error| self.health.note(error))
    }
}

impl Drop for Shared {
    /// Closes the file, which reads and writes pages.
    fn drop(&mut self) {
        let db = self.db.take();
        let closed = corruption::as_error(|| {
            drop(db);
            Ok::<(), StoreError>(())
        });
        if let Err(error) = closed {
            tracing::error!(error = %ErrorChain(&error), "could not close the data file");
        }
    }
}

impl RedbStore {
    fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.shared.read(read)
    }

    /// Reads from one snapshot for an account, on a thread where a long read blocks no others.
    async fn read_long<T: Send + 'static>(
        &self,
        account: UserId,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.shared.long_reads.acquire(account).await?;
        self.read_beside(permit, read).await
    }

    /// Reads like [`Self::read_long`], for administrators and the operator.
    async fn read_admin<T: Send + 'static>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        // Never closed, so there is a permit in the end.
        let permit = Arc::clone(&self.shared.admin_reads).acquire_owned().await;
        self.read_beside(permit.map_err(|_| StoreError::Busy)?, read).await
    }

    async fn read_beside<T: Send + 'static>(
        &self,
        permit: impl Send + 'static,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        let task = tokio::task::spawn_blocking(move || {
            let outcome = shared.read(read);
            drop(permit);
            outcome
        });
        task.await.unwrap_or_else(|error| Err(StoreError::unavailable(error)))
    }

    /// Decides about tasks on a snapshot, without changes. The key of the request is neither checked nor stored.
    async fn task_try(
        &self,
        owner: UserId,
        write: TaskWrite,
        authority: Authority,
    ) -> Result<Option<TaskWritten>, StoreError> {
        let quota = self.quota;
        let read = move |txn: &ReadTransaction| {
            let tables = SnapshotTables::open(txn)?;
            let view = View::of_snapshot(&tables);
            decide::authorize(&view, &authority)?;
            Ok(decide::tasks::write(&view, owner, write, &quota)?.result)
        };
        self.read_long(owner, read).await
    }

    /// Decides about a list on a snapshot, without changes.
    async fn list_try(
        &self,
        owner: UserId,
        write: ListWrite,
        authority: Authority,
    ) -> Result<Option<Result<ListDone, ListRefused>>, StoreError> {
        let quota = self.quota;
        let read = move |txn: &ReadTransaction| {
            let tables = SnapshotTables::open(txn)?;
            let view = View::of_snapshot(&tables);
            decide::authorize(&view, &authority)?;
            Ok(decide::lists::write(&view, owner, write, &quota)?.result)
        };
        self.read_long(owner, read).await
    }
}

impl From<redb::StorageError> for StoreError {
    fn from(error: redb::StorageError) -> Self {
        match error {
            redb::StorageError::Corrupted(what) => Self::Damaged { what },
            redb::StorageError::Io(cause) if file::database::is_corruption(&cause) => {
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
