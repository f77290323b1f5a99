//! Schemas of batch operations, one for each operation.
//!
//! The server parses all of them into one type, so that it can report every invalid member. Generated clients need to
//! know which members belong to which operation.

use serde_json::{Map, Value, json};

use crate::http::tasks::Op;

const OPERATION: &str = "TaskOperation";

/// Splits the schema of `TaskOperation` by `op`.
pub(super) fn mend(schemas: &mut Map<String, Value>) {
    let Some(all) = schemas.remove(OPERATION) else { return };
    schemas.remove("Op");
    let (mut choices, mut mapping) = (Vec::new(), Map::new());
    for op in Op::ALL {
        let op = op.takes().op;
        let reference = format!("#/components/schemas/{}", name(op));
        choices.push(json!({ "$ref": reference }));
        mapping.insert(op.to_owned(), reference.into());
    }
    for op in Op::ALL {
        schemas.insert(name(op.takes().op), one(op, &all));
    }
    let choice = json!({
        "title": OPERATION,
        "description": "One operation of a batch. `op` selects its type.",
        "oneOf": choices,
        "discriminator": { "propertyName": "op", "mapping": mapping },
    });
    schemas.insert(OPERATION.to_owned(), choice);
}

/// Returns the schema of one operation, from the schema with the members of all.
fn one(op: Op, all: &Value) -> Value {
    let takes = op.takes();
    let (required, possible) = (takes.required.iter(), takes.possible.iter());
    let members = required.clone().chain(possible).filter_map(|member| {
        let property = all.pointer(&format!("/properties/{member}"))?.clone();
        Some(((*member).to_owned(), property))
    });
    let mut properties: Map<String, Value> = members.collect();
    let kind = json!({ "type": "string", "enum": [takes.op] });
    properties.insert("op".to_owned(), kind);
    if let Some(task) = properties.get_mut("task") {
        let of = if matches!(op, Op::Create) { "TaskCreate" } else { "TaskPatch" };
        *task = json!({ "$ref": format!("#/components/schemas/{of}") });
    }
    let required: Vec<&str> = ["op"].into_iter().chain(required.copied()).collect();
    json!({
        "type": "object",
        "title": name(takes.op),
        "description": told(op),
        "required": required,
        "properties": properties,
        "additionalProperties": false,
    })
}

const fn told(op: Op) -> &'static str {
    match op {
        Op::Create => "Create a task.",
        Op::Patch => "Change a task.",
        Op::Complete => "Complete a task.",
        Op::Skip => "Skip an occurrence of a recurring task.",
        Op::Move => {
            "Move a task: takes exactly one of `to`, `before`, `after`, `before_uid` and `after_uid`."
        }
        Op::Delete => "Delete a task and its descendants.",
        Op::Restore => "Restore a deleted task and its descendants.",
    }
}

fn name(op: &str) -> String {
    let (first, rest) = op.split_at_checked(1).unwrap_or((op, ""));
    format!("Task{}{rest}Operation", first.to_ascii_uppercase())
}
