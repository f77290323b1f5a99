//! Opening the data file.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageError};

use super::batch::Batch;
use super::key::{self, Table};
use super::options::{CommitMode, Options};
use super::space::Space;
use super::vitals::Vitals;
use super::writer::{self, Writer};
use super::{RedbStore, Shared, record, table};
use crate::files::{make_private, sync_folder};
use crate::store::{OpenError, StoreError};

/// The format that this version writes, and the newest one it reads.
pub const FORMAT: u64 = 1;

impl RedbStore {
    /// Opens a data file, or makes one that only its owner may read.
    ///
    /// A new file, and its name in its folder, are durable when this returns.
    ///
    /// # Errors
    ///
    /// Every variant of [`OpenError`]. A file that is refused is left as it is, to the byte; only one
    /// that had to be repaired or checked before it could be read may differ in its bookkeeping.
    pub fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let io = |cause: std::io::Error| io_error(path, &cause);
        if !path.try_exists().map_err(io)? {
            if !options.create {
                return Err(OpenError::Missing { path: path.to_owned() });
            }
            make(path, options.commit)?;
        }
        // Each time: whoever made the file may have been stopped before this.
        sync_folder(path).map_err(io)?;
        let mut builder = Builder::new();
        builder
            .set_cache_size(options.cache_bytes)
            .set_check_integrity_on_open(options.check_pages)
            .set_repair_callback(|repair| {
                tracing::info!(progress = repair.progress(), "repairing after a crash");
            });
        if !options.check_pages {
            look(&builder, path)?;
        }
        let (db, purging) = unpanicked(path, || {
            let db = builder.open(path).map_err(|error| open_error(path, error))?;
            judge(&db, path)?;
            let purging =
                writer::purge_is_due(&db).map_err(|error| inside(path, error))?;
            Ok((db, purging))
        })?;
        let vitals = Arc::new(Vitals::default());
        let shared = Arc::new(Shared::new(Arc::new(db), Arc::clone(&vitals)));
        let writer = Writer::spawn(
            Arc::clone(&shared.db),
            vitals,
            options.commit,
            purging && !options.check_pages,
        )
        .map_err(io)?;
        let space = Space::new(path, options.reserve_bytes);
        Ok(Self { writer, space, shared })
    }
}

/// Makes a new file, unless somebody else does meanwhile.
fn make(path: &Path, mode: CommitMode) -> Result<(), OpenError> {
    let made = make_private(path, |file| {
        let db = Builder::new().create_with_backend(FileBackend::new(file)?)?;
        write_format(&db, mode)?;
        db.close()?;
        Ok(())
    });
    match made {
        Err(MakeError::Io(error)) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.map_err(|error| io_error(path, &error)),
    }
}

/// Why a new file could not be made.
#[derive(Debug, thiserror::Error)]
enum MakeError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Looks at a file that may be damaged in a way that redb does not expect.
fn unpanicked<T>(
    path: &Path,
    look: impl FnOnce() -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(look)) {
        Ok(outcome) => outcome,
        Err(_) => Err(OpenError::Damaged {
            path: path.to_owned(),
            what: "its pages make no sense".to_owned(),
        }),
    }
}

/// Judges a file without writing to it: redb notes in the file itself that it is open for writing.
fn look(builder: &Builder, path: &Path) -> Result<(), OpenError> {
    unpanicked(path, || match builder.open_read_only(path) {
        Ok(db) => judge(&db, path),
        // Cannot be read before it is repaired; judged after that.
        Err(DatabaseError::RepairAborted) => Ok(()),
        Err(error) => Err(open_error(path, error)),
    })
}

/// Reads the format number and says whether this program may use the file.
fn judge(db: &impl ReadableDatabase, path: &Path) -> Result<(), OpenError> {
    let damaged = |what: String| OpenError::Damaged { path: path.to_owned(), what };
    let found = format_of(db).map_err(|error| inside(path, error))?;
    match found {
        Some(FORMAT) => Ok(()),
        Some(found) if found > FORMAT => {
            Err(OpenError::Newer { path: path.to_owned(), found, known: FORMAT })
        }
        Some(found) => Err(damaged(format!("unknown format {found}"))),
        None => Err(damaged("it has no format number".to_owned())),
    }
}

fn inside(path: &Path, error: StoreError) -> OpenError {
    let what = match &error {
        StoreError::Damaged { what } => Some(what.clone()),
        StoreError::Unavailable(cause) => cause.downcast_ref().and_then(nonsense),
        _ => None,
    };
    match what {
        Some(what) => OpenError::Damaged { path: path.to_owned(), what },
        None => io_error(path, &error),
    }
}

/// What redb says if it found no database, or looked for a page where the file has none.
fn nonsense(error: &StorageError) -> Option<String> {
    let StorageError::Io(cause) = error else { return None };
    let nonsense =
        matches!(cause.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof);
    nonsense.then(|| cause.to_string())
}

/// The format number, if there is one.
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

fn write_format(db: &Database, mode: CommitMode) -> Result<(), StoreError> {
    let txn = writer::begin(db, mode)?;
    Batch::create(&txn, FORMAT)?;
    txn.commit()?;
    Ok(())
}

fn open_error(path: &Path, error: DatabaseError) -> OpenError {
    let what = match &error {
        DatabaseError::DatabaseAlreadyOpen => {
            return OpenError::InUse { path: path.to_owned() };
        }
        DatabaseError::Storage(StorageError::Corrupted(what)) => Some(what.clone()),
        DatabaseError::Storage(error) => nonsense(error),
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

fn io_error(path: &Path, cause: &dyn std::error::Error) -> OpenError {
    OpenError::Io { path: path.to_owned(), cause: cause.to_string() }
}
