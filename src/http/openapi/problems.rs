//! Problem responses of each operation, and their schema.
//!
//! They are derived from the operation itself (its permission, its body, whether it writes), so that a new operation
//! lists exactly the problems that it can have.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::idempotency;
use crate::domain::permission::Need;

struct Kind {
    status: &'static str,
    name: &'static str,
    when: &'static str,
    code: &'static str,
    headers: &'static [&'static str],
}

const KINDS: [Kind; 19] = [
    kind(
        "400",
        "BadRequest",
        "The request is malformed: it is not valid HTTP, the body is not JSON or does not match its `Content-Type`, it has two credentials, or `Host` is missing or invalid. For log-in and refresh: the refresh token is invalid, expired or already used, or the grant type or scope is unknown.",
        "malformed",
        &[],
    ),
    kind(
        "401",
        "Unauthorized",
        "The credential is missing, invalid or expired.",
        "invalid_token",
        &["WWW-Authenticate"],
    ),
    kind(
        "403",
        "Forbidden",
        "The credential lacks a scope or role; `detail` names it. `quota_exceeded`: the account has reached the quota that `detail` names. `registration_full`: the server has reached its maximum number of accounts.",
        "insufficient_scope",
        &[],
    ),
    kind(
        "404",
        "NotFound",
        "The resource does not exist or belongs to another account.",
        "not_found",
        &[],
    ),
    kind(
        "408",
        "RequestTimeout",
        "The body took too long to arrive.",
        "body_too_slow",
        &[],
    ),
    kind(
        "409",
        "Conflict",
        "The email is already registered, the account is the last administrator, a maximum number of resources is reached, or the idempotency key was used for another request. `edit_conflict`: others have changed the same fields of the task since `base`; `conflicts` has each. `base_unknown`: the history of the task does not have the revision `base`. `edited_since`: fields of tasks have been edited since the changes that were to be undone; `kept` names them.",
        "email_taken",
        &[],
    ),
    kind(
        "410",
        "Gone",
        "`task_deleted`: the task with this uid was deleted; `task_id` is its former id. `resync_required`: the changes since this cursor are not known.",
        "resync_required",
        &[],
    ),
    kind(
        "412",
        "PreconditionFailed",
        "The task or list has changed; `task` or `list` is its current state. For a batch, `results` shows which tasks changed.",
        "changed_since",
        &[],
    ),
    kind("413", "PayloadTooLarge", "The body is too large.", "body_too_large", &[]),
    kind("414", "UriTooLong", "The request URI is too long.", "uri_too_long", &[]),
    kind(
        "415",
        "UnsupportedMediaType",
        "The body has an unsupported media type or is compressed.",
        "unsupported_media_type",
        &["Accept-Encoding"],
    ),
    kind(
        "422",
        "Unprocessable",
        "Fields are invalid; `errors` lists each. `answer_too_large`: nothing was done, because the response would be too large to store under the idempotency key.",
        "invalid",
        &[],
    ),
    kind(
        "428",
        "PreconditionRequired",
        "The server is configured to require `If-Match`, and the request lacks it.",
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
    kind(
        "431",
        "HeaderTooLarge",
        "The request header is too large.",
        "header_too_large",
        &[],
    ),
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
        "The request uses a transfer coding other than chunked.",
        "unsupported_transfer_coding",
        &[],
    ),
    kind(
        "503",
        "Unavailable",
        "The server is busy, stopping or unavailable. `account_busy`: the account uses its full share of the server. `outcome_unknown`: the write may have been applied.",
        "unavailable",
        &["Retry-After"],
    ),
    kind(
        "507",
        "InsufficientStorage",
        "The disk is full, or it is nearly full and the account holds over a tenth of the stored data. Deletions still work.",
        "disk_full",
        &[],
    ),
];

impl Kind {
    /// Returns the name of the problem in the document. OAuth 2 problems have another media type.
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

/// Adds the problems of an operation to its responses, and their names to `used`.
pub(super) fn add(
    method: &str,
    operation: &mut Value,
    need: Option<&Need>,
    used: &mut BTreeSet<String>,
) {
    let statuses = statuses(method, operation, need);
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

fn statuses(method: &str, operation: &Value, need: Option<&Need>) -> Vec<&'static str> {
    let params = operation.get("parameters").and_then(Value::as_array);
    let has_param = |member, value| {
        let mut params = params.into_iter().flatten();
        params.any(|param| param.get(member).and_then(Value::as_str) == Some(value))
    };
    let takes_body = operation.get("requestBody").is_some();
    let id = operation.get("operationId").and_then(Value::as_str);
    // A ticket is kept in memory.
    let writes = method != "get" && id != Some("task_events_ticket");
    // Requests with a credential are limited if the server is configured so; attempts to get one always are.
    let is_limited = need.is_some() || takes_body;
    let rules: [(bool, &[&'static str]); 11] = [
        (true, &["400", "413", "414", "431", "500", "501", "503"]),
        (need.is_some(), &["401"]),
        (need.is_some_and(Need::is_more_than_a_credential), &["403"]),
        (is_limited, &["429"]),
        // For unknown parameters.
        (!super::is_health_check(operation), &["422"]),
        (has_param("in", "path"), &["404"]),
        (has_param("name", idempotency::KEY), &["409"]),
        (takes_body, &["408", "415"]),
        (writes, &["507"]),
        (has_param("name", "If-Match"), &["412"]),
        (has_param("name", "If-Match") && writes, &["428"]),
    ];
    let applying = rules.into_iter().filter(|(applies, _)| *applies);
    let mut statuses: Vec<_> =
        applying.flat_map(|(_, statuses)| statuses).copied().collect();
    // Not derivable from the operation.
    statuses.extend(match id {
        Some("user_register") => ["403"].as_slice(),
        Some("session_login") => &["401"],
        Some("user_leave") => &["409"],
        Some("change_undo") => &["404", "409"],
        Some("task_batch") => &["410", "412", "428"],
        Some("task_create" | "task_changes" | "task_events") => &["410"],
        _ => &[],
    });
    statuses
}

/// Returns the used problems as reusable responses.
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

/// Returns the headers that several responses share.
pub(super) fn headers() -> Value {
    let text = |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    let limit = |description: &str, example: &str| json!({ "description": description, "schema": { "type": "string" }, "example": example });
    json!({
        "Idempotency-Replayed": {
            "description": "`true` if this is the stored response to an earlier request with the same key. Absent otherwise.",
            "schema": { "type": "string", "enum": ["true"] },
        },
        "X-Request-Id": text("Identifies the request in the server's log. A well-formed id sent by the client is kept."),
        "Accept-Encoding": text("`identity`: bodies must not be compressed."),
        "WWW-Authenticate": text("How to authenticate (RFC 6750)."),
        "Retry-After": {
            "description": "Seconds to wait before a retry.",
            "schema": { "type": "integer", "minimum": 1 },
        },
        "RateLimit": limit(
            "Exhausted quota: its name, what remains of it (`r`), and the seconds until more is available (`t`) (draft-ietf-httpapi-ratelimit-headers-11).",
            r#""login";r=0;t=6"#,
        ),
        "RateLimit-Policy": limit(
            "Policy of the quota: its size (`q`), and the seconds in which it refills (`w`) (draft-ietf-httpapi-ratelimit-headers-11).",
            r#""login";q=20;w=120"#,
        ),
    })
}

pub(super) fn header_ref(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

/// Returns the schema of a problem.
pub(super) fn schema() -> Value {
    let text =
        |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "description": "An RFC 9457 problem.",
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "properties": {
            "type": text("Always `about:blank`: the status identifies the type of problem."),
            "title": text("Name of the HTTP status."),
            "status": { "type": "integer", "description": "HTTP status code." },
            "detail": text("Human-readable explanation of the error."),
            "code": text("Machine-readable error code. Never changes its meaning."),
            "request_id": text("Identifies the request in the server's log."),
            "task_id": {
                "type": "integer",
                "format": "uint64",
                "description": "Former id of the deleted task. Present only with `task_deleted`.",
            },
            "task": {
                "allOf": [{ "$ref": "#/components/schemas/TaskView" }],
                "description": "The current task. Present only when `If-Match` did not match, or with `edit_conflict`.",
            },
            "list": {
                "allOf": [{ "$ref": "#/components/schemas/ListView" }],
                "description": "The current list. Present only when `If-Match` did not match.",
            },
            "conflicts": {
                "type": "array",
                "description": "The fields that others have changed. Present only with `edit_conflict`.",
                "items": { "$ref": "#/components/schemas/ConflictView" },
            },
            "kept": {
                "type": "array",
                "description": "Tasks with fields that have been edited since, at most 100. Present only with `edited_since`.",
                "items": { "$ref": "#/components/schemas/KeptView" },
            },
            "kept_total": {
                "type": "integer",
                "format": "uint64",
                "description": "Number of all such tasks. Present only with `edited_since`.",
            },
            "results": {
                "type": "array",
                "description": "The result of each operation. Present only when a batch is rejected.",
                "items": { "$ref": "#/components/schemas/TaskResult" },
            },
            "error": text("OAuth 2 error code (RFC 6749, section 5.2). Present only for log-in, refresh and revocation."),
            "error_description": text("`detail` in the characters that OAuth 2 allows. Present only for log-in, refresh and revocation."),
            "errors": {
                "type": "array",
                "description": "All rejected fields.",
                "items": {
                    "type": "object",
                    "required": ["field", "message"],
                    "properties": {
                        "field": text("Field path as sent by the client."),
                        "message": text("Reason, phrased to follow the field's name."),
                    },
                },
            },
        },
    })
}
