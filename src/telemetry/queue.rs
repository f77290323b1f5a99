//! Bounded queue of log lines.
//!
//! tracing-appender has a queue and a writing thread too. It does not count lines that cannot be written, and its guard
//! prints to standard output, which may be closed as well, when the writer is stuck.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Maximum bytes that wait, and maximum that are being written.
const MAX_BYTES: usize = 1 << 20;

/// Memory that is kept when the queue has been emptied, in bytes.
const KEPT_BYTES: usize = 64 * 1024;

/// Lines that wait for the writing thread.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// Whether the process is about to end.
    is_closed: bool,
    /// Whether the writing thread has ended.
    has_ended: bool,
}

/// Input end of the queue. Never fails and never waits.
pub(super) struct Handle(pub(super) Arc<Queue>);

impl Write for Handle {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.push(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Queue {
    pub(super) fn push(&self, line: &[u8]) {
        let mut waiting = self.lock();
        if waiting.bytes.len().saturating_add(line.len()) > MAX_BYTES {
            self.lose(line);
            return;
        }
        let was_empty = waiting.bytes.is_empty();
        waiting.bytes.extend_from_slice(line);
        if was_empty {
            self.changed.notify_all();
        }
    }

    /// Waits for lines, at most `at_most`, and takes all of them. Returns whether the queue was closed.
    pub(super) fn take(&self, chunk: &mut Vec<u8>, at_most: Duration) -> bool {
        chunk.clear();
        chunk.shrink_to(KEPT_BYTES);
        let is_idle = |it: &mut Waiting| it.bytes.is_empty() && !it.is_closed;
        let waited = self.changed.wait_timeout_while(self.lock(), at_most, is_idle);
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(chunk, &mut waiting.bytes);
        waiting.is_closed
    }

    /// Marks the writing thread as ended.
    pub(super) fn end(&self) {
        self.lock().has_ended = true;
        self.changed.notify_all();
    }

    /// Closes the queue and waits until all lines are written, at most `at_most`.
    pub(super) fn close(&self, at_most: Duration) {
        let mut waiting = self.lock();
        waiting.is_closed = true;
        self.changed.notify_all();
        let is_busy = |it: &mut Waiting| !it.has_ended;
        drop(self.changed.wait_timeout_while(waiting, at_most, is_busy));
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(super) fn lose(&self, text: &[u8]) {
        let lines = text.split(|&byte| byte == b'\n').count() - 1;
        let lines = u64::try_from(lines).unwrap_or(u64::MAX);
        self.dropped.fetch_add(lines, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
