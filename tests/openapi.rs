//! Tests of the OpenAPI document: that it is the released one, and that it is complete.
//!
//! Every response of the other tests is checked against it too, see `harness/contract.rs`.

use std::collections::BTreeSet;
use std::path::Path;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::harness::Server;

async fn document_of(flags: &[&str]) -> Value {
    let server = Server::with(flags).await;
    server.client.get("!/openapi.json").await.expect(StatusCode::OK)
}

/// Method, path and operation of each operation.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods
            .map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
    });
    operations.collect()
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let Some(reference) = value["$ref"].as_str() else { return value };
    let found = reference.strip_prefix('#').and_then(|path| document.pointer(path));
    found.unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

/// Calls `see` with every value in the document and the name of its member.
fn walk<'a>(name: &str, value: &'a Value, see: &mut dyn FnMut(&str, &'a Value)) {
    see(name, value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(name, item, see)),
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| walk(name, value, see));
        }
        _ => {}
    }
}

/// A change here is a change for clients. `UPDATE=1 cargo test` accepts it.
#[tokio::test]
async fn the_document_is_the_one_that_was_agreed() {
    let found = document_of(&[]).await;
    let found = format!("{found:#}\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/openapi.json");
    if std::env::var("UPDATE").is_ok() {
        std::fs::write(&path, &found).unwrap();
    }
    let agreed = std::fs::read_to_string(&path).unwrap();
    let differs = agreed.lines().zip(found.lines()).position(|(a, b)| a != b);
    assert!(
        agreed == found,
        "differs from tests/fixtures/openapi.json at line {:?}; if that is meant: UPDATE=1 cargo test",
        differs.map(|line| line + 1)
    );
}

#[tokio::test]
async fn yaml_and_json_say_the_same() {
    let server = Server::start().await;
    let answer = server.client.get("!/openapi.yaml").await;
    assert_eq!(answer.header("content-type"), Some("application/yaml"));
    let yaml: Value = serde_yaml::from_slice(&answer.bytes).unwrap();
    assert_eq!(yaml, server.client.get("!/openapi.json").await.body);
}

#[tokio::test]
async fn every_operation_is_named_grouped_and_told() {
    let document = document_of(&[]).await;
    let tags = document["tags"].as_array().unwrap().iter();
    let tags: BTreeSet<&str> = tags.map(|tag| tag["name"].as_str().unwrap()).collect();
    let nouns = [
        "account",
        "api",
        "audit",
        "change",
        "health",
        "invitation",
        "list",
        "oauth",
        "session",
        "tag",
        "task",
        "token",
        "trash",
        "user",
    ];
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let at = format!("{method} {path}");
        let id = operation["operationId"].as_str().expect(&at);
        assert!(ids.insert(id), "{id} twice");
        assert!(nouns.contains(&id.split('_').next().unwrap()), "{id}: noun first");
        let tag = operation["tags"][0].as_str().expect(&at);
        assert!(tags.contains(tag), "{at}: {tag}");
        let summary = operation["summary"].as_str().expect(&at);
        assert!(!summary.is_empty() && !summary.ends_with('.'), "{at}: {summary}");
        let statuses = operation["responses"].as_object().unwrap();
        assert!(statuses.keys().any(|status| status.starts_with('2')), "{at}");
        for (status, response) in statuses {
            let response = resolve(&document, response);
            assert!(
                !response["description"].as_str().unwrap().is_empty(),
                "{at} {status}"
            );
            assert!(response["headers"]["X-Request-Id"].is_object(), "{at} {status}");
            let mut content = response["content"].as_object().into_iter().flatten();
            let shown = content.next().map(|(_, it)| it["schema"]["$ref"].clone());
            let is_problem = shown == Some(json!("#/components/schemas/Problem"));
            let is_good = status.starts_with('2') || status == "304";
            assert_eq!(is_problem, !is_good, "{at} {status}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(!parameter["description"].as_str().unwrap().is_empty(), "{at}");
            assert!(parameter["schema"]["type"].is_string(), "{at}");
        }
        let in_path = path.matches('{').count();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let named = parameters.filter(|parameter| parameter["in"] == "path").count();
        assert_eq!(in_path, named, "{at}");
    }
}

#[tokio::test]
async fn the_headers_of_each_status_are_told() {
    let document = document_of(&[]).await;
    for (method, path, operation) in operations(&document) {
        let has = |status: &str, header: &str| {
            let response = &operation["responses"][status];
            let response = resolve(&document, response);
            response.is_null() || response["headers"][header].is_object()
        };
        for (status, header) in [
            ("401", "WWW-Authenticate"),
            ("429", "Retry-After"),
            ("429", "RateLimit"),
            ("429", "RateLimit-Policy"),
            ("503", "Retry-After"),
        ] {
            assert!(has(status, header), "{method} {path}: {status} {header}");
        }
        if operation["security"].is_array() {
            for status in ["401", "429"] {
                assert!(operation["responses"][status].is_object(), "{method} {path}");
            }
        }
        if operation["requestBody"].is_object() {
            for status in ["400", "413", "415", "422"] {
                assert!(operation["responses"][status].is_object(), "{method} {path}");
            }
        }
    }
    let headers = |path: &str, method: &str, status: &str| {
        let response = &document["paths"][path][method]["responses"][status];
        let names = response["headers"].as_object().unwrap().keys().cloned();
        names.collect::<BTreeSet<String>>()
    };
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let tasks = "/api/v1/tasks";
    let wanted: BTreeSet<String> =
        set(&["ETag", "Idempotency-Replayed", "Location", "X-Request-Id"]);
    assert_eq!(headers(tasks, "post", "201"), wanted);
    let wanted: BTreeSet<String> = set(&["Link", "X-Request-Id", "X-Total-Count"]);
    assert_eq!(headers(tasks, "get", "200"), wanted);
    let task = "/api/v1/tasks/{id}";
    assert_eq!(headers(task, "get", "200"), set(&["ETag", "X-Request-Id"]));
    let wanted = set(&["ETag", "Idempotency-Replayed", "X-Finished-Id", "X-Request-Id"]);
    assert_eq!(headers(task, "patch", "200"), wanted);
    let wanted = set(&["Idempotency-Replayed", "X-Deleted-Count", "X-Request-Id"]);
    assert_eq!(headers(task, "delete", "204"), wanted);
}

#[tokio::test]
async fn header_names_are_spelled_as_everywhere() {
    let document = document_of(&[]).await;
    let mut names = BTreeSet::new();
    walk("", &document, &mut |name, value| {
        if name == "headers" && value.is_object() {
            names.extend(value.as_object().unwrap().keys().map(String::as_str));
        }
    });
    let usual = [
        "Accept-Encoding",
        "ETag",
        "Idempotency-Replayed",
        "Link",
        "Location",
        "RateLimit",
        "RateLimit-Policy",
        "Retry-After",
        "Uid-Known",
        "WWW-Authenticate",
        "X-Deleted-Count",
        "X-Finished-Id",
        "X-Request-Id",
        "X-Total-Count",
    ];
    assert_eq!(names, BTreeSet::from(usual));
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_nothing_is_left_over() {
    let document = document_of(&[]).await;
    let mut used = BTreeSet::new();
    walk("", &document, &mut |name, value| {
        if let (true, Some(reference)) = (name == "$ref", value.as_str()) {
            used.insert(reference.to_owned());
        }
    });
    for reference in &used {
        let path = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(path).is_some(), "{reference} leads nowhere");
    }
    for kind in ["schemas", "responses", "headers"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(used.contains(&reference), "nobody uses {reference}");
        }
    }
}

#[tokio::test]
async fn every_body_has_an_example_that_fits_its_schema() {
    let document = document_of(&[]).await;
    let mut bodies = Vec::new();
    for (method, path, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        let responses =
            responses.iter().map(|(status, response)| (status.as_str(), response));
        let request = ("request", &operation["requestBody"]);
        for (part, holder) in responses.chain([request]) {
            let content = resolve(&document, holder)["content"].as_object();
            let content = content.into_iter().flatten();
            // Lines and events are documented in prose.
            let in_prose = ["application/x-ndjson", "text/event-stream"];
            for (media_type, content) in
                content.filter(|(media_type, _)| !in_prose.contains(&media_type.as_str()))
            {
                bodies.push((format!("{method} {path} {part} {media_type}"), content));
            }
        }
    }
    assert!(bodies.len() > 50);
    for (at, content) in bodies {
        let schema = resolve(&document, &content["schema"]);
        let schema = match schema["type"].as_str() {
            Some("array") => resolve(&document, &schema["items"]),
            _ => schema,
        };
        let example = [&content["example"], &schema["example"]];
        let example = example.into_iter().find(|example| example.is_object()).expect(&at);
        for name in schema["required"].as_array().into_iter().flatten() {
            assert!(example.get(name.as_str().unwrap()).is_some(), "{at}: {name}");
        }
        for name in example.as_object().unwrap().keys() {
            assert!(schema["properties"][name].is_object(), "{at}: {name}");
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let resolved = resolve(&document, property);
            // Accepted whatever its value is.
            let is_ignored = property["description"]
                .as_str()
                .is_some_and(|it| it.starts_with("Ignored"));
            let typed = resolved["type"].is_string()
                || resolved["allOf"].is_array()
                || is_ignored;
            assert!(typed, "{at}: {name} has no type");
        }
    }
}

#[tokio::test]
async fn what_the_server_refuses_the_document_rules_out() {
    let document = document_of(&[]).await;
    let schema = |name: &str| &document["components"]["schemas"][name];
    for name in ["UserRegister", "TaskCreate", "TaskPatch"] {
        assert_eq!(schema(name)["additionalProperties"], false, "{name}");
    }
    assert_eq!(schema("TaskCreate")["properties"]["title"]["minLength"], 1);
    assert_eq!(schema("TaskCreate")["properties"]["title"]["maxLength"], 255);
    assert_eq!(schema("TaskCreate")["properties"]["description"]["maxLength"], 2000);
    assert_eq!(schema("TaskCreate")["properties"]["description"]["nullable"], true);
    assert_eq!(schema("TaskPatch")["properties"]["description"]["nullable"], true);
    assert_ne!(schema("TaskPatch")["properties"]["title"]["nullable"], true);
    assert!(schema("TaskPatch")["required"].as_array().is_none_or(Vec::is_empty));
    assert_eq!(schema("UserRegister")["properties"]["email"]["format"], "email");
    assert_eq!(schema("UserRegister")["properties"]["password"]["minLength"], 8);
    assert_eq!(schema("UserRegister")["properties"]["password"]["maxLength"], 128);
    let parameters = document["paths"]["/api/v1/tasks"]["get"]["parameters"].clone();
    let limit =
        parameters.as_array().unwrap().iter().find(|p| p["name"] == "limit").unwrap();
    assert_eq!(limit["schema"]["maximum"].as_f64(), Some(200.0));
    assert_eq!(limit["schema"]["default"], 100);
    let patch =
        &document["paths"]["/api/v1/tasks/{id}"]["patch"]["requestBody"]["content"];
    let media_types: Vec<&String> = patch.as_object().unwrap().keys().collect();
    assert_eq!(media_types, ["application/json"]);
}

/// Regression: client generators failed on a reference with a bare description beside it, on operations that did not
/// say that they need no credential, and on numbers that may have 64 bits without a sign.
#[tokio::test]
async fn generators_of_clients_find_nothing_strange() {
    let document = document_of(&[]).await;
    walk("", &document, &mut |name, value| {
        if name == "allOf" && value.is_array() {
            let parts = value.as_array().unwrap();
            assert!(parts.iter().all(|part| part["$ref"].is_string()), "{value}");
        }
        assert!(name != "format" || *value != "uint64");
    });
    assert!(document["security"].as_array().is_some_and(Vec::is_empty));
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let is_answer = schema["additionalProperties"] != false;
        for (member, property) in schema["properties"].as_object().into_iter().flatten() {
            if is_answer && property["nullable"] == true {
                let required = schema["required"].as_array().unwrap();
                assert!(required.contains(&member.as_str().into()), "{name}: {member}");
            }
        }
    }
}

#[tokio::test]
async fn logging_in_is_found_under_the_prefix() {
    for (flag, prefix) in [
        ("--api-v1-prefix=/api/v1", "/api/v1"),
        ("--api-v1-prefix=/v2/", "/v2"),
        ("--api-v1-prefix=", ""),
    ] {
        let server = Server::with(&[flag]).await;
        let document = server.client.get("!/openapi.json").await.expect(StatusCode::OK);

        let scheme = &document["components"]["securitySchemes"]["oauth2"];
        assert_eq!(scheme["type"], "oauth2");
        let token_url = scheme["flows"]["password"]["tokenUrl"].as_str().unwrap();
        assert_eq!(token_url, format!("{prefix}/auth/login"));
        assert!(scheme["flows"]["password"]["scopes"].is_object());
        let ids = operations(&document).into_iter();
        let ids: Vec<&Value> =
            ids.map(|(_, _, operation)| &operation["operationId"]).collect();
        let unique: BTreeSet<&str> = ids.iter().map(|id| id.as_str().unwrap()).collect();
        assert_eq!(ids.len(), unique.len(), "{prefix}");

        // A client that follows the document can log in and create a task.
        let account =
            serde_json::json!({ "email": "jane@example.com", "password": "password123" });
        let register = format!("!{prefix}/auth/register");
        server.client.post(&register, account).await.expect(StatusCode::CREATED);
        let log_in = "username=jane@example.com&password=password123";
        let token = server.client.form(&format!("!{token_url}"), log_in).await;
        let token = token.expect(StatusCode::OK)["access_token"].clone();
        let jane = server.client.with_token(token.as_str().unwrap());
        let task = serde_json::json!({ "title": "a" });
        let answer = jane.post(&format!("!{prefix}/tasks"), task).await;
        let location = answer.header("location").unwrap().to_owned();
        assert_eq!(location, format!("{prefix}/tasks/1"));
        answer.expect(StatusCode::CREATED);
        jane.get(&format!("!{location}")).await.expect(StatusCode::OK);
        for health in ["", "/live", "/ready"] {
            let path = format!("!/health{health}");
            server.client.get(&path).await.expect(StatusCode::OK);
        }
        server.client.get(&format!("!{prefix}/health")).await.expect(StatusCode::OK);
        jane.post(&format!("!{prefix}/tasks"), serde_json::json!({ "title": "b" }))
            .await
            .expect(StatusCode::CREATED);
        let list = jane.get(&format!("!{prefix}/tasks?limit=1")).await;
        let next = format!("<{prefix}/tasks?skip=1&limit=1>; rel=\"next\"");
        assert_eq!(list.header("link"), Some(next.as_str()));
    }
}
