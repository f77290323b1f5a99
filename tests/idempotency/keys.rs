//! Tests of the form of a key, and of its confidentiality.

use hyper::{Method, StatusCode};

use super::{REPLAYED, count, expect_replay, keyed, task};
use crate::harness::Server;

#[tokio::test]
async fn quotes_make_no_difference() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;

    let first = keyed(&jane, "\"a-1\"").post("/tasks", task("a")).await;

    expect_replay(&first, &keyed(&jane, "a-1").post("/tasks", task("a")).await);
    let longest = "x".repeat(255);
    let first = keyed(&jane, &longest).post("/tasks", task("a")).await;
    let quoted = keyed(&jane, &format!("\"{longest}\""));
    expect_replay(&first, &quoted.post("/tasks", task("a")).await);
}

#[tokio::test]
async fn what_is_no_key_is_refused_by_name() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let too_long = "x".repeat(256);
    for bad in ["", "\"\"", "a b", "\"a", "a\"b", "a\\b", "a\tb", &too_long] {
        let answer = keyed(&jane, bad).post("/tasks", task("a")).await;
        assert_eq!(answer.expect_refused(), ["Idempotency-Key"], "{bad:?}");
    }
    let twice = keyed(&keyed(&jane, "a"), "a").post("/tasks", task("a")).await;
    assert_eq!(twice.expect_refused(), ["Idempotency-Key"]);
    assert_eq!(count(&jane).await, 0);
}

#[tokio::test]
async fn nothing_is_said_of_a_key_before_it_is_known_who_asks() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    keyed(&jane, "one").post("/tasks", task("a")).await.expect(StatusCode::CREATED);
    for key in ["one", "a b"] {
        let nobody = keyed(&server.client, key).post("/tasks", task("a")).await;
        nobody.expect_problem(401, "no_token");
        let forged = keyed(&server.client.with_token("x"), key);
        forged.post("/tasks", task("a")).await.expect_problem(401, "invalid_token");
        let (_, poor) = jane.given_token(&["tasks:read"]).await;
        let answer = keyed(&poor, key).post("/tasks", task("a")).await;
        answer.expect_problem(403, "insufficient_scope");
    }
}

#[tokio::test]
async fn reads_have_no_keys() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    jane.given_task("a").await;
    let client = keyed(&jane, "a b");
    client.get("/tasks").await.expect(StatusCode::OK);
    client.head("/tasks/1").await.expect(StatusCode::OK);
}

/// Checks every operation, so that a new one cannot forget its key: the document lists the key, and the
/// operation must honour it.
#[tokio::test]
async fn every_change_has_a_key_in_the_document_and_in_fact() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    server.promote("jane@example.com").await;
    let document = jane.get("!/openapi.json").await.expect(StatusCode::OK);
    let mut changes = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let keys = parameters.filter(|it| it["name"] == "Idempotency-Key").count();
            // A deleted account cannot send its request again, and a ticket expires.
            let id = operation["operationId"].as_str().unwrap();
            let is_change =
                method != "get" && !["user_leave", "task_events_ticket"].contains(&id);
            assert_eq!(keys, usize::from(is_change), "{method} {path}");
            if !is_change {
                continue;
            }
            changes += 1;
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("409"), "{path}");
            for (_, response) in responses.iter().filter(|it| it.0.starts_with('2')) {
                let header = &response["headers"]["Idempotency-Replayed"];
                assert!(header.is_object(), "{path}");
            }
            let client = keyed(&jane, "a b");
            let method = method.to_uppercase().parse::<Method>().unwrap();
            let path = format!("!{}", path.replace("{id}", "1"));
            let answer = client.send(method, &path, None, "").await;
            assert_eq!(answer.expect_refused(), ["Idempotency-Key"], "{path}");
        }
    }
    assert_eq!(changes, 27);
}

#[tokio::test]
async fn pages_may_send_keys_and_see_that_an_answer_is_one_from_before() {
    let server = Server::start().await;
    let page = server.client.with_header("origin", "http://localhost:3000");
    let answer = page.get("!/health").await;
    let exposed = answer.header("access-control-expose-headers").unwrap();
    assert!(exposed.to_lowercase().contains(REPLAYED), "{exposed}");
}
