//! Response bodies sent in portions.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty};
use hyper::Response;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::CONTENT_LENGTH;

use super::limit::{self, Lasting};
use super::room::Held;
use super::turn::ConnectionTurn;
use crate::http::response_memory;

/// Maximum bytes of a response passed to hyper at a time: the maximum frame size of most clients.
pub(super) const PORTION: usize = 16 * 1024;

type Answer = Response<BoxBody<Bytes, io::Error>>;

pub(super) fn in_portions(
    answer: Answer,
    is_head: bool,
    held: Held,
    turn: Option<ConnectionTurn>,
    longest: Duration,
) -> Response<Portions> {
    let (mut head, mut body) = answer.into_parts();
    if is_head {
        // hyper does this itself for HTTP/1.1. Some bodies are removed earlier.
        if let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
            head.headers.entry(CONTENT_LENGTH).or_insert_with(|| length.into());
        }
        body = Empty::new().map_err(|never| match never {}).boxed();
    }
    let is_lasting = head.extensions.get::<Lasting>().is_some();
    if is_lasting && let Some(turn) = &turn {
        turn.give_back();
    }
    let (rest, held) = (Bytes::new(), Arc::new(held));
    let each = is_lasting.then_some(longest);
    let body = Portions { inner: body, rest, held, each, _turn: turn };
    Response::from_parts(head, body)
}

/// Response body in portions. Passed whole, it would wait in hyper after the request has ended, without a time limit.
/// The last portion still waits there, so each portion holds the room of the request.
pub(super) struct Portions {
    inner: BoxBody<Bytes, io::Error>,
    rest: Bytes,
    held: Arc<Held>,
    /// Time limit of each portion, of a lasting response.
    each: Option<Duration>,
    _turn: Option<ConnectionTurn>,
}

impl Body for Portions {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.rest.is_empty() {
            if self.each.is_some() {
                limit::lift();
            }
            let frame = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                end => return Poll::Ready(end),
            };
            match frame.into_data() {
                Ok(data) => self.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        if let Some(each) = self.each {
            limit::set(each);
        }
        let length = self.rest.len().min(PORTION);
        let portion = self.rest.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(response_memory::kept(portion, &self.held)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // Called before any data is taken.
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::server::http2::room::{Found, SharedRoom};

    #[tokio::test]
    async fn portions_are_small_and_together_the_whole() {
        let room = SharedRoom::default().of_connection(None);
        let of = |length: usize| {
            let Some(Found::Now(held)) = room.find(0) else { panic!("no room") };
            let body = http_body_util::Full::new(Bytes::from(vec![b'x'; length]));
            let body = body.map_err(|never| match never {}).boxed();
            in_portions(Response::new(body), false, held, None, Duration::ZERO)
                .into_body()
        };
        for length in [0, 1, PORTION, PORTION + 1, 10 * PORTION + 7] {
            let mut body = of(length);
            assert_eq!(body.size_hint().exact(), Some(length as u64));
            let mut sum = 0;
            while !body.is_end_stream() {
                let portion = body.frame().await.unwrap().unwrap().into_data().unwrap();
                assert!(portion.len() <= PORTION);
                sum += portion.len();
            }
            assert_eq!(sum, length);
        }
    }
}
