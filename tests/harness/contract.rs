//! Checks of responses against the OpenAPI document.

use std::sync::LazyLock;

use clap::Parser as _;
use hyper::StatusCode;
use serde_json::Value;

use super::server::Arguments;

/// Document of a server with default settings.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let arguments = Arguments::parse_from(["duly", "--database-url=redb:///nowhere"]);
    let config = arguments.options.check().unwrap();
    duly::http::document(&config.project_name, &config.api_prefix)
});

/// Operation of a request, if there is one.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let method = if method == "HEAD" { "get" } else { method };
    let fits = |pattern: &str| {
        let (wanted, found) = (pattern.split('/'), path.split('/'));
        wanted.clone().count() == found.clone().count()
            && wanted.zip(found).all(|(w, f)| w == f || w.starts_with('{'))
    };
    let mut paths = DOCUMENT["paths"].as_object()?.iter();
    let (_, operations) = paths.find(|(pattern, _)| fits(pattern))?;
    operations.get(method.to_ascii_lowercase())
}

fn resolve(value: &'static Value) -> &'static Value {
    // Reference with a description beside it.
    let value = value["allOf"].get(0).unwrap_or(value);
    match value["$ref"].as_str() {
        Some(reference) => {
            DOCUMENT.pointer(reference.strip_prefix('#').unwrap()).unwrap()
        }
        None => value,
    }
}

/// Page that lists every code.
static ERRORS: &str = include_str!("../../src/http/docs/pages/errors.md");

/// Panics if a response is not in the document.
pub(super) fn check(
    asked: &str,
    status: StatusCode,
    content_type: Option<&str>,
    body: &Value,
) {
    if let Some(code) = body["code"].as_str().filter(|_| status.as_u16() >= 400) {
        assert!(ERRORS.contains(&format!("\n| `{code}` | ")), "{asked}: {code} is new");
    }
    let (method, path) = asked.split_once(' ').unwrap();
    let Some(operation) = operation(method, path) else { return };
    let response = &operation["responses"][status.as_str()];
    assert!(response.is_object(), "{asked}: {status} is new: {body}");
    let content = &resolve(response)["content"];
    if body.is_null() || method == "HEAD" {
        return;
    }
    let content = &content[content_type.unwrap_or_default()];
    assert!(content.is_object(), "{asked}: {status} as {content_type:?} is new");
    members_are_known(asked, &content["schema"], body);
}

/// Checks that every member is in the schema and of its type, and that every required one is present.
fn members_are_known(asked: &str, schema: &'static Value, value: &Value) {
    let is_nullable = schema["nullable"] == true;
    let schema = resolve(schema);
    if schema["type"].is_null() {
        // Any value.
        return;
    }
    let fits = match value {
        Value::Null => is_nullable,
        Value::Bool(_) => schema["type"] == "boolean",
        Value::Number(_) => schema["type"] == "integer",
        Value::String(_) => schema["type"] == "string",
        Value::Array(_) => schema["type"] == "array",
        Value::Object(_) => schema["type"] == "object",
    };
    assert!(fits, "{asked}: {value} is no {schema}");
    let choices = schema["enum"].as_array();
    assert!(choices.is_none_or(|choices| choices.contains(value)), "{asked}: {value}");
    if let Value::Array(items) = value {
        for item in items {
            members_are_known(asked, &schema["items"], item);
        }
    }
    let Value::Object(members) = value else { return };
    for (name, value) in members {
        let property = &schema["properties"][name];
        assert!(property.is_object(), "{asked}: {name} is new");
        members_are_known(asked, property, value);
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(members.contains_key(name.as_str().unwrap()), "{asked}: no {name}");
    }
}
