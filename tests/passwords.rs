//! What a server may ask of new passwords.

use hyper::StatusCode;
use serde_json::json;

use crate::harness::client::PASSWORD;
use crate::harness::process::{expect, refused};
use crate::harness::{Answer, Home, Server};

const WEAK: &str = "is too easy to guess: make it longer or less usual";

async fn register(server: &Server, email: &str, password: &str) -> Answer {
    let account = json!({ "email": email, "password": password });
    server.client.post("/auth/register", account).await
}

/// Checks that the password was refused, and why.
fn expect_refused(answer: Answer, message: &str) {
    let body = answer.body.clone();
    assert_eq!(answer.expect_refused(), ["password"], "{body}");
    assert_eq!(body["errors"][0]["message"], message, "{body}");
    assert_eq!(body["detail"], format!("password {message}"), "{body}");
}

#[tokio::test]
async fn nothing_but_the_length_is_asked_unless_it_is_said() {
    let server = Server::start().await;
    for (number, password) in
        ["password", "12345678", "jane0@example.com", "aaaaaaaa"].iter().enumerate()
    {
        let email = format!("jane{number}@example.com");
        register(&server, &email, password).await.expect(StatusCode::CREATED);
    }
}

#[tokio::test]
async fn a_server_may_ask_for_longer_passwords() {
    let server = Server::with(&["--password-min-length=12"]).await;
    for (letter, name) in [("x", "x"), ("é", "e"), ("🦉", "o")] {
        let email = format!("{name}@example.com");
        for count in [8, 11] {
            let answer = register(&server, &email, &letter.repeat(count)).await;
            expect_refused(answer, "must have at least 12 characters");
        }
        let answer = register(&server, &email, &letter.repeat(129)).await;
        expect_refused(answer, "must have at most 128 characters");
        let answer = register(&server, &email, &letter.repeat(12)).await;
        answer.expect(StatusCode::CREATED);
    }
}

#[tokio::test]
async fn a_server_may_ask_for_passwords_that_are_hard_to_guess() {
    let server = Server::with(&["--password-min-strength=3"]).await;
    let jane = "jane.doe@example.com";
    for password in [
        "password1",
        "P@$$w0rd!",
        "qwertyuiop",
        "1234567890123",
        "Summer2024!",
        "aaaaaaaaaaaaaaaaaaaa",
        "jane.doe@example.com",
        "janedoe1",
    ] {
        let answer = register(&server, jane, password).await;
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        assert!(!text.contains(password), "{text}");
        expect_refused(answer, WEAK);
    }
    for (email, password) in [
        (jane, "correct horse battery staple"),
        ("john@example.com", "kX9#vQ2!mZ"),
        ("joan@example.com", &"4@8({[</369&#!1/|0$5+7%2".repeat(5)),
    ] {
        register(&server, email, password).await.expect(StatusCode::CREATED);
    }
}

#[tokio::test]
async fn guesses_at_what_is_strong_enough_are_throttled() {
    let flags = ["--password-min-strength=4", "--auth-rate-limit=on"];
    let server = Server::with(&flags).await;
    let mut refused = 0;
    let throttled = loop {
        let answer = register(&server, "jane@example.com", "password").await;
        if answer.status != StatusCode::UNPROCESSABLE_ENTITY {
            break answer;
        }
        refused += 1;
    };
    throttled.expect_problem(429, "throttled");
    assert!((60..70).contains(&refused), "{refused}");
}

/// Rules are for new passwords: whoever has one from before still gets in.
#[tokio::test]
async fn the_rules_bind_the_operator_and_lock_out_nobody() {
    let home = Home::new();
    let jane = "jane@example.com";
    expect(home.run(&["user", "add", jane], PASSWORD), 0);
    let strict = home.set("PASSWORD_MIN_LENGTH", "12").set("PASSWORD_MIN_STRENGTH", "3");

    let short = refused(strict.run(&["user", "add", "joe@example.com"], PASSWORD), 64);
    assert!(short.contains("must have at least 12 characters"), "{short}");
    for arguments in [["user", "add", "joe@example.com"], ["user", "set-password", jane]]
    {
        let weak = refused(strict.run(&arguments, "password123456"), 64);
        assert!(weak.contains(WEAK), "{weak}");
    }

    let server = strict.serve();
    server.client().logged_in(jane).await;
    let weak = refused(strict.run(&["user", "set-password", jane], "password123456"), 64);
    assert!(weak.contains(WEAK), "{weak}");
    let set = strict.run(&["user", "set-password", jane], "correct horse battery");
    expect(set, 0);
    let form = "username=jane@example.com&password=correct+horse+battery";
    server.client().form("/auth/login", form).await.expect(StatusCode::OK);
    assert_eq!(server.terminate(), Some(0));
}
