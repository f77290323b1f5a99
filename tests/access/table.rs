//! Table of every operation of the document with every kind of credential. Each row fills all
//! cells, so none is missing.

use std::collections::BTreeSet;
use std::time::Duration;

use duly::domain::user::UserPatch;
use hyper::StatusCode;
use serde_json::{Value, json};

use super::operation::{Need, OPERATIONS, Operation, guarded};
use super::recurring_task;
use crate::harness::client::PASSWORD;
use crate::harness::{Answer, Client, Server};

const EVERYTHING: [&str; 3] = ["tasks:read", "tasks:write", "account"];

/// Account with one item of each kind.
struct Person {
    client: Client,
    user: u64,
    task: u64,
    /// List, whose id no other person has.
    list: u64,
    /// Deleted task.
    deleted: u64,
    /// Session other than that of the client.
    session: String,
    token: String,
}

impl Person {
    async fn new(server: &Server, email: &str) -> Self {
        let client = server.client.registered(email).await;
        let user = client.get("/auth/me").await.body["id"].as_u64().unwrap();
        let task = recurring_task(&client, "secret").await;
        for number in 1..=user {
            let list = client.post("/lists", json!({ "name": "secret" })).await;
            let list = list.expect(StatusCode::CREATED);
            if number < user {
                let path = format!("/lists/{}?tasks=move", list["id"]);
                client.delete(&path).await.expect(StatusCode::OK);
            }
        }
        let _other = server.client.logged_in(email).await;
        let sessions = client.get("/auth/sessions").await.expect(StatusCode::OK);
        let sessions = sessions.as_array().unwrap().iter();
        let other = sessions.clone().find(|session| session["current"] == false).unwrap();
        let session = other["id"].as_str().unwrap().to_owned();
        let (token, _) = client.given_token(&["account"]).await;
        let deleted = client.given_task("secret").await;
        let gone = client.delete(&format!("/tasks/{deleted}")).await;
        gone.expect(StatusCode::NO_CONTENT);
        Self { client, user, task, list: user + 1, deleted, session, token }
    }

    /// Id that the path of an operation needs.
    fn id_for(&self, operation: &Operation) -> String {
        match operation.path.split('/').nth(4) {
            Some("users") => self.user.to_string(),
            Some("sessions") => self.session.clone(),
            Some("tokens") => self.token.clone(),
            _ if operation.path.contains("/lists/") => self.list.to_string(),
            _ if operation.path.contains("/trash/") => self.deleted.to_string(),
            _ => self.task.to_string(),
        }
    }
}

fn expect_success(answer: &Answer, at: &str) {
    assert!(answer.status.is_success(), "{at}: {} {}", answer.status, answer.body);
}

/// Access that an operation requires according to the document.
fn documented(operation: &Value) -> Need {
    let Some(security) = operation["security"].as_array() else { return Need::Nothing };
    // A session, or a personal token where one is accepted.
    let takes_tokens =
        security.get(1).map(|other| *other == json!({ "personal_token": [] }));
    assert_ne!(takes_tokens, Some(false));
    let scopes = security[0]["oauth2"].as_array().unwrap();
    let description = operation["description"].as_str().unwrap_or_default();
    match scopes.first() {
        Some(scope) => {
            let scope = EVERYTHING.into_iter().find(|known| scope == known).unwrap();
            assert!(description.contains(&format!("`{scope}`")), "{description}");
            Need::Scope(scope)
        }
        None if description.contains("Role: `admin`") => {
            assert_eq!(takes_tokens, None);
            Need::Admin
        }
        None => Need::Credential,
    }
}

#[tokio::test]
async fn the_table_has_every_operation_of_the_document_with_what_it_needs() {
    let server = Server::start().await;
    let document = server.client.get("!/openapi.json").await.expect(StatusCode::OK);
    let mut found = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let need = format!("{:?}", documented(operation));
            found.insert((method.to_uppercase(), path.clone(), need));
        }
    }
    let table = OPERATIONS.iter().map(|operation| {
        let need = format!("{:?}", operation.need);
        (operation.method.to_owned(), operation.path.to_owned(), need)
    });
    assert_eq!(table.collect::<BTreeSet<_>>(), found);
}

/// Checks every cell. Each operation has a server of its own, since most of them delete or end something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_lets_in_whom_it_should_and_nobody_else() {
    let mut rows = tokio::task::JoinSet::new();
    for operation in guarded() {
        rows.spawn(row(operation));
    }
    let cells: Vec<usize> = rows.join_all().await;
    assert!(cells.iter().all(|count| *count == 13), "{cells:?}");
    assert_eq!(cells.len(), 47);
}

async fn row(operation: &'static Operation) -> usize {
    let mut cells = 0;
    let mut at = |cell: &str| {
        cells += 1;
        format!("{} {} with {cell}", operation.method, operation.path)
    };
    let server = Server::start().await;
    let jane = Person::new(&server, "jane@example.com").await;
    let expired = jane.client.clone();
    let (_, expired_token) = expiring_token(&jane.client).await;
    server.wait(Duration::from_secs(3700));
    let jane =
        Person { client: server.client.logged_in("jane@example.com").await, ..jane };
    let john = Person::new(&server, "john@example.com").await;
    let root = Person::new(&server, "root@example.com").await;
    server.promote("root@example.com").await;
    let id = jane.id_for(operation);

    // No credential, and an ended one.
    let cell = at("no credential");
    let answer = operation.call(&server.client, &id).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{cell}");
    answer.expect_problem(401, "no_token");
    let logged_out = server.client.logged_in("jane@example.com").await;
    logged_out.post_empty("/auth/logout").await.expect(StatusCode::NO_CONTENT);
    let (revoked, revoked_token) = jane.client.given_token(&EVERYTHING).await;
    let path = format!("/auth/tokens/{revoked}");
    jane.client.delete(&path).await.expect(StatusCode::NO_CONTENT);
    let dora = server.client.registered("dora@example.com").await;
    let (_, dora_token) = dora.given_token(&EVERYTHING).await;
    let disabled = UserPatch { disabled: Some(true), ..UserPatch::default() };
    server.change("dora@example.com", disabled).await;
    let forged_token = revoked_token.token().replace("duly_pat_", "duly_rt_");
    for (cell, client) in [
        ("a forged token", server.client.with_token("forged")),
        ("a token of another kind", server.client.with_token(&forged_token)),
        ("an expired session", expired),
        ("an expired personal token", expired_token),
        ("a session that was logged out", logged_out),
        ("a personal token that was deleted", revoked_token),
        ("a session of a disabled account", dora),
        ("a personal token of a disabled account", dora_token),
    ] {
        let cell = at(cell);
        let answer = operation.call(&client, &id).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{cell}: {}", answer.body);
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"invalid_token\""), "{cell}: {challenge}");
    }

    // A valid token without the scope.
    let cell = at("a personal token without the scope");
    expect_denied(operation, &jane, &root, &cell).await;

    // A valid session of another account.
    let cell = at("the session of somebody else");
    let answer = operation.call(&john.client, &id).await;
    if operation.need == Need::Admin {
        answer.expect_problem(403, "insufficient_role");
    } else if operation.is_about_own() {
        let missing = operation.call(&john.client, missing_like(&id)).await;
        assert_eq!(answer.comparable_headers(), missing.comparable_headers(), "{cell}");
        assert_eq!(answer.clone().comparable(), missing.comparable(), "{cell}");
        answer.expect_problem(404, "not_found");
    } else {
        // The operation is about the caller's own account: John is allowed, and Jane keeps everything.
        expect_success(&answer, &cell);
    }
    jane.client.get("/auth/me").await.expect(StatusCode::OK);
    let task = jane.client.get(&format!("/tasks/{}", jane.task)).await;
    assert_eq!(task.expect(StatusCode::OK)["title"], "secret");

    // An administrator has no more access to the items of other accounts than other users have.
    let cell = at("the session of an administrator");
    if operation.is_about_own() {
        let answer = operation.call(&root.client, &id).await;
        let missing = operation.call(&root.client, missing_like(&id)).await;
        assert_eq!(answer.clone().comparable(), missing.comparable(), "{cell}");
        answer.expect_problem(404, "not_found");
        expect_success(
            &operation.call(&root.client, root.id_for(operation)).await,
            &cell,
        );
    } else if operation.path.ends_with("/admin/invitations/{id}") {
        let made = root.client.post("/admin/invitations", json!({})).await;
        let made = made.expect(StatusCode::CREATED);
        expect_success(
            &operation.call(&root.client, made["id"].as_str().unwrap()).await,
            &cell,
        );
    } else if operation.need == Need::Admin {
        expect_success(&operation.call(&root.client, &id).await, &cell);
    } else if operation.path.ends_with("/auth/me") && operation.method == "DELETE" {
        operation.call(&root.client, &id).await.expect_problem(409, "last_admin");
    } else {
        expect_success(&operation.call(&root.client, &id).await, &cell);
    }

    let cell = at("the session of the owner");
    if operation.need != Need::Admin {
        expect_success(&operation.call(&jane.client, &id).await, &cell);
    }
    cells
}

/// Unused id of the same form.
fn missing_like(id: &str) -> String {
    if id.len() < 16 { "999".to_owned() } else { "0".repeat(id.len()) }
}

async fn expiring_token(client: &Client) -> (String, Client) {
    let body = json!({
        "name": "short", "scopes": EVERYTHING, "expires_at": "2030-01-01T00:30:00Z",
    });
    let made = client.post("/auth/tokens", body).await.expect(StatusCode::CREATED);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), client.with_token(&text("token")))
}

/// Checks that a valid token without the scope is refused with the missing scope, and that one with the scope is
/// accepted. The latter is skipped where it would end a credential that the rest of the row needs.
async fn expect_denied(operation: &Operation, jane: &Person, root: &Person, cell: &str) {
    match operation.need {
        Need::Scope(scope) => {
            let others: Vec<&str> =
                EVERYTHING.into_iter().filter(|other| *other != scope).collect();
            let (_, poor) = jane.client.given_token(&others).await;
            let answer = operation.call(&poor, jane.id_for(operation)).await;
            let challenge = answer.header("www-authenticate").unwrap();
            let wanted = format!("error=\"insufficient_scope\", scope=\"{scope}\"");
            assert!(challenge.ends_with(&wanted), "{cell}: {challenge}");
            let body = answer.expect_problem(403, "insufficient_scope");
            assert!(body["detail"].as_str().unwrap().contains(scope), "{cell}: {body}");
            if operation.method == "GET" {
                // An export contains tasks too.
                let is_export = operation.path.ends_with("/export");
                let scopes: &[&str] =
                    if is_export { &[scope, "tasks:read"] } else { &[scope] };
                let (_, right) = jane.client.given_token(scopes).await;
                let answer = operation.call(&right, jane.id_for(operation)).await;
                expect_success(&answer, cell);
            }
        }
        Need::Admin => {
            let (_, token) = root.client.given_token(&EVERYTHING).await;
            let answer = operation.call(&token, jane.id_for(operation)).await;
            answer.expect_problem(403, "log_in_required");
        }
        // Every credential may read its account and may be revoked.
        Need::Credential | Need::Nothing => {
            for scope in EVERYTHING {
                let (_, poor) = jane.client.given_token(&[scope]).await;
                expect_success(&operation.call(&poor, 1).await, cell);
                let again = operation.call(&poor, 1).await;
                if operation.path.ends_with("/logout") {
                    again.expect_problem(401, "invalid_token");
                } else {
                    expect_success(&again, cell);
                }
            }
        }
    }
}

#[tokio::test]
async fn whoever_must_change_the_password_can_do_little_else() {
    let server = Server::start().await;
    let root = server.client.registered("root@example.com").await;
    server.promote("root@example.com").await;
    let account = json!({ "email": "jane@example.com", "password": PASSWORD });
    root.post("/admin/users", account).await.expect(StatusCode::CREATED);
    let jane = server.client.logged_in("jane@example.com").await;
    assert_eq!(jane.get("/auth/me").await.body["must_change_password"], true);
    let may = ["/auth/me", "/auth/password", "/auth/logout", "/auth/logout-all"];
    for operation in guarded().filter(|operation| operation.need != Need::Admin) {
        let path = operation.path.strip_prefix("/api/v1").unwrap();
        if may.contains(&path) && ["GET", "POST"].contains(&operation.method) {
            continue;
        }
        let answer = operation.call(&jane, 1).await;
        answer.expect_problem(403, "password_change_required");
    }
    let same = json!({ "current_password": PASSWORD, "new_password": PASSWORD });
    assert_eq!(
        jane.post("/auth/password", same).await.expect_refused(),
        ["new_password"]
    );
    let other = json!({ "current_password": PASSWORD, "new_password": "password124" });
    jane.post("/auth/password", other).await.expect(StatusCode::OK);
    jane.given_task("a").await;
    assert!(jane.get("/auth/me").await.body.get("must_change_password").is_none());
}
