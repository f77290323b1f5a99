//! Detection of pages that were changed by other means than this program.
//!
//! redb verifies the checksums of its pages only when it checks a whole file. A bit that flips in an inner
//! page afterwards would misdirect a search, and an existing task would not be found: an answer that no
//! checksum of a value can catch. So this backend sits between redb and the file, remembers a hash of every
//! block that was written or read, and compares it when the block is read again. Blocks read by the check at
//! the start are known to be sound; from then on any difference is detected.
//!
//! It costs 8 bytes of memory per 4 KiB of the file, and a hash for each block that is not in the cache.

use std::io;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use redb::{BackendError, StorageBackend};

use crate::store::redb::engine::health::Health;
use crate::store::redb::format::codec::block_hash;

/// Block size, in bytes. The size and the offset of every page are multiples of it.
const BLOCK: usize = 4096;

/// Backend that returns blocks as they were written, or fails.
#[derive(Debug)]
pub(in crate::store::redb) struct VerifyingBackend<B> {
    inner: B,
    /// Hash of each block; 0 for a block that has not been seen.
    seen: RwLock<Vec<u64>>,
    health: Arc<Health>,
}

impl<B: StorageBackend> VerifyingBackend<B> {
    pub(in crate::store::redb) fn new(inner: B, health: Arc<Health>) -> Self {
        Self { inner, seen: RwLock::new(Vec::new()), health }
    }

    fn remember(&self, offset: u64, data: &[u8], known: bool) {
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        for (number, block) in blocks(offset, data.len()) {
            if seen.len() <= number {
                seen.resize(number + 1, 0);
            }
            if let Some(place) = seen.get_mut(number) {
                let bytes = data.get(block).filter(|bytes| known && bytes.len() == BLOCK);
                *place = bytes.map_or(0, block_hash);
            }
        }
    }

    /// Compares data with the hashes. Returns whether there are blocks to remember, or the bad offset.
    fn compare(&self, offset: u64, data: &[u8]) -> Result<bool, u64> {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        let mut unseen = false;
        for (number, block) in blocks(offset, data.len()) {
            let Some(bytes) = data.get(block).filter(|bytes| bytes.len() == BLOCK) else {
                continue;
            };
            match seen.get(number) {
                None | Some(0) => unseen = true,
                Some(hash) if *hash == block_hash(bytes) => {}
                Some(_) => {
                    return Err(u64::try_from(number * BLOCK).unwrap_or(u64::MAX));
                }
            }
        }
        Ok(unseen)
    }

    fn damaged(&self, what: String) -> io::Error {
        self.health.fail_damaged(&what);
        io::Error::new(io::ErrorKind::InvalidData, what)
    }
}

/// Returns the numbers of the blocks that a range touches, with the part of the range in each.
fn blocks(
    offset: u64,
    len: usize,
) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> {
    let first = usize::try_from(offset).unwrap_or(usize::MAX);
    let end = first.saturating_add(len);
    let numbers = first / BLOCK..end.div_ceil(BLOCK);
    numbers.map(move |number| {
        let from = (number * BLOCK).max(first) - first;
        let to = (number * BLOCK).saturating_add(BLOCK).min(end) - first;
        (number, from..to)
    })
}

impl<B: StorageBackend> StorageBackend for VerifyingBackend<B> {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let meters = &self.health.meters;
        meters.page_reads.add(1);
        meters.page_read_bytes.add(u64::try_from(out.len()).unwrap_or(u64::MAX));
        match self.inner.read(offset, out) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(self.damaged(format!("the file ends before byte {offset}")));
            }
            outcome => outcome?,
        }
        match self.compare(offset, out) {
            Ok(false) => {}
            Ok(true) => self.remember(offset, out, true),
            Err(at) => {
                return Err(self.damaged(format!(
                    "the page at byte {at} differs from what was written"
                )));
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        seen.truncate(usize::try_from(len).unwrap_or(usize::MAX) / BLOCK);
        drop(seen);
        self.inner.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let began = Instant::now();
        let outcome = self.inner.sync_data();
        self.health.meters.syncs.add_time(began.elapsed());
        outcome
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let outcome = self.inner.write(offset, data);
        // A failed write may have reached the file in part.
        self.remember(offset, data, outcome.is_ok());
        outcome
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;

    fn backend() -> VerifyingBackend<InMemoryBackend> {
        let backend = VerifyingBackend::new(InMemoryBackend::new(), Arc::default());
        backend.set_len(8 * BLOCK as u64).unwrap();
        backend
    }

    fn read(
        backend: &VerifyingBackend<InMemoryBackend>,
        block: u64,
        blocks: usize,
    ) -> io::Result<()> {
        backend.read(block * BLOCK as u64, &mut vec![0; blocks * BLOCK])
    }

    #[test]
    fn a_block_that_changed_after_it_was_written_is_an_error() {
        let backend = backend();
        backend.write(BLOCK as u64, &[7; 2 * BLOCK]).unwrap();
        read(&backend, 1, 2).unwrap();

        backend.inner.write(2 * BLOCK as u64 + 5, &[8]).unwrap();

        read(&backend, 1, 1).unwrap();
        assert_eq!(read(&backend, 1, 2).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(backend.health.is_failed());
    }

    #[test]
    fn a_block_that_changed_after_it_was_read_is_an_error() {
        let backend = backend();
        read(&backend, 3, 1).unwrap();

        backend.inner.write(3 * BLOCK as u64, &[1]).unwrap();

        read(&backend, 3, 1).unwrap_err();
        read(&backend, 4, 1).unwrap();
    }

    #[test]
    fn what_is_written_over_a_block_is_what_counts() {
        let backend = backend();
        backend.write(0, &[1; BLOCK]).unwrap();
        backend.write(0, &[2; BLOCK]).unwrap();
        read(&backend, 0, 1).unwrap();
        // A part of a block proves nothing about the rest.
        backend.write(10, &[3; 20]).unwrap();
        read(&backend, 0, 1).unwrap();
    }

    #[test]
    fn a_file_that_was_cut_and_grown_is_read_anew() {
        let backend = backend();
        backend.write(4 * BLOCK as u64, &[1; BLOCK]).unwrap();
        backend.set_len(4 * BLOCK as u64).unwrap();
        backend.set_len(8 * BLOCK as u64).unwrap();
        read(&backend, 4, 1).unwrap();
    }

    #[test]
    fn stretches_are_cut_at_the_borders_of_blocks() {
        let all: Vec<_> = blocks(4090, 4200).collect();
        assert_eq!(all, [(0, 0..6), (1, 6..4102), (2, 4102..4200)]);
        assert_eq!(blocks(8192, 0).count(), 0);
    }
}
