//! Tests of HTTP/2: many requests on one connection, with no more harm than from many connections.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::harness::Home;
use crate::harness::client::{BASE, PASSWORD};
use crate::harness::tls::{Certificate, HTTP_2, Http2, request};

/// Time beyond its limits that the server may take on a busy machine.
const GRACE: Duration = Duration::from_millis(2500);

/// Longest time that a client waits for an event that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Log-in to an account that does not exist.
const LOGIN: &str = "username=jane%40example.com&password=password123";

struct Tls {
    home: Home,
    certificate: Certificate,
}

impl Tls {
    fn with(settings: &[(&str, &str)]) -> Self {
        let certificate = Certificate::new();
        let home =
            Home::new().set("TLS_CERT_FILE", "cert.pem").set("TLS_KEY_FILE", "key.pem");
        certificate.write(home.folder.path());
        let home =
            settings.iter().fold(home, |home, (name, value)| home.set(name, value));
        Self { home, certificate }
    }

    async fn connect(&self, address: SocketAddr) -> Http2 {
        self.certificate.client(&[HTTP_2]).http2(address).await
    }
}

/// Registers an account and returns its token.
async fn registered(http2: &Http2) -> String {
    let account = json!({ "email": "jane@example.com", "password": PASSWORD });
    let path = format!("{BASE}/auth/register");
    let made = http2.send(request("POST", &path, None, account.to_string())).await;
    assert_eq!(made.unwrap().0, StatusCode::CREATED);
    let form = format!("username=jane%40example.com&password={PASSWORD}");
    let path = format!("{BASE}/auth/login");
    let (status, _, body) = http2.send(request("POST", &path, None, form)).await.unwrap();
    assert_eq!(status, StatusCode::OK);
    let tokens: Value = serde_json::from_slice(&body).unwrap();
    tokens["access_token"].as_str().unwrap().to_owned()
}

/// Creates tasks whose list is long.
async fn fill(http2: &Http2, token: &str, count: usize) {
    let mut making = JoinSet::new();
    for number in 0..count {
        let task =
            json!({ "title": format!("{number}"), "description": "x".repeat(2000) });
        let path = format!("{BASE}/tasks");
        making.spawn(http2.send(request("POST", &path, Some(token), task.to_string())));
    }
    while let Some(made) = making.join_next().await {
        let (status, headers, _) = made.unwrap().unwrap();
        assert_eq!(status, StatusCode::CREATED);
        assert!(headers.contains_key("location") && headers.contains_key("etag"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_at_once_are_all_answered_whole() {
    let tls = Tls::with(&[]);
    let server = tls.home.serve();
    let http2 = tls.connect(server.address()).await;
    let token = registered(&http2).await;
    fill(&http2, &token, 200).await;

    let mut asked = JoinSet::new();
    for _ in 0..100 {
        let path = format!("{BASE}/tasks?limit=200");
        asked.spawn(http2.send(request("GET", &path, Some(&token), "")));
    }

    while let Some(answer) = asked.join_next().await {
        let (status, headers, body) = answer.unwrap().unwrap();
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers["content-length"], body.len().to_string());
        let tasks: Vec<Value> = serde_json::from_slice(&body).unwrap();
        assert_eq!(tasks.len(), 200);
        assert!(tasks.iter().all(|it| it["description"].as_str().unwrap().len() == 2000));
    }
    let line = server.wait_for_log("request served");
    assert_eq!(line["http.route"], format!("{BASE}/auth/register"));
}

#[tokio::test]
async fn an_answer_to_head_has_no_body() {
    let tls = Tls::with(&[]);
    let server = tls.home.serve();
    let http2 = tls.connect(server.address()).await;

    for path in ["/health", "/docs", "/nothing"] {
        let (status, get, body) = http2.get(path).await;
        let head = http2.send(request("HEAD", path, None, "")).await.unwrap();
        assert_eq!(head.0, status, "{path}");
        assert!(head.2.is_empty() && !body.is_empty(), "{path}");
        let length = head.1.get("content-length");
        assert!(length.is_none_or(|length| length == get["content-length"]), "{path}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused_as_ever() {
    let tls = Tls::with(&[]);
    let server = tls.home.serve();
    let http2 = tls.connect(server.address()).await;

    let mut long = request("GET", "/health", None, "");
    long.headers_mut().insert("x-long", "x".repeat(17 * 1024).parse().unwrap());
    let login = format!("{BASE}/auth/login");
    let large = request("POST", &login, None, "a".repeat(100_000));

    for (request, status, code) in
        [(long, 431, "header_too_large"), (large, 413, "body_too_large")]
    {
        let (found, _, body) = http2.send(request).await.unwrap();
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((found.as_u16(), problem["code"].as_str()), (status, Some(code)));
    }
    assert_eq!(http2.get("/health").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_host_beside_the_authority_is_the_same() {
    let tls = Tls::with(&[]);
    let server = tls.home.serve();
    let http2 = tls.connect(server.address()).await;
    for (hosts, status) in [
        (vec![], 200),
        (vec!["localhost"], 200),
        (vec!["LOCALHOST"], 200),
        (vec!["other"], 400),
        (vec!["localhost", "localhost"], 400),
        (vec!["local host"], 400),
    ] {
        let mut asked = request("GET", "/health", None, "");
        for host in &hosts {
            asked.headers_mut().append("host", host.parse().unwrap());
        }
        assert_eq!(http2.send(asked).await.unwrap().0.as_u16(), status, "{hosts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_requests_is_closed_and_one_with_them_is_not() {
    let limit = Duration::from_secs(1);
    let tls = Tls::with(&[("HEADER_TIMEOUT_SECONDS", "1")]);
    let server = tls.home.serve();
    let busy = tls.connect(server.address()).await;
    let waiting = tls.connect(server.address()).await;
    let (body, answer) = begin(&waiting).await;
    let idle = tls.connect(server.address()).await;
    assert_eq!(idle.get("/health").await.0, StatusCode::OK);

    let started = Instant::now();
    let mut ended = idle.ended;
    let took = loop {
        assert_eq!(busy.get("/health").await.0, StatusCode::OK);
        if timeout(limit / 5, &mut ended).await.is_ok() {
            break started.elapsed();
        }
        assert!(started.elapsed() < PATIENCE);
    };
    while started.elapsed() < 3 * limit {
        assert_eq!(busy.get("/health").await.0, StatusCode::OK);
        tokio::time::sleep(limit / 5).await;
    }

    assert!(took > limit / 2 && took < limit + GRACE, "{took:?}");
    assert!(!busy.ended.is_finished());
    // One long request keeps the connection open.
    body.send(Bytes::from(LOGIN)).unwrap();
    assert_eq!(answer.await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

/// HTTP/2 frame of a client.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// Regression: Node sends all its requests before it knows how many the server accepts, and does not repeat any.
#[tokio::test]
async fn many_requests_in_the_first_bytes_of_a_connection_are_all_answered() {
    const COUNT: u8 = 100;
    let tls = Tls::with(&[]);
    let server = tls.home.serve();
    let client = tls.certificate.client(&[HTTP_2]);
    let stream = client.connect(server.address()).await.unwrap();
    let (mut input, mut output) = tokio::io::split(stream);
    // `GET https://a/health`, whole, without a body.
    let header = [&[0x82, 0x87, 0x04, 7][..], b"/health", &[0x01, 1], b"a"].concat();
    let streams = (0..COUNT).map(|number| frame(1, 5, 2 * number + 1, &header));
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    bytes.extend(streams.flatten());
    output.write_all(&bytes).await.unwrap();
    output.flush().await.unwrap();

    let (mut answered, mut ended) = (0, 0);
    while ended < COUNT {
        let mut head = [0; 9];
        timeout(PATIENCE, input.read_exact(&mut head)).await.unwrap().unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        input.read_exact(&mut payload).await.unwrap();
        let (kind, flags) = (head[3], head[4]);
        assert!(kind != 3 && kind != 7, "reset or sent away: {payload:?}");
        if kind == 1 {
            answered += 1;
        }
        ended += u8::from(matches!(kind, 0 | 1) && flags & 1 == 1);
    }

    assert_eq!(answered, COUNT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_come_to_a_request_is_let_go() {
    let limit = Duration::from_secs(1);
    let tls = Tls::with(&[("HEADER_TIMEOUT_SECONDS", "1")]);
    let server = tls.home.serve();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let greeting = [preface.clone(), frame(4, 0, 0, &[])].concat();
    // `:method: GET` as the first part of a header without an end.
    let half = [greeting.clone(), frame(1, 0, 1, &[0x82])].concat();

    let mut held = JoinSet::new();
    for (begin, then) in [
        (Vec::new(), Vec::new()),
        (preface[..10].to_vec(), Vec::new()),
        (preface, Vec::new()),
        (greeting.clone(), Vec::new()),
        (half, frame(9, 0, 1, &[])),
        // Pings do not keep a connection open.
        (greeting, frame(6, 0, 0, &[7; 8])),
    ] {
        let client = tls.certificate.client(&[HTTP_2]);
        let address = server.address();
        held.spawn(async move {
            let stream = client.connect(address).await.unwrap();
            let (mut input, mut output) = tokio::io::split(stream);
            let started = Instant::now();
            output.write_all(&begin).await.unwrap();
            let dribble = async {
                while !then.is_empty() && output.write_all(&then).await.is_ok() {
                    drop(output.flush().await);
                    tokio::time::sleep(limit / 10).await;
                }
                std::future::pending::<()>().await;
            };
            let mut bytes = Vec::new();
            let end = tokio::select! {
                end = timeout(PATIENCE, input.read_to_end(&mut bytes)) => end,
                () = dribble => unreachable!(),
            };
            assert!(end.is_ok(), "still open");
            (begin.len(), started.elapsed())
        });
    }

    while let Some(ended) = held.join_next().await {
        let (length, took) = ended.unwrap();
        // The client has one more second to agree to the end.
        assert!(took < 2 * limit + GRACE, "{length}: {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_takes_are_given_up_and_others_are_served_meanwhile() {
    let tls = Tls::with(&[("REQUEST_TIMEOUT_SECONDS", "1")]);
    let server = tls.home.serve();
    let address = server.address();
    let http2 = tls.connect(address).await;
    let token = registered(&http2).await;
    fill(&http2, &token, 50).await;

    // Connections whose responses cannot be sent.
    let mut deaf = Vec::new();
    let mut answers = JoinSet::new();
    for _ in 0..24 {
        let client = tls.certificate.client(&[HTTP_2]);
        let http2 = client
            .http2_with(address, |it| {
                it.initial_stream_window_size(0);
            })
            .await;
        for _ in 0..4 {
            let path = format!("{BASE}/tasks");
            answers.spawn(http2.send(request("GET", &path, Some(&token), "")));
        }
        deaf.push(http2);
    }
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(1) {
        let asked = Instant::now();
        let (status, _, _) = http2.get("/health/ready").await;
        assert_eq!(status, StatusCode::OK);
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    }

    while let Some(answer) = answers.join_next().await {
        assert!(answer.unwrap().is_err());
    }
    // A second for the request, one for the response.
    let took = started.elapsed();
    assert!(took > Duration::from_secs(1), "{took:?}");
    assert!(took < Duration::from_secs(2) + GRACE, "{took:?}");
    let mut asked = JoinSet::new();
    for _ in 0..30 {
        asked.spawn(http2.send(request("GET", "/health", None, "")));
    }
    while let Some(answer) = asked.join_next().await {
        assert_eq!(answer.unwrap().unwrap().0, StatusCode::OK);
    }
}

/// Body that comes later.
struct Late(oneshot::Receiver<Bytes>);

impl Body for Late {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0.is_terminated() {
            return Poll::Ready(None);
        }
        let bytes = ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(bytes.ok().map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// Begins a log-in that the server waits for; returns the missing rest and the pending response.
async fn begin(
    http2: &Http2,
) -> (
    oneshot::Sender<Bytes>,
    impl Future<Output = hyper::Result<Response<Incoming>>> + use<>,
) {
    let (sender, body) = oneshot::channel();
    let path = format!("{BASE}/auth/login");
    let login = request("POST", &path, None, "a").map(|_| Late(body).boxed());
    let answer = http2.sender.clone().send_request(login);
    // Requests are seen in the order in which they begin.
    assert_eq!(http2.get("/health").await.0, StatusCode::OK);
    (sender, answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_lets_requests_finish() {
    let tls = Tls::with(&[]);
    let server = tls.home.serve();
    let idle = tls.connect(server.address()).await;
    assert_eq!(idle.get("/health").await.0, StatusCode::OK);
    let http2 = tls.connect(server.address()).await;
    let (body, answer) = begin(&http2).await;

    server.signal("TERM");
    server.wait_for_log("stopping");
    timeout(PATIENCE, idle.ended).await.expect("an end").unwrap();
    body.send(Bytes::from(LOGIN)).unwrap();

    let started = Instant::now();
    assert_eq!(answer.await.unwrap().status(), StatusCode::UNAUTHORIZED);
    timeout(PATIENCE, http2.ended).await.expect("an end").unwrap();
    assert_eq!(server.terminate(), Some(0));
    assert!(started.elapsed() < GRACE, "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_hangs_holds_the_end_up_for_a_limited_time() {
    let tls = Tls::with(&[("SHUTDOWN_SECONDS", "1")]);
    let server = tls.home.serve();
    let http2 = tls.connect(server.address()).await;
    let (body, answer) = begin(&http2).await;

    let started = Instant::now();
    assert_eq!(server.terminate(), Some(0));

    assert!(started.elapsed() < Duration::from_secs(1) + GRACE);
    assert!(answer.await.is_err());
    assert!(tls.home.run(&["check"], "").status.success());
    drop(body);
}

/// Opens a stream of changes, and reads its first event.
async fn stream(http2: &Http2, token: &str) -> Incoming {
    let path = format!("{BASE}/events");
    let asked = request("GET", &path, Some(token), "");
    let answer = http2.sender.clone().send_request(asked).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let mut body = answer.into_body();
    assert!(event(&mut body).await.contains("event: ready\n"));
    body
}

/// Waits for the next bytes of a stream.
async fn event(stream: &mut Incoming) -> String {
    let frame = timeout(PATIENCE, stream.frame()).await.expect("an event");
    let bytes = frame.expect("an open stream").unwrap().into_data().unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Regression: four of them held all the turns of the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_and_requests_that_wait_keep_no_other_from_being_answered() {
    let tls = Tls::with(&[]);
    let server = tls.home.serve();
    let http2 = tls.connect(server.address()).await;
    let token = registered(&http2).await;
    let get = |path: &str| {
        http2.send(request("GET", &format!("{BASE}{path}"), Some(&token), ""))
    };
    let (_, _, page) = get("/tasks/changes").await.unwrap();
    let page: Value = serde_json::from_slice(&page).unwrap();
    let since = page["cursor"].as_str().unwrap();

    let mut waiting = JoinSet::new();
    for _ in 0..2 {
        waiting.spawn(get(&format!("/tasks/changes?wait=25&since={since}")));
    }
    let mut streams = Vec::new();
    for _ in 0..6 {
        streams.push(timeout(PATIENCE, stream(&http2, &token)).await.expect("a stream"));
    }
    for _ in 0..10 {
        let answer = timeout(PATIENCE / 3, get("/auth/me")).await.expect("an answer");
        assert_eq!(answer.unwrap().0, StatusCode::OK);
    }

    assert!(waiting.try_join_next().is_none());
    fill(&http2, &token, 1).await;
    for stream in &mut streams {
        assert!(event(stream).await.contains("event: put\n"));
    }
    while let Some(answer) = waiting.join_next().await {
        assert_eq!(answer.unwrap().unwrap().0, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_outlives_the_time_limit_of_requests() {
    let limit = Duration::from_secs(1);
    let tls = Tls::with(&[("REQUEST_TIMEOUT_SECONDS", "1")]);
    let server = tls.home.serve();
    let http2 = tls.connect(server.address()).await;
    let token = registered(&http2).await;
    let mut stream = stream(&http2, &token).await;

    let started = Instant::now();
    while started.elapsed() < 3 * limit {
        assert_eq!(http2.get("/health").await.0, StatusCode::OK);
        tokio::time::sleep(limit / 5).await;
    }
    fill(&http2, &token, 1).await;

    assert!(event(&mut stream).await.contains("event: put\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_whose_events_nobody_takes_is_given_up() {
    let limit = Duration::from_secs(1);
    let tls = Tls::with(&[("REQUEST_TIMEOUT_SECONDS", "1")]);
    let server = tls.home.serve();
    let http2 = tls.connect(server.address()).await;
    let token = registered(&http2).await;
    // Fits the first event, and not the others.
    let deaf = tls.certificate.client(&[HTTP_2]);
    let deaf = deaf
        .http2_with(server.address(), |it| {
            it.initial_stream_window_size(1024);
        })
        .await;
    let path = format!("{BASE}/events");
    let asked = request("GET", &path, Some(&token), "");
    let answer = deaf.sender.clone().send_request(asked).await.unwrap();
    // More than one portion waits: the server takes one from the stream before it can send it.
    fill(&http2, &token, 20).await;

    let started = Instant::now();
    while started.elapsed() < 2 * limit + GRACE {
        assert_eq!(http2.get("/health").await.0, StatusCode::OK);
        tokio::time::sleep(limit / 5).await;
    }

    let taken = timeout(PATIENCE, answer.into_body().collect()).await.expect("an end");
    assert!(taken.is_err());
}
