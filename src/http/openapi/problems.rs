//! Which problems an operation can answer with, and what they look like.
//!
//! Derived from the operation itself (does it need a token, does it take a body, does it write), so that a
//! new operation cannot forget one.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::once;

struct Kind {
    status: &'static str,
    name: &'static str,
    when: &'static str,
    code: &'static str,
    headers: &'static [&'static str],
}

const KINDS: [Kind; 17] = [
    kind(
        "400",
        "BadRequest",
        "Not JSON at all, two credentials at once, a `Host` that is missing or no host, or a refresh token that is not, or no longer, good.",
        "malformed",
        &[],
    ),
    kind(
        "401",
        "Unauthorized",
        "No credential, or one that is not, or no longer, good.",
        "invalid_token",
        &["WWW-Authenticate"],
    ),
    kind(
        "403",
        "Forbidden",
        "The credential is good, but not for this: `detail` names the scope or role that is missing. With `quota_exceeded` the account holds as much as it may, and `detail` says of what; with `registration_full` the server has as many accounts as it may have.",
        "insufficient_scope",
        &[],
    ),
    kind(
        "404",
        "NotFound",
        "There is no such thing, or it is not yours.",
        "not_found",
        &[],
    ),
    kind(
        "408",
        "RequestTimeout",
        "The body took too long to come.",
        "body_too_slow",
        &[],
    ),
    kind(
        "409",
        "Conflict",
        "The email is already registered, this is the last administrator, or there are too many already, or the idempotency key was that of another request.",
        "email_taken",
        &[],
    ),
    kind(
        "412",
        "PreconditionFailed",
        "The task has changed since: `task` is what it is now. Of a batch, `results` says which.",
        "changed_since",
        &[],
    ),
    kind("413", "PayloadTooLarge", "The body is too large.", "body_too_large", &[]),
    kind(
        "415",
        "UnsupportedMediaType",
        "The body is of another type, or it is compressed.",
        "unsupported_media_type",
        &["Accept-Encoding"],
    ),
    kind(
        "422",
        "Unprocessable",
        "Fields were refused; `errors` names each. With `answer_too_large` nothing was done, since the answer would be too long to be kept under the idempotency key.",
        "invalid",
        &[],
    ),
    kind(
        "428",
        "PreconditionRequired",
        "The server is set to change tasks only for those who say which revision they mean, in `If-Match`.",
        "if_match_required",
        &[],
    ),
    kind(
        "429",
        "TooManyRequests",
        "Too many attempts, or too many requests with one credential.",
        "throttled",
        &["Retry-After", "RateLimit", "RateLimit-Policy"],
    ),
    kind("431", "HeaderTooLarge", "The header is too large.", "header_too_large", &[]),
    kind(
        "500",
        "Internal",
        "The server has a bug, or its data is damaged.",
        "internal",
        &[],
    ),
    kind(
        "501",
        "NotImplemented",
        "The body has a transfer coding other than chunked.",
        "unsupported_transfer_coding",
        &[],
    ),
    kind(
        "503",
        "Unavailable",
        "Busy, stopping, or out of order. With `account_busy` it is this account that takes all that it may. With `outcome_unknown` the write may have been done.",
        "unavailable",
        &["Retry-After"],
    ),
    kind(
        "507",
        "InsufficientStorage",
        "The disk is full, or nearly full and the account holds over a tenth of what is stored. Deleting goes on.",
        "disk_full",
        &[],
    ),
];

impl Kind {
    /// The name of the problem in the document. Those of OAuth 2 have another media type.
    fn name(&self, is_oauth: bool) -> String {
        format!("{}{}", if is_oauth { "OAuth" } else { "" }, self.name)
    }

    fn response(&self, is_oauth: bool) -> Value {
        let mut headers = Map::new();
        for name in ["X-Request-Id"].iter().chain(self.headers) {
            headers.insert((*name).to_owned(), header_ref(name));
        }
        let media_type =
            if is_oauth { "application/json" } else { "application/problem+json" };
        let content = json!({
            media_type: {
                "schema": { "$ref": "#/components/schemas/Problem" },
                "example": self.example(is_oauth),
            },
        });
        json!({ "description": self.when, "headers": headers, "content": content })
    }

    fn example(&self, is_oauth: bool) -> Value {
        let mut example = json!({
            "type": "about:blank",
            "title": title(self.status),
            "status": self.status.parse::<u16>().unwrap_or_default(),
            "detail": self.when,
            "code": self.code,
            "request_id": "5d2c8a52c0f7a1b300000001",
        });
        let Some(members) = example.as_object_mut() else { return example };
        if self.status == "422" {
            let fault = json!([{ "field": "title", "message": "must not be empty" }]);
            members.insert("errors".to_owned(), fault);
        }
        if is_oauth {
            members.insert("error".to_owned(), "invalid_request".into());
            members.insert("error_description".to_owned(), self.when.into());
        }
        example
    }
}

const fn kind(
    status: &'static str,
    name: &'static str,
    when: &'static str,
    code: &'static str,
    headers: &'static [&'static str],
) -> Kind {
    Kind { status, name, when, code, headers }
}

/// Adds the problems that an operation can have to its responses, and their names to all that are `used`.
pub(super) fn add(operation: &mut Value, used: &mut BTreeSet<String>) {
    let statuses = statuses(operation);
    let is_oauth = super::speaks_oauth(operation);
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut)
    else {
        return;
    };
    for kind in KINDS.iter().filter(|kind| statuses.contains(&kind.status)) {
        let name = kind.name(is_oauth);
        let reference = format!("#/components/responses/{name}");
        used.insert(name);
        responses.insert(kind.status.to_owned(), json!({ "$ref": reference }));
    }
}

fn statuses(operation: &Value) -> Vec<&'static str> {
    let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
    let takes_body = operation.get("requestBody").is_some();
    let needs_token = operation.get("security").is_some();
    let params = operation.get("parameters").and_then(Value::as_array);
    let param_in = |place| {
        let mut params = params.into_iter().flatten();
        params.any(|param| param.get("in").and_then(Value::as_str) == Some(place))
    };
    let takes_key = params
        .into_iter()
        .flatten()
        .any(|param| param.get("name").and_then(Value::as_str) == Some(once::KEY));
    let mut statuses = vec!["400", "413", "431", "500", "503"];
    if needs_token {
        // 429 if the server limits requests in general.
        statuses.extend(["401", "403", "429"]);
    }
    // For parameters that are not known.
    if !super::is_health_check(operation) {
        statuses.push("422");
    }
    if param_in("path") {
        statuses.push("404");
    }
    if takes_key {
        statuses.push("409");
    }
    if takes_body {
        statuses.extend(["408", "415", "501", "507"]);
    }
    match id {
        "user_register" => statuses.extend(["403", "409", "429"]),
        "session_login" => statuses.extend(["401", "429"]),
        "session_refresh" | "session_revoke" => statuses.push("429"),
        "user_update" | "user_leave" | "user_change_password" => {
            statuses.extend(["409", "429"]);
        }
        "token_create" | "account_create" | "account_patch" | "account_delete"
        | "invitation_create" => statuses.extend(["409", "507"]),
        "invitation_delete" | "account_end_access" | "session_logout"
        | "session_logout_all" | "session_delete" | "token_delete" => {
            statuses.push("507");
        }
        "task_patch" | "task_complete" | "task_move" | "task_delete" => {
            statuses.extend(["412", "428", "507"]);
        }
        "task_get" => statuses.push("412"),
        "task_batch" => statuses.extend(["412", "428"]),
        _ => {}
    }
    statuses
}

/// The problems of these names, to be referred to.
pub(super) fn responses(used: &BTreeSet<String>) -> Value {
    let both = KINDS.iter().flat_map(|kind| [(kind, false), (kind, true)]);
    let named = both.map(|(kind, is_oauth)| (kind.name(is_oauth), kind, is_oauth));
    let named = named.filter(|(name, ..)| used.contains(name));
    Value::Object(
        named.map(|(name, it, is_oauth)| (name, it.response(is_oauth))).collect(),
    )
}

fn title(status: &str) -> &'static str {
    let status = poem::http::StatusCode::from_bytes(status.as_bytes());
    status.ok().and_then(|status| status.canonical_reason()).unwrap_or_default()
}

/// Headers that more than one answer has.
pub(super) fn headers() -> Value {
    let text = |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    let limit = |description: &str, example: &str| json!({ "description": description, "schema": { "type": "string" }, "example": example });
    json!({
        "Idempotency-Replayed": {
            "description": "`true` if the request was done before, and this is what was answered then. Absent otherwise.",
            "schema": { "type": "string", "enum": ["true"] },
        },
        "X-Request-Id": text("Names this request in the server's log. A well-formed one that the client sent is kept."),
        "Accept-Encoding": text("Which content codings a body may have: none, as `identity` says."),
        "WWW-Authenticate": text("How to authenticate (RFC 6750)."),
        "Retry-After": {
            "description": "How long to wait, in seconds.",
            "schema": { "type": "integer", "minimum": 1 },
        },
        "RateLimit": limit(
            "Which quota is used up, what is left of it, and when there is more, in seconds (draft-ietf-httpapi-ratelimit-headers-11).",
            r#""login";r=0;t=6"#,
        ),
        "RateLimit-Policy": limit(
            "That quota: how many at once, and in how many seconds as many again (draft-ietf-httpapi-ratelimit-headers-11).",
            r#""login";q=20;w=120"#,
        ),
    })
}

pub(super) fn header_ref(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

/// The body of a problem.
pub(super) fn schema() -> Value {
    let text =
        |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "description": "An RFC 9457 problem.",
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "properties": {
            "type": text("Always `about:blank`: the status says what kind of problem it is."),
            "title": text("The status in words."),
            "status": { "type": "integer", "description": "The status." },
            "detail": text("What went wrong, for people."),
            "code": text("What went wrong, for programs. Stable."),
            "request_id": text("Names this request in the server's log."),
            "task": {
                "allOf": [{ "$ref": "#/components/schemas/TaskView" }],
                "description": "The task as it is now. Only where `If-Match` did not fit.",
            },
            "results": {
                "type": "array",
                "description": "What would have come of each change. Only of batches of which nothing was done.",
                "items": { "$ref": "#/components/schemas/TaskResult" },
            },
            "error": text("The same for OAuth 2 clients (RFC 6749, section 5.2). Only of log-in, refresh and revocation."),
            "error_description": text("`detail` in the characters that OAuth 2 allows. Only of log-in, refresh and revocation."),
            "errors": {
                "type": "array",
                "description": "Every field that was refused.",
                "items": {
                    "type": "object",
                    "required": ["field", "message"],
                    "properties": {
                        "field": text("As the client sent it."),
                        "message": text("Why, ending the sentence that the field begins."),
                    },
                },
            },
        },
    })
}
