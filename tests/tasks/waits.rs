//! Tests of the places of requests and streams that wait for changes.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::events::open;
use crate::harness::client::BASE;
use crate::harness::events::Events;
use crate::harness::{Client, Server};

/// Number of tasks that fill the buffers of a connection.
const MANY: usize = 4_000;

/// The same client in another network, behind the proxy.
fn from(client: &Client, network: u8) -> Client {
    client.with_header("x-forwarded-for", &format!("192.0.2.{network}"))
}

#[tokio::test]
async fn a_network_has_a_quarter_of_all_places_and_an_account_no_more() {
    let flags = ["--max-connections", "16", "--trusted-proxies", "127.0.0.1"];
    let server = Server::with(&flags).await;
    let mut people = Vec::new();
    for number in 0..5 {
        people.push(server.client.registered(&format!("p{number}@example.com")).await);
    }
    let refused = async |person: &Client, network: u8| {
        let answer = from(person, network).stream("/events").await.unwrap_err();
        assert_eq!(answer.header("retry-after"), Some("25"));
        answer.expect(StatusCode::SERVICE_UNAVAILABLE)["code"].clone()
    };
    let mut streams: Vec<Events> = Vec::new();
    for (person, network) in people.iter().zip(1..5) {
        for _ in 0..2 {
            streams.push(open(&from(person, network), "").await.0);
        }
        if network == 1 {
            assert_eq!(refused(person, 2).await, "account_busy");
            assert_eq!(refused(&people[1], 1).await, "busy");
        }
    }

    // All eight places are taken.
    assert_eq!(refused(&people[4], 5).await, "busy");
}

/// Opens a stream on a connection that has little room for data.
async fn narrow(jane: &Client) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(jane.address()).await.unwrap();
    let (token, address) = (jane.token(), jane.address());
    let head = format!("GET {BASE}/events HTTP/1.1\r\nHost: {address}\r\n");
    let head = format!("{head}Authorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.readable().await.unwrap();
    stream
}

/// Makes tasks with long descriptions.
async fn fill(jane: &Client) {
    let task = json!({ "title": "a", "description": "x".repeat(2_000) });
    let operations: Vec<Value> =
        (0..100).map(|_| json!({ "op": "create", "task": task })).collect();
    for _ in 0..MANY / 100 {
        let batch = json!({ "operations": operations });
        jane.post("/tasks/batch", batch).await.expect(StatusCode::OK);
    }
}

/// Waits for a place for another stream.
async fn place(jane: &Client) {
    while let Err(answer) = jane.stream("/events?kinds=account").await {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_a_stream_is_cut_and_misses_nothing_later() {
    let server = Server::with(&["--request-timeout-seconds", "5"]).await;
    let jane = server.client.registered("jane@example.com").await;
    let mut slow = narrow(&jane).await;
    let mut others = Vec::new();
    for _ in 0..7 {
        others.push(open(&jane, "kinds=account").await);
    }
    fill(&jane).await;

    place(&jane).await;

    let mut bytes = Vec::new();
    // A connection that is cut may be reset.
    drop(slow.read_to_end(&mut bytes).await);
    let text = String::from_utf8_lossy(&bytes);
    let text = text.rsplit_once("\n\n").unwrap().0;
    let last = |field: &str| {
        let line = text.lines().rev().find_map(|line| line.strip_prefix(field));
        line.unwrap_or_else(|| panic!("no {field}: {text:.500}"))
    };
    let seen = last("data: {\"op\":\"put\"").matches("\"kind\":\"task\"").count();
    assert_eq!(seen, 1);
    let (again, cursor) = (jane.with_header("last-event-id", last("id: ")), last("id: "));
    let path = format!("/tasks/changes?limit=1&since={cursor}");
    let next = jane.get(&path).await.expect(StatusCode::OK);
    let next = usize::try_from(next["changes"][0]["task"]["id"].as_u64().unwrap());
    let next = next.unwrap();
    let count = text.matches("event: put\n").count();
    assert_eq!(count + 1, next, "a change was left out");
    assert!(next <= MANY, "not cut");
    let (mut events, _) = open(&again, "").await;
    for id in next..=MANY {
        assert_eq!(events.change().await.0, format!("put task {id}"));
    }
}
