//! Tests of the parts of the document for `/docs` and other readers beside the operations themselves.

use std::collections::BTreeSet;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::harness::Server;
use crate::harness::client::Client;

const ERRORS: &str = include_str!("../src/http/docs/pages/errors.md");

async fn document(server: &Server) -> Value {
    server.client.get("!/openapi.json").await.expect(StatusCode::OK)
}

/// Account with the tasks that the examples name.
async fn with_tasks(server: &Server) -> Client {
    let jane = server.client.registered("jane@example.com").await;
    for title in ["Pack", "Move", "Unpack", "Rest"] {
        let task =
            json!({ "title": title, "due": "2030-01-01", "recurrence": "FREQ=DAILY" });
        jane.post("/tasks", task).await.expect(StatusCode::CREATED);
    }
    jane
}

/// Path, method and operation of each operation.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, of)| (path.as_str(), method.as_str(), of))
    })
}

#[tokio::test]
async fn tasks_come_first_and_administration_last() {
    let server = Server::start().await;
    for (path, before) in
        [("!/openapi.json", "\"operationId\":\""), ("!/openapi.yaml", "operationId: ")]
    {
        let bytes = server.client.get(path).await.bytes;
        let text = str::from_utf8(&bytes).unwrap();
        // Links name operations too, after the start of the paths.
        let (_, paths) = text.split_once("paths").unwrap();
        let mut at = 0;
        for id in [
            "task_create",
            "task_list",
            "task_get",
            "task_patch",
            "task_delete",
            "task_batch",
            "user_register",
            "session_login",
            "user_me",
            "health_get",
            "account_create",
            "account_list",
            "account_get",
            "account_patch",
        ] {
            let operation = format!("{before}{id}");
            let found = paths.match_indices(&operation).map(|(found, _)| found);
            let last = found.last().unwrap_or_else(|| panic!("{path}: no {id}"));
            assert!(last > at, "{path}: {id} comes too early");
            at = last;
        }
    }
    let document = document(&server).await;
    let tags = document["tags"].as_array().unwrap().iter();
    let tags: Vec<&str> = tags.map(|tag| tag["name"].as_str().unwrap()).collect();
    assert_eq!(tags, ["Tasks", "Lists", "History", "Auth", "Health", "Admin"]);
}

#[tokio::test]
async fn the_description_has_guides_with_every_code_and_links_that_lead_on() {
    let server = Server::start().await;
    let document = document(&server).await;
    let text = document["info"]["description"].as_str().unwrap();
    for guide in [
        "Authentication",
        "Errors",
        "Pagination",
        "Recurrence",
        "Concurrency",
        "Idempotency",
        "Batch",
    ] {
        assert!(text.contains(&format!("<summary>{guide}</summary>")), "{guide}");
    }
    let rows = ERRORS.lines().filter(|row| row.starts_with("| `"));
    let codes = rows.filter(|row| row.contains(" | 4") || row.contains(" | 5"));
    let mut count = 0;
    for row in codes {
        let code = row.split(" | ").next().unwrap();
        assert!(text.contains(code), "{code}");
        count += 1;
    }
    assert!(count > 40, "{count}");
    let links: BTreeSet<&str> = text
        .split("](")
        .skip(1)
        .map(|rest| rest.split(')').next().unwrap())
        .filter(|link| !link.starts_with("https://"))
        .collect();
    assert!(links.len() >= 8, "{links:?}");
    for link in links {
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let page = server.client.get(&format!("!{path}")).await;
        assert_eq!(page.status, StatusCode::OK, "{link}");
        let html = str::from_utf8(&page.bytes).unwrap();
        assert!(
            anchor.is_empty() || html.contains(&format!("id=\"{anchor}\"")),
            "{link}"
        );
    }
}

#[tokio::test]
async fn operations_of_tasks_have_samples_in_three_languages() {
    let server = Server::start().await;
    let document = document(&server).await;
    for (path, method, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        let Some(samples) = operation["x-codeSamples"].as_array() else {
            let is_stream = id == "task_events";
            assert!(is_stream || operation["tags"][0] != "Tasks", "{id}");
            continue;
        };
        let labels: Vec<&str> =
            samples.iter().map(|sample| sample["label"].as_str().unwrap()).collect();
        assert_eq!(labels, ["curl", "Python", "JavaScript"], "{id}");
        let path = path.strip_prefix("/api/v1").unwrap().replace("{id}", "1");
        for sample in samples {
            let source = sample["source"].as_str().unwrap();
            assert!(
                source.contains(&format!("{path}\""))
                    || source.contains(&format!("{path}`"))
            );
            let method = method.to_uppercase();
            assert!(method == "GET" || source.contains(&method), "{source}");
            let needs_token = operation["security"].is_array();
            assert_eq!(source.contains("TOKEN"), needs_token, "{source}");
        }
    }
}

#[tokio::test]
async fn every_example_of_a_body_is_taken() {
    let server = Server::start().await;
    let (document, jane) = (document(&server).await, with_tasks(&server).await);
    let mut seen = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let media = operation["requestBody"]["content"].as_object().into_iter().flatten();
        for (_, media) in media {
            for (_, example) in media["examples"].as_object().into_iter().flatten() {
                let path = format!("!{}?dry_run=true", path.replace("{id}", "1"));
                let body = example["value"].clone();
                seen.insert(example.to_string());
                let answer = match method {
                    "patch" => jane.patch(&path, body).await,
                    _ => jane.post(&path, body).await,
                };
                answer.expect(StatusCode::OK);
            }
        }
    }
    let seen: String = seen.into_iter().collect();
    for shown in ["[Europe/Berlin]", "FREQ=", "\"move\"", "\"delete\"", "if_match"] {
        assert!(seen.contains(shown), "{shown} is in no example");
    }
}

#[tokio::test]
async fn each_operation_of_a_batch_takes_what_its_schema_names() {
    let server = Server::start().await;
    let (document, jane) = (document(&server).await, with_tasks(&server).await);
    let schemas = &document["components"]["schemas"];
    let choice = &schemas["TaskOperation"];
    assert_eq!(choice["discriminator"]["propertyName"], "op");
    let mapping = choice["discriminator"]["mapping"].as_object().unwrap();
    assert_eq!(choice["oneOf"].as_array().unwrap().len(), mapping.len());
    let all = json!({
        "id": 1, "task": { "title": "Another" }, "if_match": "\"1\"", "to": "first", "before": 2, "after": 3,
        "parent_id": null, "catch_up": true,
    });
    for (op, reference) in mapping {
        let name = reference.as_str().unwrap().rsplit_once('/').unwrap().1;
        let schema = &schemas[name];
        assert_eq!(schema["properties"]["op"]["enum"], json!([op]), "{name}");
        let required = schema["required"].as_array().unwrap();
        let is_required = |member: &str| required.iter().any(|it| it == member);
        let mut least = json!({ "op": op });
        for (member, value) in all.as_object().unwrap() {
            if is_required(member) {
                least[member] = value.clone();
            }
        }
        if op != "create" {
            least["id"] = json!(1);
        }
        if op == "move" {
            least["to"] = json!("first");
        }
        let send = async |operation: &Value| {
            let body = json!({ "operations": [operation] });
            let answer = jane.post("/tasks/batch?dry_run=true", body).await;
            if answer.status == StatusCode::OK {
                String::new()
            } else {
                answer.expect_problem(422, "batch_failed")["errors"].to_string()
            }
        };
        assert_eq!(send(&least).await, "", "{op}");
        for (member, value) in all.as_object().unwrap() {
            let mut other = least.clone();
            let fault = if is_required(member) {
                other.as_object_mut().unwrap().remove(member);
                "is required"
            } else if schema["properties"][member].is_null() {
                other[member] = value.clone();
                "is not allowed for this op"
            } else {
                continue;
            };
            let said = send(&other).await;
            let field = format!("operations.0.{member}");
            assert!(
                said.contains(&field) && said.contains(fault),
                "{op} {member}: {said}"
            );
        }
    }
}
