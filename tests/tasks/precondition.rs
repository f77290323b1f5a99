//! Tests of writes that require one state of a task.

use hyper::StatusCode;
use serde_json::json;

use super::given;
use crate::harness::Server;
use crate::harness::raw::{head, raw};

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
    for good in ["*", "\"2\"", "\"7\", \"2\"", "W/\"1\",\"2\"", "W/\"2\"", "\"2-gzip\""] {
        let good = jane.with_header("if-match", good);
        good.patch("/tasks/1", json!({})).await.expect(StatusCode::OK);
    }
    for bad in ["W/\"1\"", "\"x\"", "\"02\"", "\"2-\"", ""] {
        let bad = jane.with_header("if-match", bad);
        bad.patch("/tasks/1", json!({})).await.expect_problem(412, "changed_since");
    }
    for nonsense in ["2", "\"2", "two", "\"2 \""] {
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
    for other in ["\"2\"", "W/\"2\"", "\"01\"", ""] {
        let answer = jane.with_header("if-none-match", other).get("/tasks/1").await;
        answer.expect(StatusCode::OK);
    }
    for nonsense in ["1", "nonsense"] {
        let answer = jane.with_header("if-none-match", nonsense).get("/tasks/1").await;
        assert_eq!(answer.expect_refused(), ["If-None-Match"]);
    }
}

#[tokio::test]
async fn a_read_can_be_meant_for_one_state_of_a_task() {
    let (_server, jane) = given().await;
    jane.given_task("a").await;
    let task = jane.with_header("if-match", "\"1\"").get("/tasks/1").await;
    let task = task.expect(StatusCode::OK);
    let answer = jane.with_header("if-match", "\"2\"").get("/tasks/1").await;
    assert_eq!(answer.header("etag"), Some("\"1\""));
    assert_eq!(answer.expect_problem(412, "changed_since")["task"], task);
    let both = jane.with_header("if-match", "*").with_header("if-none-match", "\"1\"");
    assert_eq!(both.get("/tasks/1").await.status, StatusCode::NOT_MODIFIED);
    let answer = jane.with_header("if-match", "1").get("/tasks/1").await;
    assert_eq!(answer.expect_refused(), ["If-Match"]);
}

#[tokio::test]
async fn a_change_can_be_unwanted_in_some_states_of_a_task() {
    let (_server, jane) = given().await;
    jane.given_task("a").await;
    for unwanted in ["*", "\"1\"", "\"7\", W/\"1\""] {
        let client = jane.with_header("if-none-match", unwanted);
        for answer in [
            client.patch("/tasks/1", json!({ "title": "b" })).await,
            client.post_empty("/tasks/1/complete").await,
            client.post("/tasks/1/move", json!({ "to": "first" })).await,
            client.delete("/tasks/1").await,
        ] {
            answer.expect_problem(412, "changed_since");
        }
    }
    let contrary =
        jane.with_header("if-match", "\"1\"").with_header("if-none-match", "\"1\"");
    let answer = contrary.patch("/tasks/1", json!({ "title": "b" })).await;
    answer.expect_problem(412, "changed_since");
    let wanted = jane.with_header("if-none-match", "\"2\"");
    wanted.patch("/tasks/1", json!({ "title": "b" })).await.expect(StatusCode::OK);
}

/// Several lines of a header are one list, and an unreadable line is not ignored.
#[tokio::test]
async fn no_line_of_a_precondition_is_overlooked() {
    let (_server, jane) = given().await;
    jane.given_task("a").await;
    let two = jane.with_header("if-match", "\"7\"").with_header("if-match", "\"1\"");
    two.patch("/tasks/1", json!({})).await.expect(StatusCode::OK);
    let two = jane.with_header("if-match", "\"7\"").with_header("if-match", "\"8\"");
    two.delete("/tasks/1").await.expect_problem(412, "changed_since");
    let token = jane.token().to_owned();
    for (value, status, code) in [
        // A foreign tag, in bytes that RFC 9110 permits.
        ("\"\u{fc}\"", 412, "changed_since"),
        ("\u{fc}", 422, "invalid"),
        ("\"1\", \u{fc}", 422, "invalid"),
    ] {
        let fields =
            [("Authorization", &*format!("Bearer {token}")), ("If-Match", value)];
        let request = head("DELETE /api/v1/tasks/1", &fields);
        raw(jane.address(), request).await.expect_problem(status, code);
    }
    jane.get("/tasks/1").await.expect(StatusCode::OK);
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
    let vague = jane.with_header("if-none-match", "\"9\"");
    vague.delete("/tasks/1").await.expect_problem(428, "if_match_required");
    let sure = jane.with_header("if-match", "\"1\"");
    sure.patch("/tasks/1", json!({ "title": "b" })).await.expect(StatusCode::OK);
    let batch =
        json!({ "operations": [{ "op": "delete", "id": 1, "if_match": "\"2\"" }] });
    jane.post("/tasks/batch", batch).await.expect(StatusCode::OK);
}
