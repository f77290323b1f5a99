//! Tests of idempotency keys of requests that create or end credentials.

use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::json;

use super::{REPLAYED, expect_replay, keyed, task};
use crate::harness::client::PASSWORD;
use crate::harness::{Answer, Client, Server};

const LOG_IN: &str = "username=jane@example.com&password=password123";

async fn sessions(client: &Client) -> usize {
    let sessions = client.get("/auth/sessions").await.expect(StatusCode::OK);
    sessions.as_array().unwrap().len()
}

async fn refresh(client: &Client, token: &str) -> Answer {
    let form = format!("grant_type=refresh_token&refresh_token={token}");
    let media_type = Some("application/x-www-form-urlencoded");
    client.send(Method::POST, "/auth/refresh", media_type, form).await
}

fn text(answer: &Answer, name: &str) -> String {
    answer.body[name].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned()
}

#[tokio::test]
async fn logging_in_again_is_one_session_for_as_long_as_it_lasts() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let client = keyed(&server.client, "one");

    let first = client.form("/auth/login", LOG_IN).await;

    expect_replay(&first, &client.form("/auth/login", LOG_IN).await);
    assert_eq!(sessions(&jane).await, 2);
    // The password is checked first.
    let wrong = client.form("/auth/login", "username=jane@example.com&password=x").await;
    wrong.expect_problem(401, "wrong_credentials");
    let other =
        client.form("/auth/login", "username=Jane@example.com&password=password123");
    other.await.expect_problem(409, "idempotency_key_reused");

    let session = server.client.with_token(&text(&first, "access_token"));
    session.post_empty("/auth/logout").await.expect(StatusCode::NO_CONTENT);
    let again = client.form("/auth/login", LOG_IN).await;
    assert_eq!(again.header(REPLAYED), None, "another session");
    again.expect(StatusCode::OK);
    assert_eq!(sessions(&jane).await, 2);
}

/// Regression: the response was replayed with a used refresh token, whose use ended the live session.
#[tokio::test]
async fn a_log_in_is_given_again_until_its_refresh_token_is_used() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    let client = keyed(&server.client, "one");
    let first = client.form("/auth/login", LOG_IN).await;
    expect_replay(&first, &client.form("/auth/login", LOG_IN).await);
    let refreshed = server.client.refreshed(&text(&first, "refresh_token")).await;
    let (jane, next) = refreshed.unwrap();
    server.wait(Duration::from_secs(60));

    let again = client.form("/auth/login", LOG_IN).await;

    assert_eq!(again.header(REPLAYED), None);
    let other = server.client.refreshed(&text(&again, "refresh_token")).await.unwrap();
    other.0.get("/auth/me").await.expect(StatusCode::OK);
    jane.get("/auth/me").await.expect(StatusCode::OK);
    server.client.refreshed(&next).await.unwrap();
}

#[tokio::test]
async fn retries_of_a_log_in_are_throttled_as_any() {
    let server = Server::with(&["--auth-rate-limit=on"]).await;
    server.client.registered("jane@example.com").await;
    let client = keyed(&server.client, "one");
    client.form("/auth/login", LOG_IN).await.expect(StatusCode::OK);
    let wrong = "username=jane@example.com&password=x";
    for _ in 0..200 {
        let answer = client.form("/auth/login", wrong).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            let retry = client.form("/auth/login", LOG_IN).await;
            retry.expect_problem(429, "throttled");
            return;
        }
    }
    panic!("never throttled");
}

#[tokio::test]
async fn a_refresh_is_given_again_until_what_it_gave_is_used() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    let (_, token) = server.client.granted("jane@example.com").await;
    let client = keyed(&server.client, "one");

    let first = refresh(&client, &token).await;

    expect_replay(&first, &refresh(&client, &token).await);
    // Without a key, a token that comes back this late is a sign of theft.
    server.wait(Duration::from_secs(3600));
    expect_replay(&first, &refresh(&client, &token).await);
    let next = text(&first, "refresh_token");
    refresh(&client, &next).await.expect_problem(409, "idempotency_key_reused");
    let jane = server.client.refreshed(&next).await.unwrap().0;

    let stolen = refresh(&client, &token).await;

    assert_eq!(stolen.header(REPLAYED), None);
    stolen.expect_problem(400, "invalid_grant");
    jane.get("/auth/me").await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn a_refresh_of_a_session_that_has_ended_is_refused() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    let (jane, token) = server.client.granted("jane@example.com").await;
    let client = keyed(&server.client, "one");
    refresh(&client, &token).await.expect(StatusCode::OK);

    jane.post_empty("/auth/logout").await.expect(StatusCode::NO_CONTENT);

    refresh(&client, &token).await.expect_problem(400, "invalid_grant");
}

#[tokio::test]
async fn a_personal_token_is_made_once_and_shown_again() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let client = keyed(&jane, "one");
    let token = json!({ "name": "a", "scopes": ["tasks:read"] });

    let first = client.post("/auth/tokens", token.clone()).await;

    expect_replay(&first, &client.post("/auth/tokens", token.clone()).await);
    let all = jane.get("/auth/tokens").await.expect(StatusCode::OK);
    assert_eq!(all.as_array().unwrap().len(), 1);
    // A credential that could not have sent the request gets no replay.
    let (_, script) = jane.given_token(&["account"]).await;
    let answer = keyed(&script, "one").post("/auth/tokens", token).await;
    answer.expect_problem(403, "log_in_required");
}

#[tokio::test]
async fn another_password_is_set_once() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    server.client.logged_in("jane@example.com").await;
    let client = keyed(&jane, "one");
    let change = json!({ "current_password": PASSWORD, "new_password": "password124" });

    let first = client.post("/auth/password", change.clone()).await;

    assert_eq!(first.body["sessions_ended"], 1);
    expect_replay(&first, &client.post("/auth/password", change.clone()).await);
    let other = keyed(&jane, "two").post("/auth/password", change).await;
    assert_eq!(other.expect_refused(), ["current_password"]);
}

#[tokio::test]
async fn whoever_has_left_is_not_let_in_to_ask_again() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    for path in ["/auth/logout", "/auth/logout-all"] {
        let jane = server.client.logged_in("jane@example.com").await;
        let client = keyed(&jane, path.strip_prefix("/auth/").unwrap());
        let first = client.post_empty(path).await;
        assert!(first.status.is_success(), "{}", first.body);
        client.post_empty(path).await.expect_problem(401, "invalid_token");
    }
    // The key is known to another credential of the account.
    let jane = server.client.logged_in("jane@example.com").await;
    let again = keyed(&jane, "logout-all").post_empty("/auth/logout-all").await;
    assert_eq!(again.header(REPLAYED), Some("true"));
    jane.post("/tasks", task("a")).await.expect(StatusCode::CREATED);
}
