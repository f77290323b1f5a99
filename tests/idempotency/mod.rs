//! Tests of `Idempotency-Key`: a repeated request takes effect once.

mod accounts;
mod changes;
mod crash;
mod credentials;
mod kept;
mod keys;
mod sealed;
mod sweep;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Server};

const REPLAYED: &str = "idempotency-replayed";

/// Client with a key on every request.
fn keyed(client: &Client, key: &str) -> Client {
    client.with_header("idempotency-key", key)
}

/// Checks that the second response replays the first.
#[track_caller]
fn expect_replay(first: &Answer, again: &Answer) {
    assert!(first.status.is_success(), "{}", first.body);
    assert_eq!(first.header(REPLAYED), None);
    assert_eq!(again.header(REPLAYED), Some("true"), "{} {}", again.status, again.body);
    let mut headers = again.comparable_headers();
    headers.remove(REPLAYED);
    assert_eq!(headers, first.comparable_headers());
    assert_eq!((again.status, &again.bytes), (first.status, &first.bytes));
}

async fn count(client: &Client) -> usize {
    let tasks = client.get("/tasks?limit=200").await.expect(StatusCode::OK);
    tasks.as_array().unwrap().len()
}

fn task(title: &str) -> Value {
    json!({ "title": title })
}

#[tokio::test]
async fn a_request_that_is_sent_again_gets_its_answer_again() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let client = keyed(&jane, "one");

    let first = client.post("/tasks", task("a")).await;
    for _ in 0..3 {
        let again = client.post("/tasks", task("a")).await;

        expect_replay(&first, &again);
        assert_eq!(again.header("location"), Some("/api/v1/tasks/1"));
        assert_eq!(again.header("etag"), Some("\"1\""));
    }
    assert_eq!(count(&jane).await, 1);
    // The replay does not depend on the present state of the task.
    jane.delete("/tasks/1").await.expect(StatusCode::NO_CONTENT);
    expect_replay(&first, &client.post("/tasks", task("a")).await);
    assert_eq!(count(&jane).await, 0);
}

#[tokio::test]
async fn without_a_key_everything_is_done_each_time() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    for wanted in 1..4 {
        let answer = jane.post("/tasks", task("a")).await;
        assert_eq!(answer.header(REPLAYED), None);
        answer.expect(StatusCode::CREATED);
        assert_eq!(count(&jane).await, wanted);
    }
}

#[tokio::test]
async fn a_key_stands_for_one_request() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let client = keyed(&jane, "one");
    client.post("/tasks", task("a")).await.expect(StatusCode::CREATED);

    for (path, body) in [
        ("/tasks", r#"{"title":"b"}"#),
        ("/tasks", r#"{ "title":"a"}"#),
        ("/tasks?dry_run=false", r#"{"title":"a"}"#),
        ("/auth/tokens", r#"{"name":"a","scopes":["account"]}"#),
    ] {
        let answer = client.send(hyper::Method::POST, path, None, body).await;
        answer.expect_problem(409, "idempotency_key_reused");
    }
    let answer = client.post_empty("/auth/logout-all").await;
    answer.expect_problem(409, "idempotency_key_reused");

    assert_eq!(count(&jane).await, 1);
    client.post("/tasks", task("a")).await.expect(StatusCode::CREATED);
}

/// C25: a key belongs to its owner.
#[tokio::test]
async fn two_people_can_use_the_same_key() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let john = server.client.registered("john@example.com").await;

    let hers = keyed(&jane, "one").post("/tasks", task("a")).await;
    let his = keyed(&john, "one").post("/tasks", task("a")).await;
    let other = keyed(&john, "two").post("/tasks", task("b")).await;

    assert_eq!((hers.body["id"].as_u64(), his.body["id"].as_u64()), (Some(1), Some(2)));
    assert_eq!((his.header(REPLAYED), other.header(REPLAYED)), (None, None));
    expect_replay(&hers, &keyed(&jane, "one").post("/tasks", task("a")).await);
    expect_replay(&his, &keyed(&john, "one").post("/tasks", task("a")).await);
    assert_eq!((count(&jane).await, count(&john).await), (1, 2));
}

#[tokio::test]
async fn a_refusal_is_not_kept() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let client = keyed(&jane, "one");
    client.post("/tasks", task("")).await.expect_problem(422, "invalid");
    client.post("/tasks", json!({})).await.expect_problem(422, "invalid");

    let first = client.post("/tasks", task("a")).await;

    expect_replay(&first, &client.post("/tasks", task("a")).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twins_one_is_done_and_both_get_its_answer() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    for round in 0..4 {
        let mut twins = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let client = keyed(&jane, &format!("round {round}").replace(' ', "-"));
            twins.spawn(async move { client.post("/tasks", task("a")).await });
        }
        let answers = twins.join_all().await;
        let fresh: Vec<&Answer> =
            answers.iter().filter(|it| it.header(REPLAYED).is_none()).collect();
        assert_eq!(fresh.len(), 1, "{:?}", fresh[0]);
        for again in answers.iter().filter(|it| it.header(REPLAYED).is_some()) {
            expect_replay(fresh[0], again);
        }
        assert_eq!(count(&jane).await, round + 1);
    }
}
