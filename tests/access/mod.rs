//! Tests of authorization: every operation, with every kind of credential.

mod operation;
mod statuses;
mod table;

use hyper::{Method, StatusCode};
use serde_json::json;

pub(crate) use self::operation::guarded;
use self::operation::{Need, OPERATIONS};
use crate::harness::{Client, Server};

/// Returns the client with this value as the whole `Authorization` header.
fn with_authorization(client: &Client, value: &str) -> Client {
    client.with_header("authorization", value)
}

/// Creates a task on which every operation is possible, and returns its id.
async fn recurring_task(client: &Client, title: &str) -> u64 {
    let task = json!({ "title": title, "due": "2030-01-01", "recurrence": "FREQ=DAILY" });
    let made = client.post("/tasks", task).await.expect(StatusCode::CREATED);
    made["id"].as_u64().unwrap()
}

#[tokio::test]
async fn what_needs_no_token_works_without_and_with_any() {
    let server = Server::start().await;
    let forged = server.client.with_token("forged");
    for operation in OPERATIONS.iter().filter(|operation| operation.need == Need::Nothing)
    {
        for client in [&server.client, &forged] {
            let answer = operation.call(client, 1).await;
            let refused = matches!(
                answer.body["code"].as_str(),
                Some("email_taken" | "invalid_grant")
            );
            assert!(
                answer.status.is_success() || refused,
                "{}: {}",
                operation.path,
                answer.body
            );
        }
    }
}

#[tokio::test]
async fn nothing_that_needs_a_token_works_without() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    jane.given_task("a").await;
    let in_query = format!("?access_token={}", jane.token());
    for operation in guarded() {
        let answer = operation.call(&server.client, 1).await;
        // The challenge of a request without a credential names no error (RFC 6750, section 3.1).
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"duly\""));
        answer.expect_problem(401, "no_token");

        let path = format!("!{}{in_query}", operation.path.replace("{id}", "1"));
        let (media_type, body) = operation.body.unzip();
        let method = operation.method.parse().unwrap();
        let answer =
            server.client.send(method, &path, media_type, body.unwrap_or_default()).await;
        answer.expect_problem(401, "no_token");
    }
}

/// Checks that a request without a credential learns of no other error.
#[tokio::test]
async fn a_token_is_asked_for_before_anything_else() {
    let server = Server::start().await;
    for (method, path) in [
        (Method::POST, "/tasks"),
        (Method::PATCH, "/tasks/abc"),
        (Method::PATCH, "/tasks/1"),
        (Method::GET, "/tasks?limit=0"),
    ] {
        let answer = server.client.send(method, path, Some("text/plain"), "{").await;
        answer.expect_problem(401, "no_token");
    }
}

#[tokio::test]
async fn a_refused_change_does_not_tell_whose_the_task_is() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let john = server.client.registered("john@example.com").await;
    jane.given_task("mine").await;
    let wrong = json!({ "title": null });

    let hers = john.patch("/tasks/1", wrong.clone()).await;
    let missing = john.patch("/tasks/999", wrong).await;

    assert_eq!(hers.comparable_headers(), missing.comparable_headers());
    assert_eq!(hers.comparable(), missing.comparable());
}

#[tokio::test]
async fn two_credentials_are_one_too_many() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    jane.given_task("a").await;
    let twice = with_authorization(&jane, &format!("Bearer {}", jane.token()));
    let basic = with_authorization(&jane, "Basic amFuZTpwYXNzd29yZDEyMw==");
    for operation in guarded() {
        operation.call(&twice, 1).await.expect_problem(400, "two_credentials");
        operation.call(&basic, 1).await.expect_problem(400, "two_credentials");
    }
    let in_both = format!("/tasks?limit=1&access_token={}", jane.token());
    jane.get(&in_both).await.expect_problem(400, "two_credentials");
}

#[tokio::test]
async fn a_scheme_is_known_in_upper_and_lower_case() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let value = format!("{scheme} {}", jane.token());
        let client = with_authorization(&server.client, &value);
        client.get("/auth/me").await.expect(StatusCode::OK);
    }
    for (value, code) in [
        ("Basic amFuZUBleGFtcGxlLmNvbTpwYXNzd29yZDEyMw==".to_owned(), "no_token"),
        (jane.token().to_owned(), "no_token"),
        ("Bearer".to_owned(), "no_token"),
        (format!("Token {}", jane.token()), "no_token"),
        ("Bearer x y".to_owned(), "invalid_token"),
        (format!("Bearer {},", jane.token()), "invalid_token"),
        (format!("Bearer \"{}\"", jane.token()), "invalid_token"),
    ] {
        let client = with_authorization(&server.client, &value);
        client.get("/auth/me").await.expect_problem(401, code);
    }
}
