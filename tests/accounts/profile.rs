//! Tests of the own account: name, time zone, email, password, and deletion.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::Server;
use crate::harness::client::PASSWORD;

#[tokio::test]
async fn name_and_time_zone_are_set_and_cleared() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let before = jane.get("/auth/me").await.body;

    let patch = json!({ "display_name": " Jane ", "time_zone": "europe/berlin" });
    let body = jane.patch("/auth/me", patch).await.expect(StatusCode::OK);

    assert_eq!(
        (&body["display_name"], &body["time_zone"]),
        (&json!("Jane"), &json!("Europe/Berlin"))
    );
    assert_eq!(jane.get("/auth/me").await.body, body);
    let patch = json!({ "time_zone": null });
    let body = jane.patch("/auth/me", patch).await.expect(StatusCode::OK);
    assert_eq!(
        (&body["display_name"], &body["time_zone"]),
        (&json!("Jane"), &json!(null))
    );
    let patch = json!({ "display_name": null });
    assert_eq!(jane.patch("/auth/me", patch).await.expect(StatusCode::OK), before);
    assert_eq!(jane.patch("/auth/me", json!({})).await.expect(StatusCode::OK), before);
}

#[tokio::test]
async fn what_is_no_profile_is_refused_by_name() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    for (body, wanted) in [
        (
            json!({ "display_name": "", "time_zone": "Mars/Olympus" }),
            vec!["display_name", "time_zone"],
        ),
        (json!({ "time_zone": "Mars/Olympus" }), vec!["time_zone"]),
        (
            json!({ "display_name": "a\nb", "time_zone": "x" }),
            vec!["display_name", "time_zone"],
        ),
        (json!({ "email": null }), vec!["email"]),
        (json!({ "email": "j@example.com" }), vec!["password"]),
        (json!({ "email": "j@example.com", "password": "wrong" }), vec!["password"]),
        (json!({ "email": "nonsense", "password": PASSWORD }), vec!["email"]),
        (json!({ "role": "admin", "id": 7, "disabled": true }), vec!["disabled"]),
        (json!({ "role": "admin", "id": 7 }), vec!["id", "role"]),
        (json!({ "must_change_password": true }), vec!["must_change_password"]),
    ] {
        let answer = jane.patch("/auth/me", body.clone()).await;
        assert_eq!(answer.expect_refused(), wanted, "{body}");
    }
    assert_eq!(jane.get("/auth/me").await.body["role"], "user");
}

#[tokio::test]
async fn an_email_changes_with_the_password_and_frees_the_old_one() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    server.client.registered("john@example.com").await;
    let to = |email: &str| json!({ "email": email, "password": PASSWORD });

    jane.patch("/auth/me", to("JOHN@example.com"))
        .await
        .expect_problem(409, "email_taken");
    jane.patch("/auth/me", to("Jane@Example.com")).await.expect(StatusCode::OK);
    let body = jane.patch("/auth/me", to("new@example.com")).await.expect(StatusCode::OK);

    assert_eq!(body["email"], "new@example.com");
    server
        .client
        .logged_in("new@example.com")
        .await
        .get("/auth/me")
        .await
        .expect(StatusCode::OK);
    let old = server
        .client
        .form("/auth/login", "username=jane@example.com&password=password123");
    old.await.expect_problem(401, "wrong_credentials");
    server.client.registered("jane@example.com").await;
}

#[tokio::test]
async fn a_password_changes_with_the_old_one_only() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let to =
        |old: &str, new: &str| json!({ "current_password": old, "new_password": new });
    for (old, new, wanted) in [
        ("wrong", "password124", "current_password"),
        ("", "password124", "current_password"),
        (PASSWORD, "short", "new_password"),
    ] {
        let answer = jane.post("/auth/password", to(old, new)).await;
        assert_eq!(answer.expect_refused(), [wanted]);
    }
    server.client.logged_in("jane@example.com").await;

    let body = jane.post("/auth/password", to(PASSWORD, "password124")).await;

    assert_eq!(
        body.expect(StatusCode::OK),
        json!({ "sessions_ended": 1, "tokens_ended": 0 })
    );
    let form = "username=jane@example.com&password=password124";
    server.client.form("/auth/login", form).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn leaving_takes_the_password_and_everything_along() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let john = server.client.registered("john@example.com").await;
    jane.given_task("a").await;
    jane.given_token(&["account"]).await;
    let json_type = Some("application/json");
    let leave = async |body: Value| {
        jane.send(Method::DELETE, "/auth/me", json_type, body.to_string()).await
    };
    assert_eq!(
        leave(json!({ "password": "wrong" })).await.expect_refused(),
        ["password"]
    );
    assert_eq!(leave(json!({})).await.expect_refused(), ["password"]);

    leave(json!({ "password": PASSWORD })).await.expect(StatusCode::NO_CONTENT);

    jane.get("/auth/me").await.expect_problem(401, "invalid_token");
    let again = server.client.registered("jane@example.com").await;
    assert_eq!(again.get("/tasks").await.body, json!([]));
    assert_eq!(again.get("/auth/tokens").await.body, json!([]));
    john.get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!(server.store.verify().unwrap().findings, [""; 0]);
}

#[tokio::test]
async fn a_profile_that_was_read_and_edited_can_be_sent_back_whole() {
    let server = Server::start().await;
    let jane = server.client.registered("Jane@example.com").await;
    for name in [None, Some("Jane")] {
        if let Some(name) = name {
            jane.patch("/auth/me", json!({ "display_name": name, "time_zone": "UTC" }))
                .await
                .expect(StatusCode::OK);
        }
        let profile = jane.get("/auth/me").await.expect(StatusCode::OK);
        let same = jane.patch("/auth/me", profile.clone()).await;
        assert_eq!(same.expect(StatusCode::OK), profile);
    }
    let other = json!({
        "id": 9, "role": "admin", "created_at": "2031-01-01T00:00:00Z",
        "must_change_password": true, "display_name": "J",
    });
    let refused = jane.patch("/auth/me", other).await;
    assert_eq!(refused.body["errors"][0]["message"], "cannot be changed");
    let names = ["created_at", "id", "must_change_password", "role"];
    assert_eq!(refused.expect_refused(), names);
    // Another spelling is another email, and requires the password.
    let respelled = jane.patch("/auth/me", json!({ "email": "jane@example.com" })).await;
    assert_eq!(respelled.expect_refused(), ["password"]);
    assert_eq!(jane.get("/auth/me").await.body["display_name"], "Jane");
}
