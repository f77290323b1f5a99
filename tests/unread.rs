//! Tests of unread responses: the memory that they take, and the room that other clients have beside them.

use std::net::SocketAddr;

use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::front_door::peak_kib;
use crate::harness::client::BASE;
use crate::harness::tls::{Certificate, HTTP_2, request};
use crate::harness::{Client, Home, Process};

/// Memory for the responses to one account, by the page on limits.
const SHARE: usize = 16 << 20;

/// Bytes that are reserved for the result of a change in a batch.
const RESERVED: usize = 8 << 10;

/// Number of clients that read nothing, far above the room for them.
const DEAF: usize = 100;

/// Other memory of the server meanwhile, in KiB.
const BESIDE_KIB: u64 = 24 << 10;

/// Accounts: Jane, who has a list of megabytes, and John, who has one task.
async fn given(anybody: &Client) -> (Client, Client) {
    let jane = anybody.registered("jane@example.com").await;
    let john = anybody.registered("john@example.com").await;
    given_long_tasks(&jane, 200).await;
    john.given_task("a").await;
    (jane, john)
}

/// Creates this many long tasks, ten at a time.
async fn given_long_tasks(client: &Client, count: usize) {
    for _ in 0..count / 10 {
        let create = json!({ "op": "create", "task": longest() });
        let body = json!({ "operations": vec![create; 10] });
        client.post("/tasks/batch", body).await.expect(StatusCode::OK);
    }
}

/// Task with the longest JSON.
fn longest() -> Value {
    let escaped = |length| "\u{1}".repeat(length);
    json!({ "title": format!("a{}", escaped(254)), "description": escaped(2000) })
}

const LIST: &str = "/tasks?limit=200";

/// Home with time limits that no client reaches, however slow the machine.
fn home() -> Home {
    Home::new()
        .set("MAX_CONNECTIONS_PER_NETWORK", "500")
        .set("REQUEST_TIMEOUT_SECONDS", "600")
        .set("HEADER_TIMEOUT_SECONDS", "600")
}

/// Sends a request and reads nothing.
async fn deaf(address: SocketAddr, client: &Client, line: &str, body: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let (token, length) = (client.token(), body.len());
    let request = format!(
        "{line} HTTP/1.1\r\nHost: a\r\nX-Request-Id: deaf-request\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Logged statuses of this many requests of clients that do not read.
fn served(server: &Process, count: usize) -> Vec<u64> {
    let mut statuses = Vec::new();
    while statuses.len() < count {
        let line = server.wait_for_log("request served");
        if line["request.id"] == "deaf-request" {
            statuses.push(line["http.status"].as_u64().unwrap());
        }
    }
    statuses
}

fn count(statuses: &[u64], status: u64) -> usize {
    statuses.iter().filter(|it| **it == status).count()
}

/// Leaves as many lists unread as fit into the share of an account. Returns the number of bytes left.
async fn hold_share(server: &Process, client: &Client) -> (Vec<TcpStream>, usize) {
    let size = client.get(LIST).await.bytes.len();
    let mut held = Vec::new();
    for _ in 0..SHARE / size {
        let line = format!("GET {BASE}{LIST}");
        held.push(deaf(server.address(), client, &line, "").await);
        assert_eq!(served(server, 1), [200]);
    }
    (held, SHARE % size)
}

/// Repeats a request until a response has this status.
async fn until(client: &Client, path: &str, status: StatusCode) {
    while client.get(path).await.status != status {
        tokio::task::yield_now().await;
    }
}

/// Regression: hyper took a response whole, and its reserved memory was released with its body, before a byte was
/// sent: 128 connections of one account took 350 MB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_1_an_account_that_reads_nothing_holds_its_share_and_no_more() {
    let home = home();
    let server = home.serve();
    let address = server.address();
    let (jane, john) = given(&server.client()).await;
    let size = jane.get(LIST).await.bytes.len();
    let before = peak_kib(&server);

    let mut held = Vec::new();
    for _ in 0..DEAF {
        held.push(deaf(address, &jane, &format!("GET {BASE}{LIST}"), "").await);
    }
    let statuses = served(&server, DEAF);

    assert_eq!(count(&statuses, 200), SHARE / size, "{statuses:?}");
    assert_eq!(count(&statuses, 503), DEAF - SHARE / size);
    let growth = peak_kib(&server) - before;
    assert!(growth < (SHARE >> 10) as u64 + BESIDE_KIB, "grew by {growth} KiB");
    jane.get(LIST).await.expect_problem(503, "account_busy");
    jane.get("/auth/me/export").await.expect_problem(503, "account_busy");
    jane.get("/auth/me").await.expect(StatusCode::OK);
    john.get(LIST).await.expect(StatusCode::OK);
    assert_eq!(john.get("/auth/me/export").await.status, StatusCode::OK);

    drop(held);
    until(&jane, LIST, StatusCode::OK).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_2_an_account_that_reads_nothing_holds_its_share_and_no_more() {
    const CONNECTIONS: usize = 20;
    let (certificate, home) = (Certificate::new(), home());
    let (jane, john) = given(&home.serve().client()).await;
    certificate.write(home.folder.path());
    let home = home.set("TLS_CERT_FILE", "cert.pem").set("TLS_KEY_FILE", "key.pem");
    let server = home.serve();
    let ask = |client: &Client| {
        let path = format!("{BASE}{LIST}");
        let mut request = request("GET", &path, Some(client.token()), "");
        let id = "deaf-request".parse().unwrap();
        request.headers_mut().insert("x-request-id", id);
        request
    };
    let quick = certificate.client(&[HTTP_2]).http2(server.address()).await;
    let (status, _, list) = quick.send(ask(&jane)).await.unwrap();
    assert_eq!((status, served(&server, 1)), (StatusCode::OK, vec![200]));
    let before = peak_kib(&server);

    let (mut held, mut answers) = (Vec::new(), JoinSet::new());
    for _ in 0..CONNECTIONS {
        let client = certificate.client(&[HTTP_2]);
        let deaf = client.http2_with(server.address(), |it| {
            it.initial_stream_window_size(0);
        });
        let deaf = deaf.await;
        for _ in 0..4 {
            answers.spawn(deaf.send(ask(&jane)));
        }
        held.push(deaf);
    }
    let statuses = served(&server, 4 * CONNECTIONS);

    assert_eq!(count(&statuses, 200), SHARE / list.len(), "{statuses:?}");
    let growth = peak_kib(&server) - before;
    assert!(growth < (SHARE >> 10) as u64 + BESIDE_KIB, "grew by {growth} KiB");
    assert_eq!(quick.send(ask(&jane)).await.unwrap().0, 503);
    assert_eq!(quick.send(ask(&john)).await.unwrap().0, 200);
    answers.abort_all();
    drop(held);
    while quick.send(ask(&jane)).await.unwrap().0 != 200 {}
}

/// Regression: the body of a problem was created after the response was counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_problems_are_counted_as_well() {
    let home = home();
    let server = home.serve();
    let address = server.address();
    let (jane, john) = given(&server.client()).await;
    let stale =
        |id: u64| json!({ "op": "patch", "id": id, "task": {}, "if_match": "\"9\"" });
    let body = json!({ "operations": (1..=200).map(stale).collect::<Vec<_>>() });
    let size = jane.post("/tasks/batch", body.clone()).await.bytes.len();
    let before = peak_kib(&server);

    let (mut held, mut statuses) = (Vec::new(), Vec::new());
    for _ in 0..DEAF / 3 {
        let line = format!("POST {BASE}/tasks/batch");
        held.push(deaf(address, &jane, &line, &body.to_string()).await);
        statuses.extend(served(&server, 1));
    }
    assert_eq!(count(&statuses, 412), SHARE / size, "{statuses:?}");
    let growth = peak_kib(&server) - before;
    assert!(growth < (SHARE >> 10) as u64 + BESIDE_KIB, "grew by {growth} KiB");
    jane.post("/tasks/batch", body).await.expect_problem(503, "account_busy");
    john.get(LIST).await.expect(StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_in_memory_once_however_many_do_not_read_them() {
    let home = home();
    let server = home.serve();
    let jane = server.client().registered("jane@example.com").await;
    let page = jane.get("!/docs/swagger-ui.js").await.bytes.len();
    let before = peak_kib(&server);

    let mut held = Vec::new();
    for _ in 0..DEAF {
        held.push(deaf(server.address(), &jane, "GET /docs/swagger-ui.js", "").await);
    }
    let statuses = served(&server, DEAF);

    assert_eq!(count(&statuses, 200), DEAF);
    let growth = peak_kib(&server) - before;
    assert!(growth < (page / 100) as u64, "grew by {growth} KiB");
}

/// Completes this many of 200 long tasks, some of them again. Each takes more in the
/// response than is reserved for it.
fn completions(count: usize) -> Value {
    let complete = |number| json!({ "op": "complete", "id": number % 200 + 1 });
    json!({ "operations": (0..count).map(complete).collect::<Vec<_>>() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_without_room_for_its_answer_says_that_it_was_done_and_its_key_has_the_answer()
 {
    let home = home();
    let server = home.serve();
    let (jane, _) = given(&server.client()).await;
    let (held, room) = hold_share(&server, &jane).await;
    let keyed = jane.with_header("idempotency-key", "one");
    let (changes, body) = (room / RESERVED, completions(room / RESERVED));

    keyed.post("/tasks/batch", body.clone()).await.expect_problem(503, "outcome_unknown");

    drop(held);
    until(&jane, LIST, StatusCode::OK).await;
    let again = keyed.post("/tasks/batch", body).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let results = again.expect(StatusCode::OK)["results"].clone();
    assert_eq!(results.as_array().unwrap().len(), changes);
    let list = jane.get("/tasks?completed=true&limit=1").await;
    let done = changes.min(200).to_string();
    assert_eq!(list.header("x-total-count"), Some(done.as_str()));
}

/// Regression: results of many batches waited to be rendered; with 240 clients the server took 267 MB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_without_room_for_its_results_is_refused_before_it_is_done() {
    let home = home();
    let server = home.serve();
    let (jane, _) = given(&server.client()).await;
    let (_held, room) = hold_share(&server, &jane).await;

    let refused = jane.post("/tasks/batch", completions(room / RESERVED + 1)).await;

    refused.expect_problem(503, "account_busy");
    jane.post("/tasks/batch", completions(1)).await.expect_problem(503, "account_busy");
    assert_eq!(jane.get("/tasks/1").await.expect(StatusCode::OK)["completed"], false);
    jane.get("/tasks?limit=1").await.expect(StatusCode::OK);
}

/// Regression: each refused list was read and rendered first, and 500 clients that repeated the
/// request took all processor time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_refused_answer_the_next_long_one_is_refused_before_anything_is_done() {
    let home = home();
    let server = home.serve();
    let (jane, john) = given(&server.client()).await;
    let (held, _) = hold_share(&server, &jane).await;
    let complete = json!({ "operations": [{ "op": "complete", "id": 1 }] });

    jane.get(LIST).await.expect_problem(503, "account_busy");
    let refused = jane.post("/tasks/batch", complete.clone()).await;

    assert_eq!(refused.header("retry-after"), Some("1"));
    refused.expect_problem(503, "account_busy");
    assert_eq!(jane.get("/tasks/1").await.expect(StatusCode::OK)["completed"], false);
    john.get(LIST).await.expect(StatusCode::OK);
    drop(held);
    until(&jane, LIST, StatusCode::OK).await;
    jane.post("/tasks/batch", complete).await.expect(StatusCode::OK);
}

/// Regression: eight accounts of one network took all places for exports.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_has_one_export_at_a_time_and_keeps_nobody_from_another_one() {
    const ACCOUNTS: usize = 12;
    let home = home();
    let server = home.serve();
    let (jane, john) = given(&server.client()).await;
    let line = format!("GET {BASE}/auth/me/export");
    let mut held = Vec::new();
    for number in 0..ACCOUNTS {
        let other = server.client().registered(&format!("{number}@example.com")).await;
        given_long_tasks(&other, 60).await;
        held.push(deaf(server.address(), &other, &line, "").await);
    }
    held.push(deaf(server.address(), &jane, &line, "").await);
    assert_eq!(served(&server, ACCOUNTS + 1), [200; ACCOUNTS + 1]);

    jane.get("/auth/me/export").await.expect_problem(503, "account_busy");
    assert_eq!(john.get("/auth/me/export").await.status, StatusCode::OK);
}
