//! Tests of recurring tasks.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::given;
use crate::harness::Client;

/// Completes a task and returns it, and the completed occurrence.
async fn completed(jane: &Client, id: &Value) -> (Value, Option<Value>) {
    let answer = jane.post_empty(&format!("/tasks/{id}/complete")).await;
    let finished = answer.header("x-finished-id").map(str::to_owned);
    let task = answer.expect(StatusCode::OK);
    let finished = match finished {
        Some(id) => Some(jane.get(&format!("/tasks/{id}")).await.expect(StatusCode::OK)),
        None => None,
    };
    (task, finished)
}

async fn recurring(jane: &Client, due: &str, rule: &str) -> Value {
    let task = json!({ "title": "a", "due": due, "recurrence": rule, "tags": ["x"], "priority": "high" });
    jane.made(task).await["id"].clone()
}

#[tokio::test]
async fn what_is_finished_is_kept_and_the_task_moves_on() {
    let (_server, jane) = given().await;
    let id = recurring(&jane, "2030-01-31", "FREQ=MONTHLY;BYMONTHDAY=-1").await;

    let (task, finished) = completed(&jane, &id).await;

    assert_eq!((&task["due"], &task["completed"]), (&json!("2030-02-28"), &json!(false)));
    assert_eq!(task["rev"], 2);
    let finished = finished.unwrap();
    assert_eq!(
        (&finished["due"], &finished["completed"]),
        (&json!("2030-01-31"), &json!(true))
    );
    assert_eq!(
        (&finished["tags"], &finished["priority"]),
        (&json!(["x"]), &json!("high"))
    );
    assert_eq!(
        (&finished["recurrence"], &finished["title"]),
        (&Value::Null, &json!("a"))
    );
    assert_eq!(jane.ids("completed=true").await, [2]);
    let counts = jane.get("/tasks/counts").await.expect(StatusCode::OK);
    assert_eq!((&counts["open"], &counts["done"]), (&json!(1), &json!(1)));
    // A change of `completed` has the same effect.
    let again = jane.patch("/tasks/1", json!({ "completed": true })).await;
    assert_eq!(again.header("x-finished-id"), Some("3"));
    assert_eq!(again.expect(StatusCode::OK)["due"], "2030-03-31");
}

#[tokio::test]
async fn the_last_time_completes_the_task_itself() {
    let (_server, jane) = given().await;
    for (rule, times) in [("FREQ=DAILY;COUNT=3", 3), ("FREQ=DAILY;UNTIL=20300102", 2)] {
        let id = recurring(&jane, "2030-01-01", rule).await;
        for _ in 1..times {
            let (task, finished) = completed(&jane, &id).await;
            assert!(task["completed"] == false && finished.is_some(), "{rule}");
        }
        let (task, finished) = completed(&jane, &id).await;
        assert!(task["completed"] == true && finished.is_none(), "{rule}");
        // It has its rule again when it is reopened, and the last time is still the last.
        let path = format!("/tasks/{id}");
        let open = jane.patch(&path, json!({ "completed": false })).await;
        let open = open.expect(StatusCode::OK);
        assert_eq!(open["recurrence"], task["recurrence"]);
        assert!(
            open["recurrence"].as_str().unwrap().starts_with("FREQ=DAILY;"),
            "{rule}"
        );
        let (task, finished) = completed(&jane, &id).await;
        assert!(task["completed"] == true && finished.is_none(), "{rule}");
    }
}

#[tokio::test]
async fn the_time_on_the_clock_stays_when_clocks_are_changed() {
    let (_server, jane) = given().await;
    let id =
        recurring(&jane, "2030-03-30T02:30:00+01:00[Europe/Berlin]", "FREQ=DAILY").await;
    let mut dues = Vec::new();
    for _ in 0..3 {
        dues.push(completed(&jane, &id).await.0["due"].clone());
    }
    // 02:30 does not exist in the night that is an hour short.
    assert_eq!(
        dues,
        [
            "2030-03-31T03:30:00+02:00[Europe/Berlin]",
            "2030-04-01T02:30:00+02:00[Europe/Berlin]",
            "2030-04-02T02:30:00+02:00[Europe/Berlin]",
        ]
    );
    let id = recurring(&jane, "2030-10-26T08:00:00[Europe/Berlin]", "FREQ=DAILY").await;
    let (task, _) = completed(&jane, &id).await;
    assert_eq!(task["due"], "2030-10-27T08:00:00+01:00[Europe/Berlin]");
}

#[tokio::test]
async fn a_rule_needs_a_date_and_a_task_that_is_open() {
    let (_server, jane) = given().await;
    let id = recurring(&jane, "2030-01-01", "FREQ=DAILY").await;
    let path = format!("/tasks/{id}");
    let undated = jane.patch(&path, json!({ "due": null })).await;
    assert_eq!(undated.expect_refused(), ["recurrence"]);
    let both = json!({ "due": null, "recurrence": null });
    jane.patch(&path, both).await.expect(StatusCode::OK);
    let done = json!({ "title": "a", "due": "2030-01-01", "completed": true, "recurrence": "FREQ=DAILY" });
    assert_eq!(jane.post("/tasks", done).await.expect_refused(), ["recurrence"]);
}

#[tokio::test]
async fn a_rule_without_effect_is_refused_with_the_reason() {
    let (_server, jane) = given().await;
    let id = recurring(&jane, "2030-02-01", "FREQ=DAILY").await;
    for (rule, reason) in [
        ("FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=30", "has no occurrence after"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "has no occurrence after"),
        ("FREQ=DAILY;UNTIL=20300131", "ends before the due date"),
        ("FREQ=HOURLY", "HOURLY"),
        ("FREQ=DAILY;BYHOUR=9", "BYHOUR"),
        ("FREQ=YEARLY;BYWEEKNO=20", "BYWEEKNO"),
        ("FREQ=YEARLY;BYYEARDAY=100", "BYYEARDAY"),
        ("EXRULE:FREQ=DAILY", "EXRULE"),
    ] {
        let task = json!({ "title": "a", "due": "2030-02-01", "recurrence": rule });
        let made = jane.post("/tasks", task).await;
        let message = made.body["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(reason), "{rule}: {message}");
        assert_eq!(made.expect_refused(), ["recurrence"]);
        let changed =
            jane.patch(&format!("/tasks/{id}"), json!({ "recurrence": rule })).await;
        assert_eq!(changed.expect_refused(), ["recurrence"]);
    }
    // The date of the last occurrence can be put off.
    let ends = recurring(&jane, "2030-01-31", "FREQ=DAILY;UNTIL=20300131").await;
    let path = format!("/tasks/{ends}");
    let late =
        jane.patch(&path, json!({ "due": "2030-02-03" })).await.expect(StatusCode::OK);
    let whole = jane.patch(&path, late.clone()).await.expect(StatusCode::OK);
    assert_eq!(whole, late);
}

/// A client without keys that got no response repeats the request; the task must not recur twice.
#[tokio::test]
async fn a_completion_that_is_sent_again_at_once_moves_a_task_on_once() {
    let (server, jane) = given().await;
    let daily = json!({ "title": "a", "due": "2030-01-01", "recurrence": "FREQ=DAILY" });
    jane.made(daily).await;
    let done = json!({ "completed": true });
    let due = async || jane.get("/tasks/1").await.body["due"].clone();

    let first = jane.patch("/tasks/1", done.clone()).await;
    server.wait(Duration::from_secs(19));
    let again = jane.patch("/tasks/1", done.clone()).await;

    assert_eq!((&first.bytes, again.header("x-finished-id")), (&again.bytes, Some("2")));
    assert_eq!(again.header("etag"), first.header("etag"));
    assert_eq!(due().await, "2030-01-02");

    // Another credential, another change, and a task that was changed since are no repetition.
    let phone = server.client.logged_in("jane@example.com").await;
    phone.patch("/tasks/1", done.clone()).await.expect(StatusCode::OK);
    assert_eq!(due().await, "2030-01-03");
    let noted = json!({ "completed": true, "description": "b" });
    phone.patch("/tasks/1", noted).await.expect(StatusCode::OK);
    assert_eq!(due().await, "2030-01-04");
    jane.patch("/tasks/1", json!({ "title": "c" })).await.expect(StatusCode::OK);
    jane.patch("/tasks/1", done.clone()).await.expect(StatusCode::OK);
    assert_eq!(due().await, "2030-01-05");
    server.wait(Duration::from_secs(21));
    let later = jane.patch("/tasks/1", done.clone()).await;
    assert_eq!(later.header("idempotency-replayed"), None);
    assert_eq!(due().await, "2030-01-06");
    // A request with a precondition is taken literally.
    let stale = jane.with_header("if-match", "\"1\"");
    stale.patch("/tasks/1", done).await.expect_problem(412, "changed_since");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twin_completions_one_moves_the_task_on() {
    let (_server, jane) = given().await;
    let daily = json!({ "title": "a", "due": "2030-01-01", "recurrence": "FREQ=DAILY" });
    jane.made(daily).await;
    let mut twins = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let jane = jane.clone();
        twins.spawn(
            async move { jane.patch("/tasks/1", json!({ "completed": true })).await },
        );
    }
    for answer in twins.join_all().await {
        assert_eq!(answer.header("x-finished-id"), Some("2"));
    }
    assert_eq!(jane.get("/tasks/1").await.body["due"], "2030-01-02");
}
