//! Tests of dry runs.

use hyper::StatusCode;
use serde_json::json;

use super::given;

#[tokio::test]
async fn what_is_tried_is_checked_and_answered_and_changes_nothing() {
    let (_server, jane) = given().await;
    jane.given_task("a").await;
    jane.made(json!({ "title": "b", "parent_id": 1, "due": "2030-01-01", "recurrence": "FREQ=DAILY" })).await;
    let before = jane.get("/tasks").await.body;
    let keyed = jane.with_header("idempotency-key", "tried");

    let made = keyed.post("/tasks?dry_run=true", json!({ "title": "c" })).await;
    assert_eq!(made.header("location"), None);
    assert_eq!(made.expect(StatusCode::OK)["id"], 3);
    let changed = jane.patch("/tasks/1?dry_run=true", json!({ "title": "c" })).await;
    assert_eq!(changed.header("etag"), Some("\"2\""));
    assert_eq!(changed.expect(StatusCode::OK)["title"], "c");
    let completed = keyed.post_empty("/tasks/2/complete?dry_run=true").await;
    assert_eq!(completed.expect(StatusCode::OK)["due"], "2030-01-02");
    let moved = keyed.post("/tasks/2/move?dry_run=true", json!({ "to": "first" })).await;
    moved.expect(StatusCode::OK);
    let deleted = jane.delete("/tasks/1?dry_run=true").await;
    assert_eq!(deleted.header("x-deleted-count"), Some("2"));
    deleted.expect(StatusCode::NO_CONTENT);
    let operations = json!({ "operations": [{ "op": "delete", "id": 1 }] });
    let batch = keyed.post("/tasks/batch?dry_run=true", operations).await;
    assert_eq!(batch.expect(StatusCode::OK)["results"][0]["deleted"], 2);

    assert_eq!(jane.get("/tasks").await.body, before);
    let made = keyed.post("/tasks?dry_run=true", json!({ "title": "c" })).await;
    assert_eq!(made.header("idempotency-replayed"), None, "nothing was kept");
    assert_eq!(jane.given_task("c").await, 3, "no id was used up");
}

#[tokio::test]
async fn what_is_tried_is_refused_as_it_would_be() {
    let (_server, jane) = given().await;
    jane.given_task("a").await;
    let tried =
        jane.post("/tasks?dry_run=true", json!({ "title": "", "due": "x" })).await;
    assert_eq!(tried.expect_refused(), ["due", "title"]);
    let tried =
        jane.post("/tasks?dry_run=true", json!({ "title": "a", "parent_id": 9 })).await;
    assert_eq!(tried.expect_refused(), ["parent_id"]);
    let stale = jane.with_header("if-match", "\"9\"");
    stale
        .patch("/tasks/1?dry_run=true", json!({}))
        .await
        .expect_problem(412, "changed_since");
    stale.delete("/tasks/1?dry_run=true").await.expect_problem(412, "changed_since");
    jane.delete("/tasks/9?dry_run=true").await.expect_problem(404, "not_found");
    for path in ["/tasks?dry_run=maybe", "/tasks/batch?dry_run=1"] {
        let body = json!({ "title": "a", "operations": [{ "op": "delete", "id": 1 }] });
        let refused = jane.post(path, body).await.expect_problem(422, "invalid");
        assert!(refused["detail"].as_str().unwrap().contains("known field"));
    }
    let refused = jane.delete("/tasks/1?dry_run=yes").await;
    assert_eq!(refused.expect_refused(), ["dry_run"]);
}

#[tokio::test]
async fn what_is_tried_neither_gets_nor_keeps_the_answer_of_a_key() {
    let (_server, jane) = given().await;
    let keyed = jane.with_header("idempotency-key", "once");
    let made = keyed.post("/tasks", json!({ "title": "a" })).await;
    made.expect(StatusCode::CREATED);

    let tried = keyed.post("/tasks?dry_run=true", json!({ "title": "a" })).await;

    assert_eq!(tried.header("idempotency-replayed"), None);
    assert_eq!(tried.expect(StatusCode::OK)["id"], 2);
    let again = keyed.post("/tasks", json!({ "title": "a" })).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
}
