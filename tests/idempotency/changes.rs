//! Tests of idempotency keys of changes and deletions.

use hyper::StatusCode;
use serde_json::json;

use super::{REPLAYED, expect_replay, keyed, task};
use crate::harness::Server;

#[tokio::test]
async fn a_change_that_is_sent_again_is_made_once() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let daily = json!({ "title": "a", "due": "2030-01-01", "recurrence": "FREQ=DAILY" });
    jane.post("/tasks", daily).await.expect(StatusCode::CREATED);
    let client = keyed(&jane, "one");
    let done = json!({ "completed": true });

    let first = client.patch("/tasks/1", done.clone()).await;

    assert_eq!(first.header("x-finished-id"), Some("2"));
    expect_replay(&first, &client.patch("/tasks/1", done.clone()).await);
    assert_eq!(jane.get("/tasks/1").await.body["due"], "2030-01-02");
    let answer = client.patch("/tasks/1", json!({ "completed": false })).await;
    answer.expect_problem(409, "idempotency_key_reused");
    let answer = client.patch("/tasks/2", done.clone()).await;
    answer.expect_problem(409, "idempotency_key_reused");

    let other = client.with_header("if-match", "*").patch("/tasks/1", done.clone()).await;
    other.expect_problem(409, "idempotency_key_reused");

    let fresh = keyed(&jane, "two").patch("/tasks/1", done).await;
    assert_eq!(
        (fresh.header(REPLAYED), fresh.header("x-finished-id")),
        (None, Some("3"))
    );
}

#[tokio::test]
async fn a_deletion_that_is_sent_again_tells_what_it_did() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    jane.post("/tasks", task("a")).await.expect(StatusCode::CREATED);
    let below = json!({ "title": "b", "parent_id": 1 });
    jane.post("/tasks", below).await.expect(StatusCode::CREATED);
    let client = keyed(&jane, "one");

    client.delete("/tasks/1?dry_run=true").await.expect(StatusCode::NO_CONTENT);
    let first = client.delete("/tasks/1").await;

    assert_eq!(first.header("x-deleted-count"), Some("2"));
    expect_replay(&first, &client.delete("/tasks/1").await);
    jane.delete("/tasks/1").await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn changes_of_accounts_and_access_are_made_once() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    server.promote("jane@example.com").await;
    let john = server.client.registered("john@example.com").await;
    let (token, _) = jane.given_token(&["tasks:read"]).await;
    let sessions = jane.get("/auth/sessions").await.expect(StatusCode::OK);
    let invitation = jane.post("/admin/invitations", json!({})).await;
    let invitation = invitation.expect(StatusCode::CREATED)["id"].clone();
    jane.logged_in("jane@example.com").await;
    let all = jane.get("/auth/sessions").await.expect(StatusCode::OK);
    let other = all.as_array().unwrap().iter().find(|it| it["id"] != sessions[0]["id"]);
    let client = |key: &str| keyed(&jane, key);

    for (key, path, body) in [
        ("a", "/auth/me".to_owned(), json!({ "display_name": "Jane" })),
        ("b", "/admin/users/2".to_owned(), json!({ "max_tasks": 5 })),
    ] {
        let first = client(key).patch(&path, body.clone()).await;
        expect_replay(&first, &client(key).patch(&path, body).await);
    }
    let of_john = jane.get("/admin/users/2").await.expect(StatusCode::OK);
    assert_eq!(of_john["max_tasks"], 5);
    for (key, path) in [
        ("c", format!("/auth/tokens/{token}")),
        ("d", format!("/auth/sessions/{}", other.unwrap()["id"].as_str().unwrap())),
        ("e", format!("/admin/invitations/{}", invitation.as_str().unwrap())),
        ("f", "/admin/users/2/sessions".to_owned()),
        ("g", "/admin/users/2".to_owned()),
    ] {
        let first = client(key).delete(&path).await;
        expect_replay(&first, &client(key).delete(&path).await);
    }
    john.get("/tasks").await.expect_problem(401, "invalid_token");
}
