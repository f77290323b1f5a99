//! HTTP/2, for clients that agreed on it in the handshake of TLS.
//!
//! One connection carries many requests at once, and hyper limits them in number only. So that a client takes
//! no more this way than with HTTP/1.1:
//!
//! - a connection always has a place for one request; more at once take memory that all connections share ([`room`]);
//! - a request and its answer together end after a while, whatever the client does or leaves undone;
//! - an answer goes out in portions, so that its time runs until the last of it is on its way;
//! - a connection without requests is closed after the time that HTTP/1.1 gives to a silent one.

mod portions;
mod room;

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Method, Request};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};

use self::portions::{PORTION, in_portions};
use self::room::SharedRoom;
use super::{Service, Stop};
use crate::config::Limits;

/// Requests that a client may begin at once on one connection: the least that RFC 9113, section 6.5.2 recommends.
/// A client may send so many before it knows the number.
const STREAMS: u32 = 100;

/// Requests of one connection without a body that are served at once; others wait, so that long answers do not fill the
/// share of their account. A request with a body does not wait, since what nobody reads holds up the rest.
const AT_ONCE: usize = 4;

/// Bytes of one body, and of all on a connection, that may come before they are asked for. Those of the
/// requests that wait for the place of their connection fit together with that of the one that has it, so none can keep
/// another from what it waits for. All others are read as they come.
const STREAM_WINDOW: u32 = 16 * 1024;
const CONNECTION_WINDOW: u32 = 4 * STREAM_WINDOW;

/// Bytes of one stream that may wait for the network.
const SEND_BUFFER: usize = 4 * PORTION;

/// Time that a client may take to agree when it is told that the connection ends.
const LEAVE: Duration = Duration::from_secs(1);

/// Speaks HTTP/2 on all connections that want it.
pub(super) struct Http2 {
    header_bytes: u32,
    idle: Duration,
    /// For a request and its answer.
    longest: Duration,
    room: SharedRoom,
}

impl Http2 {
    pub(super) fn new(limits: &Limits, header_bytes: usize) -> Self {
        Self {
            header_bytes: u32::try_from(header_bytes).unwrap_or(u32::MAX),
            idle: limits.header_timeout,
            longest: 2 * limits.request_timeout,
            room: SharedRoom::default(),
        }
    }

    /// Serves a connection to its end.
    pub(super) async fn serve(
        &self,
        io: impl AsyncRead + AsyncWrite + Unpin + 'static,
        peer: Option<IpAddr>,
        service: impl Service,
        stop: Stop,
    ) -> hyper::Result<()> {
        let streams =
            Streams { count: Arc::new(watch::Sender::new(0)), longest: self.longest };
        let room = self.room.of_connection(peer);
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let service = service_fn(|request: Request<Incoming>| {
            let is_head = request.method() == Method::HEAD;
            let is_whole = request.body().is_end_stream();
            let turn = is_whole.then(|| Arc::clone(&turns).acquire_owned());
            // A request that is refused is not begun.
            let admitted = room.find(room::memory(&request)).map(|found| {
                let answer = service.call(request);
                // On the heap, so that many that are refused at once take little.
                Box::pin(async move {
                    let held = found.wait().await?;
                    let turn = match turn {
                        // Never closed.
                        Some(turn) => turn.await.ok(),
                        None => None,
                    };
                    let Ok(answer) = answer.await;
                    Some(in_portions(answer, is_head, held, turn))
                })
            });
            async move {
                let answer = match admitted {
                    Some(answer) => answer.await,
                    None => None,
                };
                answer.ok_or_else(|| h2::Error::from(h2::Reason::REFUSED_STREAM))
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
