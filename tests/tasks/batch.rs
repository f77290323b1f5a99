//! Tests of batches of changes.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::given;
use crate::harness::Client;

async fn batch(jane: &Client, operations: Value) -> Value {
    let answer = jane.post("/tasks/batch", json!({ "operations": operations })).await;
    answer.expect(StatusCode::OK)["results"].clone()
}

fn statuses(results: &Value) -> Vec<u64> {
    let results = results.as_array().unwrap().iter();
    results.map(|result| result["status"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn changes_are_made_in_order_and_each_sees_those_before_it() {
    let (_server, jane) = given().await;
    for _ in 0..3 {
        jane.given_task("a").await;
    }
    let results = batch(&jane, json!([
        { "op": "create", "task": { "title": "new", "tags": ["x"] } },
        { "op": "patch", "id": 4, "task": { "title": "newer", "parent_id": 3 }, "if_match": "\"1\"" },
        { "op": "move", "id": 3, "to": "first" },
        { "op": "move", "id": 2, "before": 3 },
        { "op": "complete", "id": 1, "if_match": "\"1\"" },
        { "op": "delete", "id": 3 },
        { "op": "create", "task": { "title": "last" } },
    ])).await;

    assert_eq!(statuses(&results), [201, 200, 200, 200, 200, 204, 201]);
    assert_eq!(
        (&results[1]["task"]["rev"], &results[5]["deleted"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(jane.ids("sort=position").await, [2, 1, 5]);
    assert_eq!(jane.get("/tasks/5").await.expect(StatusCode::OK), results[6]["task"]);
    assert_eq!(jane.get("/tags").await.expect(StatusCode::OK), json!([]));
    assert_eq!(
        jane.given_task("a").await,
        6,
        "the id of what is gone is not given out again"
    );
}

#[tokio::test]
async fn all_is_done_or_nothing_and_each_change_says_why() {
    let (_server, jane) = given().await;
    jane.given_task("a").await;
    let bad = json!([
        { "op": "patch", "id": 1, "task": { "title": "b" } },
        { "op": "patch", "id": 9, "task": { "title": "b" } },
        { "op": "create", "task": { "title": "" } },
        { "op": "create", "task": { "title": "a", "due": "soon" } },
        { "op": "dance" },
        { "op": "delete" },
        { "op": "delete", "id": 1, "task": {} },
        { "op": "create", "task": { "title": "c", "parent_id": 77 } },
        { "op": "create", "task": {} },
    ]);
    let body = json!({ "operations": bad });
    let problem =
        jane.post("/tasks/batch", body).await.expect_problem(422, "batch_failed");

    assert_eq!(
        statuses(&problem["results"]),
        [424, 404, 422, 422, 422, 422, 422, 422, 422]
    );
    let fields: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["field"].as_str().unwrap())
        .collect();
    assert_eq!(
        fields,
        [
            "operations.1.id",
            "operations.2.task.title",
            "operations.3.task.due",
            "operations.4.op",
            "operations.5.id",
            "operations.6.task",
            "operations.7.task.parent_id",
            "operations.8.task.title",
        ]
    );
    let task = jane.get("/tasks/1").await.expect(StatusCode::OK);
    assert_eq!((&task["title"], &task["rev"]), (&json!("a"), &json!(1)));

    let stale = json!({ "operations": [
        { "op": "create", "task": { "title": "" } },
        { "op": "patch", "id": 1, "task": { "title": "b" }, "if_match": "\"2\"" },
    ] });
    let problem =
        jane.post("/tasks/batch", stale).await.expect_problem(412, "batch_failed");
    assert_eq!(statuses(&problem["results"]), [422, 412]);
    assert_eq!(problem["results"][1]["task"], task);
    assert_eq!(jane.given_task("a").await, 2, "no id was used up");
}

/// Regression: 26 KB of changes meant for another revision of one task got 7 MB back, the task 500 times over.
#[tokio::test]
async fn a_task_that_many_changes_meet_otherwise_is_told_once_for_each_revision() {
    let (_server, jane) = given().await;
    jane.given_task("a").await;
    jane.given_task("b").await;
    let stale =
        |id: u64| json!({ "op": "patch", "id": id, "task": {}, "if_match": "\"9\"" });
    let change = json!({ "op": "patch", "id": 1, "task": { "title": "c" } });
    let mut operations = vec![stale(1), stale(1), stale(2)];
    let told = |results: &Value| -> Vec<Value> {
        let results = results.as_array().unwrap().iter();
        results.map(|it| json!([it["task"]["id"], it["task"]["rev"]])).collect()
    };

    let body = json!({ "operations": operations });
    let problem =
        jane.post("/tasks/batch", body).await.expect_problem(412, "batch_failed");
    assert_eq!(statuses(&problem["results"]), [412; 3]);
    assert_eq!(
        told(&problem["results"]),
        [json!([1, 1]), json!([null, null]), json!([2, 1])]
    );
    assert_eq!(problem["results"][1]["code"], "changed_since");

    operations.extend([change, stale(1), stale(1)]);
    let body = json!({ "atomic": false, "operations": operations });
    let results = jane.post("/tasks/batch", body).await.expect(StatusCode::OK);
    assert_eq!(statuses(&results["results"]), [412, 412, 412, 200, 412, 412]);
    assert_eq!(
        told(&results["results"])[3..],
        [json!([1, 2]), json!([1, 2]), json!([null, null])]
    );

    let body = json!({ "operations": vec![stale(1); 500] });
    let answer = jane.post("/tasks/batch", body).await;
    assert!(answer.bytes.len() < 100_000, "{}", answer.bytes.len());
    answer.expect_problem(412, "batch_failed");
}

#[tokio::test]
async fn one_by_one_whatever_can_be_done_is() {
    let (_server, jane) = given().await;
    jane.given_task("a").await;
    let body = json!({ "atomic": false, "operations": [
        { "op": "patch", "id": 9, "task": { "title": "b" } },
        { "op": "create", "task": { "title": "" } },
        { "op": "patch", "id": 1, "task": { "title": "b" }, "if_match": "\"7\"" },
        { "op": "patch", "id": 1, "task": { "title": "c" } },
    ] });
    let results =
        jane.post("/tasks/batch", body).await.expect(StatusCode::OK)["results"].clone();
    assert_eq!(statuses(&results), [404, 422, 412, 200]);
    assert_eq!(jane.get("/tasks/1").await.expect(StatusCode::OK)["title"], "c");
}

#[tokio::test]
async fn others_tasks_look_like_missing_ones() {
    let (server, jane) = given().await;
    let john = server.client.registered("john@example.com").await;
    jane.given_task("a").await;
    let ask = |id: u64| {
        json!({ "atomic": false, "operations": [
        { "op": "patch", "id": id, "task": { "title": "b" } },
        { "op": "delete", "id": id },
        { "op": "complete", "id": id, "if_match": "\"9\"" },
        { "op": "move", "id": id, "to": "first" },
    ] })
    };
    let theirs = john.post("/tasks/batch", ask(1)).await;
    let missing = john.post("/tasks/batch", ask(99)).await;
    assert_eq!(theirs.bytes, missing.bytes);
    assert_eq!(statuses(&theirs.body["results"]), [404; 4]);
}

#[tokio::test]
async fn a_batch_has_1_to_500_changes_and_touches_2002_tasks() {
    let (_server, jane) = given().await;
    let create = |parent: Option<u64>| json!({ "op": "create", "task": { "title": "a", "parent_id": parent } });
    for wrong in [vec![], vec![create(None); 501]] {
        let body = json!({ "operations": wrong });
        assert_eq!(
            jane.post("/tasks/batch", body).await.expect_refused(),
            ["operations"]
        );
    }
    let results = batch(&jane, json!(vec![create(None); 3])).await;
    assert_eq!(statuses(&results), [201; 3]);
    for top in 1..=3 {
        for _ in 0..2 {
            batch(&jane, json!(vec![create(Some(top)); 500])).await;
        }
        let one_more =
            jane.post("/tasks", json!({ "title": "a", "parent_id": top })).await;
        assert_eq!(one_more.expect_refused(), ["parent_id"]);
    }
    let delete = |id: u32| json!({ "op": "delete", "id": id });
    let body = json!({ "operations": [delete(1), delete(2), delete(3)] });
    let problem = jane.post("/tasks/batch", body).await.expect_problem(422, "too_much");
    assert_eq!(statuses(&problem["results"]), [424, 424, 422]);
    let deleted = jane.delete("/tasks/3").await;
    assert_eq!(deleted.header("x-deleted-count"), Some("1001"));
}

/// Distinct words.
fn words(count: usize) -> String {
    (0..count).map(|n| format!("w{n:x}")).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_batch_that_touches_too_much_is_refused_and_names_the_change() {
    let (_server, jane) = given().await;
    let long =
        json!({ "op": "create", "task": { "title": "a", "description": words(400) } });
    let operations = vec![long; 60];

    let body = json!({ "operations": operations });
    let problem = jane.post("/tasks/batch", body).await.expect_problem(422, "too_much");

    let results = problem["results"].as_array().unwrap();
    let at = results.iter().position(|it| it["code"] == "too_much").unwrap();
    assert!((30..60).contains(&at), "{at}");
    let before = results[..at].iter();
    before.for_each(|it| assert_eq!(it["code"], "not_applied"));
    let after = results[at + 1..].iter();
    after.for_each(|it| {
        assert_eq!((&it["code"], &it["status"]), (&json!("not_tried"), &json!(424)));
    });
    assert_eq!(problem["errors"][0]["field"], format!("operations.{at}"));
    assert_eq!(problem["errors"].as_array().unwrap().len(), 1);
    assert_eq!(jane.ids("").await, [0_u64; 0]);

    let body = json!({ "operations": operations, "atomic": false });
    let answer = jane.post("/tasks/batch", body).await.expect(StatusCode::OK);
    let done = statuses(&answer["results"]);
    assert_eq!(done[..at], vec![201; at]);
    assert_eq!(done[at], 422);
    assert_eq!(done[at + 1..], vec![424; 59 - at]);
    assert_eq!(jane.ids("limit=200").await.len(), at);
}

#[tokio::test]
async fn five_hundred_tasks_with_twenty_tags_are_not_too_much() {
    let (_server, jane) = given().await;
    jane.given_task("parent").await;
    let tags: Vec<String> = (0..20).map(|n| format!("tag {n}")).collect();
    let full = json!({ "op": "create", "task": {
        "title": "a task with all that it can have", "description": "in a few words", "due": "2030-01-01",
        "priority": "high", "tags": tags, "recurrence": "FREQ=DAILY", "parent_id": 1,
    } });
    let batch = |operations: Vec<Value>| json!({ "operations": operations });

    let made = jane.post("/tasks/batch", batch(vec![full; 500])).await;
    assert_eq!(statuses(&made.expect(StatusCode::OK)["results"]), vec![201; 500]);
    let deleted = jane.delete("/tasks/1").await;
    assert_eq!(deleted.header("x-deleted-count"), Some("501"));
}
