//! Tests of the connection limiter: connections by network, requests through proxies by client.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::front_door::{
    GRACE, HEALTH, LOGIN, PATIENCE, ask, connect, connect_from, is_served, served_again,
    until_closed,
};
use crate::harness::Home;

/// Begins an upload that the server waits for, optionally on behalf of another client.
async fn upload(mut stream: TcpStream, header: &str) -> TcpStream {
    let request =
        format!("{LOGIN}{header}Content-Length: 2000\r\nExpect: 100-continue\r\n\r\n");
    let answer = ask(&mut stream, &request).await;
    assert!(answer.starts_with("HTTP/1.1 100 "), "{answer}");
    stream
}

#[tokio::test]
async fn a_network_has_a_limited_number_of_connections() {
    let server = Home::new().set("MAX_CONNECTIONS_PER_NETWORK", "4").serve();
    let address = server.address();
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(upload(connect(address).await, "").await);
    }

    assert!(!is_served(address).await);
    let mut other = connect_from("127.0.0.2", address).await;
    assert!(ask(&mut other, HEALTH).await.starts_with("HTTP/1.1 200 "));

    drop(open.pop());
    served_again(address, GRACE).await;
}

#[tokio::test]
async fn the_idle_connections_of_a_network_make_room_for_its_next() {
    let server = Home::new().set("MAX_CONNECTIONS_PER_NETWORK", "2").serve();
    let address = server.address();
    let (mut first, mut second) = (connect(address).await, connect(address).await);
    for stream in [&mut first, &mut second] {
        assert!(ask(stream, HEALTH).await.starts_with("HTTP/1.1 200 "));
    }

    // Only the server knows when the first two wait again.
    served_again(address, GRACE).await;

    let mut served = 0;
    for stream in [&mut first, &mut second] {
        served += usize::from(ask(stream, HEALTH).await.starts_with("HTTP/1.1 200 "));
    }
    assert_eq!(served, 1);
}

#[tokio::test]
async fn beyond_all_places_newcomers_wait_for_one() {
    let server = Home::new().set("MAX_CONNECTIONS", "2").serve();
    let address = server.address();
    let _first = upload(connect_from("127.0.1.2", address).await, "").await;
    let second = upload(connect_from("127.0.2.2", address).await, "").await;

    let mut third = connect(address).await;
    third.write_all(HEALTH.as_bytes()).await.unwrap();
    // Checks that no byte comes; there is no event to wait for.
    let mut byte = [0];
    assert!(timeout(Duration::from_millis(300), third.read(&mut byte)).await.is_err());

    drop(second);
    let read = timeout(PATIENCE, third.read(&mut byte)).await;
    assert_eq!(read.expect("an answer").unwrap(), 1);
}

/// Regression: eight addresses with slow headers held all places, and further clients waited until the first of
/// those reached its time limit.
#[tokio::test]
async fn slow_headers_keep_no_places_from_newcomers() {
    for (setting, named) in [("on", true), ("off", false)] {
        let home = Home::new()
            .set("MAX_CONNECTIONS", "17")
            .set("HEADER_TIMEOUT_SECONDS", "600")
            .set("LOG_NETWORKS", setting);
        let server = home.serve();
        let address = server.address();
        let uploading = upload(connect_from("127.0.9.1", address).await, "").await;
        let mut slow = Vec::new();
        for network in 1..9 {
            for _ in 0..2 {
                let from = format!("127.0.{network}.1");
                let mut stream = connect_from(&from, address).await;
                stream.write_all(b"GET /health HTTP/1.1\r\nX: ").await.unwrap();
                slow.push(stream);
            }
        }

        assert!(is_served(address).await);

        assert_eq!(until_closed(&mut slow[0]).await, "");
        let line = server.wait_for_log(
            "reached the limit of connections or requests: some are closed, refused or delayed",
        );
        assert_eq!((&line["event"], &line["evicted"]), (&json!("gate_full"), &json!(1)));
        assert_eq!(line["client.network"].is_string(), named, "{line}");
        // An upload is not closed to make room, and continues.
        let mut uploading = uploading;
        let answer = ask(&mut uploading, &"x".repeat(2000)).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
}

#[tokio::test]
async fn requests_through_a_proxy_are_counted_by_the_client_that_it_names() {
    let home = Home::new()
        .set("TRUSTED_PROXIES", "127.0.0.1")
        .set("MAX_CONNECTIONS_PER_NETWORK", "2");
    let server = home.serve();
    let address = server.address();
    let of = |client: &str| format!("X-Forwarded-For: {client}\r\n");
    let health =
        |client: &str| HEALTH.replace("\r\n\r\n", &format!("\r\n{}\r\n", of(client)));
    let mut open = Vec::new();
    for client in ["2001:db8::1", "2001:db8::2"] {
        open.push(upload(connect(address).await, &of(client)).await);
    }

    let refused = ask(&mut connect(address).await, &health("2001:db8::3")).await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(refused.contains(r#""code":"too_many_requests_at_once""#), "{refused}");
    assert!(refused.to_ascii_lowercase().contains("retry-after: "), "{refused}");
    let other = ask(&mut connect(address).await, &health("2001:db8:1::1")).await;
    assert!(other.starts_with("HTTP/1.1 200 "), "{other}");

    drop(open.pop());
    let started = Instant::now();
    while !ask(&mut connect(address).await, &health("2001:db8::3"))
        .await
        .contains(" 200 ")
    {
        assert!(started.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
