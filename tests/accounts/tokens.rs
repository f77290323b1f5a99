//! Tests of personal access tokens.

use std::time::Duration;

use duly::domain::token::PersonalToken;
use hyper::StatusCode;
use serde_json::json;

use crate::harness::Server;

#[tokio::test]
async fn a_token_is_shown_once_and_does_what_it_was_made_for() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let body = json!({ "name": " backup ", "scopes": ["tasks:read", "tasks:write"] });

    let made = jane.post("/auth/tokens", body).await.expect(StatusCode::CREATED);

    let secret = made["token"].as_str().unwrap();
    assert!(secret.starts_with("duly_pat_") && secret.len() == 113, "{secret}");
    assert_eq!(made["name"], "backup");
    let script = server.client.with_token(secret);
    let task = script.given_task("by a script").await;
    script.get(&format!("/tasks/{task}")).await.expect(StatusCode::OK);
    script.get("/auth/sessions").await.expect_problem(403, "insufficient_scope");
    let listed = jane.get("/auth/tokens").await.expect(StatusCode::OK);
    assert_eq!(listed[0]["scopes"], json!(["tasks:read", "tasks:write"]));
    assert_eq!(listed[0]["expires_at"], json!(null));
    assert!(!listed.to_string().contains(&secret[41..]));
}

#[tokio::test]
async fn every_token_may_ask_whose_it_is_and_change_nothing_of_it() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let me = jane.get("/auth/me").await.expect(StatusCode::OK);
    for scope in ["tasks:read", "tasks:write", "account"] {
        let (_, script) = jane.given_token(&[scope]).await;
        assert_eq!(script.get("/auth/me").await.expect(StatusCode::OK), me, "{scope}");
        let answer = script.patch("/auth/me", json!({ "display_name": "J" })).await;
        match scope {
            "account" => drop(answer.expect(StatusCode::OK)),
            _ => drop(answer.expect_problem(403, "insufficient_scope")),
        }
        let cleared = json!({ "display_name": null });
        jane.patch("/auth/me", cleared).await.expect(StatusCode::OK);
    }
    let (id, script) = jane.given_token(&["tasks:read"]).await;
    jane.delete(&format!("/auth/tokens/{id}")).await.expect(StatusCode::NO_CONTENT);
    script.get("/auth/me").await.expect_problem(401, "invalid_token");
}

/// A short-lived or revoked credential must not outlive itself through tokens that it created.
#[tokio::test]
async fn a_token_makes_no_tokens() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let (_, token) = jane.given_token(&["account", "tasks:read"]).await;
    let less = json!({ "name": "a", "scopes": ["tasks:read"] });
    token.post("/auth/tokens", less).await.expect_problem(403, "log_in_required");
    token.get("/auth/tokens").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn an_export_takes_the_scope_for_tasks_too() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let (_, account) = jane.given_token(&["account"]).await;
    let body =
        account.get("/auth/me/export").await.expect_problem(403, "insufficient_scope");
    assert!(body["detail"].as_str().unwrap().contains("tasks:read"), "{body}");
    let (_, both) = jane.given_token(&["account", "tasks:read"]).await;
    assert_eq!(both.get("/auth/me/export").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_token_is_refused_from_the_moment_it_expires() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let body = json!({
        "name": "a", "scopes": ["tasks:read"], "expires_at": "2030-01-01T00:00:05+00:00",
    });
    let made = jane.post("/auth/tokens", body).await.expect(StatusCode::CREATED);
    let script = server.client.with_token(made["token"].as_str().unwrap());
    server.wait(Duration::from_millis(4_999));
    script.get("/tasks").await.expect(StatusCode::OK);
    server.wait(Duration::from_millis(1));
    script.get("/tasks").await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn what_makes_no_token_is_refused_by_name() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    for (body, wanted) in [
        (json!({}), vec!["name", "scopes"]),
        (json!({ "name": "", "scopes": [] }), vec!["name", "scopes"]),
        (json!({ "name": "\u{7}", "scopes": ["account"] }), vec!["name"]),
        (json!({ "name": "n".repeat(101), "scopes": ["account"] }), vec!["name"]),
        (json!({ "name": "a", "scopes": ["admin"] }), vec!["scopes.0"]),
        (json!({ "name": "a", "scopes": "account" }), vec!["scopes"]),
        (
            json!({ "name": "a", "scopes": ["account"], "expires_at": "2030-01-01T00:00:00Z" }),
            vec!["expires_at"],
        ),
        (
            json!({ "name": "a", "scopes": ["account"], "expires_at": "soon" }),
            vec!["expires_at"],
        ),
        (json!({ "name": "a", "scopes": ["account"], "id": "1" }), vec!["id"]),
    ] {
        let answer = jane.post("/auth/tokens", body.clone()).await;
        assert_eq!(answer.expect_refused(), wanted, "{body}");
    }
}

#[tokio::test]
async fn there_are_only_so_many() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    for _ in 0..PersonalToken::MAX_PER_USER {
        jane.given_token(&["tasks:read"]).await;
    }
    let body = json!({ "name": "a", "scopes": ["tasks:read"] });
    jane.post("/auth/tokens", body.clone()).await.expect_problem(409, "too_many");
    let first = jane.get("/auth/tokens").await.body[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/auth/tokens/{first}");
    jane.delete(&path).await.expect(StatusCode::NO_CONTENT);
    jane.post("/auth/tokens", body).await.expect(StatusCode::CREATED);
}

/// The last use is recorded asynchronously, so the test waits for it.
#[tokio::test]
async fn the_last_use_is_noted_once_a_minute() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let (_, script) = jane.given_token(&["tasks:read"]).await;
    let used = async || jane.get("/auth/tokens").await.body[0]["last_used_at"].clone();
    assert_eq!(used().await, json!(null));
    let noted = async |wanted: &str| {
        while used().await != wanted {
            tokio::task::yield_now().await;
        }
    };
    script.get("/tasks").await.expect(StatusCode::OK);
    noted("2030-01-01T00:00:00.000Z").await;
    server.wait(Duration::from_secs(59));
    script.get("/tasks").await.expect(StatusCode::OK);
    server.wait(Duration::from_secs(1));
    script.get("/tasks").await.expect(StatusCode::OK);
    noted("2030-01-01T00:01:00.000Z").await;
}
