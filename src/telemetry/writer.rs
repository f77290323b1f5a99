//! The thread that writes the log.

use std::fs::File;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::queue::Queue;

/// Minimum time between two reports of lost lines.
const BETWEEN_REPORTS: Duration = Duration::from_secs(10);

/// Writes lines until the queue is closed and empty, and reports lost lines at intervals.
pub(super) fn write_lines(queue: &Queue, out: &File) {
    let (mut chunk, mut told, mut next_report) = (Vec::new(), 0, Instant::now());
    let mut is_writable = true;
    loop {
        let owes = is_writable && queue.dropped() > told;
        let pause = next_report.saturating_duration_since(Instant::now());
        let is_closed = queue.take(&mut chunk, if owes { pause } else { Duration::MAX });
        let is_due = is_closed || Instant::now() >= next_report;
        if owes && is_due {
            // Now, since the queue is empty and has room for it.
            let total = queue.dropped();
            tracing::warn!(lines = total - told, total, "lost log lines");
            (told, next_report) = (total, Instant::now() + BETWEEN_REPORTS);
        } else if is_closed && chunk.is_empty() {
            break;
        }
        if !chunk.is_empty() {
            let rest = write_out(out, &chunk);
            is_writable = rest.is_empty();
            queue.lose(rest);
        }
    }
    queue.end();
}

/// Writes as much as possible, and returns the rest.
fn write_out<'a>(mut out: &File, bytes: &'a [u8]) -> &'a [u8] {
    let mut rest = bytes;
    while !rest.is_empty() {
        match out.write(rest) {
            Ok(written) if written > 0 => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The parent process may have made it non-blocking on purpose.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut ready = [PollFd::new(out, PollFlags::OUT)];
                if poll(&mut ready, None).is_err_and(|error| error != Errno::INTR) {
                    break;
                }
            }
            _ => break,
        }
    }
    rest
}
