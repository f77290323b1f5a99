//! Tests of names in queries.

use hyper::{Method, StatusCode};
use serde_json::json;

use super::given;
use crate::harness::Server;

#[tokio::test]
async fn a_misspelled_parameter_changes_nothing() {
    let (_server, jane) = given().await;
    jane.given_task("a").await;
    for query in
        ["dryrun=true", "dry-run=true", "dry_run=false&dry_run=true", "DRY_RUN=true"]
    {
        let path = format!("/tasks/1?{query}");
        jane.delete(&path).await.expect_problem(422, "invalid");
        jane.patch(&path, json!({ "title": "b" })).await.expect_problem(422, "invalid");
        let path = format!("/tasks?{query}");
        jane.post(&path, json!({ "title": "b" })).await.expect_problem(422, "invalid");
    }
    let tasks = jane.get("/tasks").await.expect(StatusCode::OK);
    assert_eq!((tasks[0]["title"].as_str(), tasks[1].is_null()), (Some("a"), true));
}

#[tokio::test]
async fn a_parameter_that_is_not_known_is_named_with_the_nearest_one_that_is() {
    let (_server, jane) = given().await;
    for (query, field, said) in [
        ("tags=home", "tags", "did you mean tag?"),
        ("complete=true", "complete", "did you mean completed?"),
        ("page=2", "page", "known parameters: skip, limit, cursor"),
        ("limit=5&limit=5", "limit", "must not be repeated"),
        ("tag=%FF", "tag", "must be UTF-8"),
        ("q=a;sort=title&", "", ""),
        ("tag=a&tag=b&_=17&_cache=no", "", ""),
    ] {
        let answer = jane.get(&format!("/tasks?{query}")).await;
        if field.is_empty() {
            answer.expect(StatusCode::OK);
            continue;
        }
        let message = answer.body["errors"][0]["message"].to_string();
        assert!(message.contains(said), "{query}: {message}");
        assert_eq!(answer.expect_refused(), [field], "{query}");
    }
    let answer = jane.get("/tasks?complete=true&tags=home&q=a&q=b").await;
    assert_eq!(answer.expect_refused(), ["complete", "q", "tags"]);
}

/// Checks every operation, so that a new one cannot forget it: the known names come from the document.
#[tokio::test]
async fn every_operation_of_tasks_and_accounts_refuses_what_it_does_not_know() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    server.promote("jane@example.com").await;
    let document = jane.get("!/openapi.json").await.expect(StatusCode::OK);
    let mut operations = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation["tags"][0] == "Health" {
                continue;
            }
            operations += 1;
            let method = method.to_uppercase().parse::<Method>().unwrap();
            let path = format!("!{}?nonsense=1", path.replace("{id}", "1"));
            let answer = jane.send(method.clone(), &path, None, "").await;
            assert_eq!(answer.expect_refused(), ["nonsense"], "{method} {path}");
            if operation["security"].is_array() {
                // An unauthenticated request learns nothing.
                let answer = server.client.send(method, &path, None, "").await;
                answer.expect_problem(401, "no_token");
            }
        }
    }
    assert!(operations > 30, "{operations}");
    let answer = jane.head("/tasks?nonsense=1").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn probes_and_pages_are_let_pass_with_whatever_they_send() {
    let server = Server::start().await;
    for path in [
        "!/health",
        "/health",
        "!/health/live",
        "!/health/ready",
        "!/docs",
        "!/openapi.json",
    ] {
        let answer = server.client.get(&format!("{path}?nonsense=1&nonsense=%FF")).await;
        answer.expect(StatusCode::OK);
    }
}

#[tokio::test]
async fn the_defaults_of_the_document_can_be_sent_as_they_stand() {
    let (_server, jane) = given().await;
    jane.given_task("a").await;
    assert_eq!(jane.ids("skip=0&limit=100&cursor=").await, [1]);
    let answer = jane.get("/tasks?skip=1&cursor=").await;
    assert_eq!(answer.expect_refused(), ["skip"]);
}
