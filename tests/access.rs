//! Who may do what: every operation, with every kind of credential.

use std::collections::BTreeSet;

use hyper::{Method, StatusCode};
use serde_json::json;

use crate::harness::{Answer, Client, Server};

/// One operation, and how to ask for it.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    method: &'static str,
    path: &'static str,
    needs_token: bool,
    /// A media type and a body that is taken.
    body: Option<(&'static str, &'static str)>,
}

const fn open(method: &'static str, path: &'static str) -> Operation {
    Operation { method, path, needs_token: false, body: None }
}

const fn shut(method: &'static str, path: &'static str) -> Operation {
    Operation { method, path, needs_token: true, body: None }
}

const fn with(body: (&'static str, &'static str), operation: Operation) -> Operation {
    Operation { body: Some(body), ..operation }
}

/// All there is. A new operation is added here, or this file does not pass.
static OPERATIONS: [Operation; 12] = [
    open("GET", "/health"),
    open("GET", "/health/live"),
    open("GET", "/health/ready"),
    open("GET", "/api/v1/health"),
    with(REGISTRATION, open("POST", "/api/v1/auth/register")),
    with(LOG_IN, open("POST", "/api/v1/auth/login")),
    shut("GET", "/api/v1/auth/me"),
    shut("GET", "/api/v1/tasks"),
    with(TASK, shut("POST", "/api/v1/tasks")),
    shut("GET", "/api/v1/tasks/{id}"),
    with(PATCH, shut("PATCH", "/api/v1/tasks/{id}")),
    shut("DELETE", "/api/v1/tasks/{id}"),
];
const REGISTRATION: (&str, &str) =
    ("application/json", r#"{"email":"new@example.com","password":"password123"}"#);
const LOG_IN: (&str, &str) = (
    "application/x-www-form-urlencoded",
    "username=new@example.com&password=password123",
);
const TASK: (&str, &str) = ("application/json", r#"{"title":"a"}"#);
const PATCH: (&str, &str) = ("application/merge-patch+json", r#"{"title":"stolen"}"#);

impl Operation {
    /// Asks for it, and for this task if it is about one.
    pub(crate) async fn call(&self, client: &Client, id: u64) -> Answer {
        let path = format!("!{}", self.path.replace("{id}", &id.to_string()));
        let (media_type, body) = self.body.unzip();
        let method = self.method.parse().unwrap();
        client.send(method, &path, media_type, body.unwrap_or_default()).await
    }
}

/// What wants a token.
pub(crate) fn guarded() -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter().filter(|operation| operation.needs_token)
}

/// Sends this as the whole of the `Authorization` header.
fn with_authorization(client: &Client, value: &str) -> Client {
    client.with_header("authorization", value)
}

#[tokio::test]
async fn the_table_has_every_operation_of_the_document() {
    let server = Server::start().await;
    let document = server.client.get("!/openapi.json").await.expect(StatusCode::OK);
    let mut found = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let guarded = operation["security"].is_array();
            found.insert((method.to_uppercase(), path.clone(), guarded));
        }
    }
    let table = OPERATIONS.iter().map(|operation| {
        (operation.method.to_owned(), operation.path.to_owned(), operation.needs_token)
    });
    assert_eq!(table.collect::<BTreeSet<_>>(), found);
}

#[tokio::test]
async fn what_needs_no_token_works_without_and_with_any() {
    let server = Server::start().await;
    let forged = server.client.with_token("forged");
    for operation in OPERATIONS.iter().filter(|operation| !operation.needs_token) {
        let answer = operation.call(&server.client, 1).await;
        assert!(answer.status.is_success(), "{}: {}", operation.path, answer.body);
        let answer = operation.call(&forged, 1).await;
        assert!(
            answer.status.is_success() || answer.status == StatusCode::CONFLICT,
            "{}: {}",
            operation.path,
            answer.body
        );
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
        // Without a credential there is nothing wrong with it (RFC 6750, section 3.1).
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

/// Nobody learns what else is wrong with a request before it is known who asks.
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
async fn what_is_somebody_elses_looks_exactly_like_nothing() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let john = server.client.registered("john@example.com").await;
    let task = jane.post("/tasks", json!({ "title": "mine" })).await.body;
    let with_id = guarded().filter(|operation| operation.path.contains("{id}"));
    let mut tried = 0;
    for operation in with_id {
        let (hers, missing) =
            (operation.call(&john, 1).await, operation.call(&john, 999).await);

        assert_eq!(hers.comparable_headers(), missing.comparable_headers());
        assert_eq!(hers.clone().comparable(), missing.comparable());
        hers.expect_problem(404, "not_found");
        tried += 1;
    }
    assert_eq!(tried, 3);
    let found = jane.get("/tasks/1").await;
    assert_eq!(found.header("etag"), Some("\"1\""));
    assert_eq!(found.expect(StatusCode::OK), task);
    assert_eq!(john.get("/tasks").await.expect(StatusCode::OK), json!([]));
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
