//! Tests of idempotency records as seen in the data file, and of the effect of a change of the signing key on them.

use std::fs;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{REPLAYED, count, expect_replay, keyed, task};
use crate::harness::process::expect;
use crate::harness::{Home, Server};

const OLD: &str = "duly.redb.key.old";

fn contains(file: &[u8], text: &str) -> bool {
    file.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn nothing_of_an_answer_or_a_key_can_be_read_in_the_file() {
    let home = Home::new();
    let server = home.serve();
    let jane = server.client().registered("jane@example.com").await;
    let client = keyed(&jane, "a-key-of-janes");
    let token = json!({ "name": "a-name-in-the-file", "scopes": ["tasks:read"] });
    let made = client.post("/auth/tokens", token).await.expect(StatusCode::CREATED);
    let log_in = "username=jane@example.com&password=password123";
    let login = keyed(&server.client(), "b-key").form("/auth/login", log_in).await;
    let login = login.expect(StatusCode::OK);
    assert_eq!(server.terminate(), Some(0));

    let file = fs::read(home.data_file()).unwrap();

    assert!(contains(&file, "a-name-in-the-file"), "the token itself has a name");
    for secret in [
        made["token"].as_str().unwrap(),
        login["access_token"].as_str().unwrap(),
        login["refresh_token"].as_str().unwrap(),
        "a-key-of-janes",
        "password123",
    ] {
        assert!(!contains(&file, secret), "{secret}");
        let half = secret.get(..secret.len() / 2).unwrap();
        assert!(half.len() < 16 || !contains(&file, half), "{half}");
    }
    expect(home.run(&["check"], ""), 0);
    let exported = expect(home.run(&["export"], ""), 0);
    assert!(exported.contains("jane@example.com"));
    for line in exported.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(!line.to_string().contains("answer"), "{line}");
    }
}

#[tokio::test]
async fn the_export_of_a_person_tells_of_kept_answers_without_what_they_say() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let token = json!({ "name": "a", "scopes": ["tasks:read"] });
    let made = keyed(&jane, "a-key").post("/auth/tokens", token).await;
    let made = made.expect(StatusCode::CREATED);
    jane.given_task("not kept").await;

    let exported = jane.get("/auth/me/export").await;

    let text = String::from_utf8(exported.bytes.to_vec()).unwrap();
    assert!(!text.contains("a-key") && !text.contains(made["token"].as_str().unwrap()));
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let answers: Vec<Value> =
        lines.filter_map(|line| line.get("answer").cloned()).collect();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0]["created_at"], "2030-01-01T00:00:00.000Z");
    assert_eq!(answers[0]["expires_at"], "2030-01-02T00:00:00.000Z");
    assert_eq!(answers[0]["key_hash"].as_str().unwrap().len(), 32);
    assert!(answers[0]["bytes"].as_u64().unwrap() > 100);
    assert_eq!(answers[0].as_object().unwrap().len(), 4);
}

#[tokio::test]
async fn an_answer_outlives_the_process_and_a_change_of_the_key() {
    let home = Home::new();
    let server = home.serve();
    let jane = server.client().registered("jane@example.com").await;
    let first = keyed(&jane, "one").post("/tasks", task("a")).await;
    server.kill();

    let server = home.serve();
    let client = keyed(&server.client().with_token(jane.token()), "one");
    expect_replay(&first, &client.post("/tasks", task("a")).await);
    assert_eq!(server.terminate(), Some(0));
    let folder = home.folder.path();
    fs::rename(folder.join("duly.redb.key"), folder.join(OLD)).unwrap();

    let home = home.set("PREVIOUS_SECRET_KEY_FILES", OLD);
    let server = home.serve();
    let client = keyed(&server.client().with_token(jane.token()), "one");
    expect_replay(&first, &client.post("/tasks", task("a")).await);
    client.post("/tasks", task("b")).await.expect_problem(409, "idempotency_key_reused");
}

#[tokio::test]
async fn a_request_whose_answer_cannot_be_opened_any_more_is_not_done_again() {
    let home = Home::new();
    let server = home.serve();
    let jane = server.client().registered("jane@example.com").await;
    keyed(&jane, "one").post("/tasks", task("a")).await.expect(StatusCode::CREATED);
    assert_eq!(server.terminate(), Some(0));
    fs::remove_file(home.folder.path().join("duly.redb.key")).unwrap();

    let server = home.serve();
    let jane = server.client().logged_in("jane@example.com").await;
    let answer = keyed(&jane, "one").post("/tasks", task("a")).await;

    assert_eq!(answer.header(REPLAYED), None);
    answer.expect_problem(409, "idempotency_answer_lost");
    assert_eq!(count(&jane).await, 1);
    keyed(&jane, "two").post("/tasks", task("b")).await.expect(StatusCode::CREATED);
}
