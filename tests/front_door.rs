//! Tests of clients that hold connections, send without end, never read, or send invalid requests.
//!
//! The quick form runs with `cargo test`. The long form:
//!
//! ```text
//! DULY_SLOW_CLIENTS=200 DULY_FLOOD_GIB=10 cargo test --release front_door -- --nocapture
//! ```
//!
//! | variable | default | |
//! |---|---|---|
//! | `DULY_SLOW_CLIENTS` | 20 | slow clients of each kind, all at once |
//! | `DULY_FLOOD_GIB` | 1/16 | amount sent in bodies without end, in GiB |

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::harness::raw::raw;
use crate::harness::{Home, Process};
use crate::long::{figure, setting};

/// Time beyond its limits that the server may take on a busy machine.
pub(crate) const GRACE: Duration = Duration::from_millis(2500);

/// Longest time that a client waits for a connection to close.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const LOGIN: &str = "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\n\
    Content-Type: application/x-www-form-urlencoded\r\n";

pub(crate) const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";

pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// Connects from another address of this machine.
pub(crate) async fn connect_from(from: &str, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
    socket.connect(address).await.unwrap()
}

/// Reads until the server closes the connection, which it must do. A reset counts as a close.
pub(crate) async fn until_closed(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let end = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(end.is_ok(), "still open after {PATIENCE:?}: {text}");
    text
}

/// Sends a request on a connection that stays open, and returns the first bytes of the
/// response; none if it is closed.
pub(crate) async fn ask(stream: &mut TcpStream, request: &str) -> String {
    let mut bytes = vec![0; 4096];
    if stream.write_all(request.as_bytes()).await.is_err() {
        return String::new();
    }
    let read =
        timeout(PATIENCE, stream.read(&mut bytes)).await.expect("an answer or an end");
    bytes.truncate(read.unwrap_or(0));
    String::from_utf8(bytes).unwrap()
}

/// Returns whether a new connection is served, not closed.
pub(crate) async fn is_served(address: SocketAddr) -> bool {
    ask(&mut connect(address).await, HEALTH).await.starts_with("HTTP/1.1 200 ")
}

/// Waits until a new connection is served, and returns the time.
pub(crate) async fn served_again(address: SocketAddr, at_most: Duration) -> Duration {
    let started = Instant::now();
    while !is_served(address).await {
        assert!(started.elapsed() < at_most, "nobody served after {at_most:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    started.elapsed()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slow {
    Silent,
    HalfHeader,
    NoBody,
    HalfBody,
    /// Gets its response at once, and then sends nothing more.
    Idle,
}

impl Slow {
    const ALL: [Self; 5] =
        [Self::Silent, Self::HalfHeader, Self::NoBody, Self::HalfBody, Self::Idle];

    /// Holds a connection as long as the server permits, and returns the time and the response.
    async fn hold(self, address: SocketAddr) -> (Duration, String) {
        let mut stream = connect(address).await;
        let begin = match self {
            Self::Silent => String::new(),
            Self::HalfHeader => "GET /health HTTP/1.1\r\nHost: a\r\nX-Slow: ".to_owned(),
            Self::NoBody | Self::HalfBody => {
                format!("{LOGIN}Content-Length: 2000\r\n\r\n")
            }
            Self::Idle => HEALTH.to_owned(),
        };
        let started = Instant::now();
        stream.write_all(begin.as_bytes()).await.unwrap();
        let (mut input, mut output) = stream.split();
        let dribble = async {
            if matches!(self, Self::HalfHeader | Self::HalfBody) {
                while output.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            std::future::pending::<()>().await;
        };
        let mut bytes = Vec::new();
        let end = tokio::select! {
            end = timeout(PATIENCE, input.read_to_end(&mut bytes)) => end,
            () = dribble => unreachable!(),
        };
        assert!(end.is_ok(), "{self:?}: still open after {PATIENCE:?}");
        (started.elapsed(), String::from_utf8(bytes).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_clients_are_let_go_and_others_notice_nothing() {
    let count = setting("DULY_SLOW_CLIENTS", 20);
    let limit = Duration::from_secs(1);
    let home = Home::new()
        .set("LOG_LEVEL", "warn,duly::cli=info")
        .set("HEADER_TIMEOUT_SECONDS", "1")
        .set("BODY_TIMEOUT_SECONDS", "1")
        .set("MAX_CONNECTIONS", "2000")
        .set("MAX_CONNECTIONS_PER_NETWORK", "2000");
    let server = home.serve();
    let address = server.address();
    let jane = server.client().registered("jane@example.com").await;

    let mut slow = JoinSet::new();
    for kind in Slow::ALL {
        for _ in 0..count {
            slow.spawn(async move { (kind, kind.hold(address).await) });
        }
    }
    let mut worst = Duration::ZERO;
    let mut longest = Duration::ZERO;
    let mut served = 0;
    while !slow.is_empty() {
        let started = Instant::now();
        jane.post("/tasks", json!({ "title": "quick" }))
            .await
            .expect(StatusCode::CREATED);
        assert!(is_served(address).await);
        worst = worst.max(started.elapsed());
        served += 1;
        while let Some(ended) = slow.try_join_next() {
            let (kind, (took, said)) = ended.unwrap();
            assert!(took < limit + GRACE, "{kind:?} held a connection for {took:?}");
            let status = match kind {
                Slow::Silent | Slow::HalfHeader => "",
                Slow::NoBody | Slow::HalfBody => "HTTP/1.1 408 ",
                Slow::Idle => "HTTP/1.1 200 ",
            };
            assert!(said.starts_with(status), "{kind:?}: {said}");
            assert!(
                !status.is_empty()
                    || said.is_empty()
                    || said.starts_with("HTTP/1.1 408 ")
            );
            longest = longest.max(took);
        }
    }

    figure(&format!(
        "{count} slow clients of {} kinds: the longest was held {longest:?}; meanwhile {served} writes \
         and new connections were served, the slowest in {worst:?}",
        Slow::ALL.len()
    ));
    assert!(worst < Duration::from_secs(2), "a normal client waited for {worst:?}");
    assert_eq!(
        jane.get("/tasks?limit=1").await.header("x-total-count").unwrap(),
        served.to_string()
    );
}

/// Peak memory of the process, in KiB.
pub(crate) fn peak_kib(server: &Process) -> u64 {
    let status =
        fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Sends a body until the server stops reading it, and reads the response meanwhile. Returns the number of
/// bytes sent, and the response.
async fn flood(address: SocketAddr, header: &str, chunk: &[u8]) -> (u64, String) {
    let mut stream = connect(address).await;
    let (mut input, mut output) = stream.split();
    let mut sent = 0;
    let pour = async {
        if output.write_all(header.as_bytes()).await.is_err() {
            return;
        }
        while output.write_all(chunk).await.is_ok() {
            sent += chunk.len() as u64;
        }
    };
    let mut answer = Vec::new();
    let listen = async {
        let end = timeout(PATIENCE, input.read_to_end(&mut answer)).await;
        end.expect("an end")
    };
    let ((), end) = tokio::join!(pour, listen);
    if let Err(error) = end {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    (sent, String::from_utf8(answer).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_without_end_are_refused_without_being_kept() {
    const AT_ONCE: usize = 8;
    let goal = match setting("DULY_FLOOD_GIB", 0) {
        0 => 64 << 20,
        gib => gib << 30,
    };
    let server = Home::new().set("LOG_LEVEL", "warn,duly::cli=info").serve();
    let address = server.address();
    let chunked = format!("{LOGIN}Transfer-Encoding: chunked\r\n\r\n");
    let long = format!("{LOGIN}Content-Length: 99999999999\r\n\r\n");
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x1_0000)).into_bytes();
    // Memory that the first requests allocate for good.
    server.client().registered("jane@example.com").await;
    for header in [&chunked, &long] {
        flood(address, header, &chunk).await;
    }
    let before = peak_kib(&server);

    let (mut sent, mut floods, mut smallest) = (0, 0, u64::MAX);
    while sent < goal {
        let mut running = JoinSet::new();
        for number in 0..AT_ONCE {
            let header = if number == 0 { &long } else { &chunked }.clone();
            let chunk = chunk.clone();
            running.spawn(async move { flood(address, &header, &chunk).await });
        }
        while let Some(ended) = running.join_next().await {
            let (bytes, answer) = ended.unwrap();
            assert!(
                answer.starts_with("HTTP/1.1 413 "),
                "{bytes} bytes, then {answer:?}"
            );
            assert!(answer.contains(r#""code":"body_too_large""#), "{answer}");
            assert!(bytes < 64 << 20, "{bytes} bytes were taken on one connection");
            smallest = smallest.min(bytes);
            sent += bytes;
            floods += 1;
        }
    }

    let growth = peak_kib(&server) - before;
    figure(&format!(
        "{sent} bytes in {floods} bodies without end: each a 413, the peak of memory grew by {growth} KiB \
         from {before} KiB"
    ));
    assert!(growth < 8 << 10, "the peak of memory grew by {growth} KiB");
    assert!(is_served(address).await);
}

#[tokio::test]
async fn a_client_that_never_reads_is_dropped() {
    let home = Home::new()
        .set("REQUEST_TIMEOUT_SECONDS", "1")
        .set("LOG_LEVEL", "warn,duly::cli=info,duly::http::server=debug");
    let server = home.serve();
    let address = server.address();
    let jane = server.client().registered("jane@example.com").await;
    for _ in 0..100 {
        let task = json!({ "title": "much", "description": "x".repeat(2000) });
        jane.post("/tasks", task).await.expect(StatusCode::CREATED);
    }
    let token = jane.token();
    let list = format!(
        "GET /api/v1/tasks?limit=200 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"
    );

    // Requests 100 MB or more, and reads nothing.
    let mut deaf = connect(address).await;
    let requests = list.repeat(500);
    let pour = timeout(PATIENCE, deaf.write_all(requests.as_bytes()));
    let _taken_or_cut_off = pour.await.expect("an end");

    let started = Instant::now();
    server.wait_for_log("a connection ended early");
    let took = started.elapsed();
    figure(&format!(
        "a client that never reads was dropped {took:?} after it had sent its requests"
    ));
    jane.get("/auth/me").await.expect(StatusCode::OK);
}

/// Requests that two parsers could read in two ways, and invalid ones.
fn malformed() -> Vec<(&'static str, String)> {
    let smuggled = HEALTH;
    let chunked = "Transfer-Encoding: chunked\r\n";
    vec![
        (
            "two kinds of length",
            format!("{LOGIN}Content-Length: 5\r\n{chunked}\r\n0\r\n\r\n{smuggled}"),
        ),
        (
            "two kinds of length, the other way round",
            format!("{LOGIN}{chunked}Content-Length: 5\r\n\r\n0\r\n\r\n{smuggled}"),
        ),
        (
            "two lengths",
            format!("{LOGIN}Content-Length: 3\r\nContent-Length: 4\r\n\r\na=b{smuggled}"),
        ),
        (
            "a length with a sign",
            format!("{LOGIN}Content-Length: +3\r\n\r\na=b{smuggled}"),
        ),
        (
            "a list of lengths",
            format!("{LOGIN}Content-Length: 3, 4\r\n\r\na=b{smuggled}"),
        ),
        (
            "an unknown coding",
            format!("{LOGIN}Transfer-Encoding: xchunked\r\n\r\n{smuggled}"),
        ),
        (
            "chunked is not the last coding",
            format!(
                "{LOGIN}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}"
            ),
        ),
        ("a chunk size that is none", format!("{LOGIN}{chunked}\r\nxyz\r\n{smuggled}")),
        (
            "a chunk size beyond all numbers",
            format!("{LOGIN}{chunked}\r\nfffffffffffffffff\r\n{smuggled}"),
        ),
        (
            "a chunk with more than it says",
            format!("{LOGIN}{chunked}\r\n1\r\nabc\r\n0\r\n\r\n{smuggled}"),
        ),
        (
            "an extension without end",
            format!("{LOGIN}{chunked}\r\n1;{}\r\n", "x".repeat(100_000)),
        ),
        (
            "a trailer without end",
            format!("{LOGIN}{chunked}\r\n0\r\nX: {}\r\n", "x".repeat(100_000)),
        ),
        (
            "a space before a colon",
            format!("GET /health HTTP/1.1\r\nHost : a\r\n\r\n{smuggled}"),
        ),
        (
            "a folded header",
            format!("GET /health HTTP/1.1\r\nHost: a\r\n b\r\n\r\n{smuggled}"),
        ),
        ("a zero byte", format!("GET /health HTTP/1.1\r\nHost: a\0b\r\n\r\n{smuggled}")),
        (
            "a header without a name",
            format!("GET /health HTTP/1.1\r\n: a\r\n\r\n{smuggled}"),
        ),
        (
            "a bare carriage return",
            format!("GET /health HTTP/1.1\rHost: a\r\n\r\n{smuggled}"),
        ),
        (
            "an unknown version",
            format!("GET /health HTTP/3.7\r\nHost: a\r\n\r\n{smuggled}"),
        ),
        ("no request line", format!("\0\x01\x02 hello\r\n\r\n{smuggled}")),
        ("another protocol", "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03".repeat(40)),
        ("the next version", format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{smuggled}")),
        (
            "a header without end",
            format!("GET /health HTTP/1.1\r\nX: {}", "x".repeat(100_000)),
        ),
        ("an address without end", format!("GET /{}", "x".repeat(100_000))),
        (
            "headers without end",
            format!("GET /health HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(5000)),
        ),
    ]
}

#[tokio::test]
async fn a_malformed_request_ends_its_connection_and_no_other() {
    let server = Home::new().set("HEADER_TIMEOUT_SECONDS", "2").serve();
    let address = server.address();
    let jane = server.client().registered("jane@example.com").await;

    for (what, request) in malformed() {
        let mut stream = connect(address).await;
        let (mut input, mut output) = stream.split();
        let mut bytes = Vec::new();
        let read = timeout(PATIENCE, input.read_to_end(&mut bytes));
        // The server may close before it has read everything.
        let (_, end) = tokio::join!(output.write_all(request.as_bytes()), read);
        let answer = String::from_utf8_lossy(&bytes);

        assert!(end.is_ok(), "{what}: still open, after {answer}");
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{what}: {answer}");
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{what}: {answer}"
        );
        assert!(
            answer.is_empty() || answer.contains(r#""request_id":""#),
            "{what}: {answer}"
        );
        jane.get("/auth/me").await.expect(StatusCode::OK);
    }
    drop(until_closed(&mut connect(address).await).await);
}

#[tokio::test]
async fn a_request_says_once_which_host_it_is_for() {
    let server = Home::new().serve();
    let ask = |line: &str, fields: &str| {
        let request = format!("{line}\r\nConnection: close\r\n{fields}\r\n");
        let address = server.address();
        async move { raw(address, request).await }
    };
    for fields in [
        "Host: a\r\n",
        "Host: tasks.example.com:8000\r\n",
        "Host: [::1]:8000\r\n",
        "host:\t127.0.0.1 \r\n",
    ] {
        for version in ["HTTP/1.1", "HTTP/1.0"] {
            let answer = ask(&format!("GET /health {version}"), fields).await;
            assert_eq!(answer.status, StatusCode::OK, "{fields}");
        }
    }
    assert_eq!(ask("GET /health HTTP/1.0", "").await.status, StatusCode::OK);

    for fields in [
        "",
        "Host:\r\n",
        "Host: a b\r\n",
        "Host: a/b\r\n",
        "Host: a:x\r\n",
        "Host: user@a\r\n",
        "Host: [::1\r\n",
        "Host: http://a\r\n",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nHost: b\r\n",
        "Host: a, b\r\n",
    ] {
        for line in [
            "GET /health HTTP/1.1",
            "GET http://a/health HTTP/1.1",
            "OPTIONS /health HTTP/1.1",
            "GET /api/v1/tasks HTTP/1.1",
        ] {
            ask(line, fields).await.expect_problem(400, "malformed");
        }
        if !fields.is_empty() {
            let old = ask("GET /health HTTP/1.0", fields).await;
            old.expect_problem(400, "malformed");
        }
    }
    let preflight =
        "Origin: http://localhost:3000\r\nAccess-Control-Request-Method: GET\r\n";
    ask("OPTIONS /health HTTP/1.1", preflight).await.expect_problem(400, "malformed");
}

/// Regression: a compressed body was read as plain text and refused as invalid JSON.
#[tokio::test]
async fn a_body_that_is_encoded_or_a_part_of_one_is_refused_as_such() {
    let server = Home::new().serve();
    let jane = server.client().registered("jane@example.com").await;
    let task = json!({ "title": "a" });
    let with = |name, value| jane.with_header(name, value);
    for value in ["gzip", "br", "identity, gzip", "x"] {
        let refused = with("content-encoding", value).post("/tasks", task.clone()).await;
        assert_eq!(refused.header("accept-encoding"), Some("identity"));
        refused.expect_problem(415, "unsupported_media_type");
        let encoded = with("content-encoding", value);
        encoded
            .patch("/auth/me", json!({}))
            .await
            .expect_problem(415, "unsupported_media_type");
        let form = encoded.form("/auth/login", LOGIN_FORM).await;
        form.expect_problem(415, "unsupported_media_type");
    }
    for value in ["identity", ""] {
        let plain = with("content-encoding", value);
        plain.post("/tasks", task.clone()).await.expect(StatusCode::CREATED);
    }
    with("content-range", "bytes 0-4/10")
        .post("/tasks", task)
        .await
        .expect_problem(400, "malformed");
    // A request without a body has no content to encode.
    with("content-encoding", "gzip").get("/tasks").await.expect(StatusCode::OK);
}

const LOGIN_FORM: &str = "username=jane%40example.com&password=password123";

/// Regression: after a refusal before its body had come, a client found the connection closed at its next request,
/// and the response did not say so. Programs that reused connections failed now and then.
#[tokio::test]
async fn a_refusal_before_the_body_leaves_a_connection_that_works_or_says_that_it_ends() {
    let server = Home::new().serve();
    let address = server.address();
    let start = |length: usize| {
        format!(
            "POST /api/v1/tasks HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
        )
    };

    let mut prompt = connect(address).await;
    prompt.write_all(start(2).as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let refused = ask(&mut prompt, "{}").await;
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    assert!(!refused.to_ascii_lowercase().contains("connection: close"), "{refused}");
    let next = ask(&mut prompt, HEALTH).await;
    assert!(next.starts_with("HTTP/1.1 200"), "{next}");

    let held_back = start(2).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    for request in [start(2), start(1 << 30), held_back] {
        let mut slow = connect(address).await;
        slow.write_all(request.as_bytes()).await.unwrap();
        let refused = until_closed(&mut slow).await.to_ascii_lowercase();
        assert!(refused.starts_with("http/1.1 4"), "{refused}");
        assert!(refused.contains("connection: close"), "{refused}");
    }
}
