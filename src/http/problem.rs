//! Errors as clients see them: [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem details.
//!
//! The only place that maps errors of the service, and of poem, to status codes. [`super::middleware`] writes the body, since
//! it knows the request id.

#![warn(clippy::wildcard_enum_match_arm)]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use poem::error::NotFoundError;
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaResponses, Registry};
use serde::Serialize;

use super::shares::Full;
use super::{idempotency, param};
use crate::auth::throttle::{Policy, Throttled};
use crate::domain::error_chain::ErrorChain;
use crate::domain::permission::Denied;
use crate::domain::scope::Scope;
use crate::service::{self, FieldError};

/// Maximum number of fields named in one response, and of characters in a name made up by the client.
const MAX_FIELDS: usize = 50;
const MAX_NAME_CHARS: usize = 64;

/// The code of a request that touches too much.
pub(super) const TOO_MUCH: &str = "too_much";

/// The code of a grant type that is not supported.
const UNSUPPORTED_GRANT: &str = "unsupported_grant_type";

/// The code of scopes that are unknown, or more than permitted.
const INVALID_SCOPE: &str = "invalid_scope";

/// Time to wait before a retry, where the server has no better estimate.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Longest time until a request that waits for changes has ended.
const WAIT_OVER: Duration = Duration::from_secs(25);

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Value of the `WWW-Authenticate` header ([RFC 6750, section 3](https://www.rfc-editor.org/rfc/rfc6750#section-3)).
const CHALLENGE: &str = r#"Bearer realm="duly""#;
const CHALLENGE_BAD_TOKEN: &str = r#"Bearer realm="duly", error="invalid_token""#;
/// RFC 6749, section 5.2 requires 400 without a challenge. Clients of the replaced service expect 401, and OAuth 2
/// clients that read the challenge of a 401 and not its body find the error here.
const CHALLENGE_BAD_GRANT: &str = r#"Bearer realm="duly", error="invalid_grant", error_description="wrong email or password""#;
const CHALLENGE_BAD_REQUEST: &str = r#"Bearer realm="duly", error="invalid_request""#;
const CHALLENGE_TASKS_READ: &str =
    r#"Bearer realm="duly", error="insufficient_scope", scope="tasks:read""#;
const CHALLENGE_TASKS_WRITE: &str =
    r#"Bearer realm="duly", error="insufficient_scope", scope="tasks:write""#;
const CHALLENGE_ACCOUNT: &str =
    r#"Bearer realm="duly", error="insufficient_scope", scope="account""#;

/// Failure of a request, as reported to the client.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    status: StatusCode,
    /// Stable machine-readable code.
    code: &'static str,
    /// Explanation for people. Contains no internals of the server, and nothing of the request's body.
    detail: Cow<'static, str>,
    fields: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    members: Vec<Member>,
}

/// Additional member of the body.
#[derive(Clone)]
struct Member(&'static str, Arc<serde_json::Value>);

impl std::fmt::Debug for Member {
    /// Omits the value, which may be private.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Member").field(&self.0).finish_non_exhaustive()
    }
}

/// A problem as part of another.
pub(super) struct Entry {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) detail: String,
    pub(super) fields: Vec<FieldError>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    oauth: Option<OAuthError>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Field<'a>],
    #[serde(flatten)]
    members: BTreeMap<&'static str, &'a serde_json::Value>,
}

/// Error members for OAuth 2 clients ([RFC 6749, section 5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)).
#[derive(Serialize)]
struct OAuthError {
    error: &'static str,
    error_description: String,
}

#[derive(Serialize)]
struct Field<'a> {
    field: String,
    message: &'a str,
}

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            fields: Vec::new(),
            headers: Vec::new(),
            members: Vec::new(),
        }
    }

    fn with(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds a header unless the value is not a valid header value.
    fn with_text(self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => self.with(name, value),
            Err(_) => self,
        }
    }

    /// Adds a member to the body.
    pub(super) fn with_member(
        mut self,
        name: &'static str,
        value: serde_json::Value,
    ) -> Self {
        self.members.push(Member(name, Arc::new(value)));
        self
    }

    /// Adds the entity tag of the current state.
    pub(super) fn with_etag(self, etag: &str) -> Self {
        self.with_text(header::ETAG, etag)
    }

    /// Returns the machine-readable code.
    pub(super) const fn code(&self) -> &'static str {
        self.code
    }

    /// Converts the problem into a part of another.
    pub(super) fn into_entry(self) -> Entry {
        let (status, detail) = (self.status.as_u16(), self.detail.into_owned());
        let mut fields = self.fields;
        fields.truncate(MAX_FIELDS);
        for fault in &mut fields {
            fault.field = short(&fault.field);
        }
        Entry { status, code: self.code, detail, fields }
    }

    /// Sets the rejected fields.
    pub(super) fn with_fields(self, fields: Vec<FieldError>) -> Self {
        Self { fields, ..self }
    }

    /// Returns the rejected fields.
    pub(super) fn into_fields(self) -> Vec<FieldError> {
        self.fields
    }

    /// Refuses a whole batch because a part of it failed.
    pub(super) fn batch_failed(status: u16, fields: Vec<FieldError>) -> Self {
        let status =
            StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
        let detail = "no operation was applied because at least one failed: see results";
        Self { fields, ..Self::new(status, "batch_failed", detail) }
    }

    fn challenge(self, challenge: &'static str) -> Self {
        self.with(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    fn retry_after(self, after: Duration) -> Self {
        self.with(header::RETRY_AFTER, whole_seconds(after))
    }

    /// Refuses a request over a quota, with the header fields of
    /// [draft-ietf-httpapi-ratelimit-headers-11](https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-11),
    /// whose form changes between versions.
    fn throttled(throttled: &Throttled, detail: String) -> Self {
        let Policy { name, quota, window } = throttled.policy;
        let wait = whole_seconds(throttled.retry_after);
        let window = whole_seconds(window);
        let detail = format!("{detail}: retry in {wait} s");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", detail)
            .retry_after(throttled.retry_after)
            .with_text(RATE_LIMIT, &format!("\"{name}\";r=0;t={wait}"))
            .with_text(RATE_LIMIT_POLICY, &format!("\"{name}\";q={quota};w={window}"))
    }

    /// Refuses for now: the same request may succeed a little later.
    fn unavailable(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(RETRY_AFTER)
    }

    /// Refuses for as long as a request may wait for changes.
    fn unavailable_long(code: &'static str, detail: String) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(WAIT_OVER)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "no resource exists at this path")
    }

    pub(super) fn method_not_allowed(allow: &str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "the method is not allowed at this path",
        )
        .with_text(header::ALLOW, allow)
    }

    pub(super) fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    /// Refuses a grant type ([RFC 6749, section 5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)).
    pub(super) fn unsupported_grant() -> Self {
        let detail = "grant_type must be password or refresh_token";
        Self::new(StatusCode::BAD_REQUEST, UNSUPPORTED_GRANT, detail)
    }

    /// Refuses the scopes of a request for tokens.
    pub(super) fn invalid_scope(detail: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID_SCOPE, detail)
    }

    pub(super) fn two_credentials() -> Self {
        let detail = "send one credential, in the Authorization header";
        Self::new(StatusCode::BAD_REQUEST, "two_credentials", detail)
            .challenge(CHALLENGE_BAD_REQUEST)
    }

    /// Refuses a valid credential that lacks a permission: the body names it, and so does the challenge if another
    /// token would help ([RFC 6750, section 3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)).
    fn denied(denied: Denied, detail: String) -> Self {
        let code = match denied {
            Denied::Disabled => return service::Error::BadToken.into(),
            Denied::Scope(_) => "insufficient_scope",
            Denied::Role => "insufficient_role",
            Denied::LogIn => "log_in_required",
            Denied::PasswordChange => "password_change_required",
        };
        let problem = Self::new(StatusCode::FORBIDDEN, code, detail);
        match denied {
            Denied::Scope(Scope::TasksRead) => problem.challenge(CHALLENGE_TASKS_READ),
            Denied::Scope(Scope::TasksWrite) => problem.challenge(CHALLENGE_TASKS_WRITE),
            Denied::Scope(Scope::Account) => problem.challenge(CHALLENGE_ACCOUNT),
            Denied::Disabled | Denied::Role | Denied::LogIn | Denied::PasswordChange => {
                problem
            }
        }
    }

    pub(super) fn body_too_large(limit: usize) -> Self {
        let detail = format!("the body must be at most {} KiB", limit / 1024);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    }

    pub(super) fn body_too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            "the body took too long to arrive",
        )
    }

    pub(super) fn uri_too_long() -> Self {
        let detail = "the request URI is too long";
        Self::new(StatusCode::URI_TOO_LONG, "uri_too_long", detail)
    }

    pub(super) fn header_too_large() -> Self {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::new(status, "header_too_large", "the request header is too large")
    }

    pub(super) fn media_type(wanted: &str) -> Self {
        let detail = format!("the body must be {wanted}");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    }

    /// Refuses an encoded body, such as a compressed one. The response names the accepted encoding
    /// ([RFC 9110, section 15.5.16](https://www.rfc-editor.org/rfc/rfc9110#section-15.5.16)).
    pub(super) fn content_encoding() -> Self {
        let detail = "the body must be sent without Content-Encoding";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
            .with(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))
    }

    pub(super) fn transfer_coding() -> Self {
        let detail = "the only supported transfer coding is chunked";
        Self::new(StatusCode::NOT_IMPLEMENTED, "unsupported_transfer_coding", detail)
    }

    /// Names every rejected field, also in `detail`, which is all that old clients show.
    pub(super) fn invalid(fields: Vec<FieldError>) -> Self {
        let detail = fields
            .iter()
            .take(MAX_FIELDS)
            .map(|error| format!("{} {}", short(&error.field), error.message))
            .collect::<Vec<_>>()
            .join("; ");
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail);
        problem.fields = fields;
        problem
    }

    /// Returns both values, or the problem of either. If both have invalid fields, names all of them.
    pub(super) fn both<A, B>(
        one: Result<A, Self>,
        two: Result<B, Self>,
    ) -> Result<(A, B), Self> {
        match (one, two) {
            (Ok(one), Ok(two)) => Ok((one, two)),
            (Err(one), Err(two)) if !one.fields.is_empty() && !two.fields.is_empty() => {
                Err(Self::invalid([one.fields, two.fields].concat()))
            }
            (_, Err(problem)) | (Err(problem), _) => Err(problem),
        }
    }

    pub(super) fn timeout() -> Self {
        let detail = "the request timed out; if it was a write, its outcome is unknown";
        Self::unavailable("timeout", detail)
    }

    /// Refuses a response for lack of memory; if a write was carried out, the problem says so.
    pub(super) fn no_room(full: Full, is_done: bool) -> Self {
        if is_done {
            let detail = "the request was carried out, but the server had no memory for the response: \
                          check its effect before you retry";
            return Self::unavailable("outcome_unknown", detail);
        }
        match full {
            Full::Account => {
                let detail = "too many responses to this account are in progress or unread: \
                              read them, then retry";
                Self::unavailable("account_busy", detail)
            }
            Full::Server => service::Error::from(full).into(),
        }
    }

    pub(super) fn too_many_requests_at_once() -> Self {
        let detail = "too many concurrent requests from this network: send fewer at once";
        Self::unavailable("too_many_requests_at_once", detail)
    }

    pub(super) fn stopping() -> Self {
        Self::unavailable("stopping", "the server is stopping")
    }

    pub(super) fn internal() -> Self {
        let detail = "internal server error";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// Translates the problem into OAuth 2. Where section 5.2 of RFC 6749 has no code, one of section 4.1.2.1 is used.
    fn oauth(&self) -> OAuthError {
        let error = match self.code {
            "invalid_grant" | "wrong_credentials" => "invalid_grant",
            UNSUPPORTED_GRANT => UNSUPPORTED_GRANT,
            INVALID_SCOPE => INVALID_SCOPE,
            "internal" | "storage_corrupt" => "server_error",
            _ if self.status == StatusCode::TOO_MANY_REQUESTS => {
                "temporarily_unavailable"
            }
            _ if self.status.is_server_error() => "temporarily_unavailable",
            _ => "invalid_request",
        };
        // Characters that the section allows.
        let plain =
            self.detail.chars().map(|c| if c == '"' || c == '\\' { '\'' } else { c });
        let is_allowed = |c: &char| matches!(c, ' '..='~');
        OAuthError { error, error_description: plain.filter(is_allowed).collect() }
    }

    /// Returns the body, with the request id for a search of the log. Responses of the token endpoints suit OAuth 2
    /// clients too.
    pub(super) fn render(&self, request_id: &str, is_oauth: bool) -> Vec<u8> {
        let fields: Vec<Field<'_>> = self
            .fields
            .iter()
            .take(MAX_FIELDS)
            .map(|error| Field { field: short(&error.field), message: &error.message })
            .collect();
        let body = Body {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            request_id,
            oauth: is_oauth.then(|| self.oauth()),
            errors: &fields,
            members: self
                .members
                .iter()
                .map(|Member(name, value)| (*name, &**value))
                .collect(),
        };
        let mut bytes = serde_json::to_vec(&body).unwrap_or_default();
        // Spare capacity would not be counted.
        bytes.shrink_to_fit();
        bytes
    }
}

/// Rounds up to whole seconds, at least 1, so that the wait is long enough.
fn whole_seconds(time: Duration) -> u64 {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    seconds.max(1)
}

fn short(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).collect()
}

impl From<service::Error> for Problem {
    fn from(error: service::Error) -> Self {
        use service::Error as E;

        let detail = error.to_string();
        match error {
            E::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, "not_found", detail),
            E::TaskDeleted(id) => Self::new(StatusCode::GONE, "task_deleted", detail)
                .with_member("task_id", id.get().into()),
            E::ResyncRequired => Self::new(StatusCode::GONE, "resync_required", detail),
            E::Invalid(fields) => Self::invalid(fields),
            E::Changed(_) | E::ListChanged(_) => {
                Self::new(StatusCode::PRECONDITION_FAILED, "changed_since", detail)
            }
            E::Conflict(_) => Self::new(StatusCode::CONFLICT, "edit_conflict", detail),
            E::BaseUnknown => Self::new(StatusCode::CONFLICT, "base_unknown", detail),
            E::EditedSince(_) => Self::new(StatusCode::CONFLICT, "edited_since", detail),
            E::IfMatchRequired => {
                Self::new(StatusCode::PRECONDITION_REQUIRED, "if_match_required", detail)
            }
            E::ChangedAsTold => {
                Self::new(StatusCode::PRECONDITION_FAILED, "changed_since", detail)
            }
            E::NotApplied => {
                Self::new(StatusCode::FAILED_DEPENDENCY, "not_applied", detail)
            }
            E::EmailTaken => Self::new(StatusCode::CONFLICT, "email_taken", detail),
            E::WrongCredentials => {
                Self::new(StatusCode::UNAUTHORIZED, "wrong_credentials", detail)
                    .challenge(CHALLENGE_BAD_GRANT)
            }
            E::NoToken => Self::new(StatusCode::UNAUTHORIZED, "no_token", detail)
                .challenge(CHALLENGE),
            E::BadToken => Self::new(StatusCode::UNAUTHORIZED, "invalid_token", detail)
                .challenge(CHALLENGE_BAD_TOKEN),
            E::BadGrant => Self::new(StatusCode::BAD_REQUEST, "invalid_grant", detail),
            E::ScopeTooWide => Self::invalid_scope(detail),
            E::Denied(denied) => Self::denied(denied, detail),
            E::RegistrationClosed => {
                Self::new(StatusCode::FORBIDDEN, "registration_closed", detail)
            }
            E::RegistrationFull => {
                Self::new(StatusCode::FORBIDDEN, "registration_full", detail)
            }
            E::Quota(_) => Self::new(StatusCode::FORBIDDEN, "quota_exceeded", detail),
            E::LastAdmin => Self::new(StatusCode::CONFLICT, "last_admin", detail),
            E::TooMany { .. } => Self::new(StatusCode::CONFLICT, "too_many", detail),
            E::KeyReused => {
                Self::new(StatusCode::CONFLICT, "idempotency_key_reused", detail)
            }
            E::OutcomeLost => {
                Self::new(StatusCode::CONFLICT, "idempotency_answer_lost", detail)
            }
            E::OutcomeTooLarge => {
                let problem = Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "answer_too_large",
                    detail,
                );
                let fault = "cannot be used with a response this large";
                Self { fields: vec![FieldError::new(idempotency::KEY, fault)], ..problem }
            }
            E::Repeated => Self::unavailable("busy", detail),
            E::Throttled(throttled) => Self::throttled(&throttled, detail),
            E::Busy => Self::unavailable("busy", detail),
            E::AccountBusy => Self::unavailable("account_busy", detail),
            E::AccountWaits => Self::unavailable_long("account_busy", detail),
            E::ManyWait => Self::unavailable_long("busy", detail),
            E::CursorOutdated => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                let fault = "must be empty to start over";
                let fields = vec![FieldError::new(param::CURSOR, fault)];
                Self { fields, ..Self::new(status, "cursor_outdated", detail) }
            }
            E::TooMuch => Self::new(StatusCode::UNPROCESSABLE_ENTITY, TOO_MUCH, detail),
            E::NotTried => Self::new(StatusCode::FAILED_DEPENDENCY, "not_tried", detail),
            E::Unavailable(cause) => {
                tracing::error!(error = %ErrorChain(&cause), "the store is unavailable");
                Self::unavailable("unavailable", detail)
            }
            E::OutcomeUnknown(cause) => {
                tracing::error!(error = %ErrorChain(&cause), "the outcome of a write is unknown");
                Self::unavailable("outcome_unknown", detail)
            }
            E::DiskFull | E::DiskShort => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", detail)
            }
            E::StorageCorrupt(cause) => {
                tracing::error!(error = %ErrorChain(&cause), "found damage in the data file");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "storage_corrupt", detail)
            }
            E::Internal(cause) => {
                tracing::error!(error = %ErrorChain(&cause), "internal error");
                Self::internal()
            }
        }
    }
}

/// Converts errors that poem raises before a handler runs.
pub(super) fn from_poem(error: &poem::Error) -> Problem {
    if error.is::<NotFoundError>() {
        return Problem::not_found();
    }
    let status = error.status();
    if status.is_server_error() {
        tracing::error!(error = %error, "internal error");
        return Problem::internal();
    }
    // The text of such errors may quote the request, so it is not shown.
    Problem::malformed("the request is malformed")
}

impl IntoResponse for Problem {
    /// Leaves the body to the middleware.
    fn into_response(self) -> Response {
        let mut response = Response::builder().status(self.status).finish();
        for (name, value) in &self.headers {
            response.headers_mut().append(name, value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Problem> for poem::Error {
    fn from(problem: Problem) -> Self {
        let mut error = Self::from_response(problem.clone().into_response());
        // Converted back into a response, an error has its own extensions and not those of the response.
        error.set_data(problem);
        error
    }
}

impl ApiResponse for Problem {
    /// Returns nothing: problems of operations are added to the document as a whole.
    fn meta() -> MetaResponses {
        MetaResponses { responses: Vec::new() }
    }

    fn register(_registry: &mut Registry) {}
}
