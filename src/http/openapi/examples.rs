//! Named request examples, beyond the single example of a schema.

use serde_json::{Value, json};

/// Adds the examples of an operation. The documentation pages preselect and send the first by name.
pub(super) fn add(operation: &mut Value) {
    let id = operation.get("operationId").and_then(Value::as_str);
    let Some(examples) = id.and_then(of) else { return };
    let content = operation.pointer_mut("/requestBody/content");
    let media = content.and_then(Value::as_object_mut).into_iter().flatten();
    for (_, media_type) in media {
        if let Some(media_type) = media_type.as_object_mut() {
            media_type.insert("examples".to_owned(), examples.clone());
        }
    }
}

fn of(operation: &str) -> Option<Value> {
    let example =
        |summary: &str, value: Value| json!({ "summary": summary, "value": value });
    Some(match operation {
        "task_create" => json!({
            "day": example("A task due on a day", json!({
                "title": "Ship portfolio",
                "description": "Polish the README",
                "due": "2026-12-01",
                "priority": "high",
                "tags": ["work"],
            })),
            "moment": example("A task due at a time, in a time zone", json!({
                "title": "Café with Zoë",
                "due": "2026-12-03T10:30:00+01:00[Europe/Berlin]",
            })),
            "rule": example("A recurring task", json!({
                "title": "Water the plants",
                "due": "2026-12-07",
                "recurrence": "FREQ=WEEKLY;BYDAY=MO,TH",
            })),
        }),
        "task_patch" => json!({
            "complete": example("Complete the task", json!({ "completed": true })),
            "moment": example("Change the due date to a time, in a time zone", json!({
                "due": "2026-12-03T10:30:00+01:00[Europe/Berlin]",
            })),
            "rule": example("Repeat on the last Friday of every month", json!({
                "due": "2026-12-25",
                "recurrence": "FREQ=MONTHLY;BYDAY=-1FR",
            })),
        }),
        "task_batch" => json!({
            "make": example("Create two tasks", json!({
                "operations": [
                    { "op": "create", "task": { "title": "Buy milk" } },
                    { "op": "create", "task": { "title": "Bake bread" } },
                ],
            })),
            "tidy": example("Change, complete, move and delete existing tasks", json!({
                "operations": [
                    { "op": "patch", "id": 1, "task": { "tags": ["home"] }, "if_match": "\"1\"" },
                    { "op": "complete", "id": 2 },
                    { "op": "move", "id": 3, "to": "first" },
                    { "op": "delete", "id": 4, "if_match": "\"1\"" },
                ],
                "atomic": true,
            })),
        }),
        _ => return None,
    })
}
