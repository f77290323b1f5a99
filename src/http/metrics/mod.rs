//! Metrics endpoint for Prometheus and compatible programs, at a separate address.
//!
//! The endpoint requires no authentication, so the public server does not serve it. Labels contain routes, and no path,
//! email or title that a client has sent, so the number of series is fixed. Each part of the program counts with
//! relaxed atomic additions; a scrape reads the totals.
//!
//! `prometheus-client`, the crate of the Prometheus project, is not used: its histograms take a lock for each request,
//! it does not accept histograms that were counted elsewhere, and it does not write the text format that `promtool`
//! reads.

mod page;
mod problems;
mod process;
mod requests;
mod text;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::page::Numbers;
pub use self::requests::Requests;
pub(super) use self::requests::{OTHER, Operation};
use self::text::Format;
use super::server::{Connections, Listener};
use crate::domain::timestamp::Timestamp;
use crate::service::Service;

/// Maximum concurrent scrapes; more wait to be accepted.
const AT_ONCE: usize = 4;

/// Time limit of a connection, which serves one scrape.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pause after `accept` fails.
const PAUSE: Duration = Duration::from_millis(100);

/// Maximum length of the header, in bytes.
const MAX_HEADER: usize = 16 * 1024;

/// Path of the metrics.
const PATH: &str = "/metrics";

/// Version of the program.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// Version as printed by `duly --version`.
    pub version: &'static str,
    /// Commit; empty if it was not set at build time.
    pub revision: &'static str,
}

/// Sources of all metrics.
pub struct Sources {
    /// Service layer.
    pub service: Service,
    /// Requests, counted by [`super::endpoint`].
    pub requests: Requests,
    /// Connections of the public server.
    pub connections: Connections,
    /// Function that returns the number of dropped log lines.
    pub log_lines_dropped: Box<dyn Fn() -> u64 + Send + Sync>,
    /// Version of the program.
    pub build: Build,
    /// Start time of the process.
    pub started: Timestamp,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("build", &self.build).finish_non_exhaustive()
    }
}

/// Answers scrapes until `stop` is cancelled.
pub async fn serve(listener: Listener, sources: Sources, stop: CancellationToken) {
    let (sources, turns) = (Arc::new(sources), Arc::new(Semaphore::new(AT_ONCE)));
    let mut http1 = http1::Builder::new();
    http1
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(MAX_HEADER)
        .keep_alive(false);
    let mut scrapes = JoinSet::new();
    loop {
        let next = async {
            // The semaphore is never closed, so this always succeeds.
            let turn = Arc::clone(&turns).acquire_owned().await;
            (turn, listener.accept().await)
        };
        let (turn, accepted) = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            next = next => next,
        };
        while scrapes.try_join_next().is_some() {}
        let Ok((io, _)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let sources = Arc::clone(&sources);
        let answer = service_fn(move |request| answer(Arc::clone(&sources), request));
        let connection = http1.serve_connection(TokioIo::new(io), answer);
        scrapes.spawn(async move {
            // The client causes errors of a connection.
            drop(tokio::time::timeout(PATIENCE, connection).await);
            drop(turn);
        });
    }
    scrapes.shutdown().await;
}

async fn answer(
    sources: Arc<Sources>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let refused = |status| {
        let mut response = Response::new(Full::from("metrics are at GET /metrics\n"));
        *response.status_mut() = status;
        response
    };
    if request.uri().path() != PATH {
        return Ok(refused(StatusCode::NOT_FOUND));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = refused(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Ok(response);
    }
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::accepted(accept.unwrap_or_default());
    let mut response = Response::new(Full::from(sources.scrape(format).await));
    let media_type = HeaderValue::from_static(format.media_type());
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    Ok(response)
}

impl Sources {
    async fn scrape(&self, format: Format) -> String {
        let numbers = Numbers {
            build: self.build,
            started: self.started,
            requests: &self.requests,
            connections: self.connections.metrics(),
            service: self.service.metrics().await,
            log_lines_dropped: (self.log_lines_dropped)(),
        };
        page::render(&numbers, format)
    }
}
