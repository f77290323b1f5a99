//! HTTP/2, for clients that negotiated it in the TLS handshake.
//!
//! One connection carries many concurrent requests, and hyper limits only their number. These rules keep a client from
//! using more resources than with HTTP/1.1:
//!
//! - a connection always has a place for one request; further concurrent requests use memory that all connections share
//!   ([`room`]);
//! - a request and its response together have a time limit, whatever the client does; each portion of a lasting
//!   response has one of its own ([`limit`]);
//! - a response is sent in portions, so that the time limit covers it to the end;
//! - few long responses of a connection are made at a time ([`turn`]);
//! - a connection without requests is closed after the idle time of HTTP/1.1.

mod limit;
mod portions;
mod room;
mod turn;

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
use tokio::sync::watch;

pub(in crate::http) use self::limit::Lasting;
use self::portions::{PORTION, in_portions};
use self::room::SharedRoom;
pub(in crate::http) use self::turn::ConnectionTurn;
use self::turn::Turns;
use tokio_util::sync::CancellationToken;

use super::Service;
use crate::config::Limits;

/// Maximum concurrent streams of a connection: the minimum that RFC 9113, section 6.5.2 recommends. A client may send
/// this many before it knows the limit.
const STREAMS: u32 = 100;

/// Flow-control windows of one body and of a connection, in bytes. The connection window fits the bodies of the request
/// that has the place and of those that wait for it, so none can block another. All other bodies are read as they
/// arrive.
const STREAM_WINDOW: u32 = 16 * 1024;
const CONNECTION_WINDOW: u32 = 4 * STREAM_WINDOW;

/// Maximum bytes of one stream buffered for sending.
const SEND_BUFFER: usize = 4 * PORTION;

/// Time that a client has to react to a graceful shutdown.
const LEAVE: Duration = Duration::from_secs(1);

/// Server side of all HTTP/2 connections.
pub(super) struct Http2 {
    header_bytes: u32,
    idle: Duration,
    /// Time limit for a request and its response.
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

    /// Serves a connection until it ends.
    pub(super) async fn serve(
        &self,
        io: impl AsyncRead + AsyncWrite + Unpin + 'static,
        peer: Option<IpAddr>,
        service: impl Service,
        stop: CancellationToken,
    ) -> hyper::Result<()> {
        let streams =
            Streams { count: Arc::new(watch::Sender::new(0)), longest: self.longest };
        let room = self.room.of_connection(peer);
        let (turns, longest) = (Turns::default(), self.longest);
        let service = service_fn(|mut request: Request<Incoming>| {
            let is_head = request.method() == Method::HEAD;
            let is_whole = request.body().is_end_stream();
            let turn = is_whole.then(|| turns.turn());
            if let Some(turn) = &turn {
                request.extensions_mut().insert(turn.clone());
            }
            // A refused request is not started.
            let admitted = room.find(room::memory(&request)).map(|found| {
                let answer = service.call(request);
                // On the heap, so that many concurrent refusals use little memory.
                Box::pin(async move {
                    let held = found.wait().await?;
                    if let Some(turn) = &turn {
                        turn.begin().await;
                    }
                    let Ok(answer) = answer.await;
                    Some(in_portions(answer, is_head, held, turn, longest))
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
            () = stop.cancelled() => {}
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

/// Executor for the requests of one connection, with their count.
#[derive(Clone)]
struct Streams {
    count: Arc<watch::Sender<usize>>,
    longest: Duration,
}

impl Streams {
    /// Waits until there has been no request for this time.
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
        let limited = limit::limited(fut, self.longest);
        tokio::spawn(async move {
            if !limited.await {
                tracing::debug!("stopped a request that took too long");
            }
            drop(running);
        });
    }
}

/// Guard that counts a request until dropped.
struct Running(Arc<watch::Sender<usize>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
