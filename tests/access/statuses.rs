//! Every status that the document lists for an operation, with a request that gets it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use duly::store::redb::{Options, RedbStore};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::operation::{Need, OPERATIONS, Operation};
use super::recurring_task;
use crate::harness::raw::{head, raw};
use crate::harness::{Answer, Client, Server};

/// Evidence for a status of an operation.
enum Shown {
    /// A request got the status.
    By(Answer),
    /// No request here can get it: reason, and the place where it is tested.
    Elsewhere(&'static str),
}

/// Servers with different settings, each with an administrator.
struct Scene {
    plain: Server,
    root: Client,
    /// Refresh token for one refresh.
    refresh_token: String,
    limited: (Server, Client),
    throttled: Server,
    exact: (Server, Client),
    closed: Server,
    hasty: (Server, Client),
}

async fn with_root(flags: &[&str]) -> (Server, Client) {
    let server = Server::with(flags).await;
    let root = server.client.registered("root@example.com").await;
    server.promote("root@example.com").await;
    (server, root)
}

impl Scene {
    async fn set(url: &str) -> Self {
        let (plain, root) = with_root(&[url]).await;
        recurring_task(&root, "a").await;
        let new = plain.client.registered("new@example.com").await;
        for client in [&root, &new] {
            let task = json!({ "title": "with the key that is used already" });
            used_key(client).post("/tasks", task).await.expect(StatusCode::CREATED);
        }
        let id = root.given_task("to be deleted").await;
        root.delete(&format!("/tasks/{id}")).await.expect(StatusCode::NO_CONTENT);
        let (_, refresh_token) = plain.client.granted("new@example.com").await;
        let limited = with_root(&["--rate-limit-per-minute=1"]).await;
        limited.1.get("/auth/me").await.expect(StatusCode::OK);
        let exact = with_root(&["--require-if-match=on"]).await;
        recurring_task(&exact.1, "a").await;
        Self {
            plain,
            root,
            refresh_token,
            limited,
            throttled: Server::with(&["--auth-rate-limit=on"]).await,
            exact,
            closed: Server::with(&["--registration=closed"]).await,
            hasty: with_root(&["--body-timeout-seconds=1"]).await,
        }
    }

    /// Produces a status of an operation.
    async fn show(&self, operation: &'static Operation, status: &str) -> Shown {
        let Self { plain, root, .. } = self;
        let is_open = operation.need == Need::Nothing;
        let id = id_for(operation);
        Shown::By(match status {
            "304" => {
                let known = root.with_header("if-none-match", "\"1\"");
                operation.call(&known, id).await
            }
            "400" => {
                // The header has no `Host`.
                let line = format!("{} {}", operation.method, path(operation));
                let request = format!("{line} HTTP/1.1\r\nConnection: close\r\n\r\n");
                raw(plain.client.address(), request).await
            }
            "401" if is_open => {
                let wrong = "username=nobody@example.com&password=password123";
                plain.client.form("/auth/login", wrong).await
            }
            "401" => operation.call(&plain.client, id).await,
            "403" if is_open => operation.call(&self.closed.client, id).await,
            "403" => operation.call(&self.denied(operation.need).await, id).await,
            "404" if operation.path.ends_with("/undo") => {
                root.post("/undo", json!({ "batch": 999 })).await
            }
            "404" => operation.call(root, missing_id(operation)).await,
            "408" => {
                let (server, root) = &self.hasty;
                let sent = head_of(operation, root, ("Content-Length", "5"));
                raw(server.client.address(), sent).await
            }
            "409" => self.conflict(operation).await,
            "410" if operation.method == "GET" => {
                return Shown::Elsewhere("a cursor that is too old: tasks::changes");
            }
            "410" => return Shown::Elsewhere("the uid of a deleted task: tasks::uid"),
            "412" if is_batch(operation) => batch(root, json!("\"99\"")).await,
            "412" => operation.call(&root.with_header("if-match", "\"99\""), id).await,
            "413" => {
                let sent = head_of(operation, root, ("Content-Length", "1000000000"));
                raw(plain.client.address(), sent).await
            }
            "414" => {
                return Shown::Elsewhere("where headers may be that long: unreadable");
            }
            "415" => {
                let method: Method = operation.method.parse().unwrap();
                let path = format!("!{}", path(operation));
                root.send(method, &path, Some("text/plain"), "{}").await
            }
            "422" => {
                let (media_type, body) = operation.body.unzip();
                let path = format!("!{}?colour=red", path(operation));
                let method: Method = operation.method.parse().unwrap();
                root.send(method, &path, media_type, body.unwrap_or_default()).await
            }
            "428" if is_batch(operation) => batch(&self.exact.1, Value::Null).await,
            "428" => operation.call(&self.exact.1, id).await,
            "429" if is_open => {
                let mut answer = operation.call(&self.throttled.client, id).await;
                for _ in 0..200 {
                    if answer.status != StatusCode::TOO_MANY_REQUESTS {
                        answer = operation.call(&self.throttled.client, id).await;
                    }
                }
                answer
            }
            "429" => operation.call(&self.limited.1, id).await,
            "431" => {
                let long = root.with_header("x-long", &"x".repeat(17 * 1024));
                operation.call(&long, id).await
            }
            "500" => return Shown::Elsewhere("a bug, or damage: damage::served"),
            "501" => {
                let coding = ("Transfer-Encoding", "gzip, chunked");
                let sent = format!("{}0\r\n\r\n", head_of(operation, root, coding));
                raw(plain.client.address(), sent).await
            }
            "503" => return Shown::Elsewhere("any request of one too many: gate, http2"),
            "200" if operation.path.ends_with("/tasks") && operation.method == "POST" => {
                let task = json!({ "title": "a" });
                root.post("/tasks?dry_run=true", task).await
            }
            "200" | "201" | "204" => {
                return Shown::Elsewhere("every operation succeeds in access::table");
            }
            other => panic!("nothing is known of {other}"),
        })
    }

    /// Returns a client with a valid credential that does not allow the operation.
    async fn denied(&self, need: Need) -> Client {
        let scope = match need {
            Need::Scope("tasks:read") => "account",
            _ => "tasks:read",
        };
        self.root.given_token(&[scope]).await.1
    }

    async fn conflict(&self, operation: &'static Operation) -> Answer {
        let Self { plain, root, .. } = self;
        match (operation.method, operation.path) {
            // The email is taken, and the only administrator cannot leave.
            (_, "/api/v1/auth/register") => operation.call(&plain.client, "").await,
            ("DELETE", "/api/v1/auth/me") => operation.call(root, "").await,
            (_, "/api/v1/auth/refresh") => self.refresh(&used_key(&plain.client)).await,
            (_, "/api/v1/auth/revoke") => {
                let form = Some("application/x-www-form-urlencoded");
                let body = format!("token={}", root.token());
                let client = used_key(&plain.client);
                client.send(Method::POST, "/auth/revoke", form, body).await
            }
            _ if operation.need == Need::Nothing => {
                operation.call(&used_key(&plain.client), "").await
            }
            _ => operation.call(&used_key(root), id_for(operation)).await,
        }
    }

    async fn refresh(&self, client: &Client) -> Answer {
        refresh(client, &self.refresh_token).await
    }
}

async fn refresh(client: &Client, token: &str) -> Answer {
    let form = Some("application/x-www-form-urlencoded");
    let body = format!("grant_type=refresh_token&refresh_token={token}");
    client.send(Method::POST, "/auth/refresh", form, body).await
}

fn used_key(client: &Client) -> Client {
    client.with_header("idempotency-key", "used")
}

fn is_batch(operation: &Operation) -> bool {
    operation.path.ends_with("/tasks/batch")
}

/// Sends a batch that changes a task in one state.
async fn batch(client: &Client, if_match: Value) -> Answer {
    let mut change = json!({ "op": "patch", "id": 1, "task": { "title": "b" } });
    if if_match.is_string() {
        change["if_match"] = if_match;
    }
    client.post("/tasks/batch", json!({ "operations": [change] })).await
}

/// Id of the administrator's task, or of an account that is not the last administrator's.
fn id_for(operation: &Operation) -> u64 {
    if operation.path.contains("/users/") { 2 } else { 1 }
}

/// Unused id, in the form that the operation expects.
fn missing_id(operation: &Operation) -> String {
    let part = operation.path.split('/').nth(4).unwrap();
    match part {
        "sessions" => "0".repeat(32),
        "tokens" | "invitations" => "0".repeat(16),
        _ => "999".to_owned(),
    }
}

fn path(operation: &Operation) -> String {
    operation.path.replace("{id}", &id_for(operation).to_string())
}

/// Header of a request that is valid but for one field.
fn head_of(operation: &Operation, client: &Client, field: (&str, &str)) -> String {
    let line = format!("{} {}", operation.method, path(operation));
    let authorization = format!("Bearer {}", client.token());
    let media_type =
        operation.body.map_or("application/json", |(media_type, _)| media_type);
    let fields =
        [("Authorization", &*authorization), ("Content-Type", media_type), field];
    head(&line, &fields)
}

/// Returns the statuses that the document lists for an operation.
fn listed(document: &Value, operation: &Operation) -> BTreeSet<String> {
    let method = operation.method.to_lowercase();
    let responses = &document["paths"][operation.path][&method]["responses"];
    responses.as_object().unwrap().keys().cloned().collect()
}

/// Returns whether the operation frees space. Operations that add data are refused on a full disk. Operations that
/// free space are refused only if the pages that they move do not fit, which `space` tests.
fn frees(operation: &Operation) -> bool {
    let ends = ["/logout", "/logout-all", "/revoke"]
        .iter()
        .any(|it| operation.path.ends_with(it));
    operation.method == "DELETE" || ends
}

/// Waits until the previous server has closed its file.
async fn closed(path: &Path) {
    while RedbStore::open(path, &Options::default()).is_err() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_status_that_the_document_lists_can_occur() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("duly.redb");
    let url = format!("--database-url=redb://{}", path.display());
    let scene = Arc::new(Scene::set(&url).await);
    let document = scene.plain.client.get("!/openapi.json").await.expect(StatusCode::OK);
    let writes: Vec<&Operation> =
        OPERATIONS.iter().filter(|it| listed(&document, it).contains("507")).collect();
    let mut tries = JoinSet::new();
    for operation in &OPERATIONS {
        let (scene, mut statuses) = (Arc::clone(&scene), listed(&document, operation));
        // 507 is tested on a full disk below.
        statuses.remove("507");
        tries.spawn(async move {
            let mut shown = 0;
            for status in statuses {
                let at = format!("{} {}: {status}", operation.method, operation.path);
                match scene.show(operation, &status).await {
                    Shown::By(answer) => {
                        let found = answer.status.as_str();
                        assert_eq!(found, status, "{at}: {}", answer.body);
                        shown += 1;
                    }
                    Shown::Elsewhere(why) => assert!(!why.is_empty(), "{at}"),
                }
            }
            shown
        });
    }
    let shown: usize = tries.join_all().await.into_iter().sum();
    assert!(shown > 300, "{shown}");

    // The same accounts, on a full disk.
    let scene = Arc::into_inner(scene).unwrap();
    let (root, refresh_token) =
        (scene.root.token().to_owned(), scene.refresh_token.clone());
    drop(scene);
    closed(&path).await;
    let full = Server::with(&[&url, "--disk-reserve-mib=1000000"]).await;
    let root = full.client.with_token(&root);
    let deleted = root.get("/trash").await.expect(StatusCode::OK)[0].clone();
    for operation in writes.iter().filter(|operation| !frees(operation)) {
        let answer = match operation.path {
            "/api/v1/auth/register" => {
                let other =
                    json!({ "email": "x@example.com", "password": "password123" });
                full.client.post("/auth/register", other).await
            }
            "/api/v1/auth/refresh" => refresh(&full.client, &refresh_token).await,
            // The first task is already in first place.
            "/api/v1/tasks/{id}/move" => operation.call(&root, 2).await,
            // A task that is not deleted needs no write.
            "/api/v1/tasks/{id}/restore" => {
                operation.call(&root, deleted["task"]["id"].as_u64().unwrap()).await
            }
            "/api/v1/undo" => {
                root.post("/undo", json!({ "batch": deleted["batch"] })).await
            }
            _ => operation.call(&root, id_for(operation)).await,
        };
        let at = format!("{} {}", operation.method, operation.path);
        assert_eq!(
            answer.status,
            StatusCode::INSUFFICIENT_STORAGE,
            "{at}: {}",
            answer.body
        );
    }
    assert_eq!(writes.len(), 32);
}
