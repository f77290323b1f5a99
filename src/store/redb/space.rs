//! The disk reserve: writes stop before the disk is full, so that redb never meets a full one.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::files::folder_of;
use crate::plant::{self, Bug};
use crate::store::StoreError;

/// How long a look at the file system is good for.
const FRESH: Duration = Duration::from_secs(1);

/// What a write does to the space it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Growth {
    /// Adds data. Refused once the reserve is reached.
    Adds,
    /// Adds a little that is bounded for each account, such as a session: people must be able to log in
    /// to delete something. May use three quarters of the reserve.
    AddsLittle,
    /// Frees data. Always tried.
    Frees,
}

/// Watches the free space around the data file.
#[derive(Debug)]
pub(super) struct Space {
    folder: PathBuf,
    reserve_bytes: u64,
    seen: Mutex<Option<(Instant, u64)>>,
}

impl Space {
    pub(super) fn new(data_file: &Path, reserve_bytes: u64) -> Self {
        Self { folder: folder_of(data_file), reserve_bytes, seen: Mutex::new(None) }
    }

    /// Refuses a write that there is no room for.
    pub(super) fn admit(&self, growth: Growth) -> Result<(), StoreError> {
        let needed = match growth {
            _ if plant::is(Bug::ReserveIgnored) => return Ok(()),
            Growth::Adds => self.reserve_bytes,
            Growth::AddsLittle => self.reserve_bytes / 4,
            Growth::Frees => return Ok(()),
        };
        if self.free_bytes()? < needed { Err(StoreError::DiskFull) } else { Ok(()) }
    }

    /// Refuses to let a copy of the data go on into the reserve: a full disk would end the service that it is
    /// made for. What is written to another disk has that one to itself.
    pub(super) fn admit_copy(&self, copy: &File) -> io::Result<()> {
        if copy.metadata()?.dev() != std::fs::metadata(&self.folder)?.dev() {
            return Ok(());
        }
        has_room(copy, self.reserve_bytes)
    }

    fn free_bytes(&self) -> Result<u64, StoreError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, free)) = *seen
            && at.elapsed() < FRESH
        {
            return Ok(free);
        }
        let stat = rustix::fs::statvfs(&self.folder).map_err(StoreError::unavailable)?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        *seen = Some((Instant::now(), free));
        Ok(free)
    }
}

/// Refuses when a file has less room to grow than this, in bytes.
pub(super) fn has_room(file: &File, bytes: u64) -> io::Result<()> {
    let stat = rustix::fs::fstatvfs(file)?;
    if stat.f_bavail.saturating_mul(stat.f_frsize) < bytes {
        let full = "the disk has no room for a copy beside DISK_RESERVE_MIB";
        return Err(io::Error::new(io::ErrorKind::StorageFull, full));
    }
    Ok(())
}
