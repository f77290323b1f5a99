//! Opening the data file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageError};

use super::key::{self, Table};
use super::space::Space;
use super::vitals::Vitals;
use super::writer::{self, Writer};
use super::{RedbStore, Shared, batch, record, table};
use crate::store::{OpenError, StoreError};

/// The format that this version writes, and the newest one it reads.
pub const FORMAT: u64 = 1;

/// How a commit reaches the disk.
///
/// Both survive a crash at any moment. In one phase, pages and header are flushed together and a crash is
/// repaired by walking the file. In two phases the pages are flushed before the header that names them and
/// the allocator's state is kept, so that nothing has to be walked. The figures behind the default stand
/// in the documentation of [`super`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitMode {
    /// One flush a commit.
    OnePhase,
    /// Two flushes a commit; serving again after a crash takes no repair.
    TwoPhase,
}

/// How to open a data file.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most memory for cached pages, in bytes.
    pub cache_bytes: usize,
    /// Free disk space below which writes are refused, in bytes.
    pub reserve_bytes: u64,
    /// Whether to make the file if there is none.
    pub create: bool,
    /// Whether to verify every page before anything is read.
    pub check_pages: bool,
    /// How a commit reaches the disk.
    pub commit: CommitMode,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
            reserve_bytes: 64 << 20,
            create: true,
            check_pages: false,
            commit: CommitMode::TwoPhase,
        }
    }
}

impl RedbStore {
    /// Opens a data file, or makes one.
    ///
    /// A new file, and its name in its folder, are durable when this returns.
    ///
    /// # Errors
    ///
    /// Every variant of [`OpenError`]. A file that is refused is left as it is, to the byte; only one
    /// that had to be repaired or checked before it could be read may differ in its bookkeeping.
    pub fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let io = |cause: std::io::Error| io_error(path, &cause);
        let exists = path.try_exists().map_err(io)?;
        if !exists && !options.create {
            return Err(OpenError::Missing { path: path.to_owned() });
        }
        let mut builder = Builder::new();
        builder
            .set_cache_size(options.cache_bytes)
            .set_check_integrity_on_open(options.check_pages)
            .set_repair_callback(|repair| {
                tracing::info!(progress = repair.progress(), "repairing after a crash");
            });
        if exists && !options.check_pages && path.metadata().map_err(io)?.len() > 0 {
            look(&builder, path)?;
        }
        let db = builder.create(path).map_err(|error| open_error(path, error))?;
        if judge(&db, path)? == Found::Nothing {
            write_format(&db, options.commit).map_err(|error| inside(path, error))?;
        }
        if !exists {
            File::open(folder_of(path))
                .and_then(|folder| folder.sync_all())
                .map_err(io)?;
        }
        let vitals = Arc::new(Vitals::default());
        let shared = Arc::new(Shared { db: Arc::new(db), vitals: Arc::clone(&vitals) });
        let writer =
            Writer::spawn(Arc::clone(&shared.db), vitals, options.commit).map_err(io)?;
        let space = Space::new(path, options.reserve_bytes);
        Ok(Self { writer, space, shared })
    }
}

/// The folder that a file is in.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// What a file that can be used holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Format,
    Nothing,
}

/// Judges a file without writing to it: redb notes in the file itself that it is open for writing.
fn look(builder: &Builder, path: &Path) -> Result<(), OpenError> {
    match builder.open_read_only(path) {
        Ok(db) => judge(&db, path).map(drop),
        // Cannot be read before it is repaired; judged after that.
        Err(DatabaseError::RepairAborted) => Ok(()),
        Err(error) => Err(open_error(path, error)),
    }
}

/// Reads the format number and says whether this program may use the file.
fn judge(db: &impl ReadableDatabase, path: &Path) -> Result<Found, OpenError> {
    let damaged = |what: String| OpenError::Damaged { path: path.to_owned(), what };
    let found = format_of(db).map_err(|error| inside(path, error))?;
    match found {
        Some(FORMAT) => Ok(Found::Format),
        Some(found) if found > FORMAT => {
            Err(OpenError::Newer { path: path.to_owned(), found, known: FORMAT })
        }
        Some(found) => Err(damaged(format!("unknown format {found}"))),
        None if is_empty(db).map_err(|error| inside(path, error))? => Ok(Found::Nothing),
        None => Err(damaged("a database of another program".to_owned())),
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

fn is_empty(db: &impl ReadableDatabase) -> Result<bool, StoreError> {
    Ok(db.begin_read()?.list_tables()?.next().is_none())
}

/// Makes every table, so that reads never find one missing.
fn write_format(db: &Database, mode: CommitMode) -> Result<(), StoreError> {
    let txn = writer::begin(db, mode)?;
    let mut batch = batch::Batch::open(&txn)?;
    let value = record::number(Table::Meta, key::FORMAT, FORMAT)?;
    batch.apply(vec![batch::Op::Put(Table::Meta, key::FORMAT.to_vec(), value)])?;
    batch.finish()?;
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
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
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
