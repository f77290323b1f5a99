//! Tests of queries for changes since the last time.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{given, ids};
use crate::harness::{Client, Server};

const BEHIND: &str = "2030-01-01T00:00:00Z";

/// Server whose clock is set back by ten minutes after six tasks were created, the last of which recurs.
async fn set_back() -> (Server, Client) {
    let (server, jane) = given().await;
    server.wait(Duration::from_secs(600));
    for _ in 0..5 {
        jane.given_task("a").await;
    }
    jane.made(json!({ "title": "b", "due": "2030-01-01", "recurrence": "FREQ=DAILY" }))
        .await;
    server.clock.set(BEHIND.parse().unwrap());
    (server, jane)
}

/// Time of the latest change, as a client remembers it.
async fn latest(jane: &Client) -> String {
    let newest = jane.get("/tasks?sort=-updated_at&limit=1").await.expect(StatusCode::OK);
    newest[0]["updated_at"].as_str().unwrap().to_owned()
}

/// Tasks that have changed since, by id.
async fn changed(jane: &Client, since: &str) -> Vec<u64> {
    let mut ids = ids(&jane.get(&format!("/tasks?updated_since={since}")).await);
    ids.sort_unstable();
    ids
}

/// Checks that only this task has changed. A client that queries changes has seen all changes at that time, without
/// remembering which they were.
async fn only(jane: &Client, server: &Server, id: u64) -> String {
    // A change at a new time distinguishes it from the others.
    let before = latest(jane).await;
    server.clock.set(before.parse().unwrap());
    server.wait(Duration::from_secs(1));
    let title = json!({ "title": format!("at {before}") });
    jane.patch(&format!("/tasks/{id}"), title).await.expect(StatusCode::OK);
    server.clock.set(BEHIND.parse().unwrap());
    let since = latest(jane).await;
    assert_eq!(changed(jane, &since).await, [id]);
    since
}

#[tokio::test]
async fn no_change_is_missed_when_the_clock_is_set_back() {
    let (server, jane) = set_back().await;
    let batch = json!({ "operations": [
        { "op": "create", "task": { "title": "c" } },
        { "op": "patch", "id": 3, "task": { "priority": "high" } },
        { "op": "move", "id": 4, "to": "first" },
        { "op": "complete", "id": 6 },
    ] });
    let post = hyper::Method::POST;
    let patch = hyper::Method::PATCH;
    for (method, path, body, expected) in [
        (&post, "/tasks", json!({ "title": "new" }), vec![1, 7]),
        (&post, "/tasks", json!({ "title": "new", "completed": true }), vec![1, 8]),
        (&patch, "/tasks/2", json!({ "title": "b" }), vec![1, 2]),
        (&patch, "/tasks/2", json!({ "completed": true }), vec![1, 2]),
        (&patch, "/tasks/2", json!({ "completed": false }), vec![1, 2]),
        (&post, "/tasks/3/move", json!({ "to": "last" }), vec![1, 3]),
        (&post, "/tasks/4/complete", Value::Null, vec![1, 4]),
        (&post, "/tasks/6/complete", Value::Null, vec![1, 6, 9]),
        (&post, "/tasks/batch", batch, vec![1, 3, 4, 6, 10, 11]),
        (&patch, "/tasks/2", json!({ "title": "b" }), vec![1]),
    ] {
        let since = only(&jane, &server, 1).await;
        let answer = match body {
            Value::Null => jane.post_empty(path).await,
            body => {
                let json = Some("application/json");
                jane.send(method.clone(), path, json, body.to_string()).await
            }
        };
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
        assert_eq!(changed(&jane, &since).await, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn a_task_made_while_the_clock_is_behind_is_changed_now_and_made_then() {
    let (_server, jane) = set_back().await;

    let made = jane.made(json!({ "title": "new" })).await;

    assert_eq!(made["created_at"], "2030-01-01T00:00:00.000Z");
    assert_eq!(made["updated_at"], "2030-01-01T00:10:00.000Z");
    assert_eq!(jane.get("/tasks/7").await.expect(StatusCode::OK), made);
}

/// A client has seen the change of a deleted task, and queries from there.
#[tokio::test]
async fn a_deleted_task_leaves_the_time_of_its_change() {
    let (server, jane) = set_back().await;
    let since = only(&jane, &server, 1).await;
    jane.delete("/tasks/1").await.expect(StatusCode::NO_CONTENT);

    jane.patch("/tasks/2", json!({ "title": "b" })).await.expect(StatusCode::OK);
    jane.made(json!({ "title": "new" })).await;

    assert_eq!(changed(&jane, &since).await, [2, 7]);
    let delete = json!({ "operations": [
        { "op": "delete", "id": 7 },
        { "op": "patch", "id": 3, "task": { "title": "b" } },
    ] });
    jane.post("/tasks/batch", delete).await.expect(StatusCode::OK);
    assert_eq!(changed(&jane, &since).await, [2, 3]);
}

/// The response to a batch contains changes to tasks that the same batch deletes.
#[tokio::test]
async fn a_task_that_a_batch_changes_and_deletes_leaves_the_time_of_its_change() {
    let (server, jane) = set_back().await;
    for first in [
        json!({ "op": "patch", "id": 1, "task": { "title": "b" } }),
        json!({ "op": "create", "task": { "title": "b" } }),
    ] {
        server.clock.set("2030-01-01T00:20:00Z".parse().unwrap());
        let id = if first["op"] == "patch" { 1 } else { 7 };
        let batch = json!({ "operations": [first, { "op": "delete", "id": id }] });
        let done = jane.post("/tasks/batch", batch).await.expect(StatusCode::OK);
        let since = done["results"][0]["task"]["updated_at"].as_str().unwrap();
        server.clock.set(BEHIND.parse().unwrap());

        jane.patch("/tasks/2", json!({ "title": since })).await.expect(StatusCode::OK);

        assert_eq!(changed(&jane, since).await, [2]);
        server.wait(Duration::from_secs(1));
    }
}

/// Concurrent requests read the clock in one order and are written in another.
#[tokio::test]
async fn a_change_that_began_before_another_is_dated_after_it() {
    let (server, jane) = set_back().await;
    server.clock.set("2030-01-01T00:09:59.990Z".parse().unwrap());

    jane.patch("/tasks/2", json!({ "title": "b" })).await.expect(StatusCode::OK);

    let task = jane.get("/tasks/2").await.expect(StatusCode::OK);
    assert_eq!(task["updated_at"], "2030-01-01T00:10:00.000Z");
}

#[tokio::test]
async fn the_tasks_of_others_have_times_of_their_own() {
    let (server, _jane) = set_back().await;
    let john = server.client.registered("john@example.com").await;

    let made = john.made(json!({ "title": "a" })).await;

    assert_eq!(made["updated_at"], "2030-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn a_trial_tells_the_time_that_the_change_would_have() {
    let (_server, jane) = set_back().await;
    let task = json!({ "title": "a" });
    let tried = jane.post("/tasks?dry_run=true", task).await.expect(StatusCode::OK);
    assert_eq!(tried["updated_at"], "2030-01-01T00:10:00.000Z");
    let patch = json!({ "title": "b" });
    let tried = jane.patch("/tasks/1?dry_run=true", patch).await.expect(StatusCode::OK);
    assert_eq!(tried["updated_at"], "2030-01-01T00:10:00.000Z");
}
