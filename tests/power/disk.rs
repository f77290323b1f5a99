//! A disk that remembers what was asked of it, and that fails or lies when told to.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

use super::image::Image;

/// What a disk writes whole or not at all, in bytes.
pub(super) const SECTOR: usize = 512;

/// Something that was done to the disk.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Write {
        at: usize,
        data: Arc<[u8]>,
    },
    SetLen(usize),
    /// Everything before this is kept, whatever happens.
    Sync,
}

/// What can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Write,
    SetLen,
    Sync,
}

/// What follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// All is well again.
    Well,
    /// No write and no sync succeeds any more.
    Dead,
    /// Syncs succeed and keep nothing, like a kernel that has dropped what it could not write.
    Lies,
}

/// The `nth` call of a kind, from 0, fails.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) call: Call,
    pub(super) nth: usize,
    pub(super) then: Then,
}

/// A file on a disk of our own. Clones are the same disk.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<Mutex<State>>);

#[derive(Debug)]
pub(super) struct State {
    /// What a reader sees, synced or not.
    now: Image,
    log: Vec<Entry>,
    fault: Option<Fault>,
    failed_at: Option<usize>,
    dead: bool,
    lying: bool,
}

impl Disk {
    /// A disk on which an image lies, all of it synced.
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

    /// Answers every sync from now on, and keeps nothing.
    pub(super) fn lie(&self) {
        self.hold().lying = true;
    }

    /// Where the call that was to fail has come.
    pub(super) fn failed_at(&self) -> Option<usize> {
        self.hold().failed_at
    }

    /// The number of things done so far.
    pub(super) fn position(&self) -> usize {
        self.hold().position()
    }

    /// What a reader sees.
    pub(super) fn image(&self) -> Image {
        self.hold().now.clone()
    }

    /// All that was done.
    pub(super) fn log(&self) -> Vec<Entry> {
        self.hold().log.clone()
    }

    /// Stops everything that happens on the disk for as long as this is kept.
    pub(super) fn hold(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn position(&self) -> usize {
        self.log.len()
    }

    /// Whether a call succeeds.
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
        // A write that fails may have been done in part.
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
