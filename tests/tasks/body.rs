//! Tests of the bodies that create tasks, and of the errors of the others.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Server};

async fn post(client: &Client, content_type: Option<&str>, body: &str) -> Answer {
    client.send(Method::POST, "/tasks", content_type, body.to_owned()).await
}

async fn given_jane(server: &Server) -> Client {
    server.client.registered("jane@example.com").await
}

#[tokio::test]
async fn limits_are_counted_in_characters() {
    let server = Server::start().await;
    let jane = given_jane(&server).await;
    for letter in ["a", "é", "日", "🦉"] {
        let longest = json!({
            "title": letter.repeat(255),
            "description": letter.repeat(2000),
        });
        let task = jane.post("/tasks", longest.clone()).await;
        let task = task.expect(StatusCode::CREATED);
        assert_eq!(task["title"], longest["title"]);
        assert_eq!(task["description"], longest["description"]);

        let longer = json!({
            "title": letter.repeat(256),
            "description": letter.repeat(2001),
        });
        let answer = jane.post("/tasks", longer.clone()).await;
        assert_eq!(answer.expect_refused(), ["description", "title"], "{letter}");
        let answer = jane.patch("/tasks/1", longer).await;
        assert_eq!(answer.expect_refused(), ["description", "title"], "{letter}");
    }
}

#[tokio::test]
async fn a_title_has_at_least_one_character() {
    let server = Server::start().await;
    let jane = given_jane(&server).await;
    jane.given_task("a").await;
    let empty = json!({ "title": "" });
    assert_eq!(jane.post("/tasks", empty.clone()).await.expect_refused(), ["title"]);
    assert_eq!(jane.patch("/tasks/1", empty).await.expect_refused(), ["title"]);
    assert_eq!(jane.post("/tasks", json!({})).await.expect_refused(), ["title"]);
}

#[tokio::test]
async fn a_title_can_be_seen() {
    let server = Server::start().await;
    let jane = given_jane(&server).await;
    jane.given_task("a").await;
    for title in
        ["   ", "\u{200b}", "\u{1}\u{7f}", "\t\n", "\u{feff}\u{3164}", "\u{e0041}"]
    {
        let body = json!({ "title": title });
        assert_eq!(jane.post("/tasks", body.clone()).await.expect_refused(), ["title"]);
        assert_eq!(jane.patch("/tasks/1", body).await.expect_refused(), ["title"]);
    }
    for title in [" . ", "\u{200b}a", "\u{301}", "🎉"] {
        jane.post("/tasks", json!({ "title": title })).await.expect(StatusCode::CREATED);
    }
}

/// Some editors begin a text with a byte order mark.
#[tokio::test]
async fn a_byte_order_mark_before_a_body_is_let_pass() {
    let server = Server::start().await;
    let jane = given_jane(&server).await;
    let marked = "\u{feff}{\"title\":\"a\"}";
    post(&jane, None, marked).await.expect(StatusCode::CREATED);
    post(&jane, None, &format!("\u{feff}{marked}"))
        .await
        .expect_problem(400, "malformed");
}

#[tokio::test]
async fn texts_are_kept_as_typed() {
    let server = Server::start().await;
    let jane = given_jane(&server).await;
    for text in
        [" spaces ", "line\nbreak\ttab", "\"quotes\" \\ <b>", "e\u{301}", "🦉\u{0}"]
    {
        let body = json!({ "title": text, "description": text });
        let task = jane.post("/tasks", body).await.expect(StatusCode::CREATED);
        let path = format!("/tasks/{}", task["id"]);
        let found = jane.get(&path).await.expect(StatusCode::OK);
        assert_eq!(
            (&found["title"], &found["description"]),
            (&json!(text), &json!(text))
        );
    }
}

#[tokio::test]
async fn a_description_may_be_absent_null_or_empty() {
    let server = Server::start().await;
    let jane = given_jane(&server).await;
    for (body, wanted) in [
        (json!({ "title": "a" }), Value::Null),
        (json!({ "title": "a", "description": null }), Value::Null),
        (json!({ "title": "a", "description": "" }), json!("")),
    ] {
        let task = jane.post("/tasks", body).await.expect(StatusCode::CREATED);
        assert_eq!(task.get("description"), Some(&wanted));
    }
}

#[tokio::test]
async fn every_field_that_fails_is_named() {
    let server = Server::start().await;
    let jane = given_jane(&server).await;
    let body = json!({
        "title": 7,
        "description": "x".repeat(2001),
        "completed": "s3cr3t",
        "priority": "s3cr3t",
        "owner_id": 2,
    });

    let answer = jane.post("/tasks", body).await;

    let text = String::from_utf8_lossy(&answer.bytes).into_owned();
    assert!(!text.contains("s3cr3t") && !text.contains("xxx"), "{text}");
    for error in answer.body["errors"].as_array().unwrap() {
        assert!(!error["message"].as_str().unwrap().is_empty());
        // Clients of the old service show this member.
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(error["field"].as_str().unwrap()), "{detail}");
    }
    let all = ["completed", "description", "owner_id", "priority", "title"];
    assert_eq!(answer.expect_refused(), all);
}

#[tokio::test]
async fn nothing_is_taken_for_what_it_is_not() {
    let server = Server::start().await;
    let jane = given_jane(&server).await;
    jane.given_task("a").await;
    let wrong = [
        ("title", vec![json!(1), json!(1.5), json!(true), json!(null), json!(["a"])]),
        ("description", vec![json!(1), json!(false), json!([]), json!({ "a": "b" })]),
        ("completed", vec![json!("maybe"), json!(2), json!(""), json!(null), json!([])]),
        ("id", vec![json!(7), json!("1")]),
        ("created_at", vec![json!("2030-01-01T00:00:01Z"), json!("now")]),
        ("Title", vec![json!("a")]),
    ];
    for (field, values) in wrong {
        for value in values {
            let mut body = json!({ "title": "a" });
            body[field] = value;
            let answer = jane.post("/tasks", body.clone()).await;
            assert_eq!(answer.expect_refused(), [field], "{body}");
            let answer = jane.patch("/tasks/1", body.clone()).await;
            assert_eq!(answer.expect_refused(), [field], "{body}");
        }
    }
    assert_eq!(jane.get("/tasks").await.header("x-total-count"), Some("1"));
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused_as_a_whole() {
    let server = Server::start().await;
    let jane = given_jane(&server).await;
    jane.given_task("a").await;
    for body in [json!([]), json!([{ "title": "a" }]), json!("a"), json!(1), json!(null)]
    {
        assert_eq!(jane.post("/tasks", body.clone()).await.expect_refused(), ["body"]);
        assert_eq!(jane.patch("/tasks/1", body).await.expect_refused(), ["body"]);
    }
}

#[tokio::test]
async fn what_is_not_json_is_refused_and_not_repeated() {
    let server = Server::start().await;
    let jane = given_jane(&server).await;
    let deep = format!("{{\"title\":{}", "[".repeat(10_000));
    for body in [
        "",
        "s3cr3t",
        "{\"title\": \"s3cr3t",
        "{'title': 's3cr3t'}",
        "{\"title\": \"s3cr3t\",}",
        "{\"title\": \"s3cr3t\"} {}",
        "{\"title\": \"s3cr3t\", \"title\": \"b\"}",
        "{\"title\": \"a\", \"tags\": {\"s3cr3t\": 1, \"s3cr3t\": 2}}",
        "{\"title\": \"\\ud800 s3cr3t\"}",
        "{\"title\": NaN}",
        &deep,
    ] {
        let answer = post(&jane, Some("application/json"), body).await;
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        assert!(!text.contains("s3cr3t"), "{text}");
        answer.expect_problem(400, "malformed");
    }
    let json = Some("application/json");
    let latin = b"{\"title\": \"caf\xe9\"}".as_slice();
    let answer = jane.send(Method::POST, "/tasks", json, latin).await;
    answer.expect_problem(400, "malformed");
    assert_eq!(jane.get("/tasks").await.header("x-total-count"), Some("0"));
}

#[tokio::test]
async fn json_is_taken_under_its_own_name_or_none() {
    let server = Server::start().await;
    let jane = given_jane(&server).await;
    let body = r#"{"title":"a"}"#;
    for taken in [
        None,
        Some("application/json"),
        Some("application/json; charset=utf-8"),
        Some("application/vnd.api+json"),
        Some("Application/JSON"),
    ] {
        post(&jane, taken, body).await.expect(StatusCode::CREATED);
    }
    for refused in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/merge-patch+json",
        "application/json-patch+json",
        "application/+json",
        "text/vnd.api+json",
        "application/jsonp",
        "application/xml",
        "",
    ] {
        let answer = post(&jane, Some(refused), body).await;
        answer.expect_problem(415, "unsupported_media_type");
    }
}
