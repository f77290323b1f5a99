//! Disk that records its calls, and fails or lies when told to.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

use super::image::Image;

/// Size of a sector in bytes, which a disk writes whole or not at all.
pub(super) const SECTOR: usize = 512;

/// Recorded call of a disk.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Write {
        at: usize,
        data: Arc<[u8]>,
    },
    SetLen(usize),
    /// Everything before this is kept in any case.
    Sync,
}

/// Call that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Write,
    SetLen,
    Sync,
}

/// Behaviour after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// All calls succeed again.
    Well,
    /// All further writes and syncs fail.
    Dead,
    /// Syncs succeed and keep nothing, like a kernel that has dropped unwritten pages.
    Lies,
}

/// Failure of the `nth` call of a kind, from 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) call: Call,
    pub(super) nth: usize,
    pub(super) then: Then,
}

/// File on a simulated disk. Clones are the same disk.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<Mutex<State>>);

#[derive(Debug)]
pub(super) struct State {
    /// Image that a reader sees, synced or not.
    now: Image,
    log: Vec<Entry>,
    fault: Option<Fault>,
    failed_at: Option<usize>,
    dead: bool,
    lying: bool,
}

impl Disk {
    /// Creates a disk with an image, all of it synced.
    pub(super) fn new(image: Image) -> Self {
        Self(Arc::new(Mutex::new(State {
            now: image,
            log: Vec::new(),
            fault: None,
            failed_at: None,
            dead: false,
            lying: false,
        })))
    }

    /// Makes one call fail; calls are counted from now on.
    pub(super) fn fail(&self, fault: Fault) {
        self.hold().fault = Some(fault);
    }

    /// Lets every further sync succeed without an effect.
    pub(super) fn lie(&self) {
        self.hold().lying = true;
    }

    /// Position of the failed call.
    pub(super) fn failed_at(&self) -> Option<usize> {
        self.hold().failed_at
    }

    /// Number of recorded calls.
    pub(super) fn position(&self) -> usize {
        self.hold().position()
    }

    /// Image that a reader sees.
    pub(super) fn image(&self) -> Image {
        self.hold().now.clone()
    }

    /// All recorded calls.
    pub(super) fn log(&self) -> Vec<Entry> {
        self.hold().log.clone()
    }

    /// Stops the disk while the guard exists.
    pub(super) fn hold(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn position(&self) -> usize {
        self.log.len()
    }

    /// Counts a call and returns its result.
    fn call(&mut self, call: Call) -> io::Result<()> {
        if self.dead {
            return Err(io::Error::other("the disk is dead"));
        }
        let Some(fault) = self.fault.as_mut().filter(|fault| fault.call == call) else {
            return Ok(());
        };
        if fault.nth > 0 {
            fault.nth -= 1;
            return Ok(());
        }
        self.dead = fault.then == Then::Dead;
        self.lying = fault.then == Then::Lies;
        self.fault = None;
        self.failed_at = Some(self.log.len());
        Err(match call {
            Call::Sync => io::Error::other("the disk has failed"),
            Call::Write | Call::SetLen => io::ErrorKind::StorageFull.into(),
        })
    }

    fn write(&mut self, at: usize, data: &[u8]) {
        let end = at + data.len();
        if end > self.now.len() {
            self.now.set_len(end);
            self.log.push(Entry::SetLen(end));
        }
        self.now.write(at, data);
        self.log.push(Entry::Write { at, data: data.into() });
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.hold().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.hold().now.read(place(offset), out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let (mut state, len) = (self.hold(), place(len));
        state.call(Call::SetLen)?;
        state.now.set_len(len);
        state.log.push(Entry::SetLen(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.hold();
        state.call(Call::Sync)?;
        if !state.lying {
            state.log.push(Entry::Sync);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let (mut state, at) = (self.hold(), place(offset));
        let outcome = state.call(Call::Write);
        // A failed write may have been done in part.
        let done = if outcome.is_ok() { data.len() } else { data.len().min(SECTOR) };
        if !(outcome.is_err() && state.dead) {
            state.write(at, &data[..done]);
        }
        outcome
    }
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}
