//! Files that become the data file: a file of an older format, or a backup.
//!
//! Neither is opened for writing, unless it has to be repaired after a crash before its format can be read. It is
//! copied, byte by byte and under a lock; the copy is verified, pages and rows, upgraded in one transaction, and
//! verified again; then the copy replaces the data file, and the previous file keeps another name beside it. So
//! after any error or power failure there is a whole file in place, and the previous one is unchanged, to the
//! byte.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::backends::FileBackend;
use redb::{Builder, Database, ReadableDatabase, StorageBackend};

use crate::domain::progress::Phase;
use crate::domain::timestamp::Timestamp;
use crate::files::{
    free_name, give_to_owner_of, is_at, make_private, not_opened, replace_private,
};
use crate::store::redb::RedbStore;
use crate::store::redb::engine::batch::Batch;
use crate::store::redb::engine::commit;
use crate::store::redb::engine::health::Health;
use crate::store::redb::engine::space::has_room;
use crate::store::redb::file::database::{
    catch_corruption, check_format, database, inside, io_error, open_error,
};
use crate::store::redb::file::migrate::{FORMAT, migrate};
use crate::store::redb::file::place;
use crate::store::redb::file::progress::{Plan, Progress};
use crate::store::redb::file::verify::{Report, verify};
use crate::store::redb::format::table::Tables;
use crate::store::redb::options::Options;
use crate::store::{OpenError, StoreError};

/// Cache for a file that is only examined, in bytes.
const LOOK_CACHE_BYTES: usize = 16 << 20;

/// Upgrades a data file. The previous file is kept as `<path>.format-<number>`.
pub(in crate::store::redb) fn upgrade(
    path: &Path,
    found: u64,
    options: &Options,
    progress: &mut Progress<'_>,
) -> Result<(), OpenError> {
    let failed = |cause: OpenError| match cause {
        in_use @ OpenError::InUse { .. } => in_use,
        cause => OpenError::Upgrade {
            path: path.to_owned(),
            found,
            known: FORMAT,
            cause: Box::new(cause),
        },
    };
    let mut run = || {
        let old = Locked::take(path)?;
        // The file itself, if the path is a symbolic link.
        let path = &path.canonicalize().map_err(|error| io_error(path, &error))?;
        let keep = free_name(path, &format!("format-{found}"))
            .map_err(|error| io_error(path, &error))?;
        let replaced = replace_private(path, &keep, |file| {
            // Another process may have upgraded the file between the examination and the lock.
            progress.begin(ADMIT_OLDER);
            match admit(&old.file, &file, path, options, Epoch::Kept, progress)? {
                (now, _) if now == found => Ok(()),
                _ => Err(Stopped::Unwanted),
            }
        });
        match replaced {
            Err(Stopped::Unwanted) => return Ok(None),
            replaced => replaced.map_err(|error| error.at(path))?,
        }
        Ok(Some(keep))
    };
    if let Some(keep) = run().map_err(failed)? {
        let kept = keep.display();
        tracing::info!(from = found, to = FORMAT, %kept, "upgraded the data file");
    }
    Ok(())
}

/// Copies a data file that is not open, unchanged and whatever its format.
///
/// # Errors
///
/// [`OpenError::InUse`], [`OpenError::Io`].
pub fn duplicate(
    path: &Path,
    to: &File,
    options: &Options,
    progress: &mut Progress<'_>,
) -> Result<(), OpenError> {
    progress.begin(&[(Phase::CopyFile, 1)]);
    if !path.try_exists().map_err(|error| io_error(path, &error))? {
        return Err(OpenError::Missing { path: path.to_owned() });
    }
    let old = Locked::take(path)?;
    copy_bytes(&old.file, to, options, progress).map_err(|error| io_error(path, &error))
}

/// Opens a copy of a backup that has no name and disappears when it is closed. `scratch` is empty and becomes the
/// copy.
///
/// # Errors
///
/// Any defect of the backup.
pub fn open_copy(
    backup: &Path,
    scratch: &File,
    options: &Options,
    progress: &mut Progress<'_>,
) -> Result<RedbStore, OpenError> {
    let source = open_backup(backup)?;
    progress.begin(ADMIT);
    admit(&source, scratch, backup, options, Epoch::Kept, progress)
        .map_err(OpenError::of_backup)?;
    let again = scratch.try_clone().map_err(|error| io_error(backup, &error))?;
    let backend = FileBackend::new(again).map_err(|error| open_error(backup, error))?;
    let options = Options { create: false, upgrade: false, ..options.clone() };
    RedbStore::open_backend(backend, &options)
}

fn open_backup(backup: &Path) -> Result<File, OpenError> {
    File::open(backup).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => OpenError::Missing { path: backup.to_owned() },
        _ => io_error(backup, &not_opened(backup, error)),
    })
}

/// Result of a restore.
#[derive(Debug)]
pub struct Restored {
    /// Report of the check of the backup.
    pub report: Report,
    /// New path of the previous file, if there was one.
    pub kept: Option<PathBuf>,
}

/// Reason that a backup was not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Backup or existing file that cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Existing data file that was not to be replaced.
    #[error("{} already exists", path.display())]
    Exists {
        /// Data file.
        path: PathBuf,
        /// Latest time in the file. `None` if it is empty or cannot be read.
        latest: Option<Timestamp>,
        /// Content of the backup. `None` if that takes a repair to see.
        backup: Option<Box<Report>>,
    },
}

/// Replaces a data file that is not open with a backup, or puts the backup where there is none.
///
/// The backup itself is only read. One of an older format is upgraded on the way.
///
/// # Errors
///
/// [`RestoreError::Exists`] if there is a file and `replace` is not set; [`OpenError::InUse`] if it is open,
/// whatever `replace` says; and any defect of the backup.
pub fn restore(
    backup: &Path,
    path: &Path,
    replace: bool,
    options: &Options,
    progress: &mut Progress<'_>,
) -> Result<Restored, RestoreError> {
    let io = |cause: io::Error| io_error(path, &cause);
    let source = open_backup(backup)?;
    let exists = path.try_exists().map_err(io)?;
    // Held until the end, so that no server opens the file meanwhile.
    let locked = if exists { Some(Locked::take(path)?) } else { None };
    if exists && !replace {
        drop(locked);
        return Err(unasked(backup, path));
    }
    let place = if exists { path.canonicalize().map_err(io)? } else { path.to_owned() };
    let mut report = Report::default();
    let mut fill = |file: File| -> Result<(), Stopped> {
        progress.begin(ADMIT);
        let admitted = admit(&source, &file, backup, options, Epoch::New, progress);
        report = admitted.map_err(OpenError::of_backup)?.1;
        Ok(())
    };
    let done = if exists {
        let keep = free_name(&place, "replaced").map_err(io)?;
        replace_private(&place, &keep, fill).map(|()| Some(keep))
    } else {
        let owned = |file: File| {
            give_to_owner_of(&file, path)?;
            fill(file)
        };
        make_private(path, owned).map(|()| None)
    };
    drop(locked);
    match done {
        Ok(kept) => Ok(Restored { report, kept }),
        Err(stopped) => Err(stopped.at(path).into()),
    }
}

/// Returns the reason not to replace an existing file, before all the work.
fn unasked(backup: &Path, path: &Path) -> RestoreError {
    let path = path.to_owned();
    let latest = inspect(&path).ok().and_then(|report| report.latest);
    match inspect(backup) {
        Ok(report) => {
            let backup = Some(Box::new(report));
            RestoreError::Exists { path, latest, backup }
        }
        Err(error @ (OpenError::Damaged { .. } | OpenError::Newer { .. })) => {
            error.of_backup().into()
        }
        Err(_) => RestoreError::Exists { path, latest, backup: None },
    }
}

/// Examines a data file that is not open, without writing to it: every row, but not the pages.
///
/// # Errors
///
/// Any defect of the file.
pub fn inspect(path: &Path) -> Result<Report, OpenError> {
    let mut builder = Builder::new();
    builder.set_cache_size(LOOK_CACHE_BYTES);
    catch_corruption(path, || {
        let db = builder.open_read_only(path).map_err(|error| open_error(path, error))?;
        let found = match check_format(&db, path) {
            Err(OpenError::Older { found, .. }) => found,
            judged => judged.map(|()| FORMAT)?,
        };
        sound(&db, path, found, &mut Progress::untold())
    })
}

/// Whether a data file is open.
pub fn is_in_use(path: &Path) -> bool {
    matches!(Locked::take(path), Err(OpenError::InUse { .. }))
}

/// Fills a file with a copy of another and proves that it can be the data file: every page, every row, in the
/// newest format. Errors name the other file. Durable once the caller has synced the file.
fn admit(
    from: &File,
    to: &File,
    name: &Path,
    options: &Options,
    epoch: Epoch,
    progress: &mut Progress<'_>,
) -> Result<(u64, Report), OpenError> {
    copy_bytes(from, to, options, progress).map_err(|cause| io_error(name, &cause))?;
    bring_up_to_date(to, name, options, epoch, progress)
}

/// Epoch of a file that is put in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Epoch {
    /// The same data go on.
    Kept,
    /// Other data take the place of what clients have seen.
    New,
}

/// Phases of copying and checking a file, measured with 200,000 tasks.
const ADMIT: Plan = &[(Phase::CopyFile, 6), (Phase::Pages, 10), (Phase::Rows, 84)];

/// Phases for a file of an older format, measured with 200,000 tasks.
const ADMIT_OLDER: Plan =
    &[(Phase::CopyFile, 2), (Phase::Pages, 5), (Phase::Upgrade, 62), (Phase::Rows, 31)];

/// Bytes that an upgrade reads per byte of the file.
const UPGRADE_READS: u64 = 2;

/// Bytes copied between two steps of the progress.
const STRIDE: u64 = 8 << 20;

fn copy_bytes(
    from: &File,
    mut to: &File,
    options: &Options,
    progress: &mut Progress<'_>,
) -> io::Result<()> {
    let length = from.metadata()?.len();
    has_room(to, length.saturating_add(options.reserve_bytes))?;
    let mut done = 0;
    loop {
        let copied = io::copy(&mut Read::take(from, STRIDE), &mut to)?;
        if copied == 0 {
            return Ok(());
        }
        done += copied;
        // Interrupts end the process.
        let _ = progress.step(Phase::CopyFile, (done, length), done);
    }
}

/// Proves that a private file can be the data file, and upgrades it. Returns the format it had, and the report of
/// the check.
///
/// # Errors
///
/// Any defect of the file.
pub fn prove(
    to: &File,
    name: &Path,
    options: &Options,
    progress: &mut Progress<'_>,
) -> Result<(u64, Report), OpenError> {
    progress.begin(&[(Phase::Pages, 10), (Phase::Rows, 84)]);
    bring_up_to_date(to, name, options, Epoch::Kept, progress)
}

fn bring_up_to_date(
    to: &File,
    name: &Path,
    options: &Options,
    epoch: Epoch,
    progress: &mut Progress<'_>,
) -> Result<(u64, Report), OpenError> {
    let io = |cause: io::Error| io_error(name, &cause);
    let backend = FileBackend::new(to.try_clone().map_err(io)?)
        .map_err(|error| open_error(name, error))?;
    catch_corruption(name, || {
        let options = Options { check_pages: true, ..options.clone() };
        let health = Arc::new(Health::default());
        let db = database(backend, name, &options, &health, progress)?;
        let found = match check_format(&db, name) {
            Ok(()) => FORMAT,
            Err(OpenError::Older { found, .. }) => found,
            Err(error) => return Err(error),
        };
        if found != FORMAT {
            progress.replan(ADMIT_OLDER);
            let length = to.metadata().map_err(io)?.len();
            let total = length.saturating_mul(UPGRADE_READS);
            progress.watch_reads(Phase::Upgrade, total, &health, || {
                sound(&db, name, found, &mut Progress::untold())?;
                step(&db, name, found, &options)
            })?;
        }
        if epoch == Epoch::New {
            begin_epoch(&db, &options).map_err(|error| inside(name, error))?;
        }
        let report = sound(&db, name, FORMAT, progress)?;
        db.close().map_err(|error| open_error(name, error))?;
        Ok((found, report))
    })
}

/// Begins a new epoch in a file that takes the place of other data.
pub(in crate::store::redb) fn begin_epoch(
    db: &Database,
    options: &Options,
) -> Result<(), StoreError> {
    let txn = commit::begin(db, options.commit)?;
    Batch::begin_epoch(&mut Tables::open(&txn)?)?;
    Ok(txn.commit()?)
}

/// Upgrades an open file in place, in one transaction.
pub(in crate::store::redb) fn step(
    db: &Database,
    name: &Path,
    found: u64,
    options: &Options,
) -> Result<(), OpenError> {
    migrate(db, found, options.commit).map_err(|error| inside(name, error))
}

/// Returns the report of a check without findings; any finding is an error.
pub(in crate::store::redb) fn sound(
    db: &impl ReadableDatabase,
    name: &Path,
    format: u64,
    progress: &mut Progress<'_>,
) -> Result<Report, OpenError> {
    let txn = db.begin_read().map_err(|error| inside(name, error.into()))?;
    let report = verify(&txn, format, progress).map_err(|error| inside(name, error))?;
    match report.findings.first() {
        None => Ok(report),
        Some(first) => Err(OpenError::Damaged {
            path: name.to_owned(),
            what: format!("{} problems, the first: {first}", report.problems),
        }),
    }
}

/// File that no other process has open or can open meanwhile. Nothing is written to it.
struct Locked {
    file: File,
    /// Lock that redb itself takes.
    lock: FileBackend,
}

impl Locked {
    fn take(path: &Path) -> Result<Self, OpenError> {
        let io = |cause: io::Error| io_error(path, &cause);
        place::check(path)?;
        let file = File::options().read(true).write(true).open(path);
        let file = file.map_err(|error| place::refused(path, error))?;
        let lock = FileBackend::new(file.try_clone().map_err(io)?)
            .map_err(|error| open_error(path, error))?;
        match lock.try_lock_range(Bound::Unbounded, Bound::Unbounded) {
            // Unless another file has taken its place meanwhile.
            Ok(true) if is_at(&file, path).map_err(io)? => Ok(Self { file, lock }),
            Ok(_) => Err(OpenError::InUse { path: path.to_owned() }),
            Err(error) => Err(io_error(path, &error)),
        }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing the file releases the lock in any case.
        drop(self.lock.close());
    }
}

/// Reason that a file was not put in place.
enum Stopped {
    Io(io::Error),
    Open(OpenError),
    Unwanted,
}

impl Stopped {
    fn at(self, path: &Path) -> OpenError {
        match self {
            Self::Io(error) => io_error(path, &error),
            Self::Open(error) => error,
            Self::Unwanted => {
                io_error(path, &io::Error::other("it must not be replaced"))
            }
        }
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<OpenError> for Stopped {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

#[cfg(test)]
mod tests {
    use redb::Builder;

    use super::*;
    use crate::store::redb::CommitMode;

    #[test]
    fn a_file_that_another_process_has_upgraded_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, options) = (folder.path().join("a.redb"), Options::default());
        drop(RedbStore::open(&path, &options).unwrap());
        let db = Builder::new().open(&path).unwrap();
        let txn = commit::begin(&db, CommitMode::TwoPhase).unwrap();
        // Without accounts nothing else differs between the last two formats.
        Batch::set_format(&mut Tables::open(&txn).unwrap(), FORMAT - 1).unwrap();
        txn.commit().unwrap();
        drop(db);
        upgrade(&path, FORMAT - 1, &options, &mut Progress::untold()).unwrap();
        let bytes = std::fs::read(&path).unwrap();

        // A process that examined the file before the other was done behaves like this.
        upgrade(&path, FORMAT - 1, &options, &mut Progress::untold()).unwrap();

        assert!(std::fs::read(&path).unwrap() == bytes, "to the byte");
        assert_eq!(folder.path().read_dir().unwrap().count(), 2);
        drop(RedbStore::open(&path, &options).unwrap());
    }
}
