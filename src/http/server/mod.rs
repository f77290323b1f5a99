//! The front door: accepts connections and limits what each may take.
//!
//! poem's own server has no time limit for headers, no limit of connections, and spins when `accept` fails;
//! so hyper's connections are used directly, HTTP/1.1 only (a proxy in front speaks HTTP/2 to clients).

mod gate;
mod listener;
mod stream;

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use ipnet::IpNet;
use poem::endpoint::BoxEndpoint;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint as _, Response};
use tokio::task::JoinSet;

use self::gate::Gate;
pub use self::listener::Listener;
use self::listener::Peer;
use self::stream::Stream;
use super::address::TrustedProxies;
use crate::config::Limits;

/// How long to wait after `accept` has failed, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` is ready, then lets requests finish, for as long as the limits allow.
///
/// When this returns, no connection is left.
///
/// # Errors
///
/// When the address of the listener cannot be read.
pub async fn serve(
    listener: Listener,
    endpoint: BoxEndpoint<'static, Response>,
    limits: &Limits,
    trusted: &[IpNet],
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let local = LocalAddr(listener.local_addr()?);
    let endpoint = Arc::new(endpoint);
    let gate = Gate::new(
        limits.connections,
        limits.connections_per_network,
        TrustedProxies(trusted.to_vec()),
    );
    let builder = builder(limits);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);

    loop {
        // When all places are taken, newcomers wait in the kernel's queue.
        let accepted = async {
            let place = gate.place().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = accepted => accepted,
            // Forgets connections that have ended, also while nobody comes.
            Some(_) = connections.join_next() => continue,
        };
        while connections.try_join_next().is_some() {}
        let (io, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if listener::is_fault_of_one(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(ticket) = gate.enter(place, &peer) else {
            tracing::debug!("a network has too many connections");
            continue;
        };
        let stream = TokioIo::new(Stream::new(io, limits.request_timeout));
        let service = service(Arc::clone(&endpoint), local.clone(), peer);
        let connection = graceful.watch(builder.serve_connection(stream, service));
        connections.spawn(async move {
            // Faults of a connection are the client's: a broken request, a limit, a lost network.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(ticket);
        });
    }

    drop(listener);
    if tokio::time::timeout(limits.shutdown, graceful.shutdown()).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "stopped without waiting any longer"
        );
    }
    connections.shutdown().await;
    Ok(())
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // Runs from the first moment, and again from the end of each answer.
        .header_read_timeout(limits.header_timeout)
        // Above what the edge refuses with a proper answer.
        .max_buf_size(2 * limits.header_bytes.max(8 * 1024))
        .max_headers(100)
        .half_close(false);
    builder
}

fn service(
    endpoint: Arc<BoxEndpoint<'static, Response>>,
    local: LocalAddr,
    peer: Peer,
) -> impl hyper::service::Service<
    hyper::Request<Incoming>,
    Response = hyper::Response<BoxBody<Bytes, io::Error>>,
    Error = Infallible,
    Future: Send + 'static,
> {
    let remote = RemoteAddr(peer.into());
    hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let (endpoint, local, remote) =
            (Arc::clone(&endpoint), local.clone(), remote.clone());
        async move {
            let request = (request, local, remote, Scheme::HTTP).into();
            Ok(endpoint.get_response(request).await.into())
        }
    })
}
