//! Tests of `duly user end-access`, the remedy for a stolen signing key.

use hyper::StatusCode;
use serde_json::json;

use super::{JANE, JOHN, home};
use crate::harness::process::{expect, refused};
use crate::harness::{Answer, Client, Home, Process};

const LOG_IN: &str = "username=jane@example.com&password=password123";

/// Credentials of one account, and its idempotency records.
struct Access {
    session: Client,
    refresh: String,
    script: Client,
    made: Answer,
    opened: Answer,
}

fn keyed(client: &Client, key: &str) -> Client {
    client.with_header("idempotency-key", key)
}

async fn make_token(client: &Client) -> Answer {
    let body = json!({ "name": "a", "scopes": ["tasks:read", "tasks:write"] });
    keyed(client, "token").post("/auth/tokens", body).await
}

async fn given_access(server: &Process) -> Access {
    server.client().registered(JANE).await;
    let (session, refresh) = server.client().granted(JANE).await;
    let made = make_token(&session).await;
    let script = server.client().with_token(made.body["token"].as_str().unwrap());
    script.given_task("by a script").await;
    let opened = keyed(&server.client(), "log-in").form("/auth/login", LOG_IN).await;
    assert_eq!(opened.status, StatusCode::OK);
    Access { session, refresh, script, made, opened }
}

/// Checks that every credential is refused and no record is replayed.
async fn expect_ended(server: &Process, access: Access) {
    let client = server.client();
    let here = |of: &Client| client.with_token(of.token());
    let Access { session, refresh, script, made, opened } = access;
    here(&session).get("/auth/me").await.expect_problem(401, "invalid_token");
    here(&script).get("/tasks").await.expect_problem(401, "invalid_token");
    make_token(&here(&session)).await.expect_problem(401, "invalid_token");
    let refused = client.refreshed(&refresh).await.err().unwrap();
    refused.expect_problem(400, "invalid_grant");
    let token = opened.body["access_token"].as_str().unwrap();
    client.with_token(token).get("/auth/me").await.expect_problem(401, "invalid_token");

    // Recorded outcomes are not replayed, even to a client that knows the password.
    let again = keyed(&client, "log-in").form("/auth/login", LOG_IN).await;
    assert_eq!(again.header("idempotency-replayed"), None);
    let token = again.expect(StatusCode::OK)["access_token"].clone();
    let jane = client.with_token(token.as_str().unwrap());
    let new = make_token(&jane).await;
    assert_eq!(new.header("idempotency-replayed"), None);
    assert_ne!(new.expect(StatusCode::CREATED)["token"], made.body["token"]);
    let tasks = jane.get("/tasks").await.expect(StatusCode::OK);
    assert_eq!(tasks.as_array().unwrap().len(), 1, "tasks stay");
}

fn audited(home: &Home) -> Vec<String> {
    let audited = expect(home.run(&["audit"], ""), 0);
    let fields = |line: &str| line.split('\t').skip(2).collect::<Vec<_>>().join(" ");
    audited.lines().map(fields).collect()
}

#[tokio::test]
async fn access_to_one_account_ends_in_a_running_server() {
    let home = home();
    let server = home.serve();
    let access = given_access(&server).await;
    let john = server.client().registered(JOHN).await;

    let said = expect(home.run(&["user", "end-access", JANE], ""), 0);

    assert_eq!(
        said,
        "3 sessions and 1 personal token of 1 user ended, 2 stored responses removed\n"
    );
    expect_ended(&server, access).await;
    john.get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!(audited(&home), ["operator access_ended user 1"]);
    expect(home.run(&["check"], ""), 0);
    let line = refused(home.run(&["user", "end-access", "nobody@example.com"], ""), 1);
    assert!(line.contains("no such user"), "{line}");
}

#[tokio::test]
async fn access_to_all_accounts_ends_in_a_running_server_and_in_a_stopped_one() {
    for is_running in [true, false] {
        let home = home();
        let server = home.serve();
        let access = given_access(&server).await;
        // More than are ended in one transaction.
        for number in 2..=20 {
            let email = format!("p{number}@example.com");
            expect(home.run(&["user", "add", &email], "password123"), 0);
        }
        let last = server.client().logged_in("p20@example.com").await;
        let running = if is_running {
            Some(server)
        } else {
            assert_eq!(server.terminate(), Some(0));
            None
        };

        let said = expect(home.run(&["user", "end-access", "--all"], ""), 0);

        assert_eq!(
            said,
            "4 sessions and 1 personal token of 20 users ended, 2 stored responses removed\n"
        );
        let server = running.unwrap_or_else(|| home.serve());
        let last = server.client().with_token(last.token());
        last.get("/auth/me").await.expect_problem(401, "invalid_token");
        expect_ended(&server, access).await;
        let ended = audited(&home).iter().filter(|it| it.contains("ended")).count();
        assert_eq!(ended, 20);
        expect(home.run(&["check"], ""), 0);
    }
}

#[test]
fn whose_access_ends_must_be_said() {
    for arguments in [&["user", "end-access"][..], &["user", "end-access", "--all", JANE]]
    {
        assert_eq!(home().run(arguments, "").status.code(), Some(64));
    }
}
