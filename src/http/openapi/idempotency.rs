//! `Idempotency-Key` parameter of operations that change data.

use serde_json::{Value, json};

use super::super::idempotency::{KEY, MAX_KEY};
use super::problems::header_ref;

/// Header that marks a replayed response.
pub(super) const REPLAYED: &str = "Idempotency-Replayed";

const TOLD: &str = "Key that makes the request safe to retry. For 24 hours, the same request with the same key gets \
    the stored response, marked by `Idempotency-Replayed`; another request with the key gets 409. A rejected request \
    changes nothing and is not stored, so a corrected request may use the same key. Keys belong to one account. Use a \
    new key, such as a UUID, for each operation. Quotes around the key are optional. A retry needs a valid credential: \
    if the request ended its own credential, the retry gets 401.";

/// Operations without a key. Deleting one's own account ends the credential that a repeat would need, and a ticket expires
/// before a repeat would be of use.
const WITHOUT: [&str; 2] = ["user_leave", "task_events_ticket"];

/// Whether an operation takes a key.
pub(super) fn is_for(method: &str, operation: &Value) -> bool {
    let id = operation.get("operationId").and_then(Value::as_str);
    matches!(method, "post" | "patch" | "delete")
        && !id.is_some_and(|id| WITHOUT.contains(&id))
}

/// Adds the key to the parameters of an operation, and `Idempotency-Replayed` to its responses.
pub(super) fn add(operation: &mut Value) {
    let Some(members) = operation.as_object_mut() else { return };
    let plain = format!(r"[!#-\[\]-~]{{1,{MAX_KEY}}}");
    let pattern = format!("^({plain}|\"{plain}\")$");
    let key = json!({
        "name": KEY,
        "in": "header",
        "description": TOLD,
        "required": false,
        "schema": { "type": "string", "pattern": pattern },
    });
    let parameters = members.entry("parameters").or_insert_with(|| json!([]));
    if let Some(parameters) = parameters.as_array_mut() {
        parameters.push(key);
    }
    let responses = members.get_mut("responses").and_then(Value::as_object_mut);
    for (_, response) in responses.into_iter().flatten() {
        if let Some(headers) = response.get_mut("headers").and_then(Value::as_object_mut)
        {
            headers.insert(REPLAYED.to_owned(), header_ref(REPLAYED));
        }
    }
}
