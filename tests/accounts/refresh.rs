//! Tests of refreshing a session.

use std::time::Duration;

use duly::domain::session::Session;
use hyper::StatusCode;
use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::{Answer, Client, Server};

/// Checks that a refresh token is refused, with the error that OAuth 2 clients expect.
#[track_caller]
fn expect_refused(outcome: Result<(Client, String), Answer>) {
    let answer = outcome.expect_err("a token was taken");
    assert_eq!(answer.body["error"], "invalid_grant");
    answer.expect_problem(400, "invalid_grant");
}

async fn given_jane(server: &Server) -> (Client, String) {
    server.client.registered("jane@example.com").await;
    let session = server.client.granted("jane@example.com").await;
    // The session of the registration would disturb the tests.
    let others = session.0.get("/auth/sessions").await.body;
    for other in others.as_array().unwrap().iter().filter(|it| it["current"] == false) {
        let path = format!("/auth/sessions/{}", other["id"].as_str().unwrap());
        session.0.delete(&path).await.expect(StatusCode::NO_CONTENT);
    }
    session
}

async fn count(client: &Client) -> usize {
    let sessions = client.get("/auth/sessions").await.expect(StatusCode::OK);
    sessions.as_array().unwrap().len()
}

#[tokio::test]
async fn a_refresh_gives_new_tokens_of_the_same_session() {
    let server = Server::start().await;
    let (jane, first) = given_jane(&server).await;
    let before = jane.get("/auth/sessions").await.body[0]["id"].clone();
    server.wait(Duration::from_secs(3700));
    jane.get("/auth/me").await.expect_problem(401, "invalid_token");

    let (jane, second) = server.client.refreshed(&first).await.unwrap();

    assert_ne!(first, second);
    assert_eq!(jane.get("/auth/sessions").await.body[0]["id"], before);
    assert_eq!(count(&jane).await, 1);
    let (jane, third) = server.client.refreshed(&second).await.unwrap();
    jane.get("/auth/me").await.expect(StatusCode::OK);
    assert_ne!(second, third);
}

#[tokio::test]
async fn the_token_url_takes_both_grants() {
    let server = Server::start().await;
    let (_, first) = given_jane(&server).await;
    let form = format!("grant_type=refresh_token&refresh_token={first}&client_id=x");
    let form_type = Some("application/x-www-form-urlencoded");
    let answer = server
        .client
        .send(hyper::Method::POST, "/auth/login", form_type, form)
        .await
        .expect(StatusCode::OK);
    let jane = server.client.with_token(answer["access_token"].as_str().unwrap());
    jane.get("/auth/me").await.expect(StatusCode::OK);
    let other = "grant_type=password&refresh_token=x";
    let answer = server.client.form("/auth/refresh", other).await;
    answer.expect_problem(400, "unsupported_grant_type");
    let answer = server.client.form("/auth/refresh", "grant_type=refresh_token").await;
    assert_eq!(answer.expect_refused(), ["refresh_token"]);
}

#[tokio::test]
async fn a_lost_answer_is_given_again_for_a_while() {
    let server = Server::start().await;
    let (_, first) = given_jane(&server).await;
    let (_, second) = server.client.refreshed(&first).await.unwrap();

    server.wait(Session::GRACE);
    let (jane, again) = server.client.refreshed(&first).await.unwrap();

    assert_eq!(again, second, "programs that share a token go on sharing one");
    jane.get("/auth/me").await.expect(StatusCode::OK);
    server.client.refreshed(&second).await.unwrap();
}

#[tokio::test]
async fn a_token_that_comes_back_too_late_ends_the_session() {
    let server = Server::start().await;
    let (jane, first) = given_jane(&server).await;
    let phone = server.client.granted("jane@example.com").await;
    let (_, second) = server.client.refreshed(&first).await.unwrap();
    server.wait(Session::GRACE + Duration::from_millis(1));

    expect_refused(server.client.refreshed(&first).await);

    expect_refused(server.client.refreshed(&second).await);
    jane.get("/auth/me").await.expect_problem(401, "invalid_token");
    phone.0.get("/auth/me").await.expect(StatusCode::OK);
    server.client.refreshed(&phone.1).await.unwrap();
}

#[tokio::test]
async fn a_token_whose_successor_was_used_ends_the_session_at_once() {
    let server = Server::start().await;
    let (jane, first) = given_jane(&server).await;
    let (_, second) = server.client.refreshed(&first).await.unwrap();
    let (_, third) = server.client.refreshed(&second).await.unwrap();

    expect_refused(server.client.refreshed(&first).await);

    expect_refused(server.client.refreshed(&third).await);
    jane.get("/auth/me").await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn a_made_up_token_ends_nothing() {
    let server = Server::start().await;
    let (jane, first) = given_jane(&server).await;
    let (john, of_john) = {
        server.client.registered("john@example.com").await;
        server.client.granted("john@example.com").await
    };
    let checked = |text: &str| {
        let mut crc = flate2::Crc::new();
        crc.update(text.as_bytes());
        format!("{text}{:08x}", crc.sum())
    };
    // Parts of a refresh token: prefix, user, session, family, secret, checksum.
    let (head, rest) = first.split_at("duly_rt_".len() + 16 + 32);
    let (family, _) = rest.split_at(32);
    for token in [
        String::new(),
        "x".to_owned(),
        "0".repeat(64),
        first.to_uppercase(),
        first[..first.len() - 1].to_owned(),
        first.replace("duly_rt_", "duly_pat_"),
        // The attacker knows the session id, but nothing of its tokens.
        checked(&format!("{head}{}", "0".repeat(96))),
        checked(&format!("{head}{}{}", "1".repeat(32), &rest[32..96])),
        checked(&format!("{}{}", &of_john[..of_john.len() - 8 - 96], &rest[..96])),
        jane.token().to_owned(),
    ] {
        if token.is_empty() {
            continue;
        }
        expect_refused(server.client.refreshed(&token).await);
    }
    john.get("/auth/me").await.expect(StatusCode::OK);
    jane.get("/auth/me").await.expect(StatusCode::OK);
    // With the part that all tokens of the session share, the token counts as an old one.
    let old = checked(&format!("{head}{family}{}", "0".repeat(64)));
    let (_, _second) = server.client.refreshed(&first).await.unwrap();
    expect_refused(server.client.refreshed(&old).await);
    jane.get("/auth/me").await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn a_refresh_token_opens_no_door_by_itself() {
    let server = Server::start().await;
    let (_, refresh) = given_jane(&server).await;
    let thief = server.client.with_token(&refresh);
    thief.get("/auth/me").await.expect_problem(401, "invalid_token");
    thief
        .post("/tasks", json!({ "title": "a" }))
        .await
        .expect_problem(401, "invalid_token");
}

/// Covers the most common cause of surprise log-outs: two programs with one token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_refreshes_at_once_leave_one_session_and_log_nobody_out() {
    let server = Server::with(&["--auth-rate-limit=on"]).await;
    let (_, mut token) = given_jane(&server).await;
    for _ in 0..2 {
        let mut refreshes = JoinSet::new();
        for _ in 0..50 {
            let (client, token) = (server.client.clone(), token.clone());
            refreshes.spawn(async move { client.refreshed(&token).await.unwrap() });
        }
        let granted = refreshes.join_all().await;

        assert_eq!(granted.len(), 50);
        for (client, next) in &granted {
            client.get("/auth/me").await.expect(StatusCode::OK);
            assert_eq!(
                *next, granted[0].1,
                "whoever comes next goes on where the others are"
            );
        }
        assert_eq!(count(&granted[0].0).await, 1);
        token = granted[0].1.clone();
        server.wait(Duration::from_secs(60));
    }
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_refreshed_for_long_and_after_a_time_in_any_case() {
    let server = Server::start().await;
    let (_, mut token) = given_jane(&server).await;
    let day = Duration::from_secs(24 * 3600);
    for _ in 0..3 {
        server.wait(day * 29);
        token = server.client.refreshed(&token).await.unwrap().1;
    }
    server.wait(Duration::from_secs(3 * 24 * 3600 - 1));
    token = server.client.refreshed(&token).await.unwrap().1;
    server.wait(Duration::from_secs(1));
    expect_refused(server.client.refreshed(&token).await);

    let (_, idle) = server.client.granted("jane@example.com").await;
    server.wait(Session::IDLE);
    expect_refused(server.client.refreshed(&idle).await);
}

#[tokio::test]
async fn sessions_say_who_they_are() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    let phone = server.client.with_header("user-agent", "Phone/1.0\tbeta");
    let (phone, refresh) = phone.granted("jane@example.com").await;
    server.wait(Duration::from_secs(10));

    let sessions = phone.get("/auth/sessions").await.expect(StatusCode::OK);

    let mine: Vec<_> =
        sessions.as_array().unwrap().iter().filter(|it| it["current"] == true).collect();
    assert_eq!(mine.len(), 1);
    assert_eq!(mine[0]["client"], "Phone/1.0beta");
    assert_eq!(mine[0]["address"], "127.0.0.1");
    assert_eq!(mine[0]["created_at"], "2030-01-01T00:00:00.000Z");
    assert_eq!(mine[0]["expires_at"], "2030-01-31T00:00:00.000Z");
    assert!(!sessions.to_string().contains(&refresh[60..]));
    server.wait(Duration::from_secs(3600));
    let (phone, _) = phone.refreshed(&refresh).await.unwrap();
    let latest = phone.get("/auth/sessions").await.body[0].clone();
    assert_eq!(latest["last_used_at"], "2030-01-01T01:00:10.000Z");
    assert_eq!(latest["expires_at"], "2030-01-31T01:00:10.000Z");
}
