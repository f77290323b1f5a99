//! Tests of the changes since a cursor.

use std::time::Duration;

use duly::clock::Clock as _;
use duly::domain::sweep::SweepProgress;
use duly::store::Store as _;
use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::events::{refused, resynced, ticket};
use super::given;
use crate::harness::{Answer, Client, Server};

/// Reads changes, and returns them as short texts with the cursor.
async fn read(jane: &Client, query: &str) -> (Vec<String>, String) {
    let page = jane.get(&format!("/tasks/changes?{query}")).await.expect(StatusCode::OK);
    let changes = page["changes"].as_array().unwrap().iter().map(text).collect();
    (changes, page["cursor"].as_str().unwrap().to_owned())
}

fn text(change: &Value) -> String {
    let (op, kind) = (change["op"].as_str().unwrap(), change["kind"].as_str().unwrap());
    let id = match op {
        "put" => &change[kind]["id"],
        _ => &change["id"],
    };
    format!("{op} {kind} {id}")
}

#[tokio::test]
async fn every_change_comes_once_in_its_order() {
    let (_server, jane) = given().await;
    for title in ["a", "b", "c"] {
        jane.given_task(title).await;
    }
    let (all, cursor) = read(&jane, "").await;
    let everything =
        ["put list 1", "put account 1", "put task 1", "put task 2", "put task 3"];
    assert_eq!(all, everything);
    let (none, cursor) = read(&jane, &format!("since={cursor}")).await;
    assert_eq!(none, [""; 0]);

    jane.patch("/tasks/2", json!({ "title": "b2" })).await.expect(StatusCode::OK);
    jane.delete("/tasks/1").await.expect(StatusCode::NO_CONTENT);
    jane.patch("/auth/me", json!({ "display_name": "Jane" }))
        .await
        .expect(StatusCode::OK);
    jane.patch("/tasks/2", json!({ "title": "b3" })).await.expect(StatusCode::OK);
    let (changes, after) = read(&jane, &format!("since={cursor}")).await;
    assert_eq!(changes, ["delete task 1", "put account 1", "put task 2"]);
    assert_eq!(read(&jane, &format!("since={after}")).await.0, [""; 0]);
    assert_eq!(
        read(&jane, &format!("since={cursor}&kinds=account")).await.0,
        ["put account 1"]
    );
    assert_eq!(
        read(&jane, &format!("since={cursor}&kinds=task")).await.0,
        ["delete task 1", "put task 2"]
    );
    // A client that begins now knows nothing of the deleted task.
    assert_eq!(read(&jane, "kinds=task").await.0, ["put task 3", "put task 2"]);
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended() {
    let (_server, jane) = given().await;
    for number in 0..5 {
        jane.given_task(&format!("{number}")).await;
    }
    let first = jane.get("/tasks/changes?limit=4").await.expect(StatusCode::OK);
    assert_eq!(first["more"], true);
    let cursor = first["cursor"].as_str().unwrap();
    // Deleted before the client has read it.
    jane.delete("/tasks/4").await.expect(StatusCode::NO_CONTENT);
    // Changed after the client has read it.
    jane.patch("/tasks/1", json!({ "title": "new" })).await.expect(StatusCode::OK);
    let path = format!("/tasks/changes?since={cursor}");
    let rest = jane.get(&path).await.expect(StatusCode::OK);
    let texts: Vec<String> =
        rest["changes"].as_array().unwrap().iter().map(text).collect();
    assert_eq!(texts, ["put task 3", "put task 5", "delete task 4", "put task 1"]);
    assert_eq!(rest["more"], false);
}

#[tokio::test]
async fn a_put_has_the_whole_task() {
    let (_server, jane) = given().await;
    let made =
        jane.made(json!({ "title": "a", "tags": ["home"], "due": "2030-05-01" })).await;
    let page = jane.get("/tasks/changes?kinds=task").await.expect(StatusCode::OK);
    assert_eq!(page["changes"][0]["task"], made);
    let uid = made["uid"].clone();
    jane.delete("/tasks/1").await.expect(StatusCode::NO_CONTENT);
    let cursor = page["cursor"].as_str().unwrap();
    let path = format!("/tasks/changes?kinds=task&since={cursor}");
    let gone = jane.get(&path).await.expect(StatusCode::OK)["changes"][0].clone();
    assert_eq!((&gone["id"], &gone["uid"]), (&json!(1), &uid));
    assert_eq!(gone["at"], "2030-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn refused_and_tried_requests_are_no_changes() {
    let (_server, jane) = given().await;
    jane.given_task("a").await;
    let (_, cursor) = read(&jane, "").await;
    let task = json!({ "title": "b" });
    jane.post("/tasks?dry_run=true", task.clone()).await.expect(StatusCode::OK);
    let failing = json!({ "operations": [
        { "op": "create", "task": task },
        { "op": "delete", "id": 99 },
    ] });
    let answer = jane.post("/tasks/batch", failing).await;
    assert_eq!(answer.body["code"], "batch_failed");
    jane.patch("/tasks/1", json!({ "title": "a" })).await.expect(StatusCode::OK);
    assert_eq!(read(&jane, &format!("since={cursor}")).await.0, [""; 0]);
}

#[tokio::test]
async fn a_cursor_is_valid_for_one_account() {
    let (server, jane) = given().await;
    let john = server.client.registered("john@example.com").await;
    let (_, cursor) = read(&jane, "").await;
    let foreign = john.get(&format!("/tasks/changes?since={cursor}")).await;
    assert_eq!(foreign.expect(StatusCode::GONE)["code"], "resync_required");
    // Of the right form, but sealed with a key that the server no longer has.
    let sealed = cursor.strip_prefix("c1.").unwrap();
    let other_key: String = sealed.chars().rev().collect();
    let lost = jane.get(&format!("/tasks/changes?since=c1.{other_key}")).await;
    assert_eq!(lost.expect(StatusCode::GONE)["code"], "resync_required");
    for text in ["", "x", "c1.", "c1.AAAA", &cursor[..cursor.len() - 1]] {
        let answer = jane.get(&format!("/tasks/changes?since={text}")).await;
        assert_eq!(answer.expect_refused(), ["since"], "{text}");
    }
    for query in ["limit=0", "limit=501", "wait=26", "wait=-1", "kinds=tag", "kind=task"]
    {
        let answer = jane.get(&format!("/tasks/changes?{query}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }
}

#[tokio::test]
async fn a_cursor_is_valid_for_the_kinds_that_it_was_read_with() {
    let (server, jane) = given().await;
    let (_, account) = read(&jane, "kinds=account").await;
    jane.given_task("a").await;
    let (_, all) = read(&jane, "").await;
    jane.given_task("b").await;

    // Tasks were left out.
    for query in ["", "kinds=task", "kinds=task&kinds=account"] {
        let path = format!("/tasks/changes?since={account}&{query}");
        let answer = jane.get(&path).await;
        assert_eq!(answer.expect(StatusCode::GONE)["code"], "resync_required");
        let path = format!("/events?since={account}&{query}");
        assert_eq!(refused(&jane, &path).await, StatusCode::GONE);
        let again = jane.with_header("last-event-id", &account);
        resynced(&again, &format!("/events?{query}")).await;
        let path = format!("{}&since={account}&{query}", ticket(&jane).await);
        resynced(&server.client, &path).await;
    }
    let (none, _) = read(&jane, &format!("kinds=account&since={account}")).await;
    assert_eq!(none, [""; 0]);
    let (tasks, cursor) = read(&jane, &format!("kinds=task&since={all}")).await;
    assert_eq!(tasks, ["put task 2"]);
    let answer = jane.get(&format!("/tasks/changes?since={cursor}")).await;
    assert_eq!(answer.status, StatusCode::GONE);
}

#[tokio::test]
async fn a_cursor_that_is_older_than_the_remembered_deletions_is_refused() {
    let server = Server::with(&["--max-tombstones-per-account", "2"]).await;
    let jane = server.client.registered("jane@example.com").await;
    for title in ["a", "b", "c", "d"] {
        jane.given_task(title).await;
    }
    let half = jane.get("/tasks/changes?limit=3").await.expect(StatusCode::OK);
    let (_, old) = read(&jane, "").await;
    jane.delete("/tasks/1").await.expect(StatusCode::NO_CONTENT);
    let (_, newer) = read(&jane, "").await;
    let rest = ["delete task 2", "delete task 3"];
    for id in [2, 3] {
        jane.delete(&format!("/tasks/{id}")).await.expect(StatusCode::NO_CONTENT);
    }

    // A client that has read a part may have seen the task, too.
    for cursor in [&*old, half["cursor"].as_str().unwrap()] {
        let answer = jane.get(&format!("/tasks/changes?since={cursor}")).await;
        assert_eq!(answer.expect(StatusCode::GONE)["code"], "resync_required");
    }
    assert_eq!(read(&jane, &format!("since={newer}")).await.0, rest);
    assert_eq!(read(&jane, "").await.0, ["put list 1", "put account 1", "put task 4"]);
}

/// Makes 100 tasks, the first one with this id, and deletes them.
async fn made_and_deleted(jane: &Client, first: u64) {
    let create = vec![json!({ "op": "create", "task": { "title": "a" } }); 100];
    let delete: Vec<Value> =
        (first..first + 100).map(|id| json!({ "op": "delete", "id": id })).collect();
    for operations in [create, delete] {
        let batch = json!({ "operations": operations });
        jane.post("/tasks/batch", batch).await.expect(StatusCode::OK);
    }
}

#[tokio::test]
async fn old_deletions_are_forgotten_little_by_little_and_no_others() {
    let (server, jane) = given().await;
    let day = Duration::from_secs(24 * 3600);
    let kept = 90 * day;
    let (_, old) = read(&jane, "").await;
    for hundred in 0..6 {
        made_and_deleted(&jane, 1 + 100 * hundred).await;
    }
    let (_, newer) = read(&jane, "").await;
    let sweep = async |after| {
        let now = server.clock.now();
        server.store.tombstone_sweep(after, now, kept).await.unwrap()
    };
    server.wait(day);
    assert_eq!(sweep(None).await, SweepProgress { removed: 0, next: None });
    let jane = server.client.logged_in("jane@example.com").await;
    jane.given_task("b").await;
    jane.delete("/tasks/601").await.expect(StatusCode::NO_CONTENT);
    server.wait(89 * day);

    let (mut removed, mut next, mut slices) = (0, None, 0);
    loop {
        let SweepProgress { removed: more, next: after } = sweep(next).await;
        (removed, next, slices) = (removed + more, after, slices + 1);
        assert!(more <= 512, "{more}");
        if next.is_none() {
            break;
        }
    }

    assert_eq!(removed, 600);
    assert!(slices > 1, "all at once");
    let jane = server.client.logged_in("jane@example.com").await;
    let answer = jane.get(&format!("/tasks/changes?since={old}")).await;
    assert_eq!(answer.expect(StatusCode::GONE)["code"], "resync_required");
    assert_eq!(read(&jane, &format!("since={newer}")).await.0, ["delete task 601"]);
}

#[tokio::test]
async fn a_request_that_waits_is_answered_by_the_next_change() {
    let (_server, jane) = given().await;
    let (_, cursor) = read(&jane, "").await;
    let path = format!("wait=25&since={cursor}");
    let waiting = tokio::spawn({
        let jane = jane.clone();
        async move { read(&jane, &path).await }
    });
    let other = jane.given_task("a").await;
    assert_eq!(waiting.await.unwrap().0, [format!("put task {other}")]);
}

#[tokio::test]
async fn a_request_that_waits_for_one_kind_is_not_answered_by_another() {
    let (_server, jane) = given().await;
    let (_, cursor) = read(&jane, "").await;
    let path = format!("wait=25&kinds=account&since={cursor}");
    let waiting = tokio::spawn({
        let jane = jane.clone();
        async move { read(&jane, &path).await }
    });
    jane.given_task("a").await;
    jane.patch("/auth/me", json!({ "display_name": "J" })).await.expect(StatusCode::OK);
    assert_eq!(waiting.await.unwrap().0, ["put account 1"]);
}

/// Starts nine requests that wait, one more than an account may have, and returns the other eight once one was refused.
async fn eight_that_wait(jane: &Client) -> JoinSet<Answer> {
    let (_, cursor) = read(jane, "").await;
    let path = format!("/tasks/changes?wait=25&since={cursor}");
    let mut waiting = JoinSet::new();
    for _ in 0..9 {
        let (jane, path) = (jane.clone(), path.clone());
        waiting.spawn(async move { jane.get(&path).await });
    }
    let refused = waiting.join_next().await.unwrap().unwrap();
    assert_eq!(refused.expect(StatusCode::SERVICE_UNAVAILABLE)["code"], "account_busy");
    waiting
}

#[tokio::test]
async fn an_account_has_eight_requests_that_wait() {
    let (_server, jane) = given().await;
    let mut waiting = eight_that_wait(&jane).await;
    jane.given_task("a").await;
    while let Some(answer) = waiting.join_next().await {
        assert_eq!(answer.unwrap().expect(StatusCode::OK)["changes"][0]["op"], "put");
    }
}

#[tokio::test]
async fn requests_that_wait_end_with_their_access() {
    let (server, jane) = given().await;
    let other = server.client.logged_in("jane@example.com").await;
    let mut waiting = eight_that_wait(&jane).await;
    jane.post_empty("/auth/logout").await.expect(StatusCode::NO_CONTENT);
    other.given_task("a").await;
    while let Some(answer) = waiting.join_next().await {
        answer.unwrap().expect(StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn requests_that_wait_end_when_the_server_stops() {
    let (server, jane) = given().await;
    let mut waiting = eight_that_wait(&jane).await;
    server.stopping.cancel();
    while let Some(answer) = waiting.join_next().await {
        assert_eq!(answer.unwrap().expect(StatusCode::OK)["changes"], json!([]));
    }
}
