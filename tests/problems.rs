//! Tests of errors: all have the same form, and every response has its headers.

use std::sync::Arc;
use std::time::Duration;

use duly::auth::token::{AccessTokens, Keys};
use duly::config::TokenAlgorithm;
use duly::domain::scope::Scopes;
use duly::domain::task::{NewTask, Title};
use duly::domain::timestamp::Timestamp;
use duly::store::redb::{Options, RedbStore};
use duly::store::{Store, WriteContext};
use hyper::{Method, StatusCode};
use serde_json::json;

use crate::harness::TaskStore as _;
use crate::harness::raw::{head, raw};
use crate::harness::server::{KEY, START};
use crate::harness::values::{given_user, session};
use crate::harness::{Answer, Server};

const JSON: Option<&str> = Some("application/json");

#[tokio::test]
async fn a_path_that_leads_nowhere_is_not_found() {
    let server = Server::start().await;
    for path in [
        "!/nothing",
        "!/api",
        "!/api/v1",
        "!/api/v2/tasks",
        "!/docs/nothing.js",
        "!/docs/../etc/passwd",
        "!/openapi",
        "!/%00",
        "/task",
        "/tasks/1/2",
        "/auth",
        "/auth/register/x",
    ] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let answer = server.client.send(method, path, JSON, "{}").await;
            answer.expect_problem(404, "not_found");
        }
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    for (path, allowed) in [
        ("/tasks", "GET, HEAD, OPTIONS, POST"),
        ("/tasks/", "GET, HEAD, OPTIONS, POST"),
        ("!/api//v1/tasks", "GET, HEAD, OPTIONS, POST"),
        ("/tasks//1", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("/tasks/1", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("/auth/register", "OPTIONS, POST"),
        ("/auth/login", "OPTIONS, POST"),
        ("/auth/me", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("/health", "GET, HEAD, OPTIONS"),
        ("!/health/ready", "GET, HEAD, OPTIONS"),
        ("!/docs", "GET, HEAD"),
        ("!/docs/swagger-ui.js", "GET, HEAD"),
        ("!/redoc", "GET, HEAD"),
        ("!/openapi.json", "GET, HEAD"),
        ("!/openapi.yaml", "GET, HEAD"),
        ("!/", "GET, HEAD"),
    ] {
        let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"];
        for method in methods.into_iter().filter(|method| !allowed.contains(method)) {
            let answer = jane.send(method.parse().unwrap(), path, JSON, "{}").await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
            if method != "HEAD" {
                answer.expect_problem(405, "method_not_allowed");
            }
        }
        if allowed.contains("OPTIONS") {
            let answer = server.client.send(Method::OPTIONS, path, None, "").await;
            assert_eq!(answer.header("allow"), Some(allowed), "{path}");
            answer.expect(StatusCode::NO_CONTENT);
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let server = Server::start().await;
    let fields = [("Content-Type", "application/json"), ("Content-Length", "262145")];
    let request = head("POST /api/v1/auth/register", &fields);

    // The body never comes.
    let answer = raw(server.client.address(), request).await;

    answer.expect_problem(413, "body_too_large");
}

#[tokio::test]
async fn a_body_without_a_length_is_counted_as_it_comes() {
    let server = Server::start().await;
    let fields = [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")];
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let mut request = head("POST /api/v1/auth/register", &fields);
    request.push_str(&chunk.repeat(65));

    let answer = raw(server.client.address(), request).await;

    answer.expect_problem(413, "body_too_large");
}

#[tokio::test]
async fn the_largest_body_is_read() {
    let server = Server::start().await;
    let start = r#"{"title":"a","description":""#;
    let text = "x".repeat(256 * 1024 - start.len() - 2);
    let body = format!("{start}{text}\"}}");
    let jane = server.client.registered("jane@example.com").await;

    let answer = jane.send(Method::POST, "/tasks", JSON, body.clone()).await;
    assert_eq!(answer.expect_refused(), ["description"]);

    let answer = jane.send(Method::POST, "/tasks", JSON, format!("{body} ")).await;
    answer.expect_problem(413, "body_too_large");
}

#[tokio::test]
async fn a_header_that_is_too_large_is_refused() {
    let server = Server::start().await;
    let address = server.client.address();
    let of = |length: usize| "x".repeat(length);
    for (line, value) in [
        ("GET /health".to_owned(), of(17 * 1024)),
        ("GET /health".to_owned(), of(30 * 1024)),
        (format!("GET /health?{}", of(17 * 1024)), of(1)),
    ] {
        let answer = raw(address, head(&line, &[("X-Long", &value)])).await;
        answer.expect_problem(431, "header_too_large");
    }
    let answer = raw(address, head("GET /health", &[("X-Long", &of(15 * 1024))])).await;
    answer.expect(StatusCode::OK);

    // Host and Connection are two more.
    let names: Vec<String> = (0..63).map(|number| format!("X-{number}")).collect();
    let fields: Vec<(&str, &str)> =
        names.iter().map(|name| (name.as_str(), "x")).collect();
    raw(address, head("GET /health", &fields[..62])).await.expect(StatusCode::OK);
    let answer = raw(address, head("GET /health", &fields)).await;
    answer.expect_problem(431, "header_too_large");
}

#[tokio::test]
async fn a_request_keeps_its_well_formed_id() {
    let server = Server::start().await;
    for id in ["12345678", "5d2c8a52-c0f7_A1b3", &"x".repeat(64)] {
        let client = server.client.with_header("x-request-id", id);
        for path in ["/health", "/tasks", "/nothing", "!/docs"] {
            assert_eq!(client.get(path).await.header("x-request-id"), Some(id));
        }
    }
    for id in ["", "1234567", &"x".repeat(65), "1234 5678", "12345678\"", "12345678;a=b"]
    {
        let client = server.client.with_header("x-request-id", id);
        let (one, two) = (client.get("/health").await, client.get("/health").await);
        assert_ne!(one.header("x-request-id"), Some(id));
        assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
    }
}

#[tokio::test]
async fn answers_of_the_api_may_not_be_kept_run_or_framed() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    for path in ["/tasks", "/auth/me", "/tasks/9", "/nothing", "/health", "!/health/live"]
    {
        let answer = jane.get(path).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        let policy = answer.header("content-security-policy").unwrap();
        assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'", "{path}");
    }
    let log_in = "username=jane@example.com&password=password123";
    let answer = server.client.form("/auth/login", log_in).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_stopping_server_is_not_ready_but_lives() {
    let server = Server::start().await;
    server.client.get("!/health/ready").await.expect(StatusCode::OK);

    server.stopping.cancel();

    server.client.get("!/health/ready").await.expect_problem(503, "stopping");
    server.client.get("!/health/live").await.expect(StatusCode::OK);
    server.client.get("/health").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn health_says_which_server_this_is() {
    let server = Server::with(&["--environment=test"]).await;
    let version = env!("CARGO_PKG_VERSION");
    let wanted = json!({ "status": "ok", "environment": "test", "version": version });
    for path in ["/health", "!/health"] {
        assert_eq!(server.client.get(path).await.expect(StatusCode::OK), wanted);
    }
    for path in ["!/health/live", "!/health/ready"] {
        let answer = server.client.get(path).await;
        assert_eq!(answer.expect(StatusCode::OK), json!({ "status": "ok" }));
    }
}

/// Creates a data file with one account, one session and one task, and returns a token for the account.
async fn given_data(path: &std::path::Path) -> String {
    let options = Options { reserve_bytes: 0, ..Options::default() };
    let store: Arc<dyn Store> = Arc::new(RedbStore::open(path, &options).unwrap());
    let now: Timestamp = START.parse().unwrap();
    let user = given_user(&*store, "jane@example.com").await.id;
    let lifetime = Duration::from_secs(3600);
    let end = now.plus(lifetime);
    let session = session(user, 1, now.as_millis(), end.as_millis());
    let id = session.id;
    assert!(store.session_create(session, None, WriteContext::system()).await.unwrap());
    let title = Title::new("a".to_owned()).unwrap();
    let new = NewTask::new(title, now);
    store.task_create(user, new).await.unwrap().unwrap();
    let tokens = AccessTokens::new(Keys::only(KEY), TokenAlgorithm::Hs256, lifetime);
    tokens.issue(user, id, Scopes::ALL, [1; 16], now).unwrap().expose().to_owned()
}

#[tokio::test]
async fn a_full_disk_stops_writes_but_neither_reads_nor_deletes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("duly.redb");
    let token = given_data(&path).await;
    let url = format!("--database-url=redb://{}", path.display());
    let server = Server::with(&[&url, "--disk-reserve-mib=1000000"]).await;
    let jane = server.client.with_token(&token);

    let full = |answer: Answer| answer.expect_problem(507, "disk_full");
    full(jane.post("/tasks", json!({ "title": "b" })).await);
    full(jane.patch("/tasks/1", json!({ "title": "b" })).await);
    let account = json!({ "email": "john@example.com", "password": "password123" });
    full(server.client.post("/auth/register", account).await);

    assert_eq!(jane.get("/auth/me").await.body["email"], "jane@example.com");
    assert_eq!(jane.get("/tasks/1").await.expect(StatusCode::OK)["title"], "a");
    assert_eq!(jane.get("/tasks").await.header("x-total-count"), Some("1"));
    jane.delete("/tasks/1").await.expect(StatusCode::NO_CONTENT);
    assert_eq!(jane.get("/tasks").await.header("x-total-count"), Some("0"));
}
