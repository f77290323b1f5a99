//! Tests of streams of changes.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::given;
use crate::harness::client::PASSWORD;
use crate::harness::events::{Event, Events};
use crate::harness::{Client, Server};

/// Opens a stream, and returns it with the cursor of its first event.
pub(super) async fn open(jane: &Client, query: &str) -> (Events, String) {
    let mut events = jane.stream(&format!("/events?{query}")).await.unwrap();
    let Event { name, id, data, retry } = events.next().await.unwrap();
    assert_eq!(name, "ready");
    assert_eq!(data["cursor"], *id.as_ref().unwrap());
    assert!((2_000..5_000).contains(&retry.unwrap()), "{retry:?}");
    (events, id.unwrap())
}

/// Waits for the end of a stream, and returns its reason.
pub(super) async fn bye(events: &mut Events) -> Value {
    let event = events.next().await.unwrap();
    assert_eq!((event.name.as_str(), event.id), ("bye", None));
    assert!(events.next().await.is_none());
    event.data["reason"].clone()
}

/// Makes a ticket, and returns the path of its stream.
pub(super) async fn ticket(jane: &Client) -> String {
    let made = jane.post_empty("/events/ticket").await.expect(StatusCode::OK);
    let url = made["url"].as_str().unwrap();
    url.strip_prefix("/api/v1").unwrap().to_owned()
}

/// Opens a stream by its ticket.
pub(super) async fn opened(client: &Client, path: &str) -> Events {
    let mut events = client.stream(path).await.unwrap();
    assert_eq!(events.next().await.unwrap().name, "ready");
    events
}

/// Opens a stream that tells the client to begin anew.
pub(super) async fn resynced(client: &Client, path: &str) -> Events {
    let mut events = client.stream(path).await.unwrap();
    let event = events.next().await.unwrap();
    assert_eq!((event.name.as_str(), event.id.is_some()), ("resync", true));
    events
}

/// Response to a request for a stream that is not opened.
pub(super) async fn refused(client: &Client, path: &str) -> StatusCode {
    client.stream(path).await.unwrap_err().status
}

#[tokio::test]
async fn each_change_is_sent_when_it_happens() {
    let (_server, jane) = given().await;
    jane.given_task("before").await;
    let (mut events, _) = open(&jane, "").await;

    jane.given_task("a").await;
    assert_eq!(events.change().await.0, "put task 2");
    jane.patch("/tasks/1", json!({ "title": "b" })).await.expect(StatusCode::OK);
    assert_eq!(events.change().await.0, "put task 1");
    jane.delete("/tasks/2").await.expect(StatusCode::NO_CONTENT);
    assert_eq!(events.change().await.0, "delete task 2");
    jane.patch("/auth/me", json!({ "display_name": "J" })).await.expect(StatusCode::OK);
    assert_eq!(events.change().await.0, "put account 1");
}

#[tokio::test]
async fn a_stream_that_is_opened_again_goes_on_without_a_gap() {
    let (_server, jane) = given().await;
    let (mut events, _) = open(&jane, "").await;
    for title in ["a", "b", "c"] {
        jane.given_task(title).await;
    }
    let (_, first) = events.change().await;
    drop(events);
    jane.given_task("d").await;

    // The header counts, not the parameter of the first connection.
    let (_, stale) = open(&jane, &format!("since={first}")).await;
    assert_eq!(stale, first);
    let again = jane.with_header("last-event-id", &first);
    let (mut events, _) = open(&again, "since=").await;

    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(events.change().await.0);
    }
    assert_eq!(seen, ["put task 2", "put task 3", "put task 4"]);
}

#[tokio::test]
async fn a_stream_goes_on_after_the_cursor_of_a_list() {
    let (_server, jane) = given().await;
    let page = jane.get("/tasks/changes").await.expect(StatusCode::OK);
    let cursor = page["cursor"].as_str().unwrap();
    for number in 0..100 {
        jane.given_task(&number.to_string()).await;
    }

    let (mut events, _) = open(&jane, &format!("since={cursor}&kinds=task")).await;
    for id in 1..=100 {
        let (change, cursor) = events.change().await;
        assert_eq!(change, format!("put task {id}"));
        // Each event has a cursor of its own.
        let path = format!("/tasks/changes?limit=1&kinds=task&since={cursor}");
        let rest = jane.get(&path).await;
        let next = &rest.body["changes"][0]["task"]["id"];
        assert_eq!(*next, if id == 100 { Value::Null } else { json!(id + 1) });
    }
}

#[tokio::test]
async fn a_stream_of_one_kind_has_no_other() {
    let (_server, jane) = given().await;
    let (mut events, _) = open(&jane, "kinds=account").await;
    jane.given_task("a").await;
    jane.patch("/auth/me", json!({ "display_name": "J" })).await.expect(StatusCode::OK);
    assert_eq!(events.change().await.0, "put account 1");
}

#[tokio::test]
async fn a_cursor_that_is_too_old_is_refused_or_tells_to_begin_anew() {
    let server = Server::with(&["--max-tombstones-per-account", "1"]).await;
    let jane = server.client.registered("jane@example.com").await;
    let (_, old) = open(&jane, "").await;
    for _ in 0..3 {
        let id = jane.given_task("a").await;
        jane.delete(&format!("/tasks/{id}")).await.expect(StatusCode::NO_CONTENT);
    }

    assert_eq!(refused(&jane, &format!("/events?since={old}")).await, StatusCode::GONE);
    // An EventSource cannot read an error.
    let again = jane.with_header("last-event-id", &old);
    let mut events = resynced(&again, "/events").await;
    jane.given_task("b").await;
    assert_eq!(events.change().await.0, "put task 4");
    for since in [&old, "x"] {
        let path = format!("{}&since={since}", ticket(&jane).await);
        let mut events = resynced(&server.client, &path).await;
        // Not until the client has the id of an event.
        drop(resynced(&server.client, &path).await);
        assert_eq!(bye(&mut events).await, "replaced");
    }
    let path = ticket(&jane).await;
    resynced(&server.client.with_header("last-event-id", "x"), &path).await;
    for bad in ["since=x", "kinds=tag", "limit=1"] {
        let path = format!("/events?{bad}");
        assert_eq!(refused(&jane, &path).await, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_access() {
    let (server, jane) = given().await;
    let other = server.client.logged_in("jane@example.com").await;
    let (_, token) = other.given_token(&["tasks:read"]).await;
    let (mut mine, _) = open(&jane, "").await;
    let (mut scripts, _) = open(&token, "").await;
    let (mut others, _) = open(&other, "").await;

    jane.post_empty("/auth/logout").await.expect(StatusCode::NO_CONTENT);
    assert_eq!(bye(&mut mine).await, "access_ended");
    other.given_task("a").await;
    assert_eq!(scripts.change().await.0, "put task 1");
    let list = other.get("/auth/tokens").await;
    let path = format!("/auth/tokens/{}", list.body[0]["id"].as_str().unwrap());
    other.delete(&path).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(bye(&mut scripts).await, "access_ended");

    let proof = json!({ "password": PASSWORD }).to_string();
    let json_type = Some("application/json");
    let left = other.send(Method::DELETE, "/auth/me", json_type, proof).await;
    assert_eq!(left.status, StatusCode::NO_CONTENT);
    assert_eq!(others.change().await.0, "put task 1");
    assert_eq!(bye(&mut others).await, "access_ended");
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops() {
    let (server, jane) = given().await;
    let (mut events, _) = open(&jane, "").await;
    server.stopping.cancel();
    assert_eq!(bye(&mut events).await, "stopping");
}

#[tokio::test]
async fn an_account_has_eight_streams() {
    let (server, jane) = given().await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(open(&jane, "").await);
    }
    let refused = jane.stream("/events").await.unwrap_err();
    assert_eq!(refused.expect(StatusCode::SERVICE_UNAVAILABLE)["code"], "account_busy");
    // Other accounts have streams of their own.
    let john = server.client.registered("john@example.com").await;
    open(&john, "").await;
}

#[tokio::test]
async fn a_ticket_replaces_its_connection_when_all_streams_are_open() {
    let (server, jane) = given().await;
    let path = ticket(&jane).await;
    let mut first = opened(&server.client, &path).await;
    let mut others = Vec::new();
    for _ in 0..7 {
        others.push(open(&jane, "").await);
    }
    let again = tokio::spawn({
        let client = server.client.clone();
        async move { opened(&client, &path).await }
    });
    assert_eq!(bye(&mut first).await, "replaced");
    again.await.unwrap();
}

#[tokio::test]
async fn a_refused_use_of_a_ticket_does_not_end_its_stream() {
    let (server, jane) = given().await;
    let path = ticket(&jane).await;
    let mut events = opened(&server.client, &path).await;

    let wrong = format!("{path}&kinds=tag");
    let status = refused(&server.client, &wrong).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let head = server.client.head(&path).await;
    assert_eq!(head.status, StatusCode::OK);

    jane.given_task("a").await;
    assert_eq!(events.change().await.0, "put task 1");
}

#[tokio::test]
async fn a_ticket_opens_one_stream() {
    let (server, jane) = given().await;
    let browser = &server.client;
    let page = jane.get("/tasks/changes").await.expect(StatusCode::OK);
    let begin = page["cursor"].as_str().unwrap().to_owned();
    jane.patch("/auth/me", json!({ "display_name": "J" })).await.expect(StatusCode::OK);
    let path = ticket(&jane).await;
    let mut first = opened(browser, &path).await;
    jane.given_task("a").await;
    let (change, cursor) = first.change().await;
    assert_eq!(change, "put task 1");

    // The connection before is cut.
    let again = browser.with_header("last-event-id", &cursor);
    let mut second = opened(&again, &path).await;
    assert_eq!(bye(&mut first).await, "replaced");
    jane.given_task("b").await;
    assert_eq!(second.change().await.0, "put task 2");
    // Without the id of an event, the stream goes on where it began.
    let mut third = opened(browser, &path).await;
    assert_eq!(third.change().await.0, "put task 1");

    // Nor does it leave out what came before, if the client names an earlier place.
    let path_of_copy = format!("{path}&since={begin}");
    let mut fourth = opened(browser, &path_of_copy).await;
    assert_eq!(fourth.change().await.0, "put account 1");

    // It opens nothing else.
    let text = path.split_once('=').unwrap().1;
    for other in ["/tasks", "/tasks/changes", "/auth/me"] {
        let bearer = browser.with_token(text);
        let answer = bearer.get(other).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let answer = browser.get(&format!("{other}?ticket={text}")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let both = refused(&jane, &path).await;
    assert_eq!(both, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_ticket_ends_with_the_credential_that_made_it() {
    let (server, jane) = given().await;
    let other = server.client.logged_in("jane@example.com").await;
    let (used, unused) = (ticket(&jane).await, ticket(&jane).await);
    let mut events = opened(&server.client, &used).await;

    jane.post_empty("/auth/logout").await.expect(StatusCode::NO_CONTENT);

    assert_eq!(bye(&mut events).await, "access_ended");
    for path in [&used, &unused] {
        assert_eq!(refused(&server.client, path).await, StatusCode::NO_CONTENT);
    }
    opened(&server.client, &ticket(&other).await).await;
}

#[tokio::test]
async fn a_ticket_that_nobody_made_opens_nothing() {
    let (server, jane) = given().await;
    let path = ticket(&jane).await;
    let last = if path.ends_with('0') { '1' } else { '0' };
    let wrong = format!("{}{last}", &path[..path.len() - 1]);
    for path in ["/events?ticket=", "/events?ticket=x", &wrong] {
        assert_eq!(refused(&server.client, path).await, StatusCode::NO_CONTENT);
    }
    let nobody = server.client.send(Method::GET, "/events", None, "").await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    let (_, writer) = jane.given_token(&["tasks:write"]).await;
    assert_eq!(refused(&writer, "/events").await, StatusCode::FORBIDDEN);
    let denied = writer.post_empty("/events/ticket").await;
    assert_eq!(denied.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_ninth_ticket_takes_the_place_of_one_that_is_not_in_use() {
    let (server, jane) = given().await;
    let path = ticket(&jane).await;
    let in_use = opened(&server.client, &path).await;
    let second = ticket(&jane).await;
    for _ in 0..7 {
        ticket(&jane).await;
    }
    assert_eq!(refused(&server.client, &second).await, StatusCode::NO_CONTENT);
    drop(in_use);
    opened(&server.client, &path).await;
}
