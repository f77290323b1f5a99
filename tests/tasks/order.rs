//! Tests of the manual order of tasks.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::given;
use crate::harness::Client;

async fn moved(jane: &Client, id: u64, to: Value) {
    jane.post(&format!("/tasks/{id}/move"), to).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn tasks_go_where_they_are_put() {
    let (_server, jane) = given().await;
    for _ in 0..4 {
        jane.given_task("a").await;
    }
    assert_eq!(jane.ids("sort=position").await, [1, 2, 3, 4]);
    moved(&jane, 3, json!({ "to": "first" })).await;
    assert_eq!(jane.ids("sort=position").await, [3, 1, 2, 4]);
    moved(&jane, 3, json!({ "to": "last" })).await;
    assert_eq!(jane.ids("sort=position").await, [1, 2, 4, 3]);
    moved(&jane, 3, json!({ "after": 1 })).await;
    assert_eq!(jane.ids("sort=position").await, [1, 3, 2, 4]);
    moved(&jane, 4, json!({ "before": 3 })).await;
    assert_eq!(jane.ids("sort=position").await, [1, 4, 3, 2]);
    assert_eq!(jane.ids("sort=-position").await, [2, 3, 4, 1]);
    for wrong in
        [json!({}), json!({ "to": "first", "after": 1 }), json!({ "parent_id": 1 })]
    {
        assert_eq!(jane.post("/tasks/1/move", wrong).await.expect_refused(), ["to"]);
    }
    assert_eq!(
        jane.post("/tasks/1/move", json!({ "after": 1 })).await.expect_refused(),
        ["after"]
    );
    jane.post("/tasks/9/move", json!({ "to": "last" }))
        .await
        .expect_problem(404, "not_found");
}

#[tokio::test]
async fn there_is_always_room_between_two() {
    let (_server, jane) = given().await;
    for _ in 0..3 {
        jane.given_task("a").await;
    }
    let mut order = vec![1, 2, 3];
    for round in 0..150 {
        let last = order.pop().unwrap();
        order.insert(1, last);
        moved(&jane, last, json!({ "after": order[0] })).await;
        assert_eq!(jane.ids("sort=position").await, order, "{round}");
    }
}
