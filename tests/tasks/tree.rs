//! Tests of subtasks.

use hyper::StatusCode;
use serde_json::json;

use super::given;

#[tokio::test]
async fn a_deleted_task_takes_all_below_it_and_says_how_many() {
    let (_server, jane) = given().await;
    for parent in [None, Some(1), Some(2), Some(2), None] {
        jane.made(json!({ "title": "a", "parent_id": parent })).await;
    }
    assert_eq!(jane.ids("parent_id=2").await, [4, 3]);
    assert_eq!(jane.ids("parent_id=none").await, [5, 1]);

    let answer = jane.delete("/tasks/1").await;

    assert_eq!(answer.header("x-deleted-count"), Some("4"));
    answer.expect(StatusCode::NO_CONTENT);
    assert_eq!(jane.ids("").await, [5]);
    let counts = jane.get("/tasks/counts").await.expect(StatusCode::OK);
    assert_eq!(counts["total"], 1);
}

#[tokio::test]
async fn nobody_puts_a_task_below_one_of_somebody_else() {
    let (server, jane) = given().await;
    let john = server.client.registered("john@example.com").await;
    jane.given_task("a").await;
    john.given_task("b").await;
    let below = |id: u64| json!({ "title": "c", "parent_id": id });
    let theirs = john.post("/tasks", below(1)).await;
    let missing = john.post("/tasks", below(99)).await;
    assert_eq!(theirs.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(theirs.comparable(), missing.comparable());
    let moved =
        john.post("/tasks/2/move", json!({ "to": "first", "parent_id": 1 })).await;
    assert_eq!(moved.expect_refused(), ["parent_id"]);
    let beside = john.post("/tasks/2/move", json!({ "after": 1 })).await;
    assert_eq!(beside.expect_refused(), ["after"]);
    let beside = john.post("/tasks/2/move", json!({ "before": 1 })).await;
    assert_eq!(beside.expect_refused(), ["before"]);
    assert_eq!(john.ids("parent_id=1").await, [0; 0]);
}

#[tokio::test]
async fn a_task_is_never_a_part_of_itself() {
    let (_server, jane) = given().await;
    for parent in [None, Some(1), Some(2)] {
        jane.made(json!({ "title": "a", "parent_id": parent })).await;
    }
    for parent in [1, 2, 3] {
        let cycle = jane.patch("/tasks/1", json!({ "parent_id": parent })).await;
        assert_eq!(cycle.expect_refused(), ["parent_id"], "{parent}");
    }
    jane.patch("/tasks/3", json!({ "parent_id": 1 })).await.expect(StatusCode::OK);
    jane.patch("/tasks/2", json!({ "parent_id": 3 })).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn tasks_lie_eight_levels_deep_and_no_deeper() {
    let (_server, jane) = given().await;
    jane.given_task("a").await;
    for parent in 1..=7 {
        jane.made(json!({ "title": "a", "parent_id": parent })).await;
    }
    let deeper = jane.post("/tasks", json!({ "title": "a", "parent_id": 8 })).await;
    assert_eq!(deeper.expect_refused(), ["parent_id"]);
    let top = jane.given_task("top").await;
    let lower = jane.patch("/tasks/1", json!({ "parent_id": top })).await;
    assert_eq!(lower.expect_refused(), ["parent_id"]);
    jane.patch("/tasks/2", json!({ "parent_id": top })).await.expect(StatusCode::OK);
}
