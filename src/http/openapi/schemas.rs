//! Corrections to poem-openapi's schemas.

use serde_json::{Map, Value, json};

use crate::http::format;

/// Request objects that refuse unknown members.
const STRICT: [&str; 15] = [
    "UserRegister",
    "ProfilePatch",
    "PasswordChange",
    "PasswordProof",
    "TokenCreate",
    "AccountCreate",
    "AccountPatch",
    "InvitationCreate",
    "ListCreate",
    "ListPatch",
    "TaskCreate",
    "TaskPatch",
    "TaskMoveBody",
    "TaskBatchBody",
    "TaskOperation",
];

/// Request objects sent as forms.
const FORMS: [&str; 3] = ["Login", "Refresh", "Revocation"];

/// Forbids unknown members of requests, requires nullable members of responses, and removes absent members from
/// examples.
pub(super) fn mend(name: &str, schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else { return };
    if STRICT.contains(&name) {
        members.insert("additionalProperties".to_owned(), json!(false));
    } else {
        require_nullable(members);
    }
    let required = members.get("required").cloned().unwrap_or_default();
    let is_required = |name: &String| {
        required.as_array().is_some_and(|names| names.iter().any(|it| it == name))
    };
    if let Some(example) = members.get_mut("example").and_then(Value::as_object_mut) {
        example.retain(|name, value| !value.is_null() || is_required(name));
    }
    if FORMS.contains(&name) {
        show_each(members);
    }
}

/// Gives each member its part of the example: Swagger UI prefills a form only from these.
fn show_each(schema: &mut Map<String, Value>) {
    let Some(Value::Object(example)) = schema.get("example").cloned() else { return };
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        if let (Some(value), Some(property)) =
            (example.get(name), property.as_object_mut())
            && !property.contains_key("$ref")
        {
            property.insert("example".to_owned(), value.clone());
        }
    }
}

/// Marks nullable members of responses as required: a response never omits them. Otherwise generated clients would have
/// to distinguish null from absent for no reason.
fn require_nullable(schema: &mut Map<String, Value>) {
    let nullable: Vec<Value> = super::members(schema.get("properties"))
        .filter(|(_, property)| property.get("nullable") == Some(&json!(true)))
        .map(|(name, _)| name.clone().into())
        .collect();
    if nullable.is_empty() {
        return;
    }
    let required = schema.entry("required").or_insert_with(|| json!([]));
    if let Some(required) = required.as_array_mut() {
        required.extend(nullable);
    }
}

/// Corrects a value and everything below it.
pub(super) fn mend_all(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(mend_all),
        Value::Object(members) => {
            members.values_mut().for_each(mend_all);
            mend_format(members);
            hide_format(members);
            mend_choice(members);
            mend_reference(members);
        }
        _ => {}
    }
}

/// Replaces `uint64` by `int64`: no number needs the 64th bit, and many generators know only `int64`.
fn mend_format(schema: &mut Map<String, Value>) {
    if let Some(format) = schema.get_mut("format").filter(|format| *format == "uint64") {
        *format = json!("int64");
    }
}

/// Replaces an `anyOf` with one choice by that choice.
fn mend_choice(schema: &mut Map<String, Value>) {
    let is_one = |choice: &Value| choice.as_array().is_some_and(|of| of.len() == 1);
    let Some(choice) = schema.remove("anyOf").filter(is_one) else { return };
    match choice.pointer("/0/$ref") {
        Some(reference) if schema.is_empty() => {
            schema.insert("$ref".to_owned(), reference.clone());
        }
        _ => {
            schema.insert("allOf".to_owned(), choice);
        }
    }
}

/// Removes the formats that are internal to this program.
fn hide_format(schema: &mut Map<String, Value>) {
    let is_internal = |value: &Value| value.as_str().is_some_and(format::is_internal);
    schema.retain(|name, value| name != "format" || !is_internal(value));
}

/// Reduces an `allOf` to its references and moves other parts, such as a description or default, beside it: some
/// generators cannot merge a second part with an enum.
fn mend_reference(schema: &mut Map<String, Value>) {
    let Some(parts) = schema.get_mut("allOf").and_then(Value::as_array_mut) else {
        return;
    };
    let said: Vec<Value> =
        parts.extract_if(.., |part| part.get("$ref").is_none()).collect();
    for (name, value) in said.iter().filter_map(Value::as_object).flatten() {
        schema.insert(name.clone(), value.clone());
    }
}
