//! Tests of how long streams of changes and their tickets live.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::json;

use super::events::{bye, open, opened, refused, ticket};
use super::given;
use crate::harness::Client;

const MINUTE: Duration = Duration::from_secs(60);
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Moves the timers of the server forward.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// The same client with connections of its own: the server has closed those that were idle.
fn newcomer(client: &Client) -> Client {
    Client::new(client.address())
}

#[tokio::test]
async fn a_stream_without_changes_gives_signs_of_life() {
    let (_server, jane) = given().await;
    let (mut events, cursor) = open(&jane, "").await;
    for _ in 0..3 {
        pass(HEARTBEAT).await;
        // A browser keeps the id, and has no event.
        assert_eq!(events.block().await.unwrap(), format!(":\nid: {cursor}\n\n"));
    }
}

#[tokio::test]
async fn changes_of_other_kinds_put_no_sign_of_life_off_and_move_its_cursor() {
    let (_server, jane) = given().await;
    let (mut events, begin) = open(&jane, "kinds=account").await;
    let again = || newcomer(&jane).with_token(jane.token());
    for _ in 0..3 {
        again().given_task("a").await;
        pass(HEARTBEAT * 2 / 3).await;
    }
    let renamed = again().patch("/auth/me", json!({ "display_name": "J" })).await;
    renamed.expect(StatusCode::OK);

    let block = events.block().await.unwrap();

    let cursor = block.strip_prefix(":\nid: ").expect(&block).trim_end();
    assert_ne!(cursor, begin);
    let path = format!("/tasks/changes?kinds=account&since={cursor}");
    let rest = again().get(&path).await.expect(StatusCode::OK);
    assert_eq!(rest["changes"].as_array().unwrap().len(), 1);
    assert_eq!(events.change().await.0, "put account 1");
}

#[tokio::test]
async fn a_stream_ends_after_thirty_minutes() {
    let (_server, jane) = given().await;
    let (mut events, _) = open(&jane, "").await;
    pass(30 * MINUTE).await;
    assert_eq!(bye(&mut events).await, "time");
}

#[tokio::test]
async fn a_ticket_must_be_used_within_thirty_seconds() {
    let (server, jane) = given().await;
    let (first, second) = (ticket(&jane).await, ticket(&jane).await);
    pass(Duration::from_secs(25)).await;
    let browser = newcomer(&server.client);
    opened(&browser, &first).await;
    pass(Duration::from_secs(5)).await;
    assert_eq!(refused(&browser, &second).await, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_used_ticket_ends_thirty_minutes_after_its_first_use() {
    let (server, jane) = given().await;
    let path = ticket(&jane).await;
    drop(opened(&server.client, &path).await);
    pass(20 * MINUTE).await;
    let mut events = opened(&newcomer(&server.client), &path).await;

    pass(10 * MINUTE).await;

    assert_eq!(bye(&mut events).await, "time");
    let browser = newcomer(&server.client);
    assert_eq!(refused(&browser, &path).await, StatusCode::NO_CONTENT);
}
