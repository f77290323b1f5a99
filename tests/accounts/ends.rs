//! What ends access ends it with the next request, for every credential, also for requests at once and after
//! the process was killed.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::client::PASSWORD;
use crate::harness::process::expect;
use crate::harness::{Client, Home, Server};

/// Everything that gives access to one account.
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

    /// Uses each many times at once. All are refused.
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
                answer.status
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

/// Lets something happen that ends access, and returns what has to be shut then.
async fn happen(event: &str, anybody: &Client, root: &Client, email: &str) -> Keys {
    let keys = Keys::new(anybody, email).await;
    let other = Keys::new(anybody, email).await;
    keys.expect_open().await;
    let id = keys.session.get("/auth/me").await.body["id"].clone();
    let account = format!("/admin/users/{id}");
    let proof = json!({ "password": PASSWORD });
    match event {
        // Each credential is given back by itself.
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
