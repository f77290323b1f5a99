use std::time::Duration;

use hyper::StatusCode;
use serde_json::json;

use crate::harness::Server;

#[tokio::test]
async fn the_first_task_of_a_fresh_server_is_number_one() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;

    let body = json!({ "title": "Ship portfolio", "description": "Polish the README" });
    let answer = jane.post("/tasks", body).await;

    assert_eq!(answer.header("location"), Some("/api/v1/tasks/1"));
    assert_eq!(answer.header("etag"), Some("\"1\""));
    let task = answer.expect(StatusCode::CREATED);
    assert_eq!(
        task,
        json!({
            "id": 1,
            "title": "Ship portfolio",
            "description": "Polish the README",
            "completed": false,
            "owner_id": 1,
            "created_at": "2030-01-01T00:00:00.000Z",
            "updated_at": "2030-01-01T00:00:00.000Z",
        })
    );
    server.wait(Duration::from_secs(1));
    assert_eq!(jane.get("/tasks/1").await.expect(StatusCode::OK), task);
}
