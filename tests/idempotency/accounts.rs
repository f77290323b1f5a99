//! Tests of idempotency keys of registrations and of administrators.

use duly::domain::user::UserPatch;
use hyper::StatusCode;
use serde_json::json;

use super::{expect_replay, keyed, task};
use crate::accounts::invitations::given;
use crate::harness::client::PASSWORD;
use crate::harness::{Client, Server};

async fn given_root(server: &Server) -> Client {
    let root = server.client.registered("root@example.com").await;
    server.promote("root@example.com").await;
    root
}

#[tokio::test]
async fn registering_again_is_answered_as_before() {
    let server = Server::start().await;
    let client = keyed(&server.client, "one");
    let account = json!({ "email": "jane@example.com", "password": PASSWORD });

    let first = client.post("/auth/register", account.clone()).await;

    expect_replay(&first, &client.post("/auth/register", account.clone()).await);
    // A stranger learns no more with a key than without one.
    for (client, account) in [
        (&server.client, account.clone()),
        (&keyed(&server.client, "two"), account),
        (&client, json!({ "email": "Jane@example.com", "password": PASSWORD })),
        (&client, json!({ "email": "jane@example.com", "password": "password124" })),
    ] {
        let answer = client.post("/auth/register", account).await;
        answer.expect_problem(409, "email_taken");
    }
    // The owner of a key depends on the email.
    let other = json!({ "email": "john@example.com", "password": PASSWORD });
    let other = client.post("/auth/register", other).await;
    assert_eq!(other.expect(StatusCode::CREATED)["id"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twins_register_once() {
    let server = Server::start().await;
    let mut twins = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let client = keyed(&server.client, "one");
        let account = json!({ "email": "jane@example.com", "password": PASSWORD });
        twins.spawn(async move { client.post("/auth/register", account).await });
    }
    for answer in twins.join_all().await {
        assert_eq!(answer.expect(StatusCode::CREATED)["id"], 1);
    }
}

#[tokio::test]
async fn an_invitation_that_was_used_up_is_no_hindrance_for_a_retry() {
    let (server, root) = given("--registration=invite").await;
    let inviting = keyed(&root, "invite");

    let invited = inviting.post("/admin/invitations", json!({})).await;
    expect_replay(&invited, &inviting.post("/admin/invitations", json!({})).await);
    let all = root.get("/admin/invitations").await.expect(StatusCode::OK);
    assert_eq!(all.as_array().unwrap().len(), 1);

    let account = json!({
        "email": "jane@example.com",
        "password": PASSWORD,
        "invitation": invited.body["invitation"],
    });
    let client = keyed(&server.client, "one");
    let first = client.post("/auth/register", account.clone()).await;
    expect_replay(&first, &client.post("/auth/register", account.clone()).await);
    let without = server.client.post("/auth/register", account).await;
    assert_eq!(without.expect_refused(), ["invitation"]);
}

#[tokio::test]
async fn an_administrator_makes_an_account_once() {
    let server = Server::start().await;
    let root = given_root(&server).await;
    let client = keyed(&root, "one");
    let account = json!({ "email": "jane@example.com", "password": PASSWORD });

    let first = client.post("/admin/users", account.clone()).await;

    expect_replay(&first, &client.post("/admin/users", account.clone()).await);
    let audited = root.get("/admin/audit").await.expect(StatusCode::OK);
    let made =
        audited.as_array().unwrap().iter().filter(|it| it["action"] == "user_created");
    assert_eq!(made.count(), 1);
    // A replay requires the role, as the first request did.
    let other = server.client.registered("other@example.com").await;
    server.promote("other@example.com").await;
    let user = duly::domain::user::Role::User;
    let patch = UserPatch { role: Some(user), ..UserPatch::default() };
    server.change("root@example.com", patch).await;
    let answer = client.post("/admin/users", account).await;
    answer.expect_problem(403, "insufficient_role");
    other.get("/admin/users").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn nothing_is_given_again_to_a_disabled_account() {
    let server = Server::start().await;
    let account = json!({ "email": "jane@example.com", "password": PASSWORD });
    let client = keyed(&server.client, "one");
    client.post("/auth/register", account.clone()).await.expect(StatusCode::CREATED);
    let jane = server.client.logged_in("jane@example.com").await;
    let tasks = keyed(&jane, "two");
    tasks.post("/tasks", task("a")).await.expect(StatusCode::CREATED);

    let disabled = UserPatch { disabled: Some(true), ..UserPatch::default() };
    server.change("jane@example.com", disabled).await;

    let answer = client.post("/auth/register", account).await;
    answer.expect_problem(409, "email_taken");
    tasks.post("/tasks", task("a")).await.expect_problem(401, "invalid_token");
    let form = format!("username=jane@example.com&password={PASSWORD}");
    let media_type = Some("application/x-www-form-urlencoded");
    let answer = client.send(hyper::Method::POST, "/auth/login", media_type, form).await;
    answer.expect_problem(401, "wrong_credentials");
}

#[tokio::test]
async fn a_new_account_with_an_old_email_starts_with_no_keys() {
    let server = Server::start().await;
    let client = keyed(&server.client, "one");
    let account = json!({ "email": "jane@example.com", "password": PASSWORD });
    client.post("/auth/register", account.clone()).await.expect(StatusCode::CREATED);
    let jane = server.client.logged_in("jane@example.com").await;
    keyed(&jane, "two").post("/tasks", task("a")).await.expect(StatusCode::CREATED);
    let proof = json!({ "password": PASSWORD }).to_string();
    let left = jane.send(hyper::Method::DELETE, "/auth/me", None, proof).await;
    left.expect(StatusCode::NO_CONTENT);
    let report = server.store.verify().unwrap();
    assert_eq!((report.answers, report.findings), (0, vec![]));

    let made = client.post("/auth/register", account).await;

    assert_eq!(made.expect(StatusCode::CREATED)["id"], 2);
    let jane = server.client.logged_in("jane@example.com").await;
    let made = keyed(&jane, "two").post("/tasks", task("a")).await;
    assert_eq!(made.expect(StatusCode::CREATED)["id"], 2);
}
