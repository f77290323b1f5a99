//! Partial files. Each has a unique name, is locked while it is written, and is removed if writing fails or the process
//! gives up.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{is_at, not_made, sync_folder};

/// Suffix of the name of a partial file.
pub const PARTIAL: &str = ".partial";

/// Files that this process is writing. Locked while a file is renamed.
static MAKING: Mutex<Making> =
    Mutex::new(Making { unnamed: BTreeSet::new(), named: None, is_over: false });

struct Making {
    unnamed: BTreeSet<PathBuf>,
    /// File that was completed last.
    named: Option<PathBuf>,
    is_over: bool,
}

fn making() -> MutexGuard<'static, Making> {
    MAKING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every partial file of this process, and prevents new ones: for a process that is about to end. Returns the
/// file that was completed last.
pub fn abandon() -> Option<PathBuf> {
    let mut making = making();
    making.is_over = true;
    for path in std::mem::take(&mut making.unnamed) {
        // Best effort: the next process that creates such a file removes it.
        drop(std::fs::remove_file(path));
    }
    making.named.take()
}

/// A partial file. Removed when dropped, unless it was renamed.
pub(super) struct Partial {
    path: PathBuf,
    /// Holder of the lock.
    pub(super) file: File,
}

impl Partial {
    /// Creates a partial file for a path, with a unique name.
    pub(super) fn create(place: &Path) -> io::Result<Self> {
        let mut making = making();
        making.go_on()?;
        loop {
            let mut path = place.as_os_str().to_owned();
            path.push(format!(".{:016x}{PARTIAL}", RandomState::new().hash_one(place)));
            let path = PathBuf::from(path);
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true).mode(0o600);
            let file = options.open(&path).map_err(|error| not_made(place, error))?;
            // Another process may have removed it as left behind before it was locked.
            if file.lock().is_err() || is_at(&file, &path).unwrap_or(false) {
                making.unnamed.insert(path.clone());
                return Ok(Self { path, file });
            }
        }
    }

    /// Makes the file durable and renames it; the name is durable when this returns.
    pub(super) fn name(
        &self,
        place: &Path,
        rename: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        // A database that was written to the file has released the lock.
        drop(self.file.try_lock());
        self.file.sync_all()?;
        let mut making = making();
        making.go_on()?;
        rename(&self.path)?;
        making.unnamed.remove(&self.path);
        making.named = Some(place.to_owned());
        drop(making);
        sync_folder(place)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if making().unnamed.remove(&self.path) {
            // Best effort, as above.
            drop(std::fs::remove_file(&self.path));
        }
        // Closing would leave the lock with a child process that is being started and has a copy.
        drop(self.file.unlock());
    }
}

impl Making {
    fn go_on(&self) -> io::Result<()> {
        if self.is_over { Err(io::Error::other("interrupted")) } else { Ok(()) }
    }
}
