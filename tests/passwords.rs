//! Tests of the rules of new passwords.

use argon2::Argon2;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use duly::domain::password::PasswordHash;
use duly::domain::user::UserPatch;
use hyper::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::harness::client::PASSWORD;
use crate::harness::process::{expect, refused};
use crate::harness::{Answer, Home, Server};

const WEAK: &str = "is too easy to guess: use a longer or less common one";

async fn register(server: &Server, email: &str, password: &str) -> Answer {
    let account = json!({ "email": email, "password": password });
    server.client.post("/auth/register", account).await
}

/// Checks that the password was refused, with this reason.
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

/// Checks that the rules apply to new passwords only: an account with an old password can still log in.
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

/// Texts that look the same, from two input methods.
const COMPOSED: &str = "z\u{fc}rich z\u{fc}rich";
const DECOMPOSED: &str = "zu\u{308}rich\u{a0}zu\u{308}rich";

async fn log_in(server: &Server, password: &str) -> Answer {
    let password = utf8_percent_encode(password, NON_ALPHANUMERIC);
    let form = format!("username=jane@example.com&password={password}");
    let form_type = Some("application/x-www-form-urlencoded");
    server.client.send(Method::POST, "/auth/login", form_type, form).await
}

/// Hash of the bytes of a password, from before spellings were normalized.
fn hash_of_bytes(password: &str) -> PasswordHash {
    let params = argon2::Params::new(64, 1, 1, None).unwrap();
    let argon2 = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut hash = [0; 32];
    argon2.hash_password_into(password.as_bytes(), &[7; 16], &mut hash).unwrap();
    let (salt, hash) = (STANDARD_NO_PAD.encode([7; 16]), STANDARD_NO_PAD.encode(hash));
    PasswordHash::new(format!("$argon2id$v=19$m=64,t=1,p=1${salt}${hash}"))
}

#[tokio::test]
async fn a_password_is_the_same_however_its_letters_and_spaces_are_sent() {
    for registered in [COMPOSED, DECOMPOSED] {
        let server = Server::start().await;
        register(&server, "jane@example.com", registered)
            .await
            .expect(StatusCode::CREATED);
        for typed in [COMPOSED, DECOMPOSED] {
            let jane = log_in(&server, typed).await.expect(StatusCode::OK);
            let jane = server.client.with_token(jane["access_token"].as_str().unwrap());
            let email = json!({ "email": "jane@example.com", "password": typed });
            jane.patch("/auth/me", email).await.expect(StatusCode::OK);
        }
        for wrong in
            ["zurich zurich", "z\u{fc}richz\u{fc}rich", "Z\u{fc}rich z\u{fc}rich"]
        {
            log_in(&server, wrong).await.expect_problem(401, "wrong_credentials");
        }
    }
}

#[tokio::test]
async fn a_password_that_was_hashed_as_it_was_typed_goes_on_and_is_hashed_anew() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    let old = hash_of_bytes(DECOMPOSED);
    let patch = UserPatch { password: Some(old.clone()), ..UserPatch::default() };
    server.change("jane@example.com", patch).await;

    log_in(&server, COMPOSED).await.expect_problem(401, "wrong_credentials");
    assert_eq!(server.account("jane@example.com").await.password, old);
    log_in(&server, DECOMPOSED).await.expect(StatusCode::OK);

    assert_ne!(server.account("jane@example.com").await.password, old);
    log_in(&server, COMPOSED).await.expect(StatusCode::OK);
    log_in(&server, DECOMPOSED).await.expect(StatusCode::OK);
    log_in(&server, &format!("{DECOMPOSED} "))
        .await
        .expect_problem(401, "wrong_credentials");
}

#[tokio::test]
async fn the_length_of_a_password_is_what_people_can_count() {
    let server = Server::start().await;
    let (seven, most) = ("u\u{308}".repeat(7), "u\u{308}".repeat(128));
    let answer = register(&server, "jane@example.com", &seven).await;
    expect_refused(answer, "must have at least 8 characters");
    register(&server, "jane@example.com", &most).await.expect(StatusCode::CREATED);
    log_in(&server, &"\u{fc}".repeat(128)).await.expect(StatusCode::OK);
    let answer = register(&server, "john@example.com", &format!("{most}u")).await;
    expect_refused(answer, "must have at most 128 characters");
}

/// Another spelling of the old password is the same password.
#[tokio::test]
async fn a_password_that_must_change_is_not_changed_by_its_other_spelling() {
    let server = Server::start().await;
    register(&server, "jane@example.com", COMPOSED).await.expect(StatusCode::CREATED);
    let patch = UserPatch { must_change_password: Some(true), ..UserPatch::default() };
    server.change("jane@example.com", patch).await;
    let jane = log_in(&server, COMPOSED).await.expect(StatusCode::OK);
    let jane = server.client.with_token(jane["access_token"].as_str().unwrap());
    let same = json!({ "current_password": COMPOSED, "new_password": DECOMPOSED });
    assert_eq!(
        jane.post("/auth/password", same).await.expect_refused(),
        ["new_password"]
    );
    let other = json!({ "current_password": DECOMPOSED, "new_password": "password123" });
    jane.post("/auth/password", other).await.expect(StatusCode::OK);
}
