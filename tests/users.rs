//! Tests of registration and of the account.

use hyper::{Method, StatusCode};
use serde_json::json;

use crate::harness::client::PASSWORD;
use crate::harness::values::delete_user;
use crate::harness::{Answer, Client, Server};

async fn register(client: &Client, email: &str, password: &str) -> Answer {
    client.post("/auth/register", json!({ "email": email, "password": password })).await
}

async fn log_in(client: &Client, email: &str, password: &str) -> Answer {
    let form = format!("username={email}&password={password}");
    let form_type = Some("application/x-www-form-urlencoded");
    client.send(Method::POST, "/auth/login", form_type, form).await
}

#[tokio::test]
async fn registering_makes_an_account() {
    let server = Server::start().await;

    let answer = register(&server.client, "jane@example.com", PASSWORD).await;

    let user = answer.expect(StatusCode::CREATED);
    assert_eq!(
        user,
        json!({
            "id": 1,
            "email": "jane@example.com",
            "role": "user",
            "created_at": "2030-01-01T00:00:00.000Z",
        })
    );
    let jane = server.client.logged_in("jane@example.com").await;
    assert_eq!(jane.get("/auth/me").await.expect(StatusCode::OK), user);
}

#[tokio::test]
async fn an_email_is_shown_as_typed_and_compared_without_case() {
    let server = Server::start().await;
    let typed = " \tJane.Doe+Tag@Example.com\n";

    let user =
        register(&server.client, typed, PASSWORD).await.expect(StatusCode::CREATED);

    assert_eq!(user["email"], "Jane.Doe+Tag@Example.com");
    for spelling in [
        "Jane.Doe+Tag@Example.com",
        "jane.doe+tag@example.com",
        "JANE.DOE+TAG@EXAMPLE.COM",
        "  jane.doe+tag@example.com  ",
    ] {
        let again = register(&server.client, spelling, "another password").await;
        again.expect_problem(409, "email_taken");
        let jane = server.client.logged_in(spelling).await;
        assert_eq!(jane.get("/auth/me").await.expect(StatusCode::OK), user);
    }
    for other in ["janedoe+tag@example.com", "jane.doe@example.com"] {
        register(&server.client, other, PASSWORD).await.expect(StatusCode::CREATED);
    }
}

#[tokio::test]
async fn letters_of_every_alphabet_have_a_case() {
    let server = Server::start().await;
    let user = register(&server.client, "JÖRG@Example.com", PASSWORD).await;
    assert_eq!(user.expect(StatusCode::CREATED)["email"], "JÖRG@Example.com");
    let again = register(&server.client, "jörg@example.com", PASSWORD).await;
    again.expect_problem(409, "email_taken");
}

#[tokio::test]
async fn what_is_no_email_is_refused() {
    let server = Server::start().await;
    let long = format!("a@{}.com", "b.".repeat(160));
    for email in [
        "",
        " ",
        "jane",
        "jane@",
        "@example.com",
        "jane@localhost",
        "jane doe@example.com",
        "jane@exa mple.com",
        "jane@example.com\u{0}",
        "Jane <jane@example.com>",
        "a@b.com, c@d.com",
        &long,
    ] {
        let answer = register(&server.client, email, PASSWORD).await;
        assert_eq!(answer.expect_refused(), ["email"], "{email:?}");
    }
}

/// The limit applies to the address, not to the white space around it.
#[tokio::test]
async fn white_space_around_an_email_does_not_count() {
    let server = Server::start().await;
    let typed = format!("{}jane@example.com", " ".repeat(320));

    let user = register(&server.client, &typed, PASSWORD).await;

    assert_eq!(user.expect(StatusCode::CREATED)["email"], "jane@example.com");
}

#[tokio::test]
async fn every_field_that_fails_is_named() {
    let server = Server::start().await;
    for (body, wanted) in [
        (json!({}), vec!["email", "password"]),
        (json!({ "email": "jane", "password": "short" }), vec!["email", "password"]),
        (
            json!({ "email": 1, "password": 12_345_678, "role": "admin" }),
            vec!["email", "password", "role"],
        ),
        (json!({ "email": null, "password": null }), vec!["email", "password"]),
        (json!({ "email": "@", "password": PASSWORD, "id": 1 }), vec!["email", "id"]),
    ] {
        let answer = server.client.post("/auth/register", body.clone()).await;
        assert_eq!(answer.expect_refused(), wanted, "{body}");
    }
}

#[tokio::test]
async fn a_password_has_8_to_128_characters() {
    let server = Server::start().await;
    for letter in ["x", "é", "🦉", " "] {
        for refused in [0, 7, 129] {
            let password = letter.repeat(refused);
            let answer = register(&server.client, "jane@example.com", &password).await;
            assert_eq!(answer.expect_refused(), ["password"], "{letter} {refused} times");
        }
        for taken in [8, 128] {
            let email = format!("jane{}-{taken}@example.com", letter.len());
            let email = if letter == " " { format!("s{email}") } else { email };
            let password = letter.repeat(taken);
            let answer = register(&server.client, &email, &password).await;
            answer.expect(StatusCode::CREATED);
            log_in(&server.client, &email, &password.replace(' ', "+"))
                .await
                .expect(StatusCode::OK);
        }
    }
}

/// Regression: the previous service used only 72 bytes.
#[tokio::test]
async fn every_byte_of_a_password_counts() {
    let server = Server::start().await;
    let right = format!("{}a", "x".repeat(127));
    let email = "jane@example.com";
    register(&server.client, email, &right).await.expect(StatusCode::CREATED);

    let other_end = format!("{}b", "x".repeat(127));
    for wrong in [other_end, "x".repeat(127), "x".repeat(72)] {
        let answer = log_in(&server.client, email, &wrong).await;
        answer.expect_problem(401, "wrong_credentials");
    }
    log_in(&server.client, email, &right).await.expect(StatusCode::OK);
}

/// Regression: the previous service returned a refused password in the response.
#[tokio::test]
async fn a_refused_password_is_never_repeated() {
    let server = Server::start().await;
    let (email, longer) = ("jane@example.com", "hunter2".repeat(20));
    let bodies = [
        json!({ "email": email, "password": "hunter2" }).to_string(),
        json!({ "email": email, "password": longer }).to_string(),
        json!({ "email": email, "password": ["hunter2"] }).to_string(),
        json!({ "email": email, "password": { "value": "hunter2" } }).to_string(),
        json!({ "email": "hunter2", "password": "hunter2hunter2" }).to_string(),
        format!("{{\"email\": \"{email}\", \"password\": \"hunter2"),
        format!("{{\"email\": \"{email}\", \"password\": hunter2}}"),
        "{\"password\": \"hunter2\", \"password\": \"hunter2\"}".to_owned(),
        "\"hunter2\"".to_owned(),
        "[\"hunter2\"]".to_owned(),
    ];
    for body in bodies {
        for content_type in ["application/json", "text/plain"] {
            let json = Some(content_type);
            let answer = server
                .client
                .send(Method::POST, "/auth/register", json, body.clone())
                .await;
            assert!(answer.status.is_client_error(), "{body}: {}", answer.body);
            assert!(!format!("{:?}", answer.headers).contains("hunter2"), "{body}");
            let text = String::from_utf8_lossy(&answer.bytes);
            assert!(!text.contains("hunter2"), "{body}: {text}");
        }
    }
}

#[tokio::test]
async fn an_email_is_free_again_once_its_account_is_deleted() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    jane.given_task("a").await;
    let id = server.account("jane@example.com").await.user.id;

    assert!(delete_user(&*server.store, id).await.is_ok());

    let again = server.client.registered("Jane@Example.com").await;
    let me = again.get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!((&me["id"], &me["email"]), (&json!(2), &json!("Jane@Example.com")));
    let list = again.get("/tasks").await;
    assert_eq!(list.header("x-total-count"), Some("0"));
    assert_eq!(list.expect(StatusCode::OK), json!([]));
    again.get("/tasks/1").await.expect_problem(404, "not_found");
}
