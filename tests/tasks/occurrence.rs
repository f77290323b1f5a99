//! Tests of the next occurrence of a task, and of what moves with it. The server's clock shows 2030-01-01T00:00:00Z,
//! a Tuesday.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::given;
use crate::harness::Client;

const START: &str = "2030-01-01";

/// Completes a task and returns it.
async fn complete(jane: &Client, id: u64, body: Value) -> Value {
    jane.post(&format!("/tasks/{id}/complete"), body).await.expect(StatusCode::OK)
}

async fn task(jane: &Client, id: u64) -> Value {
    jane.get(&format!("/tasks/{id}")).await.expect(StatusCode::OK)
}

fn id(task: &Value) -> u64 {
    task["id"].as_u64().unwrap()
}

#[tokio::test]
async fn an_overdue_task_comes_back_after_today_unless_every_date_is_wanted() {
    let (_server, jane) = given().await;
    for (due, rule, now, literally) in [
        ("2029-11-01", "FREQ=DAILY;INTERVAL=3", "2030-01-03", "2029-11-04"),
        ("2029-12-03", "FREQ=WEEKLY", "2030-01-07", "2029-12-10"),
        (START, "FREQ=DAILY", "2030-01-02", "2030-01-02"),
        ("2030-02-01", "FREQ=MONTHLY", "2030-03-01", "2030-03-01"),
        (
            "2029-11-01T09:00:00+01:00[Europe/Berlin]",
            "FREQ=DAILY",
            "2030-01-01T09:00:00+01:00[Europe/Berlin]",
            "2029-11-02T09:00:00+01:00[Europe/Berlin]",
        ),
    ] {
        let new = json!({ "title": "a", "due": due, "recurrence": rule });
        let ids: Vec<u64> = {
            let mut ids = Vec::new();
            for _ in 0..6 {
                ids.push(id(&jane.made(new.clone()).await));
            }
            ids
        };
        let literal = json!({ "catch_up": false });
        let patch = |literal: bool| {
            let mut patch = json!({ "completed": true });
            if literal {
                patch["catch_up"] = false.into();
            }
            patch
        };
        let path = |id: u64| format!("/tasks/{id}");
        assert_eq!(complete(&jane, ids[0], json!({})).await["due"], now, "{due} {rule}");
        assert_eq!(complete(&jane, ids[1], literal).await["due"], literally);
        let patched = jane.patch(&path(ids[2]), patch(false)).await;
        assert_eq!(patched.expect(StatusCode::OK)["due"], now);
        let patched = jane.patch(&path(ids[3]), patch(true)).await;
        assert_eq!(patched.expect(StatusCode::OK)["due"], literally);
        let operations = json!([
            { "op": "complete", "id": ids[4] },
            { "op": "complete", "id": ids[5], "catch_up": false },
        ]);
        let batch = jane.post("/tasks/batch", json!({ "operations": operations })).await;
        let results = batch.expect(StatusCode::OK)["results"].clone();
        assert_eq!(results[0]["task"]["due"], now);
        assert_eq!(results[1]["task"]["due"], literally);
    }
    let alone = jane.patch("/tasks/1", json!({ "catch_up": false })).await;
    assert_eq!(alone.expect_refused(), ["catch_up"]);
}

#[tokio::test]
async fn skipped_occurrences_count() {
    let (_server, jane) = given().await;
    let new =
        |rule: &str| json!({ "title": "a", "due": "2029-12-30", "recurrence": rule });
    jane.made(new("FREQ=DAILY;COUNT=5")).await;
    let next = complete(&jane, 1, json!({})).await;
    assert_eq!(
        (&next["due"], &next["recurrence"]),
        (&json!("2030-01-02"), &json!("FREQ=DAILY;COUNT=2"))
    );
    let ended = id(&jane.made(new("FREQ=DAILY;COUNT=3")).await);
    let ended = complete(&jane, ended, json!({})).await;
    assert_eq!(
        (&ended["completed"], &ended["due"]),
        (&json!(true), &json!("2029-12-30"))
    );
    assert_eq!(ended.get("finished_id"), None);
}

#[tokio::test]
async fn a_rule_may_repeat_from_the_completion() {
    let (_server, jane) = given().await;
    jane.patch("/auth/me", json!({ "time_zone": "Pacific/Auckland" }))
        .await
        .expect(StatusCode::OK);
    let new = json!({
        "title": "a", "due": "2029-11-01", "recurrence": "FREQ=WEEKLY;COUNT=9", "repeat_from": "completion",
    });
    let made = jane.made(new).await;
    assert_eq!(made["repeat_from"], "completion");
    let next = complete(&jane, 1, json!({})).await;
    assert_eq!(
        (&next["due"], &next["recurrence"]),
        (&json!("2030-01-08"), &json!("FREQ=WEEKLY;COUNT=8"))
    );
    assert_eq!(next["repeat_from"], "completion");

    let due = jane
        .patch("/tasks/1", json!({ "repeat_from": null }))
        .await
        .expect(StatusCode::OK);
    assert_eq!(due["repeat_from"], "due");
    let plain =
        jane.patch("/tasks/1", json!({ "recurrence": null, "repeat_from": "due" })).await;
    assert_eq!(plain.expect(StatusCode::OK)["repeat_from"], Value::Null);
    let path = "/tasks/1";
    let refused = jane.patch(path, json!({ "repeat_from": "completion" })).await;
    assert_eq!(refused.expect_refused(), ["repeat_from"]);
    let refused = jane
        .patch(path, json!({ "recurrence": "FREQ=DAILY", "repeat_from": "birth" }))
        .await;
    assert_eq!(refused.expect_refused(), ["repeat_from"]);
    let refused =
        jane.post("/tasks", json!({ "title": "a", "repeat_from": "due" })).await;
    assert_eq!(refused.expect_refused(), ["repeat_from"]);
}

#[tokio::test]
async fn an_occurrence_can_be_skipped_and_the_last_one_cannot() {
    let (_server, jane) = given().await;
    let new =
        json!({ "title": "a", "due": "2029-12-30", "recurrence": "FREQ=DAILY;COUNT=5" });
    jane.made(new).await;
    jane.given_task("b").await;

    let skipped = jane.post_empty("/tasks/1/skip").await;
    assert_eq!(skipped.header("etag"), Some("\"2\""));
    let skipped = skipped.expect(StatusCode::OK);
    assert_eq!(
        (&skipped["due"], &skipped["completed"]),
        (&json!("2030-01-02"), &json!(false))
    );
    assert_eq!(jane.ids("").await, [2, 1], "nothing records it");

    let tried =
        jane.post("/tasks/1/skip?dry_run=true", json!({ "catch_up": false })).await;
    assert_eq!(tried.expect(StatusCode::OK)["due"], "2030-01-03");
    let stale = jane.with_header("if-match", "\"1\"").post_empty("/tasks/1/skip").await;
    stale.expect_problem(412, "changed_since");
    let operations = json!([{ "op": "skip", "id": 1 }]);
    let batch =
        jane.post("/tasks/batch", json!({ "operations": operations.clone() })).await;
    assert_eq!(batch.expect(StatusCode::OK)["results"][0]["task"]["due"], "2030-01-03");

    for path in ["/tasks/1/skip", "/tasks/2/skip"] {
        assert_eq!(jane.post_empty(path).await.expect_refused(), ["recurrence"]);
    }
    let batch = jane.post("/tasks/batch", json!({ "operations": operations })).await;
    let refused = batch.expect_problem(422, "batch_failed");
    assert_eq!(refused["errors"][0]["field"], "operations.0.recurrence");
    assert_eq!(complete(&jane, 1, json!({})).await["completed"], true);
    assert_eq!(jane.post_empty("/tasks/1/skip").await.expect_refused(), ["recurrence"]);
    jane.post_empty("/tasks/99/skip").await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn the_body_of_a_completion_may_be_absent_and_is_checked() {
    let (_server, jane) = given().await;
    jane.given_task("a").await;
    for (body, fields) in [
        (json!({ "catch_up": "no" }), vec!["catch_up"]),
        (json!({ "catchup": false }), vec!["catchup"]),
        (json!([]), vec!["body"]),
    ] {
        for path in ["/tasks/1/complete", "/tasks/1/skip"] {
            assert_eq!(jane.post(path, body.clone()).await.expect_refused(), fields);
        }
    }
    let done = complete(&jane, 1, json!({ "catch_up": true })).await;
    assert_eq!(
        done["completed"], true,
        "it makes no difference to a task that does not recur"
    );
}

/// Weekly clean-up, due on Friday, with subtasks: one is done, with a part that is done and one that is not; one has a
/// time; one has no date.
async fn given_cleanup(jane: &Client) {
    for new in [
        json!({ "title": "clean", "due": "2030-01-04", "recurrence": "FREQ=WEEKLY" }),
        json!({ "title": "kitchen", "parent_id": 1, "due": "2030-01-03", "tags": ["wet"] }),
        json!({ "title": "sink", "parent_id": 2 }),
        json!({ "title": "floor", "parent_id": 2, "due": "2030-01-05" }),
        json!({ "title": "windows", "parent_id": 1, "due": "2030-01-04T09:00[Europe/Berlin]" }),
        json!({ "title": "dust", "parent_id": 1 }),
    ] {
        jane.made(new).await;
    }
    for id in [2, 3] {
        complete(jane, id, json!({})).await;
    }
}

#[tokio::test]
async fn subtasks_come_back_and_the_finished_ones_stay_with_the_finished_occurrence() {
    let (server, jane) = given().await;
    given_cleanup(&jane).await;
    let (kitchen, dust) = (task(&jane, 2).await, task(&jane, 6).await);
    server.wait(std::time::Duration::from_secs(60));

    let next = complete(&jane, 1, json!({})).await;

    assert_eq!((&next["due"], &next["finished_id"]), (&json!("2030-01-11"), &json!(7)));
    for (id, due) in [
        (2, json!("2030-01-10")),
        (3, Value::Null),
        (4, json!("2030-01-12")),
        (5, json!("2030-01-11T09:00:00+01:00[Europe/Berlin]")),
        (6, Value::Null),
    ] {
        let part = task(&jane, id).await;
        assert_eq!((&part["due"], &part["completed"]), (&due, &json!(false)), "{part}");
    }
    assert_eq!(task(&jane, 6).await, dust, "nothing of it changed");
    // Copies of what was done: the kitchen, and below it the sink.
    assert_eq!(jane.ids("parent_id=7").await, [8]);
    assert_eq!(jane.ids("parent_id=8").await, [9]);
    let done = task(&jane, 8).await;
    for name in ["title", "due", "tags", "completed_at"] {
        assert_eq!(done[name], kitchen[name]);
    }
    assert_eq!(task(&jane, 9).await["title"], "sink");
    assert_eq!(jane.ids("completed=true&sort=created_at").await, [7, 8, 9]);
    let counts = jane.get("/tasks/counts").await.expect(StatusCode::OK);
    assert_eq!((&counts["open"], &counts["done"]), (&json!(6), &json!(3)));
}

#[tokio::test]
async fn a_skipped_occurrence_takes_its_subtasks_along_and_keeps_no_copies() {
    let (_server, jane) = given().await;
    given_cleanup(&jane).await;
    jane.post_empty("/tasks/1/skip").await.expect(StatusCode::OK);
    assert_eq!(jane.ids("completed=true").await, [0_u64; 0]);
    assert_eq!(task(&jane, 2).await["due"], "2030-01-10");
    assert_eq!(jane.ids("sort=created_at").await, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn the_parts_of_the_last_occurrence_stay_as_they_are() {
    let (_server, jane) = given().await;
    given_cleanup(&jane).await;
    jane.patch("/tasks/1", json!({ "recurrence": "FREQ=WEEKLY;COUNT=1" }))
        .await
        .expect(StatusCode::OK);
    let before: Vec<Value> = {
        let mut all = Vec::new();
        for id in 2..=6 {
            all.push(task(&jane, id).await);
        }
        all
    };
    assert_eq!(complete(&jane, 1, json!({})).await["completed"], true);
    for part in before {
        assert_eq!(task(&jane, id(&part)).await, part);
    }
}

#[tokio::test]
async fn a_subtask_with_a_rule_of_its_own_moves_once() {
    let (_server, jane) = given().await;
    for new in [
        json!({ "title": "clean", "due": "2030-01-04", "recurrence": "FREQ=WEEKLY" }),
        json!({ "title": "bins", "parent_id": 1, "due": "2030-01-03", "recurrence": "FREQ=WEEKLY" }),
        json!({ "title": "glass", "parent_id": 1, "due": "2030-01-03", "recurrence": "FREQ=WEEKLY" }),
        json!({ "title": "wash", "parent_id": 2 }),
        json!({ "title": "sort", "parent_id": 3 }),
    ] {
        jane.made(new).await;
    }
    // The bins are done and wait for next week; washing them is part of that.
    complete(&jane, 4, json!({})).await;
    assert_eq!(complete(&jane, 2, json!({})).await["due"], "2030-01-10");
    complete(&jane, 4, json!({})).await;
    complete(&jane, 5, json!({})).await;

    complete(&jane, 1, json!({})).await;

    assert_eq!(task(&jane, 2).await["due"], "2030-01-10");
    assert_eq!(task(&jane, 4).await["completed"], true, "it belongs to the next week");
    assert_eq!(task(&jane, 3).await["due"], "2030-01-10");
    assert_eq!(task(&jane, 3).await["recurrence"], "FREQ=WEEKLY");
    assert_eq!(task(&jane, 5).await["completed"], false);
}

#[tokio::test]
async fn an_occurrence_with_a_thousand_subtasks_can_be_completed() {
    let (_server, jane) = given().await;
    let top = json!({ "title": "a", "due": START, "recurrence": "FREQ=DAILY" });
    jane.made(top).await;
    let part = |number: u32| json!({ "op": "create", "task": { "title": format!("part {number}"), "parent_id": 1, "completed": true } });
    for from in [0, 500] {
        let operations: Vec<Value> = (from..from + 500).map(part).collect();
        let made = jane.post("/tasks/batch", json!({ "operations": operations })).await;
        made.expect(StatusCode::OK);
    }
    let next = complete(&jane, 1, json!({})).await;
    assert_eq!(next["due"], "2030-01-02");
    let all = jane.get("/tasks?limit=1&completed=false").await;
    assert_eq!(all.header("x-total-count"), Some("1001"));
    let finished = id(&json!({ "id": next["finished_id"] }));
    let parts = jane.get(&format!("/tasks?limit=1&parent_id={finished}")).await;
    assert_eq!(parts.header("x-total-count"), Some("1000"));
}

#[tokio::test]
async fn a_change_of_the_date_does_not_end_a_series_unawares() {
    let (_server, jane) = given().await;
    let quarterly = "FREQ=MONTHLY;INTERVAL=3;BYMONTH=3,6,9,12;BYMONTHDAY=1";
    jane.made(json!({ "title": "a", "due": "2030-03-01", "recurrence": quarterly }))
        .await;
    // From April the rule never comes.
    let late = jane.patch("/tasks/1", json!({ "due": "2030-04-02" })).await;
    assert_eq!(late.expect_refused(), ["recurrence"]);
    // With the day of the completion it comes all the same.
    let other = json!({ "due": "2030-04-02", "repeat_from": "completion" });
    jane.patch("/tasks/1", other).await.expect(StatusCode::OK);
    let back = json!({ "due": "2030-03-01" });
    jane.patch("/tasks/1", back).await.expect(StatusCode::OK);
    assert_eq!(complete(&jane, 1, json!({})).await["due"], "2030-06-01");
}

#[tokio::test]
async fn a_rule_that_was_kept_goes_with_its_date() {
    let (_server, jane) = given().await;
    let once = json!({ "title": "a", "due": START, "recurrence": "FREQ=DAILY;COUNT=1" });
    jane.made(once).await;
    complete(&jane, 1, json!({})).await;
    let undated =
        jane.patch("/tasks/1", json!({ "due": null })).await.expect(StatusCode::OK);
    assert_eq!((&undated["due"], &undated["recurrence"]), (&Value::Null, &Value::Null));
}

/// Rules that took long to find nothing, or to count.
#[tokio::test]
async fn rules_that_come_rarely_or_never_are_answered() {
    let (_server, jane) = given().await;
    let every = "MO,TU,WE,TH,FR,SA,SU";
    let positions: Vec<String> = (8..50).map(|n| n.to_string()).collect();
    let never = [
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO,TU,WE,FR,SA,SU".to_owned(),
        format!("FREQ=WEEKLY;BYDAY={every};BYSETPOS={}", positions.join(",")),
        "FREQ=DAILY;INTERVAL=14;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO".to_owned(),
        "FREQ=YEARLY;BYDAY=1MO,2MO,3MO;BYMONTHDAY=31".to_owned(),
    ];
    for rule in never {
        let task = json!({ "title": "a", "due": "1970-01-01", "recurrence": rule });
        assert_eq!(
            jane.post("/tasks", task).await.expect_refused(),
            ["recurrence"],
            "{rule}"
        );
    }
    for (rule, next) in [
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO".to_owned(), json!("2044-02-29")),
        (
            "FREQ=DAILY;INTERVAL=999;BYMONTH=2;BYMONTHDAY=29".to_owned(),
            json!("3600-02-29"),
        ),
        (format!("FREQ=YEARLY;BYDAY={every},1MO,2MO,3MO;COUNT=10000"), Value::Null),
    ] {
        let task = json!({ "title": "a", "due": "1970-01-01", "recurrence": rule });
        let id = id(&jane.made(task).await);
        let skipped = jane.post_empty(&format!("/tasks/{id}/skip")).await;
        if next.is_null() {
            assert_eq!(skipped.expect_refused(), ["recurrence"], "{rule}");
        } else {
            assert_eq!(skipped.expect(StatusCode::OK)["due"], next, "{rule}");
        }
    }
}
