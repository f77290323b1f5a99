//! Tests of log-ins and of the lifetime of sessions.

use std::time::Duration;

use duly::domain::session::Session;
use duly::domain::timestamp::Timestamp;
use duly::store::{Store as _, WriteContext};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::client::PASSWORD;
use crate::harness::values::{delete_user, set_password};
use crate::harness::{Answer, Client, Server};

const FORM: &str = "application/x-www-form-urlencoded";
/// Time between two log-ins.
const A_WHILE: Duration = Duration::from_secs(30);

async fn log_in(client: &Client, form: &str) -> Answer {
    client.send(Method::POST, "/auth/login", Some(FORM), form.to_owned()).await
}

/// Checks that this token is refused.
async fn expect_shut(client: &Client) {
    client.get("/auth/me").await.expect_problem(401, "invalid_token");
    client.get("/tasks").await.expect_problem(401, "invalid_token");
    let task = json!({ "title": "a" });
    client.post("/tasks", task).await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn logging_in_gives_a_bearer_token() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;

    let answer = log_in(&server.client, "username=jane@example.com&password=password123");

    let body = answer.await.expect(StatusCode::OK);
    assert_eq!(body["token_type"], "bearer");
    assert_eq!(body["expires_in"], 3600);
    assert!(body["refresh_token"].as_str().unwrap().len() >= 32);
    let jane = server.client.with_token(body["access_token"].as_str().unwrap());
    assert_eq!(jane.get("/auth/me").await.body["email"], "jane@example.com");
}

#[tokio::test]
async fn the_other_fields_of_oauth2_are_taken() {
    let server = Server::start().await;
    server.client.registered("a+b@example.com").await;
    for form in [
        "grant_type=password&username=a%2Bb@example.com&password=password123\
         &scope=&client_id=&client_secret=",
        "grant_type=password&username=a%2Bb%40example.com&password=password123\
         &scope=tasks:read+account&client_id=swagger&client_secret=string&state=7",
        "grant_type=&username=a%2bb@example.com&password=password%3123",
        "&&password=password123&&username=+A%2BB@Example.com+&",
    ] {
        log_in(&server.client, form).await.expect(StatusCode::OK);
    }
    let charset = Some("application/x-www-form-urlencoded; charset=UTF-8");
    let form = "username=a%2Bb@example.com&password=password123";
    let answer = server.client.send(Method::POST, "/auth/login", charset, form).await;
    answer.expect(StatusCode::OK);
}

/// Regression: the previous service returned 500.
#[tokio::test]
async fn a_malformed_form_is_refused_with_the_names_of_its_fields() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    for (form, wanted) in [
        ("", vec!["password", "username"]),
        ("&&&", vec!["password", "username"]),
        ("=&=", vec!["password", "username"]),
        ("username", vec!["password", "username"]),
        ("username=jane@example.com", vec!["password"]),
        ("username=jane@example.com&password=", vec!["password"]),
        ("password=s3cr3t-password", vec!["username"]),
        ("Username=a&Password=s3cr3t", vec!["password", "username"]),
        ("{\"username\":\"s3cr3t\"}", vec!["password", "username"]),
        ("grant_type=refresh_token", vec!["refresh_token"]),
        ("username=a&username=s3cr3t&password=b", vec!["username"]),
        ("username=a&password=s3cr3t&password=s3cr3t", vec!["password"]),
        ("username=a&password=%ff", vec!["password"]),
        ("username=%c3%28&password=s3cr3t", vec!["username"]),
    ] {
        let answer = log_in(&server.client, form).await;
        assert!(!String::from_utf8_lossy(&answer.bytes).contains("s3cr3t"), "{form}");
        assert_eq!(answer.body["error"], "invalid_request");
        assert_eq!(answer.expect_refused(), wanted, "{form}");
    }
    let latin = b"username=jos\xe9&password=password123".as_slice();
    let answer = server.client.send(Method::POST, "/auth/login", Some(FORM), latin).await;
    assert_eq!(answer.expect_refused(), ["body"]);
}

/// OAuth 2 clients read `error`, clients of the replaced service `detail`, and browsers the challenge.
#[tokio::test]
async fn oauth_clients_can_read_every_refusal() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    let long = "x".repeat(20_000);
    let long = format!("username=jane@example.com&password={long}");
    for (path, form, status, error) in [
        (
            "/auth/login",
            "username=jane@example.com&password=wrong-password",
            401,
            "invalid_grant",
        ),
        ("/auth/login", "username=&password=s3cr3t", 422, "invalid_request"),
        (
            "/auth/login",
            "grant_type=s3cr3t&username=a&password=b",
            400,
            "unsupported_grant_type",
        ),
        (
            "/auth/login",
            "grant_type=refresh_token&refresh_token=s3cr3t",
            400,
            "invalid_grant",
        ),
        ("/auth/login", &long, 413, "invalid_request"),
        (
            "/auth/refresh",
            "grant_type=password&refresh_token=x",
            400,
            "unsupported_grant_type",
        ),
        (
            "/auth/refresh",
            "grant_type=refresh_token&refresh_token=x",
            400,
            "invalid_grant",
        ),
        ("/auth/refresh", "grant_type=refresh_token", 422, "invalid_request"),
        ("/auth/refresh?x=1", "grant_type=refresh_token", 422, "invalid_request"),
    ] {
        let answer =
            server.client.send(Method::POST, path, Some(FORM), form.to_owned()).await;
        let (body, asked) = (&answer.body, format!("{path} {form:.40}"));
        assert_eq!(
            (answer.status.as_u16(), &body["error"]),
            (status, &json!(error)),
            "{asked}"
        );
        let description = body["error_description"].as_str().unwrap();
        assert!(
            !description.is_empty() && !description.contains(['"', '\\']),
            "{description}"
        );
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401, "{asked}");
        assert!(!String::from_utf8_lossy(&answer.bytes).contains("s3cr3t"), "{asked}");
    }
    let answer = server.client.post("/auth/login", json!({})).await;
    assert_eq!(answer.body["error"], "invalid_request");
    let elsewhere = server.client.get("/tasks").await;
    assert_eq!(elsewhere.body.get("error"), None);
}

#[tokio::test]
async fn a_percent_sign_that_encodes_nothing_stands_for_itself() {
    let server = Server::start().await;
    let account = json!({ "email": "jane@example.com", "password": "100%zz % %4" });
    server.client.post("/auth/register", account).await.expect(StatusCode::CREATED);

    let form = "username=jane@example.com&password=100%zz+%+%4";
    log_in(&server.client, form).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn only_a_form_is_taken() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    let account = json!({ "username": "jane@example.com", "password": PASSWORD });
    let answer = server.client.post("/auth/login", account).await;
    answer.expect_problem(415, "unsupported_media_type");
    let form = "username=jane@example.com&password=password123";
    for content_type in [None, Some("text/plain"), Some("multipart/mixed")] {
        let answer =
            server.client.send(Method::POST, "/auth/login", content_type, form).await;
        answer.expect_problem(415, "unsupported_media_type");
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_email_look_alike() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;

    let wrong = log_in(&server.client, "username=jane@example.com&password=Password123");
    let wrong = wrong.await;

    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let long = format!("username={}@example.com&password=x", "j".repeat(1000));
    for unknown in [
        "username=john@example.com&password=password123",
        "username=john&password=password123",
        "username=%00&password=x",
        "username=jane@example.com&password=x",
        &long,
    ] {
        let unknown = log_in(&server.client, unknown).await;
        assert_eq!(unknown.status, wrong.status);
        assert_eq!(unknown.comparable_headers(), wrong.comparable_headers());
        assert_eq!(unknown.comparable(), wrong.clone().comparable());
    }
    wrong.expect_problem(401, "wrong_credentials");
}

#[tokio::test]
async fn a_token_expires_when_it_was_said_to() {
    let server = Server::with(&["--access-token-expire-minutes=5"]).await;
    let jane = server.client.registered("jane@example.com").await;
    let body = log_in(&server.client, "username=jane@example.com&password=password123");
    assert_eq!(body.await.body["expires_in"], 300);

    server.wait(Duration::from_secs(5 * 60 - 1));
    jane.get("/auth/me").await.expect(StatusCode::OK);
    // Five seconds are allowed for clocks that differ.
    server.wait(Duration::from_secs(6));
    expect_shut(&jane).await;

    let again = server.client.logged_in("jane@example.com").await;
    again.get("/auth/me").await.expect(StatusCode::OK);
    expect_shut(&jane).await;
}

#[tokio::test]
async fn a_token_is_worth_nothing_once_its_session_has_expired() {
    let server = Server::with(&["--access-token-expire-minutes=43200"]).await;
    let jane = server.client.registered("jane@example.com").await;
    server.wait(Duration::from_secs(30 * 24 * 3600 - 1));
    jane.get("/auth/me").await.expect(StatusCode::OK);

    // The token would have been accepted for five more seconds.
    server.wait(Duration::from_secs(1));

    expect_shut(&jane).await;
}

#[tokio::test]
async fn another_password_ends_every_session_at_once() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let phone = server.client.logged_in("jane@example.com").await;
    let john = server.client.registered("john@example.com").await;
    let id = server.account("jane@example.com").await.user.id;
    let other = server.account("john@example.com").await.password;

    let change = set_password(other.as_str());
    server.store.user_patch(id, change, WriteContext::system()).await.unwrap().unwrap();

    expect_shut(&jane).await;
    expect_shut(&phone).await;
    john.get("/auth/me").await.expect(StatusCode::OK);
    let jane = server.client.logged_in("jane@example.com").await;
    jane.get("/auth/me").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn deletion_ends_access_at_once() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let john = server.client.registered("john@example.com").await;
    jane.get("/auth/me").await.expect(StatusCode::OK);
    let id = server.account("jane@example.com").await.user.id;

    assert!(delete_user(&*server.store, id).await.is_ok());

    expect_shut(&jane).await;
    john.get("/auth/me").await.expect(StatusCode::OK);
    let answer = log_in(&server.client, "username=jane@example.com&password=password123");
    answer.await.expect_problem(401, "wrong_credentials");
}

/// Waits until the session of the client has this time of its last use, which is recorded asynchronously.
async fn use_noted(client: &Client, wanted: &str) {
    loop {
        let sessions = client.get("/auth/sessions").await.expect(StatusCode::OK);
        let mut sessions = sessions.as_array().unwrap().iter();
        let own = sessions.find(|session| session["current"] == true).unwrap();
        if own["last_used_at"] == wanted {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_script_that_logs_in_again_and_again_leaves_the_phone_alone() {
    let server = Server::start().await;
    let phone = server.client.registered("jane@example.com").await;
    server.wait(A_WHILE);
    // Even a use right after the log-in is recorded.
    use_noted(&phone, "2030-01-01T00:00:30.000Z").await;

    let mut scripts: Vec<Client> = Vec::new();
    for n in 0..2 * Session::MAX_PER_USER {
        server.wait(if n % 2 == 0 { A_WHILE } else { Duration::from_secs(1) });
        scripts.push(server.client.logged_in("jane@example.com").await);
    }

    let sessions = phone.get("/auth/sessions").await.expect(StatusCode::OK);
    assert_eq!(sessions.as_array().unwrap().len(), Session::MAX_PER_USER);
    let rest = scripts.split_off(scripts.len() + 1 - Session::MAX_PER_USER);
    for script in rest {
        script.get("/auth/me").await.expect(StatusCode::OK);
    }
    for script in scripts {
        expect_shut(&script).await;
    }
}

#[tokio::test]
async fn a_phone_that_comes_back_outlives_scripts_that_log_in_and_ask() {
    let server = Server::start().await;
    let phone = server.client.registered("jane@example.com").await;
    server.wait(2 * A_WHILE);
    use_noted(&phone, "2030-01-01T00:01:00.000Z").await;
    let mut now: Timestamp = "2030-01-01T00:01:00Z".parse().unwrap();

    for _ in 0..2 * Session::MAX_PER_USER {
        let script = server.client.logged_in("jane@example.com").await;
        server.wait(A_WHILE);
        now = now.plus(A_WHILE);
        use_noted(&script, &now.to_string()).await;
    }

    phone.get("/auth/me").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_session_that_was_not_used_for_an_hour_gives_way_to_one_too_many() {
    let server = Server::start().await;
    let idle = server.client.registered("jane@example.com").await;
    server.wait(A_WHILE);
    use_noted(&idle, "2030-01-01T00:00:30.000Z").await;
    server.wait(Duration::from_secs(3661));
    let mut now: Timestamp = "2030-01-01T01:01:31Z".parse().unwrap();
    let mut others: Vec<Client> = Vec::new();
    for _ in 1..Session::MAX_PER_USER {
        let other = server.client.logged_in("jane@example.com").await;
        server.wait(A_WHILE);
        now = now.plus(A_WHILE);
        use_noted(&other, &now.to_string()).await;
        others.push(other);
    }

    others.push(server.client.logged_in("jane@example.com").await);

    expect_shut(&idle).await;
    for other in others {
        other.get("/auth/me").await.expect(StatusCode::OK);
    }
}

#[tokio::test]
async fn two_log_ins_have_nothing_in_common() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    let form = "username=jane@example.com&password=password123";
    let one: Value = log_in(&server.client, form).await.expect(StatusCode::OK);
    let two: Value = log_in(&server.client, form).await.expect(StatusCode::OK);
    assert_ne!(one["access_token"], two["access_token"]);
    assert_ne!(one["refresh_token"], two["refresh_token"]);
}
