//! Tests of changes to tasks with a JSON merge patch.

use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Client, Server};

/// Server, its first account, and a task of it with a description, a second old.
async fn given() -> (Server, Client, Value) {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let body = json!({ "title": "Ship portfolio", "description": "Polish the README" });
    let task = jane.post("/tasks", body).await.expect(StatusCode::CREATED);
    server.wait(Duration::from_secs(1));
    (server, jane, task)
}

#[tokio::test]
async fn what_is_absent_stays_as_it_is() {
    let (_server, jane, task) = given().await;
    let patches = [
        json!({ "completed": true }),
        json!({ "title": "Rest" }),
        json!({ "description": "Sleep" }),
    ];
    let mut wanted = task;
    wanted["updated_at"] = json!("2030-01-01T00:00:01.000Z");
    wanted["completed_at"] = wanted["updated_at"].clone();
    for (patch, etag) in patches.into_iter().zip(["\"2\"", "\"3\"", "\"4\""]) {
        wanted["rev"] = etag.trim_matches('"').parse::<u64>().unwrap().into();
        let answer = jane.patch("/tasks/1", patch.clone()).await;

        assert_eq!(answer.header("etag"), Some(etag));
        for (name, value) in patch.as_object().unwrap() {
            wanted[name] = value.clone();
        }
        assert_eq!(answer.expect(StatusCode::OK), wanted);
        let found = jane.get("/tasks/1").await;
        assert_eq!(found.header("etag"), Some(etag));
        assert_eq!(found.expect(StatusCode::OK), wanted);
    }
}

#[tokio::test]
async fn null_clears_the_description() {
    let (_server, jane, _) = given().await;

    let task = jane.patch("/tasks/1", json!({ "description": null })).await;

    assert_eq!(task.expect(StatusCode::OK).get("description"), Some(&Value::Null));
    let task = jane.get("/tasks/1").await.expect(StatusCode::OK);
    assert_eq!(task.get("description"), Some(&Value::Null));
}

/// Regression: the previous service returned 500.
#[tokio::test]
async fn null_is_refused_where_there_must_be_something() {
    let (_server, jane, task) = given().await;
    let answer = jane.patch("/tasks/1", json!({ "title": null })).await;
    assert_eq!(answer.expect_refused(), ["title"]);
    let both = json!({ "title": null, "completed": null, "description": null });
    let answer = jane.patch("/tasks/1", both).await;
    assert_eq!(answer.expect_refused(), ["completed", "title"]);
    assert_eq!(jane.get("/tasks/1").await.expect(StatusCode::OK), task);
}

#[tokio::test]
async fn a_patch_that_changes_nothing_leaves_no_trace() {
    let (_server, jane, task) = given().await;
    for patch in [
        json!({}),
        json!({ "title": "Ship portfolio" }),
        json!({ "completed": false, "description": "Polish the README" }),
    ] {
        let answer = jane.patch("/tasks/1", patch).await;
        assert_eq!(answer.header("etag"), Some("\"1\""));
        assert_eq!(answer.expect(StatusCode::OK), task);
    }
}

#[tokio::test]
async fn a_refused_patch_changes_nothing() {
    let (_server, jane, task) = given().await;
    let patch = json!({ "title": "Rest", "completed": "maybe", "owner_id": "2" });

    let answer = jane.patch("/tasks/1", patch).await;

    assert_eq!(answer.expect_refused(), ["completed", "owner_id"]);
    let found = jane.get("/tasks/1").await;
    assert_eq!(found.header("etag"), Some("\"1\""));
    assert_eq!(found.expect(StatusCode::OK), task);
}

#[tokio::test]
async fn a_bad_id_and_a_bad_field_are_refused_together() {
    let (_server, jane, _) = given().await;

    let answer = jane.patch("/tasks/abc", json!({ "title": null })).await;

    assert_eq!(answer.expect_refused(), ["id", "title"]);
}

#[tokio::test]
async fn both_media_types_are_taken_and_no_other() {
    let (_server, jane, _) = given().await;
    let send = async |media_type, completed: bool| {
        let body = json!({ "completed": completed }).to_string();
        jane.send(Method::PATCH, "/tasks/1", Some(media_type), body).await
    };
    for (media_type, completed) in [
        ("application/merge-patch+json", true),
        ("application/json", false),
        ("Application/Merge-Patch+JSON; charset=utf-8", true),
    ] {
        let task = send(media_type, completed).await.expect(StatusCode::OK);
        assert_eq!(task["completed"], completed);
    }
    for media_type in ["text/plain", "application/json-patch+json"] {
        send(media_type, false).await.expect_problem(415, "unsupported_media_type");
    }
    assert_eq!(jane.get("/tasks/1").await.body["completed"], true);
}

#[tokio::test]
async fn the_time_of_change_never_goes_back() {
    let (server, jane, _) = given().await;
    jane.patch("/tasks/1", json!({ "title": "b" })).await.expect(StatusCode::OK);
    server.clock.set("2029-12-31T23:59:59Z".parse().unwrap());

    let answer = jane.patch("/tasks/1", json!({ "title": "c" })).await;

    assert_eq!(answer.header("etag"), Some("\"3\""));
    let task = answer.expect(StatusCode::OK);
    assert_eq!(task["created_at"], "2030-01-01T00:00:00.000Z");
    assert_eq!(task["updated_at"], "2030-01-01T00:00:01.000Z");
}
