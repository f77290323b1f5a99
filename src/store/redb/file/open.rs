//! Opening the data file.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, ReadableDatabase as _, StorageBackend};
use tokio::sync::Semaphore;

use crate::domain::progress::Phase;
use crate::files::{give_to_owner_of, is_at, make_private, sync_folder};
use crate::store::redb::engine::access_cache::AccessCache;
use crate::store::redb::engine::batch::Batch;
use crate::store::redb::engine::census::Census;
use crate::store::redb::engine::commit;
use crate::store::redb::engine::health::Health;
use crate::store::redb::engine::space::Space;
use crate::store::redb::engine::watches::Watches;
use crate::store::redb::engine::writer;
use crate::store::redb::engine::writer::Writer;
use crate::store::redb::file::database::{
    catch_corruption, check_format, database, guarded, inside, io_error, open_error,
};
use crate::store::redb::file::migrate::FORMAT;
use crate::store::redb::file::progress::Progress;
use crate::store::redb::file::{place, upgrade};
use crate::store::redb::format::key::Table;
use crate::store::redb::format::{key, table};
use crate::store::redb::list::ReadLimits;
use crate::store::redb::options::Options;
use crate::store::redb::{RedbStore, Shared};
use crate::store::{OpenError, StoreError};

impl RedbStore {
    /// Opens a data file, or creates one that only its owner may read.
    ///
    /// A new file, and its name in its directory, are durable when this returns. A file of an older format is
    /// upgraded if that is wanted; the previous file stays beside it.
    ///
    /// # Errors
    ///
    /// Every variant of [`OpenError`]. A refused file is unchanged, to the byte; only one that had to be repaired or
    /// checked before it could be read may differ in its bookkeeping.
    pub fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        Self::open_watched(path, options, &mut Progress::untold())
    }

    /// Opens a data file like [`Self::open`], and reports the progress of the page check or the upgrade.
    ///
    /// # Errors
    ///
    /// Same as [`Self::open`].
    pub fn open_watched(
        path: &Path,
        options: &Options,
        progress: &mut Progress<'_>,
    ) -> Result<Self, OpenError> {
        let io = |cause: std::io::Error| io_error(path, &cause);
        place::check(path)?;
        if !path.try_exists().map_err(io)? {
            if !options.create {
                return Err(OpenError::Missing { path: path.to_owned() });
            }
            make(path, options)?;
        }
        // Each time: the process that created the file may have been stopped before this.
        sync_folder(path).map_err(io)?;
        let bring_up_to_date = |found, progress: &mut Progress<'_>| {
            if options.upgrade {
                return upgrade::upgrade(path, found, options, progress);
            }
            Err(OpenError::Older { path: path.to_owned(), found, known: FORMAT })
        };
        if let Some(found) = look(path, options)? {
            bring_up_to_date(found, progress)?;
        }
        let open = |progress: &mut Progress<'_>| {
            progress.begin(&[(Phase::Pages, 1)]);
            let file = File::options().read(true).write(true).open(path);
            let file = file.map_err(|error| place::refused(path, error))?;
            let again = file.try_clone().map_err(io)?;
            let backend =
                FileBackend::new(file).map_err(|error| open_error(path, error))?;
            let space = Space::new(path, options.reserve_bytes).map_err(io)?;
            let store = Self::start(path, options, Some(space), |health| {
                let db = database(backend, path, options, health, progress)?;
                check_format(&db, path)?;
                Ok(db)
            })?;
            // Another file may have taken its place before the lock.
            if is_at(&again, path).map_err(io)? {
                Ok(store)
            } else {
                Err(OpenError::InUse { path: path.to_owned() })
            }
        };
        match open(progress) {
            // The format could not be read before the repair.
            Err(OpenError::Older { found, .. }) => {
                bring_up_to_date(found, progress)?;
                open(progress)
            }
            opened => opened,
        }
    }

    /// Opens or creates a store on a storage backend, such as memory, without a disk reserve. An older format is
    /// upgraded in place if that is wanted, in one transaction.
    ///
    /// # Errors
    ///
    /// Same as [`Self::open`].
    pub fn open_backend(
        backend: impl StorageBackend,
        options: &Options,
    ) -> Result<Self, OpenError> {
        let (path, progress) = (Path::new("(no file)"), &mut Progress::untold());
        Self::start(path, options, None, |health| {
            let length = backend.len().map_err(|error| io_error(path, &error))?;
            if length == 0 && options.create {
                let db = guarded(backend, path, options, health, progress)?;
                format_new(&db, options).map_err(|error| inside(path, error))?;
                return Ok(db);
            }
            let db = database(backend, path, options, health, progress)?;
            match check_format(&db, path) {
                Err(OpenError::Older { found, .. }) if options.upgrade => {
                    upgrade::step(&db, path, found, options)?;
                }
                judged => judged?,
            }
            Ok(db)
        })
    }

    fn start(
        path: &Path,
        options: &Options,
        space: Option<Space>,
        open: impl FnOnce(&Arc<Health>) -> Result<Database, OpenError>,
    ) -> Result<Self, OpenError> {
        let health = Arc::new(Health::default());
        let (db, purging, epoch) = catch_corruption(path, || {
            let db = open(&health)?;
            let purging =
                writer::purge_is_due(&db).map_err(|error| inside(path, error))?;
            let epoch = epoch(&db, options).map_err(|error| inside(path, error))?;
            Ok((db, purging, epoch))
        })?;
        let db = Arc::new(db);
        let shared = Arc::new(Shared::new(Arc::clone(&db), Arc::clone(&health)));
        let space = space.map(Arc::new);
        let accesses = Arc::new(AccessCache::default());
        let watches = Arc::new(Watches::default());
        let writer = Writer::spawn(
            db,
            health,
            (Arc::clone(&accesses), Arc::clone(&watches)),
            space.clone(),
            options.clone(),
            purging,
        )
        .map_err(|error| io_error(path, &error))?;
        let importing = Semaphore::new(1);
        let reads = ReadLimits::of(options);
        let census = Census::default();
        Ok(Self {
            writer,
            space,
            accesses,
            shared,
            importing,
            quota: options.quota,
            reads,
            census,
            watches,
            epoch,
        })
    }
}

/// Returns the epoch of the data. A backup that was put in place of the data file begins a new one.
fn epoch(db: &Database, options: &Options) -> Result<u64, StoreError> {
    let is_copied =
        table::open(&db.begin_read()?, Table::Meta)?.get(key::COPIED)?.is_some();
    if is_copied {
        upgrade::begin_epoch(db, options)?;
    }
    let meta = table::open(&db.begin_read()?, Table::Meta)?;
    table::number(&meta, key::EPOCH)
}

/// Creates a new file, unless another process does meanwhile.
fn make(path: &Path, options: &Options) -> Result<(), OpenError> {
    let made = make_private(path, |file| {
        // A file that root creates for the server must belong to the server.
        give_to_owner_of(&file, path)?;
        let db = Builder::new().create_with_backend(FileBackend::new(file)?)?;
        format_new(&db, options)?;
        Ok(db.close()?)
    });
    match made {
        Err(MakeError::Io(error)) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(MakeError::Io(error)) => Err(place::not_made(path, &error)),
        made => made.map_err(|error| io_error(path, &error)),
    }
}

/// Reason that a new file could not be created.
#[derive(Debug, thiserror::Error)]
enum MakeError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Examines a file without writing to it: redb marks in the file itself that it is open for writing.
///
/// Returns the format of a file that needs an upgrade.
fn look(path: &Path, options: &Options) -> Result<Option<u64>, OpenError> {
    let mut builder = Builder::new();
    builder.set_cache_size(options.cache_bytes);
    catch_corruption(path, || match builder.open_read_only(path) {
        Ok(db) => match check_format(&db, path) {
            Err(OpenError::Older { found, .. }) => Ok(Some(found)),
            judged => judged.map(|()| None),
        },
        // Unreadable before the repair; judged after it.
        Err(DatabaseError::RepairAborted) => Ok(None),
        Err(error) => Err(open_error(path, error)),
    })
}

fn format_new(db: &Database, options: &Options) -> Result<(), StoreError> {
    let txn = commit::begin(db, options.commit)?;
    Batch::create(&txn, FORMAT)?;
    Ok(txn.commit()?)
}
