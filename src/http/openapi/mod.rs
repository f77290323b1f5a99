//! OpenAPI document ([3.0.3](https://spec.openapis.org/oas/v3.0.3)).
//!
//! poem-openapi generates most of it from the handlers. This module adds or corrects the rest for all operations: full
//! paths, the token URL, operations without credentials, problems and their headers, `required` and
//! `additionalProperties`, references, links, the spelling of header names.

mod batch;
mod examples;
mod guides;
mod idempotency;
mod links;
mod order;
mod problems;
mod samples;
mod schemas;
mod security;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

const DESCRIPTION: &str = "Register, log in and keep a private list of tasks.\n\n\
    Errors are `application/problem+json` (RFC 9457). Errors of log-in, refresh and revocation are `application/json`, \
    as OAuth 2 requires. `detail` is for people, `code` is for programs, and `errors` lists all rejected fields. \
    A task of another account is reported as not found. \
    A change is on disk before its 2xx response is sent. A request with an `Idempotency-Key` can be retried and is \
    carried out once.";

/// Tag of health checks, which accept any parameters that a probe sends.
pub(super) const HEALTH: &str = "Health";

/// Operations by which OAuth 2 clients obtain or revoke tokens.
pub(super) const OAUTH: [&str; 3] =
    ["session_login", "session_refresh", "session_revoke"];

/// Generates the document of an API with this title, below this path.
pub fn document(title: &str, api_prefix: &str) -> Value {
    let base = parse(&super::base_service().spec());
    let root = parse(&super::root_service().spec());
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for (prefix, part) in [(api_prefix, &base), ("", &root)] {
        for (path, operations) in members(part.get("paths")) {
            paths.insert(format!("{prefix}{path}"), operations.clone());
        }
        for (name, schema) in members(part.pointer("/components/schemas")) {
            schemas.insert(name.clone(), schema.clone());
        }
    }
    for (name, schema) in &mut schemas {
        schemas::mend(name, schema);
    }
    batch::mend(&mut schemas);
    schemas.insert("Problem".to_owned(), problems::schema());
    let mut used = BTreeSet::new();
    for (method, operation) in
        paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::iter_mut)
    {
        mend_responses(operation);
        mend_parameters(operation);
        examples::add(operation);
        let need = security::mend(operation);
        if idempotency::is_for(method, operation) {
            idempotency::add(operation);
        }
        problems::add(method, operation, need, &mut used);
    }
    links::add(&mut paths);
    samples::add(api_prefix, &mut paths, &schemas);

    let mut document = json!({
        "openapi": "3.0.3",
        "info": {
            "title": title,
            "description": guides::description(DESCRIPTION),
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT", "url": "https://opensource.org/license/mit" },
        },
        "servers": [{ "url": "/" }],
        "tags": order::tags(base.get("tags"), root.get("tags")),
        // Operations without `security` need no credential.
        "security": [],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": problems::responses(&used),
            "headers": problems::headers(),
            "securitySchemes": security::schemes(api_prefix),
        },
    });
    schemas::mend_all(&mut document);
    document
}

/// Adapts a document for clients that see the server below this path.
pub(super) fn move_below(document: &mut Value, root: &str) {
    if let Some(url) = document.pointer_mut("/servers/0/url") {
        *url = root.into();
    }
    security::move_below(document, root);
    guides::move_below(document, root);
}

/// Serializes the document as JSON.
pub(super) fn to_json(document: &Value) -> Vec<u8> {
    serde_json::to_vec(&order::Ordered::new(document)).unwrap_or_default()
}

/// Serializes the document as YAML.
pub fn to_yaml(document: &Value) -> String {
    serde_yaml::to_string(&order::Ordered::new(document)).unwrap_or_default()
}

fn is_health_check(operation: &Value) -> bool {
    operation.get("tags") == Some(&json!([HEALTH]))
}

fn speaks_oauth(operation: &Value) -> bool {
    let id = operation.get("operationId").and_then(Value::as_str);
    id.is_some_and(|id| OAUTH.contains(&id))
}

/// Returns the names of the headers that several responses share.
pub(super) fn shared_headers() -> Vec<String> {
    members(Some(&problems::headers())).map(|(name, _)| name.clone()).collect()
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

/// Marks repeatable parameters as optional, and those that a handler checks by itself and describes as required as such.
fn mend_parameters(operation: &mut Value) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten().filter_map(Value::as_object_mut) {
        let many = parameter.get("schema").and_then(|schema| schema.get("type"));
        if many == Some(&json!("array")) {
            parameter.insert("required".to_owned(), json!(false));
        }
        let text = parameter.get("description").and_then(Value::as_str);
        if text.is_some_and(|text| text.starts_with("Required: ")) {
            parameter.insert("required".to_owned(), json!(true));
        }
    }
}

/// Gives header names their usual spelling, and adds `X-Request-Id` to every response.
fn mend_responses(operation: &mut Value) {
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut)
    else {
        return;
    };
    for response in responses.values_mut().filter_map(Value::as_object_mut) {
        let mut headers = Map::new();
        headers.insert("X-Request-Id".to_owned(), problems::header_ref("X-Request-Id"));
        for (name, header) in members(response.get("headers")) {
            headers.insert(usual_spelling(name), header.clone());
        }
        response.insert("headers".to_owned(), Value::Object(headers));
    }
}

/// Returns a header name with capitals, as documents and people write it.
pub(super) fn usual_spelling(name: &str) -> String {
    if name.eq_ignore_ascii_case("etag") {
        return "ETag".to_owned();
    }
    let words = name.split('-').map(|word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        format!("{}{}", first.to_ascii_uppercase(), rest.to_ascii_lowercase())
    });
    words.collect::<Vec<_>>().join("-")
}
