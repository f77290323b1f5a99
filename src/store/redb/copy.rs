//! Copies of the data file, made while it is in use and proven before anybody relies on them.
//!
//! A copy is made row by row from one snapshot, so writers go on and the copy is of one moment. It is then
//! opened as if after a crash: every page and every row is verified, and the rows are compared with those of
//! the snapshot.

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

use super::codec::RowsHash;
use super::guard::Guard;
use super::key::Table;
use super::open::{database, inside, io_error, open_error};
use super::options::{CommitMode, Options};
use super::progress::{Plan, Progress};
use super::upgrade::sound;
use super::verify::Report;
use super::vitals::Vitals;
use super::{RedbStore, table, writer};
use crate::domain::progress::Phase;
use crate::store::{OpenError, StoreError};

/// Memory for the pages of a copy. What is written goes to the file soon, so more does not help.
const CACHE_BYTES: usize = 16 << 20;

/// Rows that are copied between two looks at whether to go on.
const STRIDE: usize = 256;

/// Rows that are compared between two steps of the progress.
const COMPARE_STRIDE: u64 = 1024;

/// Bytes that compaction reads for each byte of the file: measured with 200,000 tasks.
const COMPACT_READS: u64 = 2;

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The store could not be read, or what it holds is damaged.
    #[error("the data could not be read")]
    Source(#[from] StoreError),
    /// The copy could not be written or did not stand the check.
    #[error(transparent)]
    Copy(#[from] OpenError),
    /// Somebody wanted it to stop.
    #[error("stopped before it was whole")]
    Stopped,
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Phases of a copy, measured with 200,000 tasks.
const COPY: Plan =
    &[(Phase::CopyRows, 29), (Phase::Pages, 2), (Phase::Compare, 6), (Phase::Rows, 63)];

/// The same, of one that is made small.
const COPY_SMALL: Plan = &[
    (Phase::CopyRows, 25),
    (Phase::Compact, 16),
    (Phase::Pages, 2),
    (Phase::Compare, 5),
    (Phase::Rows, 52),
];

impl RedbStore {
    /// Writes one snapshot into an empty file, as a data file, and proves it. Blocks for as long as that takes.
    ///
    /// The rows are on disk when this returns `Ok`; the name of the file is the caller's to make durable.
    /// `name` stands for the file in errors.
    ///
    /// # Errors
    ///
    /// Every variant of [`CopyError`]. What is in the file is worthless then.
    pub fn copy_into(
        &self,
        file: &File,
        name: &Path,
        progress: &mut Progress<'_>,
    ) -> Result<Report, CopyError> {
        self.copy(file, name, Size::AsItComes, progress)
    }

    /// The same, into a file that is as small as it can be. Takes longer.
    pub(super) fn copy_small(
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
        let copied = super::unpanicked(|| {
            // Let go when all is written, since it holds pages that writers want.
            let txn = self.shared.begin_read()?;
            let (copy, written) = self.copy_rows(&txn, file, name, size, progress)?;
            drop(txn);
            close(copy, file, name, size, progress)?;
            self.prove(file, name, written, progress)
        });
        copied.inspect_err(|error| {
            if let CopyError::Source(error) = error {
                self.shared.vitals.note(error);
            }
        })
    }

    /// Copies all rows in one transaction. Returns the copy, and the hash of what was read.
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
        let vitals = Arc::new(Vitals::default());
        let made = match size {
            Size::AsItComes => builder.create_with_backend(backend),
            // It counts what compaction reads.
            Size::Small => {
                builder.create_with_backend(Guard::new(backend, Arc::clone(&vitals)))
            }
        };
        let db = made.map_err(copy_error(name))?;
        // What goes wrong here is the copy's, and no reason for the server to stop.
        let to = writer::begin(&db, CommitMode::TwoPhase)
            .map_err(|error| inside(name, error))?;
        let mut hash = RowsHash::new();
        let (mut done, total) = (0, rows(txn)?);
        for place in Table::ALL {
            let mut target =
                to.open_table(table::definition(place)).map_err(written(name))?;
            let source = table::open(txn, place)?;
            let mut rows = table::all(&source)?.peekable();
            // The cursor keeps what it is given until it is closed.
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
        Ok((Copied { db, vitals }, hash.finish()))
    }

    /// Opens a copy as if after a crash, and compares it with what was written.
    fn prove(
        &self,
        file: &File,
        name: &Path,
        written: u128,
        progress: &mut Progress<'_>,
    ) -> Result<Report, CopyError> {
        let copy = FileBackend::new(file.try_clone()?).map_err(copy_error(name))?;
        let options = Options {
            cache_bytes: CACHE_BYTES,
            check_pages: true,
            formats: self.formats,
            ..Options::default()
        };
        let db = database(copy, name, &options, &Arc::new(Vitals::default()), progress)?;
        let read = read(&db, progress).map_err(|error| damaged(name, &error))?;
        if progress.is_stopped() {
            return Err(CopyError::Stopped);
        }
        if read != written {
            return Err(damaged(name, &"its rows are not those of the snapshot"));
        }
        // Of the same rows, so what is wrong with them is wrong with the original.
        let report = sound(&db, name, self.formats.newest(), progress).map_err(
            |error| match error {
                OpenError::Damaged { what, .. } => StoreError::Damaged { what }.into(),
                error => CopyError::from(error),
            },
        )?;
        if progress.is_stopped() {
            return Err(CopyError::Stopped);
        }
        db.close().map_err(copy_error(name))?;
        lock_again(file);
        file.sync_all()?;
        Ok(report)
    }
}

/// Size of a copy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    AsItComes,
    /// Without room between pages, and at their ends.
    Small,
}

/// A copy that is written and open.
struct Copied {
    db: Database,
    vitals: Arc<Vitals>,
}

/// Closes a copy.
fn close(
    Copied { mut db, vitals }: Copied,
    file: &File,
    name: &Path,
    size: Size,
    progress: &mut Progress<'_>,
) -> Result<(), CopyError> {
    if size == Size::Small {
        let before = vitals.meters.page_read_bytes.get();
        let read = || vitals.meters.page_read_bytes.get().saturating_sub(before);
        let total = file.metadata()?.len().saturating_mul(COMPACT_READS);
        let compacted = progress.watch(Phase::Compact, total, read, || db.compact());
        compacted.map_err(written(name))?;
    }
    db.close().map_err(copy_error(name))?;
    lock_again(file);
    Ok(())
}

/// Takes the lock that a database lets go of when it is closed, so that the file is not removed as one that was left behind.
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

/// The hash of all rows of a copy.
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
                // The caller sees that it was stopped.
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
