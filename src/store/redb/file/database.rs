//! redb databases in a data file, and the conversion of their errors.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, StorageBackend, StorageError,
};

use crate::domain::progress::Phase;
use crate::store::redb::engine::health::Health;
use crate::store::redb::file::corruption;
use crate::store::redb::file::migrate::{FORMAT, is_older};
use crate::store::redb::file::progress::Progress;
use crate::store::redb::file::verifying_backend::VerifyingBackend;
use crate::store::redb::format::key::{self, Table};
use crate::store::redb::format::{record, table};
use crate::store::redb::options::Options;
use crate::store::{OpenError, StoreError};

/// Opens a data file and guards it from then on. Verifies every page first if that is wanted or the file needs a
/// repair, and reports the progress.
pub(in crate::store::redb) fn database(
    backend: impl StorageBackend,
    path: &Path,
    options: &Options,
    health: &Arc<Health>,
    progress: &mut Progress<'_>,
) -> Result<Database, OpenError> {
    let length = backend.len().map_err(|error| io_error(path, &error))?;
    // redb would create a database in an empty file.
    if length == 0 {
        let what = "it is empty".to_owned();
        return Err(OpenError::Damaged { path: path.to_owned(), what });
    }
    guarded(backend, path, options, health, progress)
}

/// Opens a database like [`database`], or creates one on an empty backend.
pub(in crate::store::redb) fn guarded(
    backend: impl StorageBackend,
    path: &Path,
    options: &Options,
    health: &Arc<Health>,
    progress: &mut Progress<'_>,
) -> Result<Database, OpenError> {
    let length = backend.len().map_err(|error| io_error(path, &error))?;
    let mut builder = Builder::new();
    let is_walked = Arc::new(AtomicBool::new(options.check_pages));
    let repaired = Arc::clone(&is_walked);
    builder
        .set_cache_size(options.cache_bytes)
        .set_check_integrity_on_open(options.check_pages)
        .set_repair_callback(move |repair| {
            repaired.store(true, Ordering::Relaxed);
            tracing::debug!(
                progress = repair.progress(),
                "checking the pages of the data file"
            );
        });
    let backend = VerifyingBackend::new(backend, Arc::clone(health));
    let read = || {
        let is_walked = is_walked.load(Ordering::Relaxed);
        if is_walked { health.meters.page_read_bytes.get() } else { 0 }
    };
    let open = || builder.create_with_backend(backend);
    progress
        .watch(Phase::Pages, length, read, open)
        .map_err(|error| open_error(path, error))
}

/// Reads a file that may be damaged in a way that makes redb panic.
pub(in crate::store::redb) fn catch_corruption<T>(
    path: &Path,
    look: impl FnOnce() -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    corruption::catch(look).unwrap_or_else(|| {
        let what = "its pages are invalid".to_owned();
        Err(OpenError::Damaged { path: path.to_owned(), what })
    })
}

/// Reads the format number and checks that this program may use the file.
pub(in crate::store::redb) fn check_format(
    db: &impl ReadableDatabase,
    path: &Path,
) -> Result<(), OpenError> {
    let damaged = |what: String| OpenError::Damaged { path: path.to_owned(), what };
    let known = FORMAT;
    match format_of(db).map_err(|error| inside(path, error))? {
        Some(found) if found == known => Ok(()),
        Some(found) if is_older(found) => {
            Err(OpenError::Older { path: path.to_owned(), found, known })
        }
        Some(found) if found > known => {
            Err(OpenError::Newer { path: path.to_owned(), found, known })
        }
        Some(found) => Err(damaged(format!("unknown format {found}"))),
        None => Err(damaged("it has no format number".to_owned())),
    }
}

/// Reads the format number, if there is one.
fn format_of(db: &impl ReadableDatabase) -> Result<Option<u64>, StoreError> {
    let txn = db.begin_read()?;
    let meta = match txn.open_table(table::definition(Table::Meta)) {
        Ok(meta) => meta,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let value = meta.get(key::FORMAT)?;
    value
        .map(|value| record::decode_number(Table::Meta, key::FORMAT, value.value()))
        .transpose()
}

pub(in crate::store::redb) fn inside(path: &Path, error: StoreError) -> OpenError {
    let what = match &error {
        StoreError::Damaged { what } => Some(what.clone()),
        _ => None,
    };
    match what {
        Some(what) => OpenError::Damaged { path: path.to_owned(), what },
        None => io_error(path, &error),
    }
}

/// Whether an error of redb or the verifying backend means damage: no database, a page beyond the end of the file, or a page
/// that has changed.
pub(in crate::store::redb) fn is_corruption(cause: &std::io::Error) -> bool {
    matches!(cause.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
}

pub(in crate::store::redb) fn open_error(path: &Path, error: DatabaseError) -> OpenError {
    let what = match &error {
        DatabaseError::DatabaseAlreadyOpen => {
            return OpenError::InUse { path: path.to_owned() };
        }
        DatabaseError::Storage(StorageError::Corrupted(what)) => Some(what.clone()),
        DatabaseError::Storage(StorageError::Io(cause)) if is_corruption(cause) => {
            Some(cause.to_string())
        }
        DatabaseError::UpgradeRequired(version) => {
            Some(format!("redb file format {version} is too old"))
        }
        _ => None,
    };
    match what {
        Some(what) => OpenError::Damaged { path: path.to_owned(), what },
        None => io_error(path, &error),
    }
}

pub(in crate::store::redb) fn io_error(
    path: &Path,
    cause: &dyn std::error::Error,
) -> OpenError {
    OpenError::Io { path: path.to_owned(), cause: cause.to_string() }
}
