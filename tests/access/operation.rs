//! Every operation, with a valid request.

use crate::harness::{Answer, Client};

/// Access that an operation requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Nothing,
    /// Any valid credential.
    Credential,
    /// A session, or a token with this scope.
    Scope(&'static str),
    /// A session of an administrator.
    Admin,
}

/// One operation, with a valid request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) need: Need,
    /// Media type and body that the operation accepts.
    pub(crate) body: Option<(&'static str, &'static str)>,
}

const fn is(method: &'static str, path: &'static str, need: Need) -> Operation {
    Operation { method, path, need, body: None }
}

const fn json(body: &'static str, operation: Operation) -> Operation {
    Operation { body: Some(("application/json", body)), ..operation }
}

const fn form(body: &'static str, operation: Operation) -> Operation {
    Operation { body: Some(("application/x-www-form-urlencoded", body)), ..operation }
}

const ACCOUNT: Need = Need::Scope("account");
const READ: Need = Need::Scope("tasks:read");
const WRITE: Need = Need::Scope("tasks:write");

/// All operations. A new operation must be added here, or the tests of this folder fail.
pub(crate) static OPERATIONS: [Operation; 56] = [
    is("GET", "/health", Need::Nothing),
    is("GET", "/health/live", Need::Nothing),
    is("GET", "/health/ready", Need::Nothing),
    is("GET", "/api/v1/health", Need::Nothing),
    is("GET", "/.well-known/oauth-authorization-server", Need::Nothing),
    json(
        r#"{"email":"new@example.com","password":"password123"}"#,
        is("POST", "/api/v1/auth/register", Need::Nothing),
    ),
    form(
        "username=new@example.com&password=password123",
        is("POST", "/api/v1/auth/login", Need::Nothing),
    ),
    form(
        "grant_type=refresh_token&refresh_token=x",
        is("POST", "/api/v1/auth/refresh", Need::Nothing),
    ),
    form("token=x", is("POST", "/api/v1/auth/revoke", Need::Nothing)),
    is("POST", "/api/v1/auth/logout", Need::Credential),
    is("POST", "/api/v1/auth/logout-all", ACCOUNT),
    is("GET", "/api/v1/auth/sessions", ACCOUNT),
    is("DELETE", "/api/v1/auth/sessions/{id}", ACCOUNT),
    is("GET", "/api/v1/auth/me", Need::Credential),
    json(r#"{"display_name":"J"}"#, is("PATCH", "/api/v1/auth/me", ACCOUNT)),
    json(r#"{"password":"password123"}"#, is("DELETE", "/api/v1/auth/me", ACCOUNT)),
    is("GET", "/api/v1/auth/me/export", ACCOUNT),
    json(
        r#"{"current_password":"password123","new_password":"password124"}"#,
        is("POST", "/api/v1/auth/password", ACCOUNT),
    ),
    json(
        r#"{"name":"a","scopes":["account"]}"#,
        is("POST", "/api/v1/auth/tokens", ACCOUNT),
    ),
    is("GET", "/api/v1/auth/tokens", ACCOUNT),
    is("DELETE", "/api/v1/auth/tokens/{id}", ACCOUNT),
    is("GET", "/api/v1/admin/users", Need::Admin),
    json(
        r#"{"email":"made@example.com","password":"password123"}"#,
        is("POST", "/api/v1/admin/users", Need::Admin),
    ),
    is("GET", "/api/v1/admin/users/{id}", Need::Admin),
    json(r#"{"disabled":true}"#, is("PATCH", "/api/v1/admin/users/{id}", Need::Admin)),
    is("DELETE", "/api/v1/admin/users/{id}", Need::Admin),
    is("DELETE", "/api/v1/admin/users/{id}/sessions", Need::Admin),
    json("{}", is("POST", "/api/v1/admin/invitations", Need::Admin)),
    is("GET", "/api/v1/admin/invitations", Need::Admin),
    is("DELETE", "/api/v1/admin/invitations/{id}", Need::Admin),
    is("GET", "/api/v1/admin/audit", Need::Admin),
    is("GET", "/api/v1/tasks", READ),
    json(r#"{"title":"a"}"#, is("POST", "/api/v1/tasks", WRITE)),
    is("GET", "/api/v1/tasks/{id}", READ),
    json(r#"{"title":"stolen"}"#, is("PATCH", "/api/v1/tasks/{id}", WRITE)),
    is("DELETE", "/api/v1/tasks/{id}", WRITE),
    is("POST", "/api/v1/tasks/{id}/complete", WRITE),
    is("POST", "/api/v1/tasks/{id}/skip", WRITE),
    json(r#"{"to":"first"}"#, is("POST", "/api/v1/tasks/{id}/move", WRITE)),
    json(
        r#"{"operations":[{"op":"create","task":{"title":"a"}}]}"#,
        is("POST", "/api/v1/tasks/batch", WRITE),
    ),
    is("GET", "/api/v1/tasks/changes", READ),
    is("GET", "/api/v1/events", READ),
    is("POST", "/api/v1/events/ticket", READ),
    is("GET", "/api/v1/tasks/counts", READ),
    is("GET", "/api/v1/tags", READ),
    is("GET", "/api/v1/lists", READ),
    json(r#"{"name":"a"}"#, is("POST", "/api/v1/lists", WRITE)),
    is("GET", "/api/v1/lists/{id}", READ),
    json(r#"{"name":"stolen"}"#, is("PATCH", "/api/v1/lists/{id}", WRITE)),
    is("DELETE", "/api/v1/lists/{id}", WRITE),
    is("GET", "/api/v1/tasks/{id}/history", READ),
    is("POST", "/api/v1/tasks/{id}/restore", WRITE),
    is("GET", "/api/v1/trash", READ),
    is("DELETE", "/api/v1/trash", WRITE),
    is("DELETE", "/api/v1/trash/{id}", WRITE),
    json(r#"{"batch":2,"skip":true}"#, is("POST", "/api/v1/undo", WRITE)),
];

impl Operation {
    /// Calls the operation, with this id if its path has one.
    pub(crate) async fn call(&self, client: &Client, id: impl ToString) -> Answer {
        let path = self.path.replace("{id}", &id.to_string());
        let path = format!("!{path}{}", self.query());
        let (media_type, body) = self.body.unzip();
        let method = self.method.parse().unwrap();
        client.send(method, &path, media_type, body.unwrap_or_default()).await
    }

    /// Returns the query without which the operation is refused, with its question mark.
    pub(crate) fn query(&self) -> &'static str {
        match (self.method, self.path) {
            ("DELETE", "/api/v1/lists/{id}") => "?tasks=move",
            _ => "",
        }
    }

    /// Returns whether the operation is about one item that belongs to an account.
    pub(crate) fn is_about_own(&self) -> bool {
        self.path.contains("{id}") && self.need != Need::Admin
    }
}

/// Returns the operations that require a credential.
pub(crate) fn guarded() -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter().filter(|operation| operation.need != Need::Nothing)
}
