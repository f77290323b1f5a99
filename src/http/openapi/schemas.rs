//! What poem-openapi's schemas leave unsaid.

use serde_json::{Value, json};

/// Objects that are sent to the server and refuse members that they do not name.
const STRICT: [&str; 10] = [
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
];

/// Says that no other members are taken, and frees examples of members that are absent.
pub(super) fn mend(name: &str, schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else { return };
    if STRICT.contains(&name) {
        members.insert("additionalProperties".to_owned(), json!(false));
    }
    if let Some(example) = members.get_mut("example").and_then(Value::as_object_mut) {
        example.retain(|_, value| !value.is_null());
    }
}
