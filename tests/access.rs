//! Who may do what: every operation, with every kind of credential.

use std::collections::BTreeSet;
use std::time::Duration;

use duly::auth::token::{AccessTokens, Keys};
use duly::config::TokenAlgorithm;
use duly::domain::id::{SessionId, UserId};
use hyper::{Method, StatusCode};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

use crate::harness::server::{KEY, START};
use crate::harness::{Answer, Client, Server};

#[derive(Clone, Copy)]
struct Operation {
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
    async fn call(&self, client: &Client, id: u64) -> Answer {
        let path = format!("!{}", self.path.replace("{id}", &id.to_string()));
        let (media_type, body) = self.body.unzip();
        let method = self.method.parse().unwrap();
        client.send(method, &path, media_type, body.unwrap_or_default()).await
    }
}

fn guarded() -> impl Iterator<Item = &'static Operation> {
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

fn sign(header: &Header, claims: &Value, key: &[u8]) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(key)).unwrap()
}

fn header() -> Header {
    Header { typ: Some("at+jwt".to_owned()), ..Header::new(Algorithm::HS256) }
}

/// What is inside a good token.
fn claims_of(token: &str) -> Value {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    let key = DecodingKey::from_secret(KEY);
    jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap().claims
}

/// Tokens that somebody who has `token` and an account of his own could make up.
fn forgeries(token: &str, own: &str) -> Vec<(&'static str, String)> {
    let claims = claims_of(token);
    let header = header();

    let (head, rest) = token.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    let (_, own_rest) = own.split_once('.').unwrap();
    let (_, own_signature) = own_rest.split_once('.').unwrap();
    let mut flipped = token.to_owned().into_bytes();
    let middle = head.len() + 1 + payload.len() / 2;
    flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        sign(&header, &claims, KEY)
    };
    let other_type = Header { typ: Some("JWT".to_owned()), ..header.clone() };
    let other_algorithm = Header { alg: Algorithm::HS512, ..header.clone() };
    let tokens = AccessTokens::new(
        Keys::only(KEY),
        TokenAlgorithm::Hs256,
        Duration::from_secs(3600),
    );
    let nowhere = SessionId::from_bytes([9; 16]);
    let no_session =
        tokens.issue(UserId::new(1), nowhere, [1; 16], START.parse().unwrap());
    // {"alg":"none","typ":"at+jwt"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
    vec![
        ("garbage", "garbage".to_owned()),
        ("nothing in its parts", "..".to_owned()),
        ("no algorithm", format!("{none}.{payload}.")),
        ("no algorithm, signed", format!("{none}.{payload}.{signature}")),
        ("no signature", format!("{head}.{payload}.")),
        ("another's signature", format!("{head}.{payload}.{own_signature}")),
        ("a letter changed", String::from_utf8(flipped).unwrap()),
        ("another key", sign(&header, &claims, &[b'x'; 32])),
        ("another type", sign(&other_type, &claims, KEY)),
        ("another algorithm", sign(&other_algorithm, &claims, KEY)),
        ("no such session", no_session.unwrap().expose().to_owned()),
        ("another's session", with("sub", json!("2"))),
        ("no such account", with("sub", json!("99"))),
        ("another issuer", with("iss", json!("else"))),
        ("another audience", with("aud", json!("else"))),
        ("too long a life", with("exp", json!(4_102_444_800_u64))),
    ]
}

#[tokio::test]
async fn nothing_that_needs_a_token_works_with_a_forged_one() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let john = server.client.registered("john@example.com").await;
    let task = jane.post("/tasks", json!({ "title": "mine" })).await.body;
    let resigned = sign(&header(), &claims_of(jane.token()), KEY);
    let resigned = server.client.with_token(&resigned).get("/auth/me").await;
    assert_eq!(
        resigned.status,
        StatusCode::OK,
        "forgeries differ in one thing from this"
    );
    for (kind, token) in forgeries(jane.token(), john.token()) {
        let forger = server.client.with_token(&token);
        for operation in guarded() {
            let answer = operation.call(&forger, 1).await;
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(challenge.contains("error=\"invalid_token\""), "{kind}: {challenge}");
            let text = String::from_utf8_lossy(&answer.bytes);
            assert!(!text.contains(&token), "{kind}: {text}");
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{kind}");
        }
    }
    assert_eq!(jane.get("/tasks").await.expect(StatusCode::OK), json!([task]));
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
