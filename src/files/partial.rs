//! Files that are not whole yet. Each has a name of its own, is locked while somebody writes to it, and goes when that
//! fails or the process gives up.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{is_at, not_made, sync_folder};

/// How the name of a file ends that is not whole yet.
pub const PARTIAL: &str = ".partial";

/// What this process makes. Held while a file gets its name.
static MAKING: Mutex<Making> =
    Mutex::new(Making { unnamed: BTreeSet::new(), named: None, is_over: false });

struct Making {
    unnamed: BTreeSet<PathBuf>,
    /// The file that was made last.
    named: Option<PathBuf>,
    is_over: bool,
}

fn making() -> MutexGuard<'static, Making> {
    MAKING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every file of this process that is not whole, and lets none be made from now on: for a process that is
/// about to end. Returns the last one that was made whole before.
pub fn abandon() -> Option<PathBuf> {
    let mut making = making();
    making.is_over = true;
    for path in std::mem::take(&mut making.unnamed) {
        // Best effort: the next process that makes such a file removes it.
        drop(std::fs::remove_file(path));
    }
    making.named.take()
}

/// A file that is not whole yet. Removed when dropped, unless it got its name.
pub(super) struct Partial {
    path: PathBuf,
    /// Holds the lock.
    pub(super) file: File,
}

impl Partial {
    /// Makes one for a place. Nothing else has its name.
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
            // Unless it was taken for one that was left behind, before it was locked.
            if file.lock().is_err() || is_at(&file, &path).unwrap_or(false) {
                making.unnamed.insert(path.clone());
                return Ok(Self { path, file });
            }
        }
    }

    /// Makes it durable, and gives it its name, which is durable when this returns.
    pub(super) fn name(
        &self,
        place: &Path,
        rename: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        // A database that was written to it has let go of the lock.
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
