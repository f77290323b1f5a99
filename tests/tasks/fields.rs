//! Tests of the fields of a task beside its title.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::given;

#[tokio::test]
async fn all_that_is_said_of_a_task_is_kept_and_can_be_changed_and_cleared() {
    let (_server, jane) = given().await;
    jane.given_task("parent").await;
    let mut wanted = json!({
        "title": "a", "description": "b", "due": "2030-02-01", "priority": "urgent",
        "tags": ["home", "work"], "position": "a5", "parent_id": 1, "recurrence": "FREQ=WEEKLY",
    });
    let made = jane.made(wanted.clone()).await;
    let seen = |task: &Value, wanted: &Value| {
        for (name, value) in wanted.as_object().unwrap() {
            assert_eq!(task[name], *value, "{name}");
        }
    };
    seen(&made, &wanted);

    for change in [
        json!({ "due": "2030-03-01T09:00:00+01:00[Europe/Berlin]" }),
        json!({ "priority": "low" }),
        json!({ "tags": ["x"] }),
        json!({ "position": "Zz" }),
        json!({ "recurrence": null }),
        json!({ "due": null }),
        json!({ "parent_id": null }),
        json!({ "tags": [] }),
        json!({ "completed": true }),
    ] {
        let task = jane.patch("/tasks/2", change.clone()).await.expect(StatusCode::OK);
        wanted.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        seen(&task, &wanted);
    }
    let task = jane.get("/tasks/2").await.expect(StatusCode::OK);
    assert_eq!((&task["rev"], &task["completed_at"]), (&json!(10), &task["updated_at"]));
    let open = jane.patch("/tasks/2", json!({ "completed": false })).await;
    assert_eq!(open.expect(StatusCode::OK)["completed_at"], Value::Null);
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_name_when_made_and_when_changed() {
    let (_server, jane) = given().await;
    jane.given_task("a").await;
    let long = "x".repeat(51);
    for (field, values) in [
        (
            "due",
            vec![
                json!("2030-02-30"),
                json!("tomorrow"),
                json!(7),
                json!("1969-12-31"),
                json!("2030-01-01T00:00:00+05:00[Europe/Berlin]"),
                json!("2030-01-01T00:00:00[Mars/Base]"),
                json!("x".repeat(10_000)),
            ],
        ),
        ("priority", vec![json!("highest"), json!(1), json!("HIGH")]),
        ("position", vec![json!(""), json!("a0!"), json!("é"), json!(1)]),
        ("parent_id", vec![json!(99), json!(u64::MAX)]),
        (
            "recurrence",
            vec![
                json!("FREQ=SECONDLY"),
                json!("FREQ=DAILY;INTERVAL=0"),
                json!("every day"),
                json!("FREQ=DAILY;COUNT=2;UNTIL=20310101"),
                json!("FREQ=DAILY"),
            ],
        ),
    ] {
        for value in values {
            let made = jane.post("/tasks", json!({ "title": "b", field: value })).await;
            assert_eq!(made.expect_refused(), [field], "{value}");
            let changed = jane.patch("/tasks/1", json!({ field: value })).await;
            assert_eq!(changed.expect_refused(), [field], "{value}");
        }
    }
    for tags in [json!([""]), json!([long]), json!(["a\nb"])] {
        let made = jane.post("/tasks", json!({ "title": "b", "tags": tags })).await;
        assert_eq!(made.expect_refused(), ["tags.0"], "{tags}");
    }
    let made = jane.post("/tasks", json!({ "title": "b", "tags": vec!["a"; 21] })).await;
    assert_eq!(made.expect_refused(), ["tags"]);
    let several = json!({ "title": "", "due": "x", "recurrence": "y", "colour": 1 });
    let refused = jane.post("/tasks", several).await.expect_refused();
    assert!(
        refused.contains(&"title".to_owned()) && refused.contains(&"colour".to_owned())
    );
    assert_eq!(jane.ids("").await, [1], "nothing was made");
    assert_eq!(jane.get("/tasks/1").await.expect(StatusCode::OK)["rev"], 1);
}

#[tokio::test]
async fn a_moment_without_a_zone_is_meant_at_home() {
    let (_server, jane) = given().await;
    let due = async |text: &str| {
        jane.made(json!({ "title": "a", "due": text })).await["due"].clone()
    };
    assert_eq!(due("2030-07-01T10:00:00Z").await, "2030-07-01T10:00:00+00:00[UTC]");

    let home = json!({ "time_zone": "Europe/Berlin" });
    jane.patch("/auth/me", home).await.expect(StatusCode::OK);

    assert_eq!(
        due("2030-07-01T10:00:00Z").await,
        "2030-07-01T12:00:00+02:00[Europe/Berlin]"
    );
    let there = "2030-07-01T10:00:00-04:00[America/New_York]";
    assert_eq!(due(there).await, there);
}

#[tokio::test]
async fn somebody_has_so_many_different_tags_and_no_more() {
    let (_server, jane) = given().await;
    for hundred in 0..10 {
        let operations: Vec<Value> = (0..5)
            .map(|five| {
                let tags: Vec<String> =
                    (0..20).map(|n| format!("{hundred} {five} {n}")).collect();
                json!({ "op": "create", "task": { "title": "a", "tags": tags } })
            })
            .collect();
        let body = json!({ "operations": operations });
        jane.post("/tasks/batch", body).await.expect(StatusCode::OK);
    }
    let more = jane.post("/tasks", json!({ "title": "a", "tags": ["one more"] })).await;
    assert_eq!(more.expect_refused(), ["tags"]);
    jane.made(json!({ "title": "a", "tags": ["9 4 19"] })).await;
    let tags = jane.get("/tags").await;
    assert_eq!(tags.header("x-total-count"), Some("1000"));

    jane.delete("/tasks/1").await.expect(StatusCode::NO_CONTENT);
    jane.made(json!({ "title": "a", "tags": ["one more"] })).await;
}
