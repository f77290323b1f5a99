//! HTTP server: accepts connections and limits the resources of each.
//!
//! poem's own server has no time limit for headers, no limit of connections, and spins when `accept` fails. This one
//! uses hyper's connections directly: HTTP/1.1, and HTTP/2 for clients that negotiate it in the TLS handshake. Without
//! TLS, a proxy in front speaks HTTP/2 to clients.

mod connection_limiter;
mod connections;
mod http2;
mod length;
mod listener;
mod refusal;
mod serving;
mod stream;
mod tls;
mod unreadable;

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use poem::endpoint::BoxEndpoint;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint as _, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use self::connection_limiter::ConnectionMetrics;
use self::connection_limiter::{Admission, ConnectionLimiter, Seat};
pub use self::connections::Connections;
use self::http2::Http2;
pub(super) use self::http2::{ConnectionTurn, Lasting};
pub use self::listener::Listener;
use self::listener::{Io, Peer};
use self::refusal::Refusals;
pub(super) use self::serving::OverShare;
use self::stream::Stream;
use self::tls::Protocol;
pub use self::tls::Tls;
pub(super) use self::unreadable::Unreadable;
use crate::config::Limits;

/// Pause after `accept` fails, usually for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Error that ended a connection early.
type Fault = Box<dyn Error + Send + Sync>;

/// Serves until `stop` is cancelled, then lets requests finish within the shutdown limit.
///
/// All connections are closed when this returns.
///
/// # Errors
///
/// When the address of the listener cannot be read.
pub async fn serve(
    listener: Listener,
    tls: Option<Arc<Tls>>,
    endpoint: BoxEndpoint<'static, Response>,
    limits: &Limits,
    connections: Connections,
    stop: CancellationToken,
) -> io::Result<()> {
    let local = LocalAddr(listener.local_addr()?);
    let Connections(limiter) = connections;
    let server = Server::new(endpoint, local, tls, limits, Arc::clone(&limiter));
    let server = Arc::new(server);
    let mut connections = JoinSet::new();

    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
            // Removes ended connections while no new ones arrive.
            Some(_) = connections.join_next() => continue,
        };
        while connections.try_join_next().is_some() {}
        let (io, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if listener::is_fault_of_one(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let seat = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            seat = seat(&limiter, peer) => seat,
        };
        let Some(seat) = seat else {
            tracing::debug!("rejected a connection from a network that has too many");
            continue;
        };
        let (server, stop) = (Arc::clone(&server), stop.clone());
        connections.spawn(async move {
            tokio::select! {
                biased;
                () = seat.lost() => tracing::debug!("closed a connection to make room for another"),
                outcome = server.serve(io, peer, &seat, stop) => {
                    // The client causes these errors: a malformed request, an exceeded limit, a lost network.
                    if let Err(error) = outcome {
                        tracing::debug!(error, "a connection ended early");
                    }
                }
            }
        });
    }

    drop(listener);
    let left = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.shutdown, left).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "stopped before all connections had closed"
        );
    }
    connections.shutdown().await;
    Ok(())
}

/// Finds a place for a connection. If none can be freed, the connection waits, and later ones wait in the kernel's
/// queue.
async fn seat(limiter: &Arc<ConnectionLimiter>, peer: Peer) -> Option<Arc<Seat>> {
    let mut again = false;
    loop {
        match limiter.enter(peer, again) {
            Admission::In(seat) => return Some(seat),
            Admission::Refused => return None,
            Admission::Full => limiter.changed().await,
        }
        again = true;
    }
}

/// State shared by all connections.
struct Server {
    endpoint: Arc<BoxEndpoint<'static, Response>>,
    limiter: Arc<ConnectionLimiter>,
    local: LocalAddr,
    tls: Option<Arc<Tls>>,
    http1: http1::Builder,
    http2: Http2,
    handshake_timeout: Duration,
    stall_timeout: Duration,
}

impl Server {
    fn new(
        endpoint: BoxEndpoint<'static, Response>,
        local: LocalAddr,
        tls: Option<Arc<Tls>>,
        limits: &Limits,
        limiter: Arc<ConnectionLimiter>,
    ) -> Self {
        // Larger than the limit at which the middleware sends a proper refusal.
        let header_bytes = 2 * limits.header_bytes.max(8 * 1024);
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            // Runs from the start of the connection, and again from the end of each response.
            .header_read_timeout(limits.header_timeout)
            .max_buf_size(header_bytes)
            .max_headers(100)
            // Never copies a response into a buffer of its own, which would not be counted.
            .writev(true)
            .half_close(false);
        Self {
            endpoint: Arc::new(endpoint),
            limiter,
            local,
            tls,
            http1,
            http2: Http2::new(limits, header_bytes),
            handshake_timeout: limits.header_timeout,
            stall_timeout: limits.request_timeout,
        }
    }

    /// Serves a connection until it ends.
    async fn serve(
        &self,
        io: Io,
        peer: Peer,
        seat: &Arc<Seat>,
        stop: CancellationToken,
    ) -> Result<(), Fault> {
        let stream = Stream::new(io, Arc::clone(seat), self.stall_timeout);
        match &self.tls {
            None => {
                let service = self.service(Scheme::HTTP, peer, seat);
                Ok(self.http1(stream, service, stop).await?)
            }
            // On the heap, so that plain connections do not use more memory.
            Some(tls) => Box::pin(self.serve_tls(tls, stream, peer, seat, stop)).await,
        }
    }

    async fn serve_tls(
        &self,
        tls: &Tls,
        stream: Stream,
        peer: Peer,
        seat: &Arc<Seat>,
        stop: CancellationToken,
    ) -> Result<(), Fault> {
        let accepted = tokio::select! {
            // No request has arrived yet.
            () = stop.cancelled() => return Ok(()),
            accepted = tls.accept(stream, self.handshake_timeout) => accepted,
        };
        let (stream, protocol) = accepted?;
        let service = self.service(Scheme::HTTPS, peer, seat);
        match protocol {
            Protocol::Http1 => self.http1(stream, service, stop).await?,
            Protocol::Http2 => self.http2.serve(stream, peer.ip(), service, stop).await?,
        }
        Ok(())
    }

    async fn http1(
        &self,
        io: impl AsyncRead + AsyncWrite + Unpin + 'static,
        service: impl Service,
        stop: CancellationToken,
    ) -> hyper::Result<()> {
        let io = Refusals::new(io, Arc::clone(&self.endpoint));
        let connection = self.http1.serve_connection(TokioIo::new(io), service);
        let mut connection = pin!(connection);
        tokio::select! {
            outcome = connection.as_mut() => return outcome,
            () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    }

    fn service(
        &self,
        scheme: Scheme,
        peer: Peer,
        seat: &Arc<Seat>,
    ) -> impl Service + use<> {
        let (endpoint, local) = (Arc::clone(&self.endpoint), self.local.clone());
        let remote = RemoteAddr(peer.into());
        let (limiter, seat) = (Arc::clone(&self.limiter), Arc::clone(seat));
        hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
            let endpoint = Arc::clone(&endpoint);
            let serving = seat.serve();
            let counted = limiter.request(peer, request.headers());
            if counted.is_none() {
                request.extensions_mut().insert(OverShare);
            }
            let request = (request, local.clone(), remote.clone(), scheme.clone()).into();
            async move {
                let Some(serving) = serving else {
                    // The connection is being closed, so its request is not started.
                    return std::future::pending().await;
                };
                let answer = endpoint.get_response(request).await;
                Ok(serving::until_sent(answer.into(), (serving, counted)))
            }
        })
    }
}

/// Service that answers the requests of a connection.
trait Service:
    hyper::service::Service<
        hyper::Request<Incoming>,
        Response = hyper::Response<BoxBody<Bytes, io::Error>>,
        Error = Infallible,
        Future: Send + 'static,
    >
{
}

impl<S> Service for S where
    S: hyper::service::Service<
            hyper::Request<Incoming>,
            Response = hyper::Response<BoxBody<Bytes, io::Error>>,
            Error = Infallible,
            Future: Send + 'static,
        >
{
}
