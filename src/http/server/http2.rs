//! HTTP/2, for clients that agreed on it in the handshake of TLS.
//!
//! One connection carries many requests at once, and hyper limits them in number only. So that a client takes
//! no more this way than with HTTP/1.1:
//!
//! - a connection always has a place for one request; more at once share a few places with all other
//!   connections, and wait for one;
//! - a request and its answer together end after a while, whatever the client does or leaves undone;
//! - an answer goes out in portions, so that its time runs until the last of it is on its way;
//! - a connection without requests is closed after the time that HTTP/1.1 gives to a silent one.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::CONTENT_LENGTH;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{Service, Stop};
use crate::config::Limits;

/// Requests that a client may begin at once on one connection. Those that wait for a place hold a header each,
/// so there are few: 480 connections full of the longest headers take 115 MB, where 32 streams took 660 MB.
const STREAMS: u32 = 4;

/// Requests beyond the first of a connection that are served at once, over all connections.
const SPARE_PLACES: usize = 64;

/// How much of one body, and of all on a connection, may come before it is asked for, in bytes. All
/// streams together fit, so none that waits can keep another from what it waits for.
const STREAM_WINDOW: u32 = 16 * 1024;
const CONNECTION_WINDOW: u32 = STREAMS * STREAM_WINDOW;

/// What is handed on of an answer at a time: the longest frame of most clients.
const PORTION: usize = 16 * 1024;

/// What may wait on one stream for the network, in bytes.
const SEND_BUFFER: usize = 4 * PORTION;

/// How long a client that was told that the connection ends may take to agree.
const LEAVE: Duration = Duration::from_secs(1);

type Answer = Response<BoxBody<Bytes, io::Error>>;

/// Speaks HTTP/2 on all connections that want it.
pub(super) struct Http2 {
    header_bytes: u32,
    idle: Duration,
    /// For a request and its answer.
    longest: Duration,
    spare: Arc<Semaphore>,
}

impl Http2 {
    pub(super) fn new(limits: &Limits, header_bytes: usize) -> Self {
        Self {
            header_bytes: u32::try_from(header_bytes).unwrap_or(u32::MAX),
            idle: limits.header_timeout,
            longest: 2 * limits.request_timeout,
            spare: Arc::new(Semaphore::new(SPARE_PLACES)),
        }
    }

    /// Serves a connection to its end.
    pub(super) async fn serve(
        &self,
        io: impl AsyncRead + AsyncWrite + Unpin + 'static,
        service: impl Service,
        stop: Stop,
    ) -> hyper::Result<()> {
        let streams =
            Streams { count: Arc::new(watch::Sender::new(0)), longest: self.longest };
        let places = Places { own: Arc::new(Semaphore::new(1)), spare: &self.spare };
        let service = service_fn(|request: Request<Incoming>| {
            let is_head = request.method() == Method::HEAD;
            let place = places.take();
            let answer = service.call(request);
            async move {
                let place = place.await;
                let Ok(answer) = answer.await;
                Ok::<_, Infallible>(in_portions(answer, is_head, place))
            }
        });
        let connection =
            self.builder(streams.clone()).serve_connection(TokioIo::new(io), service);
        let mut connection = pin!(connection);
        tokio::select! {
            outcome = connection.as_mut() => return outcome,
            () = stop.wait() => {}
            () = streams.quiet_for(self.idle) => {}
        }
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = streams.quiet_for(LEAVE) => Ok(()),
        }
    }

    fn builder(&self, streams: Streams) -> http2::Builder<Streams> {
        let mut builder = http2::Builder::new(streams);
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(self.header_bytes)
            .max_send_buf_size(SEND_BUFFER);
        builder
    }
}

/// Runs the requests of one connection, and knows how many there are.
#[derive(Clone)]
struct Streams {
    count: Arc<watch::Sender<usize>>,
    longest: Duration,
}

impl Streams {
    /// Returns when there has been no request for so long.
    async fn quiet_for(&self, time: Duration) {
        let mut count = self.count.subscribe();
        loop {
            let is_quiet = *count.borrow_and_update() == 0;
            let changed = count.changed();
            if !is_quiet {
                // Never an error, since the sender is here.
                drop(changed.await);
            } else if tokio::time::timeout(time, changed).await.is_err() {
                return;
            }
        }
    }
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Streams {
    fn execute(&self, fut: F) {
        self.count.send_modify(|count| *count += 1);
        let running = Running(Arc::clone(&self.count));
        let longest = self.longest;
        tokio::spawn(async move {
            if tokio::time::timeout(longest, fut).await.is_err() {
                tracing::debug!("a request took too long");
            }
            drop(running);
        });
    }
}

/// Counted until it is dropped.
struct Running(Arc<watch::Sender<usize>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// Where the requests of one connection find a place.
struct Places<'a> {
    own: Arc<Semaphore>,
    spare: &'a Arc<Semaphore>,
}

impl Places<'_> {
    fn take(&self) -> impl Future<Output = Option<OwnedSemaphorePermit>> + use<> {
        let (own, spare) = (Arc::clone(&self.own), Arc::clone(self.spare));
        async move {
            // Neither is ever closed.
            tokio::select! {
                biased;
                place = own.acquire_owned() => place.ok(),
                place = spare.acquire_owned() => place.ok(),
            }
        }
    }
}

fn in_portions(
    answer: Answer,
    is_head: bool,
    place: Option<OwnedSemaphorePermit>,
) -> Response<Portions> {
    let (mut head, mut body) = answer.into_parts();
    if is_head {
        // On HTTP/1.1 hyper does this by itself. Some bodies have been left out before.
        if let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
            head.headers.entry(CONTENT_LENGTH).or_insert_with(|| length.into());
        }
        body = Empty::new().map_err(|never| match never {}).boxed();
    }
    let body = Portions { inner: body, rest: Bytes::new(), _place: place };
    Response::from_parts(head, body)
}

/// An answer in pieces. All at once, it would wait in hyper, and the request would be over with nobody to end it.
struct Portions {
    inner: BoxBody<Bytes, io::Error>,
    rest: Bytes,
    _place: Option<OwnedSemaphorePermit>,
}

impl Body for Portions {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.rest.is_empty() {
            let frame = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                end => return Poll::Ready(end),
            };
            match frame.into_data() {
                Ok(data) => self.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let length = self.rest.len().min(PORTION);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // Asked before anything is taken.
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_beyond_the_first_are_shared_and_given_back() {
        let spare = Arc::new(Semaphore::new(SPARE_PLACES));
        let places = || Places { own: Arc::new(Semaphore::new(1)), spare: &spare };
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut take = |places: &Places<'_>| match pin!(places.take()).poll(&mut cx) {
            Poll::Ready(place) => place,
            Poll::Pending => None,
        };
        let (greedy, modest) = (places(), places());

        let mut taken: Vec<_> = std::iter::from_fn(|| take(&greedy)).take(1000).collect();

        assert_eq!(taken.len(), 1 + SPARE_PLACES);
        let own = take(&modest).unwrap();
        assert!(take(&modest).is_none());
        drop(taken.pop());
        assert!(take(&modest).is_some());
        drop(own);
        assert!(take(&modest).is_some());
    }

    #[tokio::test]
    async fn portions_are_small_and_together_the_whole() {
        let of = |length: usize| {
            let body = http_body_util::Full::new(Bytes::from(vec![b'x'; length]));
            let body = body.map_err(|never| match never {}).boxed();
            in_portions(Response::new(body), false, None).into_body()
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
