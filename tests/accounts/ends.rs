//! Tests that access ends with the next request, for every credential, also for concurrent requests and
//! after the process was killed.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::harness::client::{BASE, PASSWORD};
use crate::harness::process::expect;
use crate::harness::{Client, Home, Server};

/// All credentials of one account.
#[derive(Clone)]
struct Keys {
    session: Client,
    refresh: String,
    token: Client,
}

impl Keys {
    async fn new(anybody: &Client, email: &str) -> Self {
        let (session, refresh) = anybody.granted(email).await;
        let (_, token) = session.given_token(&["tasks:read", "account"]).await;
        Self { session, refresh, token }
    }

    /// Sends many requests at once with each credential. All are refused.
    async fn expect_shut(&self, at: &str) {
        let mut requests = JoinSet::new();
        for number in 0..64 {
            let keys = self.clone();
            requests.spawn(async move {
                let answer = match number % 3 {
                    0 => keys.session.get("/tasks").await,
                    1 => keys.token.get("/auth/me").await,
                    _ => keys
                        .session
                        .refreshed(&keys.refresh)
                        .await
                        .expect_err("refreshed"),
                };
                // An OAuth 2 client gets another error for an invalid refresh token.
                if answer.body["error"] == "invalid_grant" {
                    StatusCode::UNAUTHORIZED
                } else {
                    answer.status
                }
            });
        }
        for status in requests.join_all().await {
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{at}");
        }
    }

    async fn expect_open(&self) {
        self.session.get("/tasks").await.expect(StatusCode::OK);
        self.token.get("/tasks").await.expect(StatusCode::OK);
    }
}

const EVENTS: [&str; 6] =
    ["logout", "logout-all", "password", "disable", "delete", "leave"];

/// Causes an event that ends access, and returns the credentials that must be refused then.
async fn happen(event: &str, anybody: &Client, root: &Client, email: &str) -> Keys {
    let keys = Keys::new(anybody, email).await;
    let other = Keys::new(anybody, email).await;
    keys.expect_open().await;
    let id = keys.session.get("/auth/me").await.body["id"].clone();
    let account = format!("/admin/users/{id}");
    let proof = json!({ "password": PASSWORD });
    match event {
        // Each credential is revoked on its own.
        "logout" => {
            keys.session.post_empty("/auth/logout").await.expect(StatusCode::NO_CONTENT);
            keys.token.post_empty("/auth/logout").await.expect(StatusCode::NO_CONTENT);
            other.expect_open().await;
        }
        "logout-all" => {
            other.session.post_empty("/auth/logout-all").await.expect(StatusCode::OK);
        }
        "password" => {
            let change =
                json!({ "current_password": PASSWORD, "new_password": "password124" });
            let ended = other.session.post("/auth/password", change).await;
            let wanted = json!({ "sessions_ended": 2, "tokens_ended": 2 });
            assert_eq!(ended.expect(StatusCode::OK), wanted);
            other.session.get("/tasks").await.expect(StatusCode::OK);
        }
        "disable" => {
            let disabled = json!({ "disabled": true });
            root.patch(&account, disabled).await.expect(StatusCode::OK);
            other.expect_shut(event).await;
            let form = format!("username={email}&password={PASSWORD}");
            let form_type = Some("application/x-www-form-urlencoded");
            let log_in = anybody.send(Method::POST, "/auth/login", form_type, form).await;
            log_in.expect_problem(401, "wrong_credentials");
        }
        "delete" => {
            root.delete(&account).await.expect(StatusCode::NO_CONTENT);
            other.expect_shut(event).await;
        }
        _ => {
            let body = proof.to_string();
            let json_type = Some("application/json");
            let left =
                other.session.send(Method::DELETE, "/auth/me", json_type, body).await;
            left.expect(StatusCode::NO_CONTENT);
            other.expect_shut(event).await;
        }
    }
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_access_ends_it_with_the_next_request() {
    let server = Server::start().await;
    let root = server.client.registered("root@example.com").await;
    server.promote("root@example.com").await;
    for event in EVENTS {
        let email = format!("{event}@example.com");
        server.client.registered(&email).await;
        let keys = happen(event, &server.client, &root, &email).await;
        keys.expect_shut(event).await;
    }
}

/// Checks a request that is authorized before its body has come: it has no effect if its credential ends meanwhile.
#[tokio::test]
async fn a_request_that_was_begun_before_does_nothing_after() {
    let server = Server::start().await;
    let root = server.client.registered("root@example.com").await;
    server.promote("root@example.com").await;
    let thief = server.client.registered("two@example.com").await;
    server.promote("two@example.com").await;
    let (_, token) = thief.given_token(&["account", "tasks:write"]).await;
    let made =
        json!({ "email": "three@example.com", "password": PASSWORD, "role": "admin" });
    let change = json!({ "disabled": false, "role": "admin" });
    let change_of_two =
        format!("/admin/users/{}", thief.get("/auth/me").await.body["id"]);
    let mut held = Vec::new();
    for (client, method, path, body) in [
        (&thief, "POST", "/admin/users", made),
        (&thief, "PATCH", &*change_of_two, change),
        (&thief, "POST", "/admin/invitations", json!({})),
        (&thief, "POST", "/auth/tokens", json!({ "name": "a", "scopes": ["account"] })),
        (&thief, "PATCH", "/auth/me", json!({ "display_name": "thief" })),
        (&thief, "POST", "/tasks", json!({ "title": "a" })),
        (&token, "POST", "/tasks", json!({ "title": "a" })),
        (&token, "PATCH", "/auth/me", json!({ "display_name": "thief" })),
    ] {
        held.push((
            path.to_owned(),
            Held::begin(client, method, path, &body.to_string()).await,
        ));
    }
    let disabled = json!({ "disabled": true, "role": "user" });
    root.patch(&change_of_two, disabled).await.expect(StatusCode::OK);

    for (path, held) in held {
        assert_eq!(held.end().await, 401, "{path}");
    }

    let two = root.get(&change_of_two).await.body;
    assert_eq!((&two["disabled"], &two["role"]), (&json!(true), &json!("user")));
    assert_eq!(two["display_name"], json!(null));
    assert_eq!(root.get("/admin/users").await.header("x-total-count"), Some("2"));
    assert_eq!(root.get("/admin/invitations").await.body, json!([]));
    root.patch(&change_of_two, json!({ "disabled": false })).await.expect(StatusCode::OK);
    let two = server.client.logged_in("two@example.com").await;
    assert_eq!(two.get("/tasks").await.body, json!([]));
    assert_eq!(two.get("/auth/tokens").await.body.as_array().unwrap().len(), 1);
}

/// Request without its last byte.
struct Held {
    stream: TcpStream,
    last: u8,
}

impl Held {
    /// Returns when the server has authorized the request and waits for the rest.
    async fn begin(client: &Client, method: &str, path: &str, body: &str) -> Self {
        let mut stream = TcpStream::connect(client.address()).await.unwrap();
        let (start, last) = body.as_bytes().split_at(body.len() - 1);
        let head = format!(
            "{method} {BASE}{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\
             Connection: close\r\n\r\n",
            client.token(),
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // The server asks for the body only after it has authorized the request.
        let mut answer = [0; 25];
        stream.read_exact(&mut answer).await.unwrap();
        assert!(
            answer.starts_with(b"HTTP/1.1 100"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
        stream.write_all(start).await.unwrap();
        Self { stream, last: last[0] }
    }

    /// Sends the rest, and returns the status.
    async fn end(mut self) -> u16 {
        self.stream.write_all(&[self.last]).await.unwrap();
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_ended_stays_ended_after_the_process_was_killed() {
    let home = Home::new();
    expect(home.run(&["user", "add", "--admin", "root@example.com"], PASSWORD), 0);
    let server = home.serve();
    let anybody = server.client();
    let root = anybody.logged_in("root@example.com").await;
    let mut shut = Vec::new();
    for event in EVENTS {
        let email = format!("{event}@example.com");
        anybody.registered(&email).await;
        shut.push((event, happen(event, &anybody, &root, &email).await));
    }

    server.kill();

    let server = home.serve();
    let anybody = server.client();
    for (event, keys) in shut {
        let keys = Keys {
            session: anybody.with_token(keys.session.token()),
            token: anybody.with_token(keys.token.token()),
            ..keys
        };
        keys.expect_shut(event).await;
    }
    let root = anybody.with_token(root.token());
    let audit: Value = root.get("/admin/audit").await.expect(StatusCode::OK);
    assert_eq!(audit[0]["action"], "user_deleted");
}
