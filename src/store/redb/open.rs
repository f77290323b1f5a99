//! Opening the data file.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageError};

use super::batch::Batch;
use super::key::{self, Table};
use super::options::{CommitMode, Options};
use super::space::{Space, folder_of};
use super::vitals::Vitals;
use super::writer::{self, Writer};
use super::{RedbStore, Shared, record, table};
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
        File::open(folder_of(path)).and_then(|folder| folder.sync_all()).map_err(io)?;
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
        let db = unpanicked(path, || builder.open(path))?;
        judge(&db, path)?;
        let purging = writer::purge_is_due(&db).map_err(|error| inside(path, error))?;
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

/// Makes a new file under another name first: a crash leaves the whole file or none.
fn make(path: &Path, mode: CommitMode) -> Result<(), OpenError> {
    let io = |cause: std::io::Error| io_error(path, &cause);
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = PathBuf::from(partial);
    let made = || -> Result<(), OpenError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(&partial).map_err(io)?;
        let db = FileBackend::new(file)
            .and_then(|backend| Builder::new().create_with_backend(backend))
            .map_err(|error| open_error(path, error))?;
        write_format(&db, mode).map_err(|error| inside(path, error))?;
        db.close().map_err(|error| open_error(path, error))?;
        // A link, not a rename: it fails if somebody else was first.
        match std::fs::hard_link(&partial, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(io(error)),
            _ => Ok(()),
        }
    };
    let outcome = made();
    // Best effort: what is left of a failed start is only a file nobody reads.
    drop(std::fs::remove_file(&partial));
    outcome
}

/// Opens a file that may be damaged in a way that redb does not expect.
fn unpanicked<T>(
    path: &Path,
    open: impl FnOnce() -> Result<T, DatabaseError>,
) -> Result<T, OpenError> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(open)) {
        Ok(opened) => opened.map_err(|error| open_error(path, error)),
        Err(_) => Err(OpenError::Damaged {
            path: path.to_owned(),
            what: "its pages make no sense".to_owned(),
        }),
    }
}

/// Judges a file without writing to it: redb notes in the file itself that it is open for writing.
fn look(builder: &Builder, path: &Path) -> Result<(), OpenError> {
    let db = unpanicked(path, || match builder.open_read_only(path) {
        Ok(db) => Ok(Some(db)),
        // Cannot be read before it is repaired; judged after that.
        Err(DatabaseError::RepairAborted) => Ok(None),
        Err(error) => Err(error),
    })?;
    db.map_or(Ok(()), |db| judge(&db, path))
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
    match error {
        StoreError::Damaged { what } => {
            OpenError::Damaged { path: path.to_owned(), what }
        }
        other => io_error(path, &other),
    }
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
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::InUse { path },
        DatabaseError::Storage(StorageError::Corrupted(what)) => {
            OpenError::Damaged { path, what }
        }
        DatabaseError::Storage(StorageError::Io(cause))
            if matches!(
                cause.kind(),
                ErrorKind::InvalidData | ErrorKind::UnexpectedEof
            ) =>
        {
            OpenError::Damaged { path, what: cause.to_string() }
        }
        DatabaseError::UpgradeRequired(version) => OpenError::Damaged {
            path,
            what: format!("redb file format {version} is too old"),
        },
        other => io_error(&path, &other),
    }
}

fn io_error(path: &Path, cause: &dyn std::error::Error) -> OpenError {
    OpenError::Io { path: path.to_owned(), cause: cause.to_string() }
}
