//! Benchmarks of whole requests over loopback TCP, 64 connections at once, client and server in one process.
//!
//! The first entry is the ceiling: the same connections to hyper alone, with a response of two bytes. Compare the
//! others with it, in one run; absolute figures depend more on the machine than on the program.
//!
//! ```text
//! cargo bench --bench http
//! ```

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

#[expect(
    dead_code,
    unused_imports,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "shared with the tests, which use all of it and end by panicking"
)]
#[path = "../tests/harness/mod.rs"]
mod harness;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use self::harness::Server;

const CONNECTIONS: u64 = 64;

/// Number of tasks of the only user; enough for full pages of lists.
const TASKS: usize = 200;

const BODY: &str = r#"{"title":"Ship portfolio","description":"Polish the README"}"#;

fn requests(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let ceiling = runtime.block_on(bare_hyper());
    let (server, token) = runtime.block_on(async {
        let server = Server::start().await;
        let jane = server.client.registered("jane@example.com").await;
        for number in 0..TASKS {
            jane.given_task(&format!("Task {number} of a list like any other")).await;
        }
        let token = jane.token().to_owned();
        (server, token)
    });
    let address = server.client.address();

    let mut group = criterion.benchmark_group("http");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    group.measurement_time(Duration::from_secs(5)).warm_up_time(Duration::from_secs(1));
    let mut bench = |name, address, request: fn(&str) -> Request<Full<Bytes>>| {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| {
                runtime.block_on(run(address, &token, count, request))
            });
        });
    };
    bench("bare hyper", ceiling, |token| get(token, "/"));
    bench("health", address, |token| get(token, "/health/live"));
    bench("get one", address, |token| get(token, "/api/v1/tasks/7"));
    bench("list of 50", address, |token| get(token, "/api/v1/tasks?limit=50"));
    bench("create", address, |token| request(token, Method::POST, "/api/v1/tasks", BODY));
    group.finish();
    drop(server);
}

fn get(token: &str, path: &str) -> Request<Full<Bytes>> {
    request(token, Method::GET, path, "")
}

fn request(
    token: &str,
    method: Method,
    path: &str,
    body: &'static str,
) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"))
        .body(Full::new(Bytes::from_static(body.as_bytes())))
        .unwrap()
}

/// Measures the time of `count` requests, spread over all connections.
async fn run(
    address: SocketAddr,
    token: &str,
    count: u64,
    request: fn(&str) -> Request<Full<Bytes>>,
) -> Duration {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS.min(count) {
        connections.push(connect(address).await);
    }
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for (number, mut connection) in (0..).zip(connections) {
        let token = token.to_owned();
        // The first connections take the remainder.
        let share = count / CONNECTIONS + u64::from(number < count % CONNECTIONS);
        tasks.spawn(async move {
            for _ in 0..share {
                connection.ready().await.unwrap();
                let response = connection.send_request(request(&token)).await.unwrap();
                assert!(response.status().is_success(), "{}", response.status());
                response.into_body().collect().await.unwrap();
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    started.elapsed()
}

async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// Starts a server that returns a fixed response.
async fn bare_hyper() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let service = service_fn(|_| async {
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"ok"))))
            });
            let connection =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    address
}

criterion_group!(benches, requests);
criterion_main!(benches);
