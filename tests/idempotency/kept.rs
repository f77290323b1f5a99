//! Tests of the retention and number of idempotency records.

use std::path::Path;
use std::time::Duration;

use duly::domain::authority::Authority;
use duly::domain::id::UserId;
use duly::domain::idempotency::{IdempotencyKey, IdempotencyRecord};
use duly::domain::task::{Task, TaskAction, TaskWrite, TaskWritten};
use duly::store::decide::IdempotencyBounds;
use duly::store::redb::{Options, RedbStore};
use duly::store::{Idempotency, Store, StoreError, WriteContext};
use hyper::StatusCode;
use serde_json::json;

use super::{REPLAYED, count, expect_replay, keyed, task};
use crate::harness::Server;
use crate::harness::values::Counts as _;
use crate::harness::values::{at, delete_user, given_user, new_task};

#[tokio::test]
async fn after_a_day_it_is_a_new_request() {
    let server = Server::with(&["--access-token-expire-minutes=10000"]).await;
    let jane = server.client.registered("jane@example.com").await;
    let client = keyed(&jane, "one");
    let first = client.post("/tasks", task("a")).await;
    server.wait(Duration::from_secs(24 * 3600 - 1));
    expect_replay(&first, &client.post("/tasks", task("a")).await);

    server.wait(Duration::from_secs(1));
    let second = client.post("/tasks", task("a")).await;

    assert_eq!(second.header(REPLAYED), None);
    assert_eq!(second.body["id"], 2);
    expect_replay(&second, &client.post("/tasks", task("a")).await);
    assert_eq!(count(&jane).await, 2);
    // The key is free for another request, too.
    server.wait(Duration::from_secs(24 * 3600));
    client.post("/tasks", task("b")).await.expect(StatusCode::CREATED);
    let report = server.store.verify().unwrap();
    assert_eq!((report.answers, report.findings), (1, vec![]));
}

/// Creates a task and records an outcome of this length under a key that is `n` throughout.
pub(super) async fn done_once(
    store: &dyn Store,
    owner: UserId,
    n: u8,
    millis: i64,
    length: usize,
) -> Result<Option<Task>, StoreError> {
    let key = IdempotencyKey::from_bytes([n; 16]);
    let record = move |written: &Option<TaskWritten>| {
        let (request, made_at, sealed) = ([0; 32], at(millis), vec![n; length]);
        let record = IdempotencyRecord { key, request, made_at, sealed };
        Ok(written.is_some().then_some((owner, record)))
    };
    let idempotency =
        Idempotency { owner: Some(owner), key, at: at(millis), record: Box::new(record) };
    let context =
        WriteContext { authority: Authority::System, idempotency: Some(idempotency) };
    let new = Box::new(new_task("a", millis));
    let write = TaskWrite::one(TaskAction::Create(new), at(millis));
    let written = store.task_write(owner, write, context).await?;
    Ok(written.and_then(TaskWritten::into_task))
}

fn bounded(path: &Path, records: u64, bytes: u64) -> RedbStore {
    let idempotency = IdempotencyBounds { records, bytes };
    RedbStore::open(path, &Options { idempotency, ..Options::default() }).unwrap()
}

/// Returns the keys with an idempotency record.
async fn kept(store: &RedbStore, owner: UserId) -> Vec<u8> {
    let mut found = Vec::new();
    for n in 0..=u8::MAX {
        let key = IdempotencyKey::from_bytes([n; 16]);
        if store.idempotency_get(owner, key).await.unwrap().is_some() {
            found.push(n);
        }
    }
    let report = store.verify().unwrap();
    assert_eq!(report.findings, [""; 0]);
    found
}

#[tokio::test]
async fn beyond_so_many_the_oldest_makes_room() {
    let data = tempfile::tempdir().unwrap();
    let store = bounded(&data.path().join("test.redb"), 3, 1000);
    let jane = given_user(&store, "jane@example.com").await.id;
    let john = given_user(&store, "john@example.com").await.id;
    done_once(&store, john, 1, 5, 10).await.unwrap();
    for n in 1..=5 {
        done_once(&store, jane, n, 10 - i64::from(n), 10).await.unwrap();
    }
    assert_eq!(kept(&store, jane).await, [1, 2, 5], "by their time");
    assert_eq!(kept(&store, john).await, [1]);
    assert!(matches!(
        done_once(&store, jane, 5, 20, 10).await,
        Err(StoreError::Repeated)
    ));
}

#[tokio::test]
async fn beyond_so_many_bytes_the_oldest_make_room() {
    let data = tempfile::tempdir().unwrap();
    let store = bounded(&data.path().join("test.redb"), 100, 1000);
    let jane = given_user(&store, "jane@example.com").await.id;
    for n in 1..=10 {
        done_once(&store, jane, n, i64::from(n), 100).await.unwrap();
    }
    assert_eq!(kept(&store, jane).await.len(), 10);
    done_once(&store, jane, 11, 11, 101).await.unwrap();
    assert_eq!(kept(&store, jane).await, [3, 4, 5, 6, 7, 8, 9, 10, 11]);
    done_once(&store, jane, 12, 12, 999).await.unwrap();
    assert_eq!(kept(&store, jane).await, [12]);
}

#[tokio::test]
async fn an_answer_that_cannot_be_kept_stops_what_it_answers() {
    let data = tempfile::tempdir().unwrap();
    let store = bounded(&data.path().join("test.redb"), 100, u64::MAX);
    let jane = given_user(&store, "jane@example.com").await.id;
    done_once(&store, jane, 1, 1, IdempotencyRecord::MAX_BYTES).await.unwrap();
    let answer = done_once(&store, jane, 2, 2, IdempotencyRecord::MAX_BYTES + 1).await;
    assert!(matches!(answer, Err(StoreError::Internal(_))), "{answer:?}");
    assert_eq!(store.task_counts(jane).await.unwrap().total, 1);
    store.ready().await.unwrap();
}

/// Regression: the response was a 500.
#[tokio::test]
async fn a_batch_whose_answer_is_too_long_to_be_kept_is_refused_and_not_done() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let tags: Vec<String> =
        (0..20).map(|n| format!("{}{n:02}", "\u{1f600}".repeat(48))).collect();
    let escaped = |length| "\u{1}".repeat(length);
    let title = format!("a{}", escaped(254));
    let task = json!({ "title": title, "description": escaped(2000), "tags": tags });
    jane.post("/tasks", task).await.expect(StatusCode::CREATED);
    let complete = json!({ "op": "complete", "id": 1 });
    let body = |count| json!({ "operations": vec![complete.clone(); count] });
    let client = keyed(&jane, "one");

    let answer = client.post("/tasks/batch", body(500)).await;

    let problem = answer.expect_problem(422, "answer_too_large");
    assert_eq!(problem["errors"][0]["field"], "Idempotency-Key");
    let task = jane.get("/tasks/1").await.expect(StatusCode::OK);
    assert_eq!((&task["rev"], &task["completed"]), (&json!(1), &json!(false)));
    // A refusal is not recorded: a smaller batch succeeds under the same key, and without a key the whole batch does.
    let first = client.post("/tasks/batch", body(400)).await;
    expect_replay(&first, &client.post("/tasks/batch", body(400)).await);
    let answer = jane.post("/tasks/batch", body(500)).await;
    assert!(answer.bytes.len() > IdempotencyRecord::MAX_BYTES);
    answer.expect(StatusCode::OK);
}

#[tokio::test]
async fn of_one_batch_the_first_is_done() {
    let data = tempfile::tempdir().unwrap();
    let store = bounded(&data.path().join("test.redb"), 100, 1000);
    let jane = given_user(&store, "jane@example.com").await.id;
    let twins = tokio::join!(
        done_once(&store, jane, 1, 1, 10),
        done_once(&store, jane, 1, 1, 10),
        done_once(&store, jane, 2, 1, 10),
    );
    assert!(twins.0.is_ok() && twins.2.is_ok());
    assert!(matches!(twins.1, Err(StoreError::Repeated)));
    assert_eq!(store.task_counts(jane).await.unwrap().total, 2);
}

#[tokio::test]
async fn old_answers_go_with_the_next_ones_and_with_their_account() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("test.redb");
    let options = Options { delete_at_once: 4, purge_slice: 3, ..Options::default() };
    let store = RedbStore::open(&path, &options).unwrap();
    let jane = given_user(&store, "jane@example.com").await.id;
    for n in 1..=10 {
        done_once(&store, jane, n, 1, 10).await.unwrap();
    }
    let later = i64::try_from(IdempotencyRecord::RETENTION.as_millis()).unwrap() + 1;
    done_once(&store, jane, 20, later, 10).await.unwrap();
    assert_eq!(kept(&store, jane).await, [5, 6, 7, 8, 9, 10, 20]);

    // The records are removed in slices, since there are so many.
    delete_user(&store, jane).await.unwrap();

    assert_eq!(kept(&store, jane).await, [0; 0]);
    for _ in 0..100 {
        store.ready().await.unwrap();
    }
    let report = store.verify().unwrap();
    assert_eq!((report.to_purge, report.answers), (0, 0));
}
