//! Copies of the data file, made while it is in use and verified before use.
//!
//! A copy is made row by row from one snapshot, so writers continue and the copy is consistent. It is then opened as if
//! after a crash: every page and every row is verified, and the rows are compared with the snapshot.

use std::fs::File;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use redb::backends::FileBackend;
use redb::{
    Builder, Database, ReadTransaction, ReadableDatabase, ReadableTableMetadata,
    TableHandle,
};

use crate::domain::progress::Phase;
use crate::store::redb::RedbStore;
use crate::store::redb::engine::commit;
use crate::store::redb::engine::health::Health;
use crate::store::redb::file::database::{database, inside, io_error, open_error};
use crate::store::redb::file::migrate::FORMAT;
use crate::store::redb::file::progress::{Plan, Progress};
use crate::store::redb::file::upgrade::sound;
use crate::store::redb::file::verify::Report;
use crate::store::redb::file::verifying_backend::VerifyingBackend;
use crate::store::redb::format::codec::RowsHash;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::{key, record, table};
use crate::store::redb::options::{CommitMode, Options};
use crate::store::{OpenError, StoreError};

/// Cache for the pages of a copy, in bytes. Written pages go to the file soon, so more does not help.
const CACHE_BYTES: usize = 16 << 20;

/// Rows copied between two checks for cancellation.
const STRIDE: usize = 256;

/// Rows compared between two steps of the progress.
const COMPARE_STRIDE: u64 = 1024;

/// Bytes that compaction reads per byte of the file: measured with 200,000 tasks.
const COMPACT_READS: u64 = 2;

/// Reason that a copy failed.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Store that could not be read, or holds damaged data.
    #[error("the data could not be read")]
    Source(#[from] StoreError),
    /// Copy that could not be written or did not pass the check.
    #[error(transparent)]
    Copy(#[from] OpenError),
    /// Cancellation by the caller.
    #[error("stopped before the copy was complete")]
    Stopped,
    /// Refusal by the operating system.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Phases of a copy, measured with 200,000 tasks.
const COPY: Plan =
    &[(Phase::CopyRows, 29), (Phase::Pages, 2), (Phase::Compare, 6), (Phase::Rows, 63)];

/// Phases of a compacted copy, measured with 200,000 tasks.
const COPY_SMALL: Plan = &[
    (Phase::CopyRows, 25),
    (Phase::Compact, 16),
    (Phase::Pages, 2),
    (Phase::Compare, 5),
    (Phase::Rows, 52),
];

impl RedbStore {
    /// Writes one snapshot into an empty file, as a data file, and verifies it. Blocks for as long as that takes.
    ///
    /// The rows are durable when this returns `Ok`; the caller must make the name of the file durable. `name`
    /// identifies the file in errors.
    ///
    /// # Errors
    ///
    /// Every variant of [`CopyError`]. The content of the file is worthless then.
    pub fn copy_into(
        &self,
        file: &File,
        name: &Path,
        progress: &mut Progress<'_>,
    ) -> Result<Report, CopyError> {
        self.copy(file, name, Size::AsItComes, progress)
    }

    /// Writes a compacted copy, like [`Self::copy_into`]. Takes longer.
    pub(in crate::store::redb) fn copy_small(
        &self,
        file: &File,
        name: &Path,
        progress: &mut Progress<'_>,
    ) -> Result<Report, CopyError> {
        self.copy(file, name, Size::Small, progress)
    }

    fn copy(
        &self,
        file: &File,
        name: &Path,
        size: Size,
        progress: &mut Progress<'_>,
    ) -> Result<Report, CopyError> {
        progress.begin(if size == Size::Small { COPY_SMALL } else { COPY });
        let copied = crate::store::redb::file::corruption::as_error(|| {
            // Released once all is written, since it holds pages that writers need.
            let txn = self.shared.begin_read()?;
            let (copy, written) = self.copy_rows(&txn, file, name, size, progress)?;
            drop(txn);
            close(copy, file, name, size, progress)?;
            prove(file, name, written, progress)
        });
        copied.inspect_err(|error| {
            if let CopyError::Source(error) = error {
                self.shared.health.note(error);
            }
        })
    }

    /// Copies all rows in one transaction, and marks a backup. Returns the copy, and the hash of the rows read.
    fn copy_rows(
        &self,
        txn: &ReadTransaction,
        file: &File,
        name: &Path,
        size: Size,
        progress: &mut Progress<'_>,
    ) -> Result<(Copied, u128), CopyError> {
        let backend = FileBackend::new(file.try_clone()?).map_err(copy_error(name))?;
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE_BYTES);
        let health = Arc::new(Health::default());
        let made = match size {
            Size::AsItComes => builder.create_with_backend(backend),
            // The verifying backend counts the bytes that compaction reads.
            Size::Small => builder
                .create_with_backend(VerifyingBackend::new(backend, Arc::clone(&health))),
        };
        let db = made.map_err(copy_error(name))?;
        // An error here concerns the copy, and is no reason for the server to stop.
        let to = commit::begin(&db, CommitMode::TwoPhase)
            .map_err(|error| inside(name, error))?;
        let mut hash = RowsHash::new();
        let (mut done, total) = (0, rows(txn)?);
        for place in Table::ALL {
            let mut target =
                to.open_table(table::definition(place)).map_err(written(name))?;
            if place == Table::Meta && size == Size::AsItComes {
                // Before all other names.
                let value = record::number(Table::Meta, key::COPIED, 1)?;
                hash.add(place, key::COPIED, &value);
                let marked = target.insert(key::COPIED, value.as_slice());
                drop(marked.map_err(written(name))?);
            }
            let source = table::open(txn, place)?;
            let mut rows = table::all(&source)?.peekable();
            // The cursor keeps its input until it is closed.
            while rows.peek().is_some() {
                let end = Bound::<&[u8]>::Unbounded;
                let mut cursor = target.upper_bound_mut(end).map_err(written(name))?;
                for row in rows.by_ref().take(STRIDE) {
                    let (key, value) = row.map_err(StoreError::from)?;
                    hash.add(place, key.value(), value.value());
                    cursor
                        .insert_before(key.value(), value.value())
                        .map_err(written(name))?;
                    done += 1;
                }
                cursor.close().map_err(written(name))?;
                if let Some(space) = &self.space {
                    space.admit_copy(file)?;
                }
                if progress.step(Phase::CopyRows, (done, total), done).is_break() {
                    return Err(CopyError::Stopped);
                }
            }
        }
        for found in txn.list_tables().map_err(StoreError::from)? {
            if Table::ALL.iter().all(|table| table.name() != found.name()) {
                let what = format!("an unknown table, {}", found.name());
                return Err(StoreError::Damaged { what }.into());
            }
        }
        to.commit().map_err(written(name))?;
        Ok((Copied { db, health }, hash.finish()))
    }
}

/// Opens a copy as if after a crash, and compares it with the rows written.
fn prove(
    file: &File,
    name: &Path,
    written: u128,
    progress: &mut Progress<'_>,
) -> Result<Report, CopyError> {
    let copy = FileBackend::new(file.try_clone()?).map_err(copy_error(name))?;
    let options =
        Options { cache_bytes: CACHE_BYTES, check_pages: true, ..Options::default() };
    let db = database(copy, name, &options, &Arc::new(Health::default()), progress)?;
    let read = read(&db, progress).map_err(|error| damaged(name, &error))?;
    if progress.is_stopped() {
        return Err(CopyError::Stopped);
    }
    if read != written {
        return Err(damaged(name, &"its rows differ from those of the snapshot"));
    }
    // The rows are the same, so a defect in them is a defect of the original.
    let report = sound(&db, name, FORMAT, progress).map_err(|error| match error {
        OpenError::Damaged { what, .. } => StoreError::Damaged { what }.into(),
        error => CopyError::from(error),
    })?;
    if progress.is_stopped() {
        return Err(CopyError::Stopped);
    }
    db.close().map_err(copy_error(name))?;
    lock_again(file);
    file.sync_all()?;
    Ok(report)
}

/// Size of a copy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    AsItComes,
    /// Compacted, without free space between pages and at their ends.
    Small,
}

/// Copy that is written and open.
struct Copied {
    db: Database,
    health: Arc<Health>,
}

/// Closes a copy.
fn close(
    Copied { mut db, health }: Copied,
    file: &File,
    name: &Path,
    size: Size,
    progress: &mut Progress<'_>,
) -> Result<(), CopyError> {
    if size == Size::Small {
        let total = file.metadata()?.len().saturating_mul(COMPACT_READS);
        let compacted =
            progress.watch_reads(Phase::Compact, total, &health, || db.compact());
        compacted.map_err(written(name))?;
    }
    db.close().map_err(copy_error(name))?;
    lock_again(file);
    Ok(())
}

/// Takes the lock again that closing a database releases, so that the file is not removed as a leftover.
fn lock_again(file: &File) {
    // Best effort: not every file system has locks.
    drop(file.try_lock());
}

/// Counts rows of all tables.
fn rows(txn: &ReadTransaction) -> Result<u64, StoreError> {
    let mut total = 0;
    for place in Table::ALL {
        total += table::open(txn, place)?.len()?;
    }
    Ok(total)
}

/// Returns the hash of all rows of a copy.
fn read(db: &Database, progress: &mut Progress<'_>) -> Result<u128, StoreError> {
    let txn = db.begin_read()?;
    let mut hash = RowsHash::new();
    let (mut done, total) = (0_u64, rows(&txn)?);
    for place in Table::ALL {
        for row in table::all(&table::open(&txn, place)?)? {
            let (key, value) = row?;
            hash.add(place, key.value(), value.value());
            done += 1;
            if done.is_multiple_of(COMPARE_STRIDE) {
                // The caller checks for cancellation.
                if progress.step(Phase::Compare, (done, total), done).is_break() {
                    return Ok(hash.finish());
                }
            }
        }
    }
    Ok(hash.finish())
}

fn copy_error(name: &Path) -> impl FnOnce(redb::DatabaseError) -> CopyError {
    |error| open_error(name, error).into()
}

fn written<E: std::error::Error>(name: &Path) -> impl FnOnce(E) -> CopyError {
    |error| io_error(name, &error).into()
}

fn damaged(name: &Path, why: &dyn std::fmt::Display) -> CopyError {
    OpenError::Damaged { path: name.to_owned(), what: why.to_string() }.into()
}
