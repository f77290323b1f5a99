//! Tests of tasks with names given by clients.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::given;
use crate::harness::{Answer, Server};

const UID: &str = "6f1c1d52-93a7-4a8e-8c1c-5b0a5f6f3c11";

#[track_caller]
fn known(answer: Answer) -> Value {
    assert_eq!(answer.header("uid-known"), Some("true"), "{}", answer.body);
    assert_eq!(answer.header("location"), None);
    answer.expect(StatusCode::OK)
}

#[tokio::test]
async fn a_task_with_a_known_uid_is_not_made_again() {
    let (_server, jane) = given().await;
    let task = json!({ "uid": UID, "title": "Call Zoë" });
    let first = jane.post("/tasks", task.clone()).await;
    assert_eq!(first.header("uid-known"), None);
    let made = first.expect(StatusCode::CREATED);
    assert_eq!(made["uid"], UID);
    let changed = jane.patch("/tasks/1", json!({ "priority": "high" })).await;
    assert_eq!(changed.header("etag"), Some("\"2\""));
    let changed = changed.expect(StatusCode::OK);

    let again = jane.post("/tasks", task).await;
    assert_eq!(again.header("etag"), Some("\"2\""));
    assert_eq!(known(again), changed);
    let other = json!({ "uid": UID, "title": "other", "parent_id": 99 });
    assert_eq!(known(jane.post("/tasks", other.clone()).await), changed);
    assert_eq!(known(jane.post("/tasks?dry_run=true", other).await), changed);

    // The uid that the server makes is one too.
    let made = jane.made(json!({ "title": "made" })).await;
    let again = json!({ "uid": made["uid"], "title": "x" });
    assert_eq!(known(jane.post("/tasks", again).await), made);
    assert_eq!(jane.ids("").await, [2, 1]);
}

#[tokio::test]
async fn uids_are_unique_in_one_account_only() {
    let (server, jane) = given().await;
    let john = server.client.registered("john@example.com").await;
    let task = json!({ "uid": UID, "title": "a" });
    let mine = jane.made(task.clone()).await;
    let his = john.made(task).await;
    assert_eq!((&mine["id"], &his["id"]), (&json!(1), &json!(2)));

    let made = jane.made(json!({ "title": "b" })).await;
    let copied = john.made(json!({ "uid": made["uid"], "title": "c" })).await;
    assert_eq!(
        copied["uid"], made["uid"],
        "a uid that names the task of another account"
    );
}

#[tokio::test]
async fn the_uid_of_a_deleted_task_is_gone() {
    let (_server, jane) = given().await;
    jane.made(json!({ "uid": UID, "title": "a" })).await;
    let made = jane.made(json!({ "title": "made" })).await;
    jane.delete("/tasks/1").await.expect(StatusCode::NO_CONTENT);
    jane.delete("/tasks/2").await.expect(StatusCode::NO_CONTENT);

    for (uid, id) in [(UID, 1), (made["uid"].as_str().unwrap(), 2)] {
        let answer = jane.post("/tasks", json!({ "uid": uid, "title": "a" })).await;
        let problem = answer.expect(StatusCode::GONE);
        assert_eq!(problem["code"], "task_deleted");
        assert_eq!(problem["task_id"], id);
        let create = json!([{ "op": "create", "task": { "uid": uid, "title": "a" } }]);
        let batch = json!({ "operations": create });
        let failed = jane.post("/tasks/batch", batch).await.expect(StatusCode::GONE);
        assert_eq!(failed["results"][0]["code"], "task_deleted");
        assert_eq!(failed["results"][0]["task_id"], id);
    }
}

#[tokio::test]
async fn a_uid_is_16_to_255_bytes_without_control_characters() {
    let (_server, jane) = given().await;
    for (uid, is_one) in [
        ("x".repeat(15), false),
        ("x".repeat(16), true),
        ("x".repeat(255), true),
        ("x".repeat(256), false),
        ("東京東京東京".to_owned(), true),
        ("\u{1F600}".repeat(64), false),
        (format!("{}\n", "x".repeat(20)), false),
    ] {
        let answer = jane.post("/tasks", json!({ "uid": uid, "title": "a" })).await;
        if is_one {
            assert_eq!(answer.expect(StatusCode::CREATED)["uid"], uid);
        } else {
            assert_eq!(answer.expect_refused(), ["uid"]);
        }
    }
}

#[tokio::test]
async fn a_uid_never_changes() {
    let (_server, jane) = given().await;
    let made = jane.made(json!({ "uid": UID, "title": "a" })).await;
    let refused = jane.patch("/tasks/1", json!({ "uid": "another-name-of-it" })).await;
    assert_eq!(refused.expect_refused(), ["uid"]);
    let whole = jane.patch("/tasks/1", made.clone()).await.expect(StatusCode::OK);
    assert_eq!(whole, made);
}

#[tokio::test]
async fn a_batch_names_tasks_that_it_makes() {
    let (_server, jane) = given().await;
    jane.made(json!({ "title": "old" })).await;
    let (trip, train) = ("a-trip-to-gdansk", "book-the-train-there");
    let results = jane
        .post(
            "/tasks/batch",
            json!({ "operations": [
                { "op": "create", "task": { "uid": trip, "title": "Trip" } },
                { "op": "create", "task": { "uid": train, "parent_uid": trip, "title": "Train" } },
                { "op": "patch", "uid": train, "task": { "priority": "high" } },
                { "op": "move", "uid": trip, "before": 1 },
                { "op": "move", "id": 1, "after_uid": train, "parent_uid": trip },
                { "op": "complete", "uid": trip },
            ] }),
        )
        .await
        .expect(StatusCode::OK);
    let task = |number: usize| &results["results"][number]["task"];
    assert_eq!(task(2)["parent_id"], 2);
    assert_eq!(task(2)["priority"], "high");
    assert_eq!(task(4)["parent_id"], 2);
    assert_eq!(task(5)["completed"], true);
    assert_eq!(jane.ids("sort=position").await, [2, 3, 1]);

    let deleted = json!({ "operations": [{ "op": "delete", "uid": trip }] });
    let deleted = jane.post("/tasks/batch", deleted).await.expect(StatusCode::OK);
    assert_eq!(deleted["results"][0]["deleted"], 3);
}

#[tokio::test]
async fn a_uid_that_a_batch_uses_twice_is_an_error_of_the_second() {
    let (_server, jane) = given().await;
    let create =
        |title: &str| json!({ "op": "create", "task": { "uid": UID, "title": title } });
    let operations = json!([create("a"), create("b")]);
    let batch = json!({ "atomic": false, "operations": operations });
    let results = jane.post("/tasks/batch", batch).await.expect(StatusCode::OK);
    let of = |number: usize| &results["results"][number];
    assert_eq!(of(0)["status"], 201);
    assert_eq!(of(1)["status"], 422);
    assert_eq!(of(1)["errors"][0]["field"], "task.uid");
    assert_eq!(jane.ids("").await, [1]);

    // The next request knows both.
    let batch = json!({ "operations": operations });
    let results = jane.post("/tasks/batch", batch).await.expect(StatusCode::OK);
    let status = |number: usize| results["results"][number]["status"].clone();
    assert_eq!((status(0), status(1)), (json!(200), json!(200)));
}

#[tokio::test]
async fn a_reference_must_name_one_task() {
    let (_server, jane) = given().await;
    jane.made(json!({ "uid": UID, "title": "a" })).await;
    let unknown = "nobody-has-this-uid";
    for (operation, fields) in [
        (json!({ "op": "delete" }), vec!["operations.0.id"]),
        (json!({ "op": "delete", "id": 1, "uid": UID }), vec!["operations.0.uid"]),
        (json!({ "op": "delete", "uid": unknown }), vec!["operations.0.uid"]),
        (json!({ "op": "delete", "id": 99 }), vec!["operations.0.id"]),
        (
            json!({ "op": "move", "id": 1, "before_uid": unknown }),
            vec!["operations.0.before_uid"],
        ),
        (
            json!({ "op": "move", "id": 1, "before_uid": UID, "to": "last" }),
            vec!["operations.0.to"],
        ),
        (
            json!({ "op": "move", "id": 1, "to": "last", "parent_id": 1, "parent_uid": UID }),
            vec!["operations.0.parent_uid"],
        ),
        (
            json!({ "op": "create", "task": { "title": "b", "parent_uid": unknown } }),
            vec!["operations.0.task.parent_uid"],
        ),
    ] {
        let batch = json!({ "operations": [operation] });
        let answer = jane.post("/tasks/batch", batch).await;
        let body = answer.expect_problem(422, "batch_failed");
        let errors = body["errors"].as_array().unwrap().iter();
        let named: Vec<&str> = errors.map(|it| it["field"].as_str().unwrap()).collect();
        assert_eq!(named, fields);
        if body["results"][0]["status"] == 404 {
            let field = fields[0].rsplit_once('.').unwrap().1;
            let message = format!("must be the {field} of one of your tasks");
            assert_eq!(body["errors"][0]["message"], message);
        }
    }
    let both = json!({ "title": "b", "parent_id": 1, "parent_uid": UID });
    assert_eq!(jane.post("/tasks", both).await.expect_refused(), ["parent_uid"]);
    let below = jane.made(json!({ "title": "b", "parent_uid": UID })).await;
    assert_eq!(below["parent_id"], 1);
}

#[tokio::test]
async fn the_idempotency_key_is_looked_at_first() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let task = json!({ "uid": UID, "title": "a" });
    let keyed = jane.with_header("idempotency-key", "k1");
    keyed.post("/tasks", task.clone()).await.expect(StatusCode::CREATED);
    jane.patch("/tasks/1", json!({ "title": "b" })).await.expect(StatusCode::OK);

    let replayed = keyed.post("/tasks", task.clone()).await;
    assert_eq!(replayed.header("idempotency-replayed"), Some("true"));
    assert_eq!(replayed.expect(StatusCode::CREATED)["title"], "a");
    let other = json!({ "uid": UID, "title": "c" });
    keyed.post("/tasks", other).await.expect(StatusCode::CONFLICT);
    let known_now = jane.with_header("idempotency-key", "k2").post("/tasks", task).await;
    assert_eq!(known(known_now)["title"], "b");
}
