//! Tests of tasks.

mod batch;
mod body;
mod changes;
mod cursor;
mod dry_run;
mod events;
mod fields;
mod find;
mod history;
mod life;
mod list;
mod lists;
mod occurrence;
mod order;
mod patch;
mod precondition;
mod query;
mod races;
mod recur;
mod sync;
mod tags;
mod tree;
mod uid;
mod undo;
mod waits;
mod whole;

use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::json;

use crate::harness::{Answer, Client, Server};

/// Server, and a client with an account.
async fn given() -> (Server, Client) {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    (server, jane)
}

impl Client {
    /// Creates a task and returns it.
    async fn made(&self, task: serde_json::Value) -> serde_json::Value {
        self.post("/tasks", task).await.expect(StatusCode::CREATED)
    }

    /// Ids in a list.
    async fn ids(&self, query: &str) -> Vec<u64> {
        ids(&self.get(&format!("/tasks?{query}")).await)
    }
}

fn ids(answer: &Answer) -> Vec<u64> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let tasks = answer.body.as_array().unwrap().iter();
    tasks.map(|task| task["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn the_first_task_of_a_fresh_server_is_number_one() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;

    let body = json!({ "title": "Ship portfolio", "description": "Polish the README" });
    let answer = jane.post("/tasks", body).await;

    assert_eq!(answer.header("location"), Some("/api/v1/tasks/1"));
    assert_eq!(answer.header("etag"), Some("\"1\""));
    let task = answer.expect(StatusCode::CREATED);
    assert_eq!(
        task,
        json!({
            "id": 1,
            "uid": task["uid"],
            "title": "Ship portfolio",
            "description": "Polish the README",
            "completed": false,
            "owner_id": 1,
            "created_at": "2030-01-01T00:00:00.000Z",
            "updated_at": "2030-01-01T00:00:00.000Z",
            "completed_at": null,
            "due": null,
            "due_at": null,
            "due_date": null,
            "due_local": null,
            "due_time_zone": null,
            "priority": "none",
            "tags": [],
            "position": "a0",
            "parent_id": null,
            "list_id": 1,
            "recurrence": null,
            "repeat_from": null,
            "rev": 1,
        })
    );
    server.wait(Duration::from_secs(1));
    let answer = jane.get("/tasks/1").await;
    assert_eq!(answer.header("etag"), Some("\"1\""));
    assert_eq!(answer.expect(StatusCode::OK), task);
}

#[tokio::test]
async fn ids_count_up_over_all_accounts_and_are_never_used_again() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let john = server.client.registered("john@example.com").await;
    assert_eq!(jane.given_task("a").await, 1);
    assert_eq!(john.given_task("b").await, 2);
    assert_eq!(jane.given_task("c").await, 3);

    jane.delete("/tasks/3").await.expect(StatusCode::NO_CONTENT);
    jane.delete("/tasks/1").await.expect(StatusCode::NO_CONTENT);

    assert_eq!(jane.given_task("d").await, 4);
}

#[tokio::test]
async fn a_task_can_be_deleted_once() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    jane.given_task("a").await;

    let answer = jane.delete("/tasks/1").await;

    assert!(answer.bytes.is_empty());
    answer.expect(StatusCode::NO_CONTENT);
    jane.delete("/tasks/1").await.expect_problem(404, "not_found");
    jane.get("/tasks/1").await.expect_problem(404, "not_found");
    jane.patch("/tasks/1", json!({})).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_number_that_is_no_id_is_not_found_and_no_number_is_refused() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    jane.given_task("a").await;
    for id in ["0", "2", "-1", "9223372036854775808", "99999999999999999999999999"] {
        let path = format!("/tasks/{id}");
        jane.get(&path).await.expect_problem(404, "not_found");
        jane.patch(&path, json!({})).await.expect_problem(404, "not_found");
        jane.delete(&path).await.expect_problem(404, "not_found");
    }
    for id in ["abc", "1.0", "+1", "1e0", "0x1", "%20", "%31x"] {
        let path = format!("/tasks/{id}");
        assert_eq!(jane.get(&path).await.expect_refused(), ["id"], "{id}");
        assert_eq!(jane.patch(&path, json!({})).await.expect_refused(), ["id"], "{id}");
        assert_eq!(jane.delete(&path).await.expect_refused(), ["id"], "{id}");
    }
    jane.get("/tasks/%ff").await.expect_problem(400, "malformed");
}

#[tokio::test]
async fn a_completed_task_can_be_made() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;

    let body = json!({ "title": "a", "completed": true });
    let task = jane.post("/tasks", body).await.expect(StatusCode::CREATED);

    assert_eq!(task["completed"], true);
}

#[tokio::test]
async fn times_are_utc_to_the_millisecond() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    server.clock.set("2030-01-01T01:00:00.007999+01:00".parse().unwrap());

    let body = json!({ "title": "a" });
    let task = jane.post("/tasks", body).await.expect(StatusCode::CREATED);

    assert_eq!(task["created_at"], "2030-01-01T00:00:00.007Z");
    assert_eq!(task["updated_at"], "2030-01-01T00:00:00.007Z");
    assert_eq!(jane.get("/tasks/1").await.expect(StatusCode::OK), task);
}

#[tokio::test]
async fn head_answers_as_get_does_but_without_a_body() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    jane.given_task("a").await;
    for path in ["/tasks/1", "/tasks", "/tasks/2", "/auth/me", "/health", "!/docs"] {
        let (get, head) = (jane.get(path).await, jane.head(path).await);
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.comparable_headers(), get.comparable_headers(), "{path}");
        assert!(head.bytes.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_slash_at_the_end_makes_no_difference() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;

    let body = json!({ "title": "a" });
    let task = jane.post("/tasks/", body).await.expect(StatusCode::CREATED);

    let list = jane.get("/tasks/?limit=1").await;
    assert_eq!(list.header("x-total-count"), Some("1"));
    assert_eq!(list.expect(StatusCode::OK), json!([task]));
    assert_eq!(jane.get("/tasks/1/").await.expect(StatusCode::OK), task);
    let none = Method::DELETE;
    jane.send(none, "/tasks/1/", None, "").await.expect(StatusCode::NO_CONTENT);
}
