//! Copies of the data file, made while it is in use and proven before anybody relies on them.
//!
//! A copy is made row by row from one snapshot, so writers go on and the copy is of one moment. It is then
//! opened as if after a crash: every page and every row is verified, and the rows are compared with those of
//! the snapshot.

use std::fs::File;
use std::io;
use std::ops::{Bound, ControlFlow};
use std::path::Path;
use std::sync::Arc;

use redb::backends::FileBackend;
use redb::{
    Builder, Database, ReadTransaction, ReadableDatabase, ReadableTableMetadata,
    TableHandle,
};

use super::codec::RowsHash;
use super::key::Table;
use super::open::{database, inside, io_error, open_error};
use super::options::{CommitMode, Options};
use super::upgrade::sound;
use super::verify::Report;
use super::vitals::Vitals;
use super::{RedbStore, table, writer};
use crate::plant::{self, Bug};
use crate::store::{OpenError, StoreError};

/// Memory for the pages of a copy. What is written goes to the file soon, so more does not help.
const CACHE_BYTES: usize = 16 << 20;

/// Rows that are copied between two looks at whether to go on.
const STRIDE: usize = 256;

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

/// Told how many rows of how many are done; says whether to go on.
pub type Progress<'a> = dyn FnMut(u64, u64) -> ControlFlow<()> + 'a;

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
        let mut go_on = |done, total| {
            if let Some(space) = &self.space {
                space.admit_copy(file)?;
            }
            match progress(done, total) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(CopyError::Stopped),
            }
        };
        let copied = super::unpanicked(|| {
            // Let go when all is written, since it holds pages that writers want.
            let txn = self.shared.begin_read()?;
            let written = write(&txn, file, name, size, &mut go_on)?;
            drop(txn);
            if plant::is(Bug::BackupNotVerified) {
                return Ok(Report::default());
            }
            self.prove(file, name, written)
        });
        copied.inspect_err(|error| {
            if let CopyError::Source(error) = error {
                self.shared.vitals.note(error);
            }
        })
    }

    /// Opens a copy as if after a crash, and compares it with what was written.
    fn prove(
        &self,
        file: &File,
        name: &Path,
        written: u128,
    ) -> Result<Report, CopyError> {
        let copy = FileBackend::new(file.try_clone()?).map_err(copy_error(name))?;
        let options = Options {
            cache_bytes: CACHE_BYTES,
            check_pages: true,
            formats: self.formats,
            ..Options::default()
        };
        let db = database(copy, name, &options, &Arc::new(Vitals::default()))?;
        if read(&db).map_err(|error| damaged(name, &error))? != written {
            return Err(damaged(name, &"its rows are not those of the snapshot"));
        }
        // Of the same rows, so what is wrong with them is wrong with the original.
        let report =
            sound(&db, name, self.formats.newest()).map_err(|error| match error {
                OpenError::Damaged { what, .. } => StoreError::Damaged { what }.into(),
                error => CopyError::from(error),
            })?;
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

/// Copies all rows in one transaction. Returns the hash of what was read.
fn write(
    txn: &ReadTransaction,
    file: &File,
    name: &Path,
    size: Size,
    go_on: &mut dyn FnMut(u64, u64) -> Result<(), CopyError>,
) -> Result<u128, CopyError> {
    let backend = FileBackend::new(file.try_clone()?).map_err(copy_error(name))?;
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    let mut db = builder.create_with_backend(backend).map_err(copy_error(name))?;
    // What goes wrong here is the copy's, and no reason for the server to stop.
    let to =
        writer::begin(&db, CommitMode::TwoPhase).map_err(|error| inside(name, error))?;
    let mut hash = RowsHash::new();
    let mut count = Count::of(txn)?;
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
                count.done += 1;
            }
            cursor.close().map_err(written(name))?;
            go_on(count.done, count.total)?;
        }
    }
    for found in txn.list_tables().map_err(StoreError::from)? {
        if Table::ALL.iter().all(|table| table.name() != found.name()) {
            let what = format!("an unknown table, {}", found.name());
            return Err(StoreError::Damaged { what }.into());
        }
    }
    to.commit().map_err(written(name))?;
    if size == Size::Small {
        db.compact().map_err(written(name))?;
    }
    db.close().map_err(copy_error(name))?;
    lock_again(file);
    Ok(hash.finish())
}

/// Takes the lock that a database lets go of when it is closed, so that the file is not removed as one that was left behind.
fn lock_again(file: &File) {
    // Best effort: not every file system has locks.
    drop(file.try_lock());
}

/// How far a copy has got.
struct Count {
    done: u64,
    total: u64,
}

impl Count {
    fn of(txn: &ReadTransaction) -> Result<Self, StoreError> {
        let mut total = 0;
        for place in Table::ALL {
            total += table::open(txn, place)?.len()?;
        }
        Ok(Self { done: 0, total })
    }
}

/// The hash of all rows of a copy.
fn read(db: &Database) -> Result<u128, StoreError> {
    let txn = db.begin_read()?;
    let mut hash = RowsHash::new();
    for place in Table::ALL {
        for row in table::all(&table::open(&txn, place)?)? {
            let (key, value) = row?;
            hash.add(place, key.value(), value.value());
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
