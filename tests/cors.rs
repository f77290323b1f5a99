//! Tests of pages of other origins: pages of allowed origins may read every response, other pages none.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::raw::{head, raw};
use crate::harness::{Answer, Client, Server};

const FRIEND: &str = "http://localhost:3000";

fn cors_headers(answer: &Answer) -> Vec<&str> {
    let names = answer.headers.keys().map(|name| name.as_str());
    names.filter(|name| name.starts_with("access-control-")).collect()
}

/// Responses of every kind, sent from a page of this origin.
async fn answers(server: &Server, origin: &str) -> Vec<Answer> {
    let anybody = server.client.with_header("origin", origin);
    let jane = server.client.logged_in("jane@example.com").await;
    let jane: Client = jane.with_header("origin", origin);
    let text = Some("text/plain");
    let found = vec![
        jane.post("/tasks", json!({ "title": "a" })).await,
        jane.get("/tasks").await,
        anybody.get("/health").await,
        anybody.get("!/openapi.json").await,
        anybody.get("/tasks").await,
        anybody.with_token("forged").get("/tasks").await,
        jane.get("/tasks/999").await,
        jane.get("/nothing").await,
        jane.delete("/tasks").await,
        jane.post("/tasks", json!({ "title": "" })).await,
        jane.send(Method::POST, "/tasks", text, "x".repeat(300_000)).await,
        jane.send(Method::POST, "/tasks", text, "x").await,
        anybody.send(Method::OPTIONS, "/tasks", None, "").await,
    ];
    let statuses: Vec<u16> = found.iter().map(|answer| answer.status.as_u16()).collect();
    let wanted = [201, 200, 200, 200, 401, 401, 404, 404, 405, 422, 413, 415, 204];
    assert_eq!(statuses, wanted);
    found
}

#[tokio::test]
async fn a_friend_may_read_every_answer_also_errors() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    for answer in answers(&server, FRIEND).await {
        let status = answer.status;
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some(FRIEND),
            "{status}"
        );
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        let exposed = answer.header("access-control-expose-headers").unwrap();
        let exposed: Vec<&str> = exposed.split(", ").collect();
        for name in [
            "ETag",
            "Link",
            "Location",
            "RateLimit",
            "RateLimit-Policy",
            "Retry-After",
            "X-Total-Count",
        ] {
            assert!(exposed.contains(&name), "{name}: {exposed:?}");
        }
    }
}

/// Headers readable for every page ([Fetch](https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name)).
const SAFE: [&str; 3] = ["Cache-Control", "Content-Language", "Content-Type"];

/// Regression: a page could not read the number of tasks that a deletion removed.
#[tokio::test]
async fn whatever_header_the_document_promises_a_page_may_read_or_send() {
    let server = Server::start().await;
    let document = server.client.get("!/openapi.json").await.expect(StatusCode::OK);
    let answer = server.client.with_header("origin", FRIEND).get("/health").await;
    let exposed = answer.header("access-control-expose-headers").unwrap();
    let exposed: Vec<&str> = exposed.split(", ").chain(SAFE).collect();
    let asked = preflight(&server, FRIEND, "/tasks", "POST").await;
    let allowed = asked.header("access-control-allow-headers").unwrap();
    let allowed: Vec<&str> = allowed.split(", ").collect();

    let (mut seen, mut sent) = (0, 0);
    let mut left: Vec<&Value> = vec![&document];
    while let Some(value) = left.pop() {
        for name in value["headers"].as_object().into_iter().flatten().map(|it| it.0) {
            assert!(exposed.contains(&name.as_str()), "{name}: {exposed:?}");
            seen += 1;
        }
        if let (Some("header"), Some(name)) =
            (value["in"].as_str(), value["name"].as_str())
        {
            assert!(allowed.contains(&name), "{name}: {allowed:?}");
            sent += 1;
        }
        left.extend(value.as_object().into_iter().flatten().map(|it| it.1));
        left.extend(value.as_array().into_iter().flatten());
    }
    assert!(seen > 20 && sent > 5, "{seen} {sent}");
    for beside in ["Accept-Encoding", "Allow", "Content-Disposition"] {
        assert!(exposed.contains(&beside), "{beside}");
    }
}

/// Libraries add headers of their own; refusing them would fail every call of the page.
#[tokio::test]
async fn a_page_of_a_friend_may_send_whatever_header_it_asks_for() {
    let server = Server::start().await;
    let asked = "authorization, x-requested-with,traceparent, sentry-trace, b\u{e9}, a b";
    let ask = async |origin| {
        let fields = [
            ("Origin", origin),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", asked),
        ];
        raw(server.client.address(), head("OPTIONS /api/v1/tasks", &fields)).await
    };
    let answer = ask(FRIEND).await;
    let allowed = answer.header("access-control-allow-headers").unwrap();
    let allowed: Vec<&str> = allowed.split(", ").collect();
    assert!(allowed.contains(&"Idempotency-Key"), "{allowed:?}");

    let plain = server.client.with_header("origin", FRIEND);
    let plain = plain.with_header("access-control-request-method", "POST");
    let plain = plain
        .with_header("access-control-request-headers", "x-requested-with,traceparent");
    let answer = plain.send(Method::OPTIONS, "/tasks", None, "").await;
    let allowed = answer.header("access-control-allow-headers").unwrap();
    for name in ["x-requested-with", "traceparent", "Authorization"] {
        assert!(allowed.split(", ").any(|it| it == name), "{name}: {allowed}");
    }
    assert_eq!(cors_headers(&ask("https://evil.example").await), Vec::<&str>::new());
}

#[tokio::test]
async fn a_stranger_is_told_nothing() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    for origin in ["https://evil.example", "null", "http://localhost:30000", "*"] {
        for answer in answers(&server, origin).await {
            assert_eq!(cors_headers(&answer), Vec::<&str>::new(), "{origin}");
        }
    }
}

#[tokio::test]
async fn no_origin_no_header() {
    let server = Server::start().await;
    assert_eq!(cors_headers(&server.client.get("/health").await), Vec::<&str>::new());
}

#[tokio::test]
async fn caches_are_told_that_answers_differ_by_origin() {
    let server = Server::start().await;
    for client in [
        server.client.clone(),
        server.client.with_header("origin", FRIEND),
        server.client.with_header("origin", "https://evil.example"),
    ] {
        for path in ["/health", "/nothing", "!/openapi.json"] {
            let answer = client.get(path).await;
            let vary = answer.headers.get_all("vary").iter();
            let vary: Vec<&str> = vary.map(|value| value.to_str().unwrap()).collect();
            assert!(vary.join(",").to_ascii_lowercase().contains("origin"), "{vary:?}");
        }
    }
}

async fn preflight(server: &Server, origin: &str, path: &str, method: &str) -> Answer {
    let client = server
        .client
        .with_header("origin", origin)
        .with_header("access-control-request-method", method)
        .with_header("access-control-request-headers", "authorization,content-type");
    client.send(Method::OPTIONS, path, None, "").await
}

#[tokio::test]
async fn a_friend_may_ask_before() {
    let server = Server::start().await;
    for (path, method) in [
        ("/tasks", "POST"),
        ("/tasks/1", "PATCH"),
        ("/tasks/1", "DELETE"),
        ("/auth/me", "GET"),
    ] {
        let answer = preflight(&server, FRIEND, path, method).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some(FRIEND));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        let methods = answer.header("access-control-allow-methods").unwrap();
        assert!(methods.split(", ").any(|allowed| allowed == method), "{methods}");
        let headers = answer.header("access-control-allow-headers").unwrap();
        let headers = headers.to_ascii_lowercase();
        assert!(headers.contains("authorization") && headers.contains("content-type"));
        assert!(answer.header("access-control-max-age").is_some());
        answer.expect(StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn a_stranger_who_asks_before_is_told_nothing() {
    let server = Server::start().await;
    let answer = preflight(&server, "https://evil.example", "/tasks", "POST").await;
    assert_eq!(cors_headers(&answer), Vec::<&str>::new());
}

#[tokio::test]
async fn the_list_is_a_setting() {
    let flag = "--backend-cors-origins=https://app.example.com/, https://b.example:8443";
    let server = Server::with(&[flag]).await;
    for origin in ["https://app.example.com", "https://b.example:8443"] {
        let answer = server.client.with_header("origin", origin).get("/health").await;
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
    }
    for origin in [FRIEND, "https://app.example.com:444", "http://app.example.com"] {
        let answer = server.client.with_header("origin", origin).get("/health").await;
        assert_eq!(cors_headers(&answer), Vec::<&str>::new(), "{origin}");
    }
}
