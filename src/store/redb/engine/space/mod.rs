//! Disk reserve: writes stop before the disk is full, so that redb never meets a full disk. Writes of accounts that
//! hold much stop earlier.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::store::StoreError;
use crate::store::metrics::Disk;
use crate::store::redb::engine::work::{COMMIT, Work};

/// Effect of a write on the space that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::redb) enum Growth {
    /// Adds data. Refused once the reserve or the limit of its account is reached.
    Adds,
    /// Adds a little that is bounded for each account, such as a session: users must be able to log in to delete
    /// something. May use three quarters of the reserve.
    AddsLittle,
    /// Frees data, except for its idempotency record. Refused only where the pages that it moves may not fit on the disk.
    Frees,
}

/// Monitor of the free space around the data file.
#[derive(Debug)]
pub(in crate::store::redb) struct Space {
    data_file: File,
    reserve_bytes: u64,
}

/// Space on the disk when a commit began, in bytes.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::redb) struct Room {
    free: u64,
    /// Size of the data file.
    taken: u64,
    /// Space to keep free.
    reserve: u64,
}

impl From<Room> for Disk {
    fn from(room: Room) -> Self {
        Self { free: room.free, reserve: room.reserve, file: room.taken }
    }
}

/// Multiple of the reserve below which an account that holds much cannot add more.
const SHORT: u64 = 4;

/// Divisor of the size of the data file: an account that holds more than this part of it holds much.
const MUCH: u64 = 10;

/// Maximum size that is never much, in bytes: where little is stored, each account has a tenth.
const LITTLE: u64 = 1 << 20;

/// Size of the pages of the file, in bytes.
const PAGE: u64 = 4096;

impl Room {
    /// Space that any commit takes for inner pages above its rows and for the list of free pages, in bytes.
    pub(in crate::store::redb) const OVERHEAD: u64 = 64 * PAGE;

    #[cfg(test)]
    pub(in crate::store::redb) const fn given(
        free: u64,
        taken: u64,
        reserve: u64,
    ) -> Self {
        Self { free, taken, reserve }
    }

    /// Refuses a write that has no room after the work `done` by its commit, which includes the write. Without a
    /// reserve nothing is refused.
    pub(in crate::store::redb) fn admit(
        self,
        growth: Growth,
        done: Work,
    ) -> Result<(), StoreError> {
        let kept = match growth {
            _ if self.reserve == 0 => return Ok(()),
            Growth::Adds => self.reserve,
            Growth::AddsLittle => self.reserve / 4,
            Growth::Frees => 0,
        };
        let needed = self.growth_of(done).saturating_add(kept);
        if needed > self.free { Err(StoreError::DiskFull) } else { Ok(()) }
    }

    /// Whether the disk is so full that the size of an account matters.
    pub(in crate::store::redb) fn is_short(self, done: Work) -> bool {
        self.left(done) < self.reserve.saturating_mul(SHORT)
    }

    /// Refuses a write of an account that already holds `held` bytes, if that is much, where the disk is short.
    pub(in crate::store::redb) fn admit_share(self, held: u64) -> Result<(), StoreError> {
        let is_much = held > LITTLE && held.saturating_mul(MUCH) > self.taken;
        if is_much { Err(StoreError::DiskShort) } else { Ok(()) }
    }

    /// Returns the free space after a commit has `done` so much.
    fn left(self, done: Work) -> u64 {
        self.free.saturating_sub(self.growth_of(done))
    }

    /// Returns the maximum work of a commit, so that it never uses more than half of the free space.
    pub(in crate::store::redb) fn most(self) -> Work {
        let pages = self.free / 2 / PAGE;
        Work::new(COMMIT.rows.min(pages), COMMIT.bytes)
    }

    /// Returns an upper bound of the bytes that a commit adds to the file.
    ///
    /// Each row may lie on a separate page, which is written to a new place, and new pages may be half empty. A commit
    /// rewrites no more pages than the file has.
    fn growth_of(self, done: Work) -> u64 {
        let moved = done.rows.saturating_mul(PAGE).min(self.taken);
        moved.saturating_add(done.bytes.saturating_mul(2)).saturating_add(Self::OVERHEAD)
    }
}

impl Space {
    /// Creates a monitor of the file system of a data file.
    pub(in crate::store::redb) fn new(
        path: &Path,
        reserve_bytes: u64,
    ) -> io::Result<Self> {
        Ok(Self { data_file: File::open(path)?, reserve_bytes })
    }

    /// Reads the free space. Called before each commit, since other programs may fill the disk meanwhile.
    pub(in crate::store::redb) fn look(&self) -> Result<Room, StoreError> {
        let free = free_bytes(&self.data_file).map_err(StoreError::unavailable)?;
        let file = self.data_file.metadata().map_err(StoreError::unavailable)?;
        Ok(Room { free, taken: file.len(), reserve: self.reserve_bytes })
    }

    /// Stops a copy of the data from growing into the reserve: a full disk would end the service that it is made for. A
    /// copy on another disk may fill that disk.
    pub(in crate::store::redb) fn admit_copy(&self, copy: &File) -> io::Result<()> {
        if copy.metadata()?.dev() != self.data_file.metadata()?.dev() {
            return Ok(());
        }
        has_room(copy, self.reserve_bytes)
    }
}

/// Refuses if a file has less room to grow than this, in bytes.
pub fn has_room(file: &File, bytes: u64) -> io::Result<()> {
    if free_bytes(file)? < bytes {
        let full = "the disk has no room for a copy in addition to DISK_RESERVE_MIB";
        return Err(io::Error::new(io::ErrorKind::StorageFull, full));
    }
    Ok(())
}

/// Returns the free space of the file system of a file, in bytes.
fn free_bytes(file: &File) -> io::Result<u64> {
    let stat = rustix::fs::fstatvfs(file)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests;
