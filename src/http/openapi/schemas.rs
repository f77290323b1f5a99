//! What poem-openapi's schemas leave unsaid.

use serde_json::{Map, Value, json};

use crate::http::format;

/// Objects that are sent to the server and refuse members that they do not name.
const STRICT: [&str; 13] = [
    "UserRegister",
    "ProfilePatch",
    "PasswordChange",
    "PasswordProof",
    "TokenCreate",
    "AccountCreate",
    "AccountPatch",
    "InvitationCreate",
    "TaskCreate",
    "TaskPatch",
    "TaskMoveBody",
    "TaskBatchBody",
    "TaskOperation",
];

/// Objects that are sent as forms.
const FORMS: [&str; 3] = ["Login", "Refresh", "Revocation"];

/// Says that no other members are taken, that members of answers are there even if they are null, and frees
/// examples of members that are absent.
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

/// Gives each member its part of the example: Swagger UI fills in a form from these alone.
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

/// What an answer leaves out is never said to be null, so what may be null is never left out. Clients that are
/// made from the document would have to tell the two apart for nothing.
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

/// Mends whatever stands anywhere below.
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

/// No number here needs the 64th bit, and many generators know only this name of those that need more than 32.
fn mend_format(schema: &mut Map<String, Value>) {
    if let Some(format) = schema.get_mut("format").filter(|format| *format == "uint64") {
        *format = json!("int64");
    }
}

/// A choice of one is no choice.
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

/// Hides the formats that only this program knows.
fn hide_format(schema: &mut Map<String, Value>) {
    let is_internal = |value: &Value| value.as_str().is_some_and(format::is_internal);
    schema.retain(|name, value| name != "format" || !is_internal(value));
}

/// A description or a default beside a reference takes an `allOf` of the reference and nothing else: a second part,
/// which only says these again, is one that some generators cannot join with an enum.
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
