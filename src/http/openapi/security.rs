//! Security schemes and scopes of operations.

use serde_json::{Map, Value, json};

use crate::auth::permission;
use crate::domain::permission::Need;
use crate::domain::scope::Scope;

const OAUTH2: &str = "oauth2";
/// Name that sorts after `oauth2`, the scheme for users.
const BEARER: &str = "personal_token";

/// Replaces the name of a permission by the schemes that can grant it. Personal tokens, where accepted, use the bearer
/// scheme. Returns the requirements of the permission.
pub(super) fn mend(operation: &mut Value) -> Option<&'static Need> {
    let named = operation.pointer("/security/0").and_then(Value::as_object);
    let need = named.and_then(|named| {
        permission::ALL.iter().find(|need| named.contains_key(need.name))
    })?;
    let scopes: Vec<&str> = need.scope.iter().map(|scope| scope.as_str()).collect();
    let by_log_in = json!({ OAUTH2: scopes });
    let security =
        if need.log_in { json!([by_log_in]) } else { json!([by_log_in, { BEARER: [] }]) };
    let scope = scopes.first().map(|scope| format!("Scope: `{scope}`."));
    let role = need.admin.then(|| "Role: `admin`. Requires a log-in.".to_owned());
    if let (Some(members), Some(note)) = (operation.as_object_mut(), scope.or(role)) {
        let text = members.get("description").and_then(Value::as_str);
        let text = text.map_or_else(|| note.clone(), |text| format!("{text}\n\n{note}"));
        members.insert("description".to_owned(), text.into());
    }
    if let Some(members) = operation.as_object_mut() {
        members.insert("security".to_owned(), security);
    }
    Some(need)
}

/// Returns the security schemes.
pub(super) fn schemes(prefix: &str) -> Value {
    let scopes: Map<String, Value> = Scope::ALL
        .into_iter()
        .map(|scope| (scope.as_str().to_owned(), told(scope).into()))
        .collect();
    json!({
        OAUTH2: {
            "type": "oauth2",
            "description": "Log in with email (as `username`) and password. A session has all scopes unless its log-in requested fewer.",
            "flows": {
                "password": {
                    "tokenUrl": format!("{prefix}/auth/login"),
                    "refreshUrl": format!("{prefix}/auth/refresh"),
                    "scopes": scopes,
                },
            },
        },
        BEARER: {
            "type": "http",
            "scheme": "bearer",
            "description": "A personal token, or an access token from a log-in.",
        },
    })
}

/// Prefixes the token URLs with a path, for clients that see the server below it.
pub(super) fn move_below(document: &mut Value, root: &str) {
    for member in ["tokenUrl", "refreshUrl"] {
        let place =
            format!("/components/securitySchemes/{OAUTH2}/flows/password/{member}");
        if let Some(Value::String(url)) = document.pointer_mut(&place) {
            url.insert_str(0, root);
        }
    }
}

const fn told(scope: Scope) -> &'static str {
    match scope {
        Scope::TasksRead => "Read tasks",
        Scope::TasksWrite => {
            "Create, change and delete tasks. Responses include the tasks that a request names"
        }
        Scope::Account => "Manage the account: profile, password, sessions and tokens",
    }
}
