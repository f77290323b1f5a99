//! Bounded queue of log lines.
//!
//! tracing-appender has a queue and a writing thread too. It does not count lines that cannot be written, and its guard
//! prints to standard output, which may be closed as well, when the writer is stuck.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Maximum bytes that wait, and maximum that are being written.
const MAX_BYTES: usize = 1 << 20;

/// Memory that is kept when the queue has been emptied, in bytes.
const KEPT_BYTES: usize = 64 * 1024;

/// Time that the writing thread sleeps after it has written, so that one wake-up serves many lines. A wake-up costs the
/// thread that logs more than the line itself.
const PAUSE: Duration = Duration::from_millis(20);

/// Waiting bytes that end the pause.
const PAUSE_BYTES: usize = KEPT_BYTES / 2;

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
    /// Whether a line is among them that must not wait for the end of the pause.
    is_urgent: bool,
    writer: Writer,
    /// Whether the process is about to end.
    is_closed: bool,
    /// Whether the writing thread has ended.
    has_ended: bool,
}

/// Activity of the writing thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Writer {
    /// Writes lines, and looks for others afterwards.
    #[default]
    Busy,
    /// Sleeps after it has written.
    Pausing,
    /// Waits for a line.
    Idle,
}

/// Input end of the queue. Never fails and never waits.
pub(super) struct Handle<'a> {
    queue: &'a Queue,
    is_urgent: bool,
}

/// Source of handles for the subscriber.
pub(super) struct Handles(pub(super) Arc<Queue>);

impl<'a> MakeWriter<'a> for Handles {
    type Writer = Handle<'a>;

    fn make_writer(&'a self) -> Handle<'a> {
        Handle { queue: &self.0, is_urgent: false }
    }

    /// Makes warnings and errors urgent: they may be the last lines before the process is killed.
    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Handle<'a> {
        Handle { queue: &self.0, is_urgent: *meta.level() <= Level::WARN }
    }
}

impl Write for Handle<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.queue.push(buf, self.is_urgent);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Waiting {
    /// Whether the writing thread should take the lines in its present state.
    fn is_due(&self) -> bool {
        let is_due = match self.writer {
            Writer::Busy => false,
            Writer::Pausing => self.is_urgent || self.bytes.len() >= PAUSE_BYTES,
            Writer::Idle => !self.bytes.is_empty(),
        };
        is_due || self.is_closed
    }
}

impl Queue {
    pub(super) fn push(&self, line: &[u8], is_urgent: bool) {
        let mut waiting = self.lock();
        if waiting.bytes.len().saturating_add(line.len()) > MAX_BYTES {
            self.lose(line);
            return;
        }
        let was_due = waiting.is_due();
        waiting.bytes.extend_from_slice(line);
        waiting.is_urgent |= is_urgent;
        let wakes = !was_due && waiting.is_due();
        drop(waiting);
        if wakes {
            self.changed.notify_all();
        }
    }

    /// Waits for lines, at most `at_most` and the pause, and takes all of them. Returns whether the queue was closed.
    pub(super) fn take(&self, chunk: &mut Vec<u8>, at_most: Duration) -> bool {
        chunk.clear();
        chunk.shrink_to(KEPT_BYTES);
        let mut waiting = self.wait(self.lock(), Writer::Pausing, PAUSE);
        if waiting.bytes.is_empty() {
            waiting = self.wait(waiting, Writer::Idle, at_most);
        }
        waiting.writer = Writer::Busy;
        waiting.is_urgent = false;
        std::mem::swap(chunk, &mut waiting.bytes);
        waiting.is_closed
    }

    fn wait<'a>(
        &self,
        mut waiting: MutexGuard<'a, Waiting>,
        writer: Writer,
        at_most: Duration,
    ) -> MutexGuard<'a, Waiting> {
        waiting.writer = writer;
        let is_early = |it: &mut Waiting| !it.is_due();
        let waited = self.changed.wait_timeout_while(waiting, at_most, is_early);
        waited.unwrap_or_else(PoisonError::into_inner).0
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_for_urgent_lines_and_for_many() {
        let waiting = |writer, bytes| Waiting {
            bytes: vec![b'x'; bytes],
            writer,
            ..Waiting::default()
        };
        assert!(!waiting(Writer::Pausing, PAUSE_BYTES - 1).is_due());
        assert!(waiting(Writer::Pausing, PAUSE_BYTES).is_due());
        assert!(waiting(Writer::Idle, 1).is_due());
        assert!(!waiting(Writer::Idle, 0).is_due());
        assert!(!waiting(Writer::Busy, PAUSE_BYTES).is_due());
        let mut urgent = waiting(Writer::Pausing, 1);
        urgent.is_urgent = true;
        assert!(urgent.is_due());
        for writer in [Writer::Busy, Writer::Pausing, Writer::Idle] {
            let closed = Waiting { is_closed: true, ..waiting(writer, 0) };
            assert!(closed.is_due());
        }
    }

    #[test]
    fn all_lines_are_taken_in_their_order() {
        let queue = Arc::new(Queue::default());
        let lines = Arc::clone(&queue);
        let writer = std::thread::spawn(move || {
            let (mut all, mut chunk) = (Vec::new(), Vec::new());
            while !lines.take(&mut chunk, Duration::MAX) {
                all.append(&mut chunk);
            }
            all.append(&mut chunk);
            lines.end();
            all
        });

        let lines: Vec<String> = (0..10_000).map(|it| format!("{it}\n")).collect();
        for (number, line) in lines.iter().enumerate() {
            queue.push(line.as_bytes(), number % 1000 == 0);
        }
        queue.close(Duration::from_secs(60));

        assert_eq!(writer.join().unwrap(), lines.concat().as_bytes());
        assert_eq!(queue.dropped(), 0);
    }
}
