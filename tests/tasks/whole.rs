//! Tests of whole tasks that are sent back, and of terms of the replaced service.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::given;
use crate::harness::Server;

#[tokio::test]
async fn a_task_that_was_read_and_edited_can_be_sent_back_whole() {
    let (server, jane) = given().await;
    jane.made(json!({ "title": "parent" })).await;
    jane.made(json!({
        "title": "a", "description": "b", "due": "2030-01-01T09:00:00+01:00[Europe/Berlin]",
        "priority": "high", "tags": ["x"], "parent_id": 1, "recurrence": "FREQ=DAILY",
    }))
    .await;
    server.wait(std::time::Duration::from_secs(5));
    for id in [1, 2] {
        let mut task = jane.get(&format!("/tasks/{id}")).await.expect(StatusCode::OK);
        let same = jane.patch(&format!("/tasks/{id}"), task.clone()).await;
        assert_eq!(same.expect(StatusCode::OK), task, "nothing has changed");

        task["title"] = json!("edited");
        // The server ignores these values and counts by itself.
        for (name, value) in [
            ("updated_at", json!("soon")),
            ("rev", json!([1])),
            ("completed_at", json!(0)),
        ] {
            task[name] = value;
        }
        let edited = jane.patch(&format!("/tasks/{id}"), task).await;
        let edited = edited.expect(StatusCode::OK);
        assert_eq!((&edited["title"], &edited["rev"]), (&json!("edited"), &json!(2)));
        assert_eq!(edited["updated_at"], "2030-01-01T00:00:05.000Z");
    }
}

/// A clock shift hides the original time of day.
#[tokio::test]
async fn a_whole_task_that_comes_back_keeps_the_hour_that_was_meant() {
    let (_server, jane) = given().await;
    let task = json!({
        "title": "a", "due": "2030-03-30T02:30:00+01:00[Europe/Berlin]", "recurrence": "FREQ=DAILY",
    });
    jane.made(task).await;
    let shifted = jane.post_empty("/tasks/1/complete").await.expect(StatusCode::OK);
    assert_eq!(shifted["due"], "2030-03-31T03:30:00+02:00[Europe/Berlin]");
    assert_eq!(
        (&shifted["due_local"], &shifted["finished_id"]),
        (&json!("02:30"), &json!(2))
    );

    let same = jane.patch("/tasks/1", shifted.clone()).await.expect(StatusCode::OK);

    assert_eq!(same, jane.get("/tasks/1").await.body);
    assert_eq!(same["rev"], shifted["rev"]);
    // Neither does the time alone, as it was read.
    let due = json!({ "due": shifted["due"], "recurrence": "FREQ=DAILY" });
    let same = jane.patch("/tasks/1", due).await.expect(StatusCode::OK);
    assert_eq!((&same["rev"], &same["due_local"]), (&shifted["rev"], &json!("02:30")));
    let next = jane.post_empty("/tasks/1/complete").await.expect(StatusCode::OK);
    assert_eq!(next["due"], "2030-04-01T02:30:00+02:00[Europe/Berlin]");
}

#[tokio::test]
async fn what_cannot_be_changed_is_refused_unless_it_is_the_same() {
    let (server, jane) = given().await;
    jane.given_task("a").await;
    server.client.registered("john@example.com").await;
    let other = json!({
        "id": 2, "owner_id": 2, "created_at": "2031-01-01T00:00:00Z", "title": "b",
    });
    let answer = jane.patch("/tasks/1", other.clone()).await;
    assert_eq!(answer.body["errors"][0]["message"], "cannot be changed");
    assert_eq!(answer.expect_refused(), ["created_at", "id", "owner_id"]);
    let batch = json!({ "operations": [{ "op": "patch", "id": 1, "task": other }] });
    let answer =
        jane.post("/tasks/batch", batch).await.expect_problem(422, "batch_failed");
    assert_eq!(answer["errors"][2]["field"], "operations.0.task.created_at");
    let task = jane.get("/tasks/1").await.expect(StatusCode::OK);
    assert_eq!((&task["title"], &task["rev"]), (&json!("a"), &json!(1)));
    // The same moment in another notation.
    let same = json!({ "created_at": "2030-01-01T01:00:00+01:00", "title": "c" });
    jane.patch("/tasks/1", same).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn completed_is_taken_in_the_words_of_the_replaced_service() {
    let (_server, jane) = given().await;
    let words: [(Value, bool); 12] = [
        (json!("true"), true),
        (json!("True"), true),
        (json!(1), true),
        (json!("1"), true),
        (json!("on"), true),
        (json!("YES"), true),
        (json!("t"), true),
        (json!("y"), true),
        (json!(0), false),
        (json!("off"), false),
        (json!("No"), false),
        (json!("F"), false),
    ];
    for (id, (word, is_completed)) in (1..).zip(words) {
        let made = jane.made(json!({ "title": "a", "completed": word })).await;
        assert_eq!(made["completed"], is_completed, "{word}");
        let path = format!("/tasks/{id}");
        jane.patch(&path, json!({ "completed": !is_completed }))
            .await
            .expect(StatusCode::OK);
        let task = jane.patch(&path, json!({ "completed": word })).await;
        assert_eq!(task.expect(StatusCode::OK)["completed"], is_completed, "{word}");
        if let Some(word) = word.as_str() {
            let answer = jane.get(&format!("/tasks?completed={word}&limit=1")).await;
            assert_eq!(answer.expect(StatusCode::OK)[0]["completed"], is_completed);
        }
    }
}

#[tokio::test]
async fn shape_and_sense_are_told_together() {
    let (_server, jane) = given().await;
    jane.given_task("a").await;
    let wrong = json!({
        "title": "", "due": "x", "tags": ["good", ""], "position": "!", "recurrence": "y",
        "parent_id": -1, "priority": "z", "nonsense": 1,
    });
    let all = [
        "due",
        "nonsense",
        "parent_id",
        "position",
        "priority",
        "recurrence",
        "tags.1",
        "title",
    ];
    assert_eq!(jane.post("/tasks", wrong.clone()).await.expect_refused(), all);
    assert_eq!(jane.patch("/tasks/1", wrong.clone()).await.expect_refused(), all);
    let batch = json!({ "operations": [
        { "op": "create", "task": wrong },
        { "op": "move", "id": 1, "before": -1 },
        { "op": "patch", "id": 1, "task": 5 },
    ] });
    let answer =
        jane.post("/tasks/batch", batch).await.expect_problem(422, "batch_failed");
    let fields =
        answer["errors"].as_array().unwrap().iter().map(|it| it["field"].as_str());
    let of_create = all.map(|name| format!("operations.0.task.{name}"));
    let rest = ["operations.1.before", "operations.2.task"].map(str::to_owned);
    let wanted: Vec<String> = of_create.into_iter().chain(rest).collect();
    assert_eq!(fields.map(Option::unwrap).collect::<Vec<_>>(), wanted);
    let answer =
        jane.patch("/auth/me", json!({ "email": "x", "time_zone": "Moon/Base" })).await;
    assert_eq!(answer.expect_refused(), ["email", "time_zone"]);
}

#[tokio::test]
async fn a_batch_makes_tasks_as_a_request_of_its_own_does() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let task = json!({
        "title": "a", "description": null, "due": null, "position": null, "parent_id": null,
        "recurrence": null,
    });
    jane.made(task.clone()).await;
    let batch = json!({ "operations": [
        { "op": "create", "task": task },
        { "op": "patch", "id": 1, "task": { "position": null } },
    ], "atomic": false });
    let answer = jane.post("/tasks/batch", batch).await.expect(StatusCode::OK);
    assert_eq!(answer["results"][0]["status"], 201);
    // The task keeps its position, which cannot be null.
    assert_eq!(answer["results"][1]["errors"][0]["field"], "task.position");
}
