//! Time limit of a request. A lasting response moves it: the client must take each portion in time, and the response may
//! wait for its source without a limit, since the source has an end of its own.
//!
//! hyper takes one portion before it can send it, so the limit is that of the portion after the first that waits. A stream
//! has one every 15 seconds.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Time of a request until which it must end or move its limit.
type Limit = Cell<Instant>;

/// Longest wait of a lasting response for its source, twice the longest life of a stream.
const LASTING: Duration = Duration::from_secs(60 * 60);

tokio::task_local! {
    static LIMIT: Limit;
}

/// Marks a response that lasts until its source ends.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Lasting;

/// Moves the limit of this request, while it waits for its source.
pub(super) fn lift() {
    set(LASTING);
}

/// Moves the limit of this request to a time from now.
pub(super) fn set(longest: Duration) {
    LIMIT.with(|limit| limit.set(Instant::now() + longest));
}

/// Runs a request. Returns whether it has ended within its limit.
pub(super) fn limited(
    request: impl Future<Output = ()> + Send,
    longest: Duration,
) -> impl Future<Output = bool> + Send {
    let until = Instant::now() + longest;
    let limited =
        Limited { request: Box::pin(request), sleep: Box::pin(sleep_until(until)) };
    LIMIT.scope(Cell::new(until), limited)
}

struct Limited<F> {
    request: Pin<Box<F>>,
    sleep: Pin<Box<Sleep>>,
}

impl<F: Future<Output = ()>> Future for Limited<F> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        if self.request.as_mut().poll(cx).is_ready() {
            return Poll::Ready(true);
        }
        let until = LIMIT.with(Cell::get);
        if self.sleep.deadline() != until {
            self.sleep.as_mut().reset(until);
        }
        self.sleep.as_mut().poll(cx).map(|()| false)
    }
}
