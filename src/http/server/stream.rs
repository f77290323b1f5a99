//! Connections that close cleanly and drop clients that do not read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::connection_limiter::Seat;
use super::listener::Io;

/// Maximum time and bytes still read from a client that keeps sending after the last response.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1 << 20;

/// Connection with a write timeout and a lingering close; notifies its seat when all data is sent.
///
/// A client that has not read a response within the timeout is dropped, even if it keeps reading slowly. Closing with
/// unread data would make the kernel send a reset, which can destroy the response in flight (to a refused upload, for
/// example), so incoming data is discarded for a short time first.
pub(super) struct Stream {
    io: Io,
    seat: Arc<Seat>,
    stall: Duration,
    /// Whether written data has not been flushed.
    unsent: bool,
    /// Write timeout: runs from the first stalled write until all data is sent.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Linger timeout: runs once the sending side is closed.
    linger: Option<Pin<Box<Sleep>>>,
    thrown_away: usize,
}

impl Stream {
    pub(super) const fn new(io: Io, seat: Arc<Seat>, stall: Duration) -> Self {
        Self {
            io,
            seat,
            stall,
            unsent: false,
            stalled: None,
            linger: None,
            thrown_away: 0,
        }
    }

    /// Returns the result of a write, or an error if the write timeout has expired.
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() && self.stalled.is_none() {
            return outcome;
        }
        let stall = self.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(stall)));
        if stalled.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        outcome
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.io).poll_read(cx, buf);
        if outcome.is_pending() && !self.unsent {
            self.seat.is_flushed();
        }
        outcome
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.unsent = true;
        let outcome = Pin::new(&mut self.io).poll_write(cx, buf);
        self.watch(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.unsent = true;
        let outcome = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.watch(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.io).poll_flush(cx);
        if outcome.is_ready() {
            // hyper flushes when it has nothing left to write.
            self.stalled = None;
            self.unsent = false;
            self.seat.is_flushed();
            return outcome;
        }
        self.watch(cx, outcome)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            self.linger =
                Some(Box::pin(tokio::time::sleep_until(Instant::now() + LINGER)));
        }
        let mut space = [0; 4096];
        while self.thrown_away < LINGER_BYTES {
            let mut buf = ReadBuf::new(&mut space);
            match Pin::new(&mut self.io).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    self.thrown_away += buf.filled().len();
                }
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    if let Some(linger) = &mut self.linger {
                        ready!(linger.as_mut().poll(cx));
                    }
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}
