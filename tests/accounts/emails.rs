//! Tests of one email address in several spellings.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::client::PASSWORD;
use crate::harness::process::{expect, refused};
use crate::harness::{Answer, Client, Home, Server};

/// `jösé@exämple.com` with composed letters, and with letter and accent apart; and with the host in its ASCII form.
const COMPOSED: &str = "j\u{f6}s\u{e9}@ex\u{e4}mple.com";
const APART: &str = "Jo\u{308}se\u{301}@exa\u{308}mple.com";
const HALF: &str = "jo\u{308}s\u{e9}@ex\u{e4}mple.com";
const ASCII_HOST: &str = "j\u{f6}s\u{e9}@XN--exmple-cua.com";

async fn register(client: &Client, email: &str) -> Answer {
    let account = json!({ "email": email, "password": PASSWORD });
    client.post("/auth/register", account).await
}

async fn log_in(client: &Client, email: &str, password: &str) -> Answer {
    let form = format!("username={email}&password={password}");
    let form_type = Some("application/x-www-form-urlencoded");
    client.send(Method::POST, "/auth/login", form_type, form).await
}

/// Logs in and returns the account.
async fn me(client: &Client, email: &str) -> Value {
    let granted = log_in(client, email, PASSWORD).await.expect(StatusCode::OK);
    let client = client.with_token(granted["access_token"].as_str().unwrap());
    client.get("/auth/me").await.expect(StatusCode::OK)
}

#[tokio::test]
async fn an_account_is_found_by_every_spelling_of_its_email_and_shows_it_as_typed() {
    for typed in [COMPOSED, APART, HALF, ASCII_HOST] {
        let server = Server::start().await;
        register(&server.client, typed).await.expect(StatusCode::CREATED);
        for other in [COMPOSED, APART, HALF, ASCII_HOST] {
            assert_eq!(me(&server.client, other).await["email"], typed, "{other}");
            register(&server.client, other).await.expect_problem(409, "email_taken");
        }
        for wrong in ["jose@example.com", "j\u{f6}s\u{e9}@example.com"] {
            let answer = log_in(&server.client, wrong, PASSWORD).await;
            answer.expect_problem(401, "wrong_credentials");
            register(&server.client, wrong).await.expect(StatusCode::CREATED);
        }
    }
}

#[tokio::test]
async fn a_changed_email_frees_all_spellings_of_the_one_before() {
    let server = Server::start().await;
    register(&server.client, APART).await.expect(StatusCode::CREATED);
    let granted = log_in(&server.client, COMPOSED, PASSWORD).await;
    let granted = granted.expect(StatusCode::OK);
    let jose = server.client.with_token(granted["access_token"].as_str().unwrap());
    server.client.registered("jane@example.com").await;
    for (email, status) in [
        (ASCII_HOST, StatusCode::OK),
        (HALF, StatusCode::OK),
        ("Jane@example.com", StatusCode::CONFLICT),
        ("jose@example.com", StatusCode::OK),
    ] {
        let body = json!({ "email": email, "password": PASSWORD });
        jose.patch("/auth/me", body).await.expect(status);
        let email = if status == StatusCode::OK { email } else { HALF };
        assert_eq!(me(&server.client, email).await["email"], email);
    }
    for free in [COMPOSED, APART, HALF, ASCII_HOST] {
        let answer = log_in(&server.client, free, PASSWORD).await;
        answer.expect_problem(401, "wrong_credentials");
    }
    register(&server.client, COMPOSED).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn an_invitation_and_a_search_take_every_spelling() {
    let server = Server::start().await;
    let add = async |email: &str, invitation: &Value| {
        let body =
            json!({ "email": email, "password": PASSWORD, "invitation": invitation });
        server.client.post("/auth/register", body).await
    };
    let root = server.client.registered("root@example.com").await;
    server.promote("root@example.com").await;
    let made = root.post("/admin/invitations", json!({ "email": APART })).await;
    let invitation = made.expect(StatusCode::CREATED)["invitation"].clone();
    add("jose@example.com", &invitation).await.expect_refused();
    add(ASCII_HOST, &invitation).await.expect(StatusCode::CREATED);
    for text in
        ["ex%C3%A4mple", "exa%CC%88mple", "xn--EXM", "jo%CC%88", "@xn--exmple-cua.com"]
    {
        let path = format!("/admin/users?email={text}");
        let found = root.get(&path).await.expect(StatusCode::OK);
        assert_eq!(found[0]["email"], ASCII_HOST, "{text}");
    }
}

#[tokio::test]
async fn guesses_at_one_account_are_counted_together_however_its_email_is_spelled() {
    let server = Server::with(&["--auth-rate-limit=on"]).await;
    let spellings = [COMPOSED, APART, HALF, ASCII_HOST];
    let mut guesses = 0;
    loop {
        let email = spellings[guesses % spellings.len()];
        let answer = log_in(&server.client, email, "wrong-password").await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        guesses += 1;
    }
    for email in spellings {
        let answer = log_in(&server.client, email, PASSWORD).await;
        answer.expect_problem(429, "throttled");
    }
    assert!((15..30).contains(&guesses), "as many as of one spelling, not {guesses}");
}

/// Export of an installation in which two spellings were two accounts.
fn namesakes() -> String {
    let home = Home::new();
    for email in [COMPOSED, "john@example.com"] {
        expect(home.run(&["user", "add", email], PASSWORD), 0);
    }
    let exported = expect(home.run(&["export"], ""), 0);
    exported.replace("john@example.com", ASCII_HOST)
}

#[tokio::test]
async fn two_accounts_of_one_address_are_each_found_by_its_spelling_and_named_by_a_check()
{
    let exported = namesakes();
    let home = Home::new();
    expect(home.run(&["import"], &exported), 0);
    expect(home.run(&["import"], &exported), 0);
    let server = home.serve();
    let client = server.client();

    assert_eq!(me(&client, COMPOSED).await["id"], 1);
    assert_eq!(me(&client, ASCII_HOST).await["id"], 2);
    assert_eq!(me(&client, APART).await["id"], 1);
    for taken in [COMPOSED, APART, HALF, ASCII_HOST] {
        register(&client, taken).await.expect_problem(409, "email_taken");
    }
    let granted = log_in(&client, ASCII_HOST, PASSWORD).await.expect(StatusCode::OK);
    let second = client.with_token(granted["access_token"].as_str().unwrap());
    second.given_task("of the second").await;
    let patch = |email: &str| json!({ "email": email, "password": PASSWORD });
    second.patch("/auth/me", patch(COMPOSED)).await.expect_problem(409, "email_taken");
    let shouted = ASCII_HOST.to_uppercase();
    second.patch("/auth/me", patch(&shouted)).await.expect(StatusCode::OK);

    let said = expect(home.run(&["check"], ""), 0);
    assert!(said.contains("users 1 and 2 have the same email address"), "{said}");
    assert!(said.contains(" 0 problems"), "{said}");
    let again = expect(home.run(&["export"], ""), 0);
    let copy = Home::new();
    expect(copy.run(&["import"], &again), 0);
    assert_eq!(expect(copy.run(&["export"], ""), 0).lines().count(), 5);
    second
        .send(
            Method::DELETE,
            "/auth/me",
            Some("application/json"),
            json!({ "password": PASSWORD }).to_string(),
        )
        .await
        .expect(StatusCode::NO_CONTENT);
    assert_eq!(me(&client, ASCII_HOST).await["id"], 1);
    let said = expect(home.run(&["check"], ""), 0);
    assert!(!said.contains("the same email address"), "{said}");
}

/// Regression: another spelling of an administrator's email creates another account.
#[tokio::test]
async fn an_import_makes_no_administrator_by_another_spelling() {
    let home = Home::new();
    expect(home.run(&["user", "add", "--admin", COMPOSED], PASSWORD), 0);
    let exported = expect(home.run(&["export"], ""), 0);
    expect(home.run(&["import"], &exported), 0);
    let other = exported.replace(COMPOSED, ASCII_HOST);
    let said = refused(home.run(&["import"], &other), 1);
    assert!(said.contains("--allow-admins"), "{said}");
}
