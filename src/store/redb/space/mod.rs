//! The disk reserve: writes stop before the disk is full, so that redb never meets a full one. Writes of
//! accounts that hold much stop earlier.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::work::{COMMIT, Work};
use crate::store::StoreError;
use crate::store::metrics::Disk;

/// What a write does to the space it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Growth {
    /// Adds data. Refused once the reserve is reached, or what its account may hold.
    Adds,
    /// Adds a little that is bounded for each account, such as a session: people must be able to log in
    /// to delete something. May use three quarters of the reserve.
    AddsLittle,
    /// Frees data, but for the answer that is kept of it for a key. Refused only where the pages that it moves may not fit on the disk.
    Frees,
}

/// Watches the free space around the data file.
#[derive(Debug)]
pub(super) struct Space {
    data_file: File,
    reserve_bytes: u64,
}

/// Space on the disk when a commit began, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    free: u64,
    /// Size of the data file.
    taken: u64,
    /// To be kept free.
    reserve: u64,
}

impl From<Room> for Disk {
    fn from(room: Room) -> Self {
        Self { free: room.free, reserve: room.reserve, file: room.taken }
    }
}

/// Below so many times the reserve, an account that holds much cannot add more.
const SHORT: u64 = 4;

/// An account holds much if it holds more than one part of so many of the data file.
const MUCH: u64 = 10;

/// An account that holds no more than this never holds much, in bytes: where little is stored, each account has a tenth.
const LITTLE: u64 = 1 << 20;

/// Size of the pages of the file.
const PAGE: u64 = 4096;

impl Room {
    /// Space that any commit takes for the pages on the way to its rows and for the list of free pages, in bytes.
    pub(super) const OVERHEAD: u64 = 64 * PAGE;

    #[cfg(test)]
    pub(super) const fn given(free: u64, taken: u64, reserve: u64) -> Self {
        Self { free, taken, reserve }
    }

    /// Refuses a write that there is no room for after what its commit has `done` so far, itself included. Without a
    /// reserve nothing is refused.
    pub(super) fn admit(self, growth: Growth, done: Work) -> Result<(), StoreError> {
        let kept = match growth {
            _ if self.reserve == 0 => return Ok(()),
            Growth::Adds => self.reserve,
            Growth::AddsLittle => self.reserve / 4,
            Growth::Frees => 0,
        };
        let needed = self.growth_of(done).saturating_add(kept);
        if needed > self.free { Err(StoreError::DiskFull) } else { Ok(()) }
    }

    /// Whether the disk is so full that it matters how much an account holds.
    pub(super) fn is_short(self, done: Work) -> bool {
        self.left(done) < self.reserve.saturating_mul(SHORT)
    }

    /// Refuses a write of an account that holds so many bytes already, where the disk is short.
    pub(super) fn admit_share(self, held: u64) -> Result<(), StoreError> {
        let is_much = held > LITTLE && held.saturating_mul(MUCH) > self.taken;
        if is_much { Err(StoreError::DiskShort) } else { Ok(()) }
    }

    /// Free space after a commit has `done` so much.
    fn left(self, done: Work) -> u64 {
        self.free.saturating_sub(self.growth_of(done))
    }

    /// The most that a commit may take here, so that it never uses more than half of the free space.
    pub(super) fn most(self) -> Work {
        let pages = self.free / 2 / PAGE;
        Work::new(COMMIT.rows.min(pages), COMMIT.bytes)
    }

    /// An upper bound of what a commit adds to the file, in bytes.
    ///
    /// Each row may lie on a page of its own, which is written to a new place, and pages of what is new may be half
    /// empty. There are no more pages to write anew than the file has.
    fn growth_of(self, done: Work) -> u64 {
        let moved = done.rows.saturating_mul(PAGE).min(self.taken);
        moved.saturating_add(done.bytes.saturating_mul(2)).saturating_add(Self::OVERHEAD)
    }
}

impl Space {
    /// Of the file system that a data file lies on.
    pub(super) fn new(path: &Path, reserve_bytes: u64) -> io::Result<Self> {
        Ok(Self { data_file: File::open(path)?, reserve_bytes })
    }

    /// Looks at the file system. Asked before each commit, since other programs may fill the disk meanwhile.
    pub(super) fn look(&self) -> Result<Room, StoreError> {
        let free = free_bytes(&self.data_file).map_err(StoreError::unavailable)?;
        let file = self.data_file.metadata().map_err(StoreError::unavailable)?;
        Ok(Room { free, taken: file.len(), reserve: self.reserve_bytes })
    }

    /// Refuses to let a copy of the data go on into the reserve: a full disk would end the service that it is
    /// made for. What is written to another disk has that one to itself.
    pub(super) fn admit_copy(&self, copy: &File) -> io::Result<()> {
        if copy.metadata()?.dev() != self.data_file.metadata()?.dev() {
            return Ok(());
        }
        has_room(copy, self.reserve_bytes)
    }
}

/// Refuses when a file has less room to grow than this, in bytes.
pub fn has_room(file: &File, bytes: u64) -> io::Result<()> {
    if free_bytes(file)? < bytes {
        let full = "the disk has no room for a copy beside DISK_RESERVE_MIB";
        return Err(io::Error::new(io::ErrorKind::StorageFull, full));
    }
    Ok(())
}

/// The free space of the file system that a file lies on.
fn free_bytes(file: &File) -> io::Result<u64> {
    let stat = rustix::fs::fstatvfs(file)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests;
