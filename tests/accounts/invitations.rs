//! Tests of registration and invitations.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::client::PASSWORD;
use crate::harness::{Answer, Client, Server};

/// Server with an administrator who was created directly in the store.
pub(crate) async fn given(registration: &str) -> (Server, Client) {
    let server = Server::with(&[registration]).await;
    let hash = {
        let open = Server::start().await;
        open.client.registered("root@example.com").await;
        open.account("root@example.com").await.password
    };
    let new = crate::harness::values::new_user("root@example.com");
    let new = duly::domain::user::NewUser { password: hash, ..new };
    duly::store::Store::user_create(
        &*server.store,
        new,
        duly::store::WriteContext::system(),
    )
    .await
    .unwrap()
    .unwrap();
    server.promote("root@example.com").await;
    let root = server.client.logged_in("root@example.com").await;
    (server, root)
}

async fn register(client: &Client, email: &str, invitation: Option<&str>) -> Answer {
    let mut body = json!({ "email": email, "password": PASSWORD });
    if let Some(invitation) = invitation {
        body["invitation"] = invitation.into();
    }
    client.post("/auth/register", body).await
}

async fn invite(root: &Client, body: Value) -> String {
    let made = root.post("/admin/invitations", body).await.expect(StatusCode::CREATED);
    made["invitation"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn where_registration_is_closed_administrators_make_accounts() {
    let (server, root) = given("--registration=closed").await;
    let invitation = invite(&root, json!({})).await;
    for invitation in [None, Some(invitation.as_str()), Some("x")] {
        let answer = register(&server.client, "jane@example.com", invitation).await;
        answer.expect_problem(403, "registration_closed");
    }
    let account = json!({
        "email": "jane@example.com", "password": PASSWORD, "must_change_password": false,
    });
    root.post("/admin/users", account).await.expect(StatusCode::CREATED);
    server.client.logged_in("jane@example.com").await.given_task("a").await;
}

#[tokio::test]
async fn where_one_must_be_invited_an_invitation_is_good_once() {
    let (server, root) = given("--registration=invite").await;
    let client = &server.client;
    let jane = "jane@example.com";
    assert_eq!(register(client, jane, None).await.expect_refused(), ["invitation"]);
    assert_eq!(register(client, jane, Some("x")).await.expect_refused(), ["invitation"]);
    let invitation = invite(&root, json!({})).await;
    // A client without an invitation does not learn which emails are registered.
    let root_email = "root@example.com";
    assert_eq!(
        register(client, root_email, Some("x")).await.expect_refused(),
        ["invitation"]
    );
    // A registration that fails for another reason leaves the invitation unused.
    let answer = register(client, "root@example.com", Some(&invitation)).await;
    answer.expect_problem(409, "email_taken");

    register(client, jane, Some(&invitation)).await.expect(StatusCode::CREATED);

    let again = register(client, "john@example.com", Some(&invitation)).await;
    assert_eq!(again.expect_refused(), ["invitation"]);
    assert_eq!(root.get("/admin/invitations").await.body, json!([]));
}

#[tokio::test]
async fn an_invitation_may_be_for_one_address_and_for_a_time() {
    let (server, root) = given("--registration=invite").await;
    let client = &server.client;
    let for_jane = invite(&root, json!({ "email": "Jane@Example.com" })).await;
    let answer = register(client, "john@example.com", Some(&for_jane)).await;
    assert_eq!(answer.expect_refused(), ["invitation"]);
    register(client, "jane@example.com", Some(&for_jane))
        .await
        .expect(StatusCode::CREATED);

    let short = invite(&root, json!({ "expires_at": "2030-01-01T00:00:10Z" })).await;
    let usual = invite(&root, json!({})).await;
    server.wait(Duration::from_secs(10));
    let answer = register(client, "john@example.com", Some(&short)).await;
    assert_eq!(answer.expect_refused(), ["invitation"]);
    server.wait(Duration::from_secs(7 * 24 * 3600 - 11));
    register(client, "john@example.com", Some(&usual)).await.expect(StatusCode::CREATED);

    let root = client.logged_in("root@example.com").await;
    let taken_back = invite(&root, json!({})).await;
    let id =
        root.get("/admin/invitations").await.body[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/admin/invitations/{id}");
    root.delete(&path).await.expect(StatusCode::NO_CONTENT);
    root.delete(&path).await.expect_problem(404, "not_found");
    let answer = register(client, "jim@example.com", Some(&taken_back)).await;
    assert_eq!(answer.expect_refused(), ["invitation"]);
    let bad = json!({ "email": "x", "expires_at": "2029-01-01T00:00:00Z" });
    let answer = root.post("/admin/invitations", bad).await;
    assert_eq!(answer.expect_refused(), ["email"]);
    for expires_at in ["2029-01-01T00:00:00Z", "2031-01-01T00:00:00Z"] {
        let bad = json!({ "expires_at": expires_at });
        let answer = root.post("/admin/invitations", bad).await;
        assert_eq!(answer.expect_refused(), ["expires_at"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_use_one_invitation_at_once_one_gets_in() {
    let (server, root) = given("--registration=invite").await;
    let invitation = invite(&root, json!({})).await;
    let mut tries = JoinSet::new();
    for number in 0..20 {
        let (client, invitation) = (server.client.clone(), invitation.clone());
        tries.spawn(async move {
            let email = format!("j{number}@example.com");
            register(&client, &email, Some(&invitation)).await.status
        });
    }
    let statuses = tries.join_all().await;
    let made = statuses.iter().filter(|status| **status == StatusCode::CREATED).count();
    assert_eq!(made, 1, "{statuses:?}");
}

#[tokio::test]
async fn where_everybody_may_register_an_invitation_still_has_to_be_good() {
    let (server, root) = given("--registration=open").await;
    let invitation = invite(&root, json!({})).await;
    let answer = register(&server.client, "jane@example.com", Some("x")).await;
    assert_eq!(answer.expect_refused(), ["invitation"]);
    let answer = register(&server.client, "jane@example.com", Some(&invitation)).await;
    answer.expect(StatusCode::CREATED);
    register(&server.client, "john@example.com", None).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn invitations_of_somebody_who_is_no_administrator_any_more_are_worth_nothing() {
    let (server, root) = given("--registration=invite").await;
    let other = json!({
        "email": "other@example.com", "password": PASSWORD, "role": "admin",
        "must_change_password": false,
    });
    let other = root.post("/admin/users", other).await.expect(StatusCode::CREATED);
    let path = format!("/admin/users/{}", other["id"]);
    let other = server.client.logged_in("other@example.com").await;
    let (theirs, kept) =
        (invite(&other, json!({})).await, invite(&root, json!({})).await);

    root.patch(&path, json!({ "role": "user" })).await.expect(StatusCode::OK);

    let answer = register(&server.client, "jane@example.com", Some(&theirs)).await;
    assert_eq!(answer.expect_refused(), ["invitation"]);
    let answer = register(&server.client, "jane@example.com", Some(&kept)).await;
    answer.expect(StatusCode::CREATED);
}
