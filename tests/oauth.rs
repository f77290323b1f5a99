//! Tests of OAuth 2: scopes at log-in, token revocation, metadata, forms of browsers.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::client::PASSWORD;
use crate::harness::raw::raw;
use crate::harness::{Answer, Client, Server};

const FORM: &str = "application/x-www-form-urlencoded";
const METADATA: &str = "!/.well-known/oauth-authorization-server";

async fn form(client: &Client, path: &str, form: &str) -> Answer {
    client.send(Method::POST, path, Some(FORM), form.to_owned()).await
}

/// Logs in with these scopes alone.
async fn log_in(server: &Server, scope: &str) -> Value {
    let scope = scope.replace(' ', "+");
    let text = format!("username=jane@example.com&password={PASSWORD}&scope={scope}");
    form(&server.client, "/auth/login", &text).await.expect(StatusCode::OK)
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_else(|| panic!("{body}"))
}

fn bearer(server: &Server, body: &Value) -> Client {
    server.client.with_token(text(body, "access_token"))
}

async fn refresh(server: &Server, token: &str, more: &str) -> Answer {
    let text = format!("grant_type=refresh_token&refresh_token={token}{more}");
    form(&server.client, "/auth/refresh", &text).await
}

#[tokio::test]
async fn a_log_in_may_ask_for_fewer_scopes_and_keeps_them() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    let task = json!({ "title": "a" });

    let mut body = log_in(&server, "tasks:read").await;

    for _ in 0..3 {
        assert_eq!(body["scope"], "tasks:read");
        let jane = bearer(&server, &body);
        jane.get("/tasks").await.expect(StatusCode::OK);
        let refused = jane.post("/tasks", task.clone()).await;
        refused.expect_problem(403, "insufficient_scope");
        let refused = jane.get("/auth/sessions").await;
        refused.expect_problem(403, "insufficient_scope");
        let again = refresh(&server, text(&body, "refresh_token"), "").await;
        body = again.expect(StatusCode::OK);
    }
    for (asked, given) in [
        ("", "tasks:read tasks:write account"),
        (" ", "tasks:read tasks:write account"),
        ("account tasks:write", "tasks:write account"),
        ("tasks:read  tasks:read ", "tasks:read"),
    ] {
        assert_eq!(log_in(&server, asked).await["scope"], given, "{asked:?}");
    }
}

#[tokio::test]
async fn a_refresh_may_narrow_the_access_token_and_never_widen_it() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    let body = log_in(&server, "tasks:read tasks:write").await;
    let token = text(&body, "refresh_token");

    let narrow = refresh(&server, token, "&scope=tasks:read").await;

    let narrow = narrow.expect(StatusCode::OK);
    assert_eq!(narrow["scope"], "tasks:read");
    let refused = bearer(&server, &narrow).post("/tasks", json!({ "title": "a" })).await;
    refused.expect_problem(403, "insufficient_scope");
    let token = text(&narrow, "refresh_token");
    for scope in ["account", "tasks:read+account", "tasks:delete"] {
        let wide = refresh(&server, token, &format!("&scope={scope}")).await;
        assert_eq!(wide.body["error"], "invalid_scope");
        wide.expect_problem(400, "invalid_scope");
    }
    // The session keeps the scopes of its log-in.
    let whole = refresh(&server, token, "").await.expect(StatusCode::OK);
    assert_eq!(whole["scope"], "tasks:read tasks:write");
    let login = format!(
        "grant_type=refresh_token&refresh_token={}&scope=tasks:write",
        text(&whole, "refresh_token")
    );
    let login = form(&server.client, "/auth/login", &login).await;
    assert_eq!(login.expect(StatusCode::OK)["scope"], "tasks:write");
}

#[tokio::test]
async fn nobody_can_write_other_scopes_into_a_refresh_token() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    let body = log_in(&server, "tasks:read").await;
    let token = text(&body, "refresh_token").to_owned();
    let (parts, _) = token.split_at(token.len() - 8);
    let (parts, scopes) = parts.split_at(parts.len() - 2);
    assert_eq!(scopes, "01");
    for scopes in ["", "02", "07", "00", "ff"] {
        let forged = format!("{parts}{scopes}");
        let mut sum = flate2::Crc::new();
        sum.update(forged.as_bytes());
        let forged = format!("{forged}{:08x}", sum.sum());
        let answer = refresh(&server, &forged, "").await;
        answer.expect_problem(400, "invalid_grant");
    }
    // The attempt ended no session.
    refresh(&server, &token, "").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn scopes_that_are_unknown_are_refused_in_words_of_oauth() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    for scope in ["openid", "tasks:read+all", "TASKS:READ", "tasks:read,account", "%00"] {
        let text = format!("username=jane@example.com&password={PASSWORD}&scope={scope}");
        let answer = form(&server.client, "/auth/login", &text).await;
        assert_eq!(answer.body["error"], "invalid_scope", "{scope}");
        answer.expect_problem(400, "invalid_scope");
    }
}

/// A session with few scopes must not create credentials with more, and a script for tasks must
/// not act as an administrator.
#[tokio::test]
async fn a_log_in_with_fewer_scopes_makes_no_tokens_and_manages_no_accounts() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    server.promote("jane@example.com").await;
    let token = json!({ "name": "a", "scopes": ["tasks:write"] });
    for scope in ["account", "tasks:read account", "tasks:read tasks:write"] {
        let jane = bearer(&server, &log_in(&server, scope).await);
        let made = jane.post("/auth/tokens", token.clone()).await;
        assert_eq!(made.status, StatusCode::FORBIDDEN, "{scope}");
        let listed = jane.get("/admin/users").await;
        listed.expect_problem(403, "log_in_required");
    }
    let jane = bearer(&server, &log_in(&server, "").await);
    jane.post("/auth/tokens", token).await.expect(StatusCode::CREATED);
    jane.get("/admin/users").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_token_of_any_kind_can_be_revoked_by_whoever_has_it() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let (_, script) = jane.given_token(&["tasks:read"]).await;
    let revoke = |token: String, more: &'static str| {
        let (client, text) = (server.client.clone(), format!("token={token}{more}"));
        async move { form(&client, "/auth/revoke", &text).await }
    };

    for hint in ["", "&token_type_hint=access_token", "&token_type_hint=odd&client_id=a"]
    {
        for name in ["access_token", "refresh_token"] {
            let body = log_in(&server, "tasks:read").await;
            let answer = revoke(text(&body, name).to_owned(), hint).await;
            assert_eq!(answer.expect(StatusCode::OK), json!({}));
            let gone = bearer(&server, &body).get("/tasks").await;
            gone.expect_problem(401, "invalid_token");
            let gone = refresh(&server, text(&body, "refresh_token"), "").await;
            gone.expect_problem(400, "invalid_grant");
        }
    }
    revoke(script.token().to_owned(), "").await.expect(StatusCode::OK);
    script.get("/tasks").await.expect_problem(401, "invalid_token");
    jane.get("/tasks").await.expect(StatusCode::OK);
}

/// It ends the session, as another use of the token would.
#[tokio::test]
async fn a_refresh_token_that_was_used_before_can_be_revoked() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    let (_, old) = server.client.granted("jane@example.com").await;
    let (jane, _) = server.client.refreshed(&old).await.unwrap();

    let answer = form(&server.client, "/auth/revoke", &format!("token={old}")).await;

    answer.expect(StatusCode::OK);
    jane.get("/tasks").await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn revoking_what_is_no_token_changes_nothing_and_is_no_error() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let (_, token) = server.client.granted("jane@example.com").await;
    // The same session, with another family.
    let mut made_up = token.clone();
    made_up.replace_range(60..61, if &token[60..61] == "0" { "1" } else { "0" });
    for token in ["x", "duly_rt_00", "duly_pat_00", "a.b.c", &made_up] {
        let answer =
            form(&server.client, "/auth/revoke", &format!("token={token}")).await;
        answer.expect(StatusCode::OK);
    }
    let missing = form(&server.client, "/auth/revoke", "token=").await;
    assert_eq!(missing.body["error"], "invalid_request");
    assert_eq!(missing.expect_refused(), ["token"]);
    jane.get("/tasks").await.expect(StatusCode::OK);
    server.client.refreshed(&token).await.unwrap();
}

#[tokio::test]
async fn clients_find_the_token_endpoint_by_the_metadata() {
    let server = Server::with(&["--trusted-proxies=10.0.0.0/8"]).await;
    server.client.registered("jane@example.com").await;

    let body = server.client.get(METADATA).await.expect(StatusCode::OK);

    let url = format!("http://{}", server.client.address());
    assert_eq!(body["issuer"], url);
    assert_eq!(body["response_types_supported"], json!([]));
    assert_eq!(body["token_endpoint_auth_methods_supported"], json!(["none"]));
    let found = text(&body, "token_endpoint").strip_prefix(&url).unwrap();
    let login = format!("username=jane@example.com&password={PASSWORD}");
    let granted = form(&server.client, &format!("!{found}"), &login).await;
    let token = granted.expect(StatusCode::OK)["access_token"].clone();
    let revoke = text(&body, "revocation_endpoint").strip_prefix(&url).unwrap();
    let token = format!("token={}", token.as_str().unwrap());
    form(&server.client, &format!("!{revoke}"), &token).await.expect(StatusCode::OK);
    // A stranger cannot redirect clients.
    let forged = server.client.with_header("x-forwarded-proto", "https");
    assert_eq!(forged.get(METADATA).await.expect(StatusCode::OK)["issuer"], url);
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_metadata_names_its_scheme_and_host() {
    let server = Server::with(&["--trusted-proxies=127.0.0.1"]).await;
    let head = "GET /.well-known/oauth-authorization-server HTTP/1.1\r\n\
                Host: tasks.example.com\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\n\
                X-Forwarded-Prefix: /duly\r\nConnection: close\r\n\r\n";
    let answer = raw(server.client.address(), head).await;
    assert_eq!(answer.body["issuer"], "https://tasks.example.com/duly");
    let token = "https://tasks.example.com/duly/api/v1/auth/login";
    assert_eq!(answer.body["token_endpoint"], token);
}

/// Browsers send a `FormData` like this, and so does `curl -F`.
#[tokio::test]
async fn a_log_in_may_come_as_multipart() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    let part = |name: &str, value: &str| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        )
    };
    let send = |body: String| {
        let client = server.client.clone();
        let content_type = Some("multipart/form-data; boundary=b");
        async move { client.send(Method::POST, "/auth/login", content_type, body).await }
    };
    let (name, password) =
        (part("username", "jane@example.com"), part("password", PASSWORD));

    let body = send(format!("{name}{password}--b--\r\n")).await.expect(StatusCode::OK);

    bearer(&server, &body).get("/auth/me").await.expect(StatusCode::OK);
    let token = part("refresh_token", text(&body, "refresh_token"));
    let grant = part("grant_type", "refresh_token");
    let again = send(format!("{grant}{token}--b--")).await;
    again.expect(StatusCode::OK);
    let wrong = format!("{name}{}--b--", part("password", "s3cr3t"));
    send(wrong).await.expect_problem(401, "wrong_credentials");
    for (body, wanted) in [
        (format!("{name}--b--"), "password"),
        (format!("{name}{password}{password}--b--"), "password"),
        (
            format!(
                "{name}{}--b--",
                password.replace("\"\r", "\"; filename=\"s3cr3t\"\r")
            ),
            "password",
        ),
    ] {
        let answer = send(body.clone()).await;
        assert!(!String::from_utf8_lossy(&answer.bytes).contains("s3cr3t"), "{body}");
        assert_eq!(answer.expect_refused(), [wanted], "{body}");
    }
    for broken in [format!("{name}{password}"), String::new()] {
        send(broken).await.expect_problem(400, "malformed");
    }
    let unbound = Some("multipart/form-data");
    let body = format!("{name}{password}--b--");
    let answer = server.client.send(Method::POST, "/auth/login", unbound, body).await;
    answer.expect_problem(400, "malformed");
}

/// Clients that read the challenge of a 401, and not its body, find the error there.
#[tokio::test]
async fn the_challenge_of_a_wrong_password_says_what_the_body_says() {
    let server = Server::start().await;
    let answer =
        form(&server.client, "/auth/login", "username=a@b.cc&password=wrong-one").await;
    let challenge = answer.header("www-authenticate").unwrap();
    let error = text(&answer.body, "error");
    let description = text(&answer.body, "error_description");
    let wanted = format!(
        "Bearer realm=\"duly\", error=\"{error}\", error_description=\"{description}\""
    );
    assert_eq!(challenge, wanted);
}
