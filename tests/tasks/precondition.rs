//! Writes that are meant for one state of a task.

use hyper::StatusCode;
use serde_json::json;

use super::given;
use crate::harness::Server;

#[tokio::test]
async fn a_change_that_is_meant_for_another_state_is_refused_with_the_task_as_it_is() {
    let (_server, jane) = given().await;
    jane.given_task("a").await;
    let old = jane.with_header("if-match", "\"1\"");
    let task =
        old.patch("/tasks/1", json!({ "title": "b" })).await.expect(StatusCode::OK);

    for answer in [
        old.patch("/tasks/1", json!({ "title": "c" })).await,
        old.post_empty("/tasks/1/complete").await,
        old.post("/tasks/1/move", json!({ "to": "first" })).await,
        old.delete("/tasks/1").await,
    ] {
        assert_eq!(answer.header("etag"), Some("\"2\""));
        assert_eq!(answer.expect_problem(412, "changed_since")["task"], task);
    }
    assert_eq!(jane.get("/tasks/1").await.expect(StatusCode::OK), task);
    for good in ["*", "\"2\"", "\"7\", \"2\"", "W/\"1\",\"2\""] {
        let good = jane.with_header("if-match", good);
        good.patch("/tasks/1", json!({})).await.expect(StatusCode::OK);
    }
    for bad in ["W/\"2\"", "\"x\"", "\"02 \"", ""] {
        let bad = jane.with_header("if-match", bad);
        bad.patch("/tasks/1", json!({})).await.expect_problem(412, "changed_since");
    }
    for nonsense in ["2", "\"2", "two"] {
        let nonsense = jane.with_header("if-match", nonsense);
        assert_eq!(
            nonsense.patch("/tasks/1", json!({})).await.expect_refused(),
            ["If-Match"]
        );
    }
    let any = jane.with_header("if-match", "*");
    any.patch("/tasks/9", json!({})).await.expect_problem(404, "not_found");
    jane.with_header("if-match", "\"2\"")
        .delete("/tasks/1")
        .await
        .expect(StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn whoever_has_a_task_need_not_get_it_again() {
    let (_server, jane) = given().await;
    jane.given_task("a").await;
    for known in ["\"1\"", "W/\"1\"", "\"0\", \"1\"", "*"] {
        let answer = jane.with_header("if-none-match", known).get("/tasks/1").await;
        assert_eq!(answer.status, StatusCode::NOT_MODIFIED, "{known}");
        assert_eq!(answer.header("etag"), Some("\"1\""));
        assert!(answer.bytes.is_empty());
    }
    for other in ["\"2\"", "1", "nonsense"] {
        let answer = jane.with_header("if-none-match", other).get("/tasks/1").await;
        answer.expect(StatusCode::OK);
    }
}

#[tokio::test]
async fn a_server_can_ask_everybody_to_say_what_is_meant() {
    let server = Server::with(&["--require-if-match=on"]).await;
    let jane = server.client.registered("jane@example.com").await;
    jane.given_task("a").await;
    for answer in [
        jane.patch("/tasks/1", json!({ "title": "b" })).await,
        jane.delete("/tasks/1").await,
        jane.post_empty("/tasks/1/complete").await,
        jane.post("/tasks/1/move", json!({ "to": "first" })).await,
    ] {
        answer.expect_problem(428, "if_match_required");
    }
    let batch = json!({ "operations": [{ "op": "delete", "id": 1 }] });
    let answer =
        jane.post("/tasks/batch", batch).await.expect_problem(428, "batch_failed");
    assert_eq!(answer["results"][0]["status"], 428);
    let sure = jane.with_header("if-match", "\"1\"");
    sure.patch("/tasks/1", json!({ "title": "b" })).await.expect(StatusCode::OK);
    let batch =
        json!({ "operations": [{ "op": "delete", "id": 1, "if_match": "\"2\"" }] });
    jane.post("/tasks/batch", batch).await.expect(StatusCode::OK);
}
