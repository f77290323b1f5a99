//! Errors as clients see them: [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem details.
//!
//! The only place where an error of the service, or of poem, meets a status code. The body is written
//! by [`super::edge`], which knows the request's id.

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
use super::{once, param};
use crate::auth::permission::Denied;
use crate::auth::throttle::{Policy, Throttled};
use crate::domain::chain::Chain;
use crate::domain::scope::Scope;
use crate::service::{self, FieldError};

/// Most fields that are named in one answer, and most characters of a name that the client made up.
const MAX_FIELDS: usize = 50;
const MAX_NAME_CHARS: usize = 64;

/// The code of a request that touches too much.
pub(super) const TOO_MUCH: &str = "too_much";

/// The code of a grant that gives no tokens.
const UNSUPPORTED_GRANT: &str = "unsupported_grant_type";

/// The code of scopes that are none, or more than there may be.
const INVALID_SCOPE: &str = "invalid_scope";

/// How long to wait before trying again when the server cannot know better.
const RETRY_AFTER: Duration = Duration::from_secs(1);

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What the `WWW-Authenticate` header says ([RFC 6750, section 3](https://www.rfc-editor.org/rfc/rfc6750#section-3)).
const CHALLENGE: &str = r#"Bearer realm="duly""#;
const CHALLENGE_BAD_TOKEN: &str = r#"Bearer realm="duly", error="invalid_token""#;
/// RFC 6749, section 5.2 wants 400 without a challenge. Clients of the replaced service wait for 401, and OAuth 2 clients
/// that read the challenge of a 401 and not its body find the error here.
const CHALLENGE_BAD_GRANT: &str = r#"Bearer realm="duly", error="invalid_grant", error_description="wrong email or password""#;
const CHALLENGE_BAD_REQUEST: &str = r#"Bearer realm="duly", error="invalid_request""#;
const CHALLENGE_TASKS_READ: &str =
    r#"Bearer realm="duly", error="insufficient_scope", scope="tasks:read""#;
const CHALLENGE_TASKS_WRITE: &str =
    r#"Bearer realm="duly", error="insufficient_scope", scope="tasks:write""#;
const CHALLENGE_ACCOUNT: &str =
    r#"Bearer realm="duly", error="insufficient_scope", scope="account""#;

/// One way in which a request failed.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    status: StatusCode,
    /// Stable name of the kind of problem, for programs.
    code: &'static str,
    /// The same, for people. Holds nothing of the server and nothing of the request's body.
    detail: Cow<'static, str>,
    fields: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    members: Vec<Member>,
}

/// What a body says beside what all problems say.
#[derive(Clone)]
struct Member(&'static str, Arc<serde_json::Value>);

impl std::fmt::Debug for Member {
    /// Without the value, which is people's own.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Member").field(&self.0).finish_non_exhaustive()
    }
}

/// A problem as a part of another.
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

/// What OAuth 2 clients look for ([RFC 6749, section 5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)).
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

    /// The same with what ought to be fit for a header; what is not is left out.
    fn with_text(self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => self.with(name, value),
            Err(_) => self,
        }
    }

    /// The same with one more member.
    pub(super) fn with_member(
        mut self,
        name: &'static str,
        value: serde_json::Value,
    ) -> Self {
        self.members.push(Member(name, Arc::new(value)));
        self
    }

    /// The same with the tag of what is there.
    pub(super) fn with_etag(self, etag: &str) -> Self {
        self.with_text(header::ETAG, etag)
    }

    /// Name of the kind of problem, for programs.
    pub(super) const fn code(&self) -> &'static str {
        self.code
    }

    /// The problem of a part of a request.
    pub(super) fn into_entry(self) -> Entry {
        let (status, detail) = (self.status.as_u16(), self.detail.into_owned());
        let mut fields = self.fields;
        fields.truncate(MAX_FIELDS);
        for fault in &mut fields {
            fault.field = short(&fault.field);
        }
        Entry { status, code: self.code, detail, fields }
    }

    /// The same with fields that were refused.
    pub(super) fn with_fields(self, fields: Vec<FieldError>) -> Self {
        Self { fields, ..self }
    }

    /// The fields that were refused.
    pub(super) fn into_fields(self) -> Vec<FieldError> {
        self.fields
    }

    /// Nothing of a batch was done, since something in it could not be.
    pub(super) fn batch_failed(status: u16, fields: Vec<FieldError>) -> Self {
        let status =
            StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
        let detail = "nothing was done, because some of it could not be: see results";
        Self { fields, ..Self::new(status, "batch_failed", detail) }
    }

    fn challenge(self, challenge: &'static str) -> Self {
        self.with(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    fn retry_after(self, after: Duration) -> Self {
        self.with(header::RETRY_AFTER, whole_seconds(after))
    }

    /// With the fields of [draft-ietf-httpapi-ratelimit-headers-11](https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-11),
    /// whose form has changed from one version to the next.
    fn throttled(throttled: &Throttled, detail: String) -> Self {
        let Policy { name, quota, window } = throttled.policy;
        let wait = whole_seconds(throttled.retry_after);
        let window = whole_seconds(window);
        let detail = format!("{detail}: try again in {wait} s");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", detail)
            .retry_after(throttled.retry_after)
            .with_text(RATE_LIMIT, &format!("\"{name}\";r=0;t={wait}"))
            .with_text(RATE_LIMIT_POLICY, &format!("\"{name}\";q={quota};w={window}"))
    }

    /// Not now: the same request may be answered a little later.
    fn unavailable(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(RETRY_AFTER)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path")
    }

    pub(super) fn method_not_allowed(allow: &str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this method is not possible here",
        )
        .with_text(header::ALLOW, allow)
    }

    pub(super) fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    /// The token endpoint gives no tokens for that ([RFC 6749, section 5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)).
    pub(super) fn unsupported_grant() -> Self {
        let detail = "grant_type must be password or refresh_token";
        Self::new(StatusCode::BAD_REQUEST, UNSUPPORTED_GRANT, detail)
    }

    /// The token endpoint knows no such scope.
    pub(super) fn invalid_scope(detail: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID_SCOPE, detail)
    }

    pub(super) fn two_credentials() -> Self {
        let detail = "send one credential, in the Authorization header";
        Self::new(StatusCode::BAD_REQUEST, "two_credentials", detail)
            .challenge(CHALLENGE_BAD_REQUEST)
    }

    /// Good, but not good enough: the body names what is missing, and so does the challenge if another token
    /// would help ([RFC 6750, section 3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)).
    fn denied(denied: Denied, detail: String) -> Self {
        let code = match denied {
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
            Denied::Role | Denied::LogIn | Denied::PasswordChange => problem,
        }
    }

    pub(super) fn body_too_large(limit: usize) -> Self {
        let detail = format!("the body must have at most {} KiB", limit / 1024);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    }

    pub(super) fn body_too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            "the body took too long to come",
        )
    }

    pub(super) fn uri_too_long() -> Self {
        let detail = "the request's address is too long";
        Self::new(StatusCode::URI_TOO_LONG, "uri_too_long", detail)
    }

    pub(super) fn header_too_large() -> Self {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::new(status, "header_too_large", "the request's header is too large")
    }

    pub(super) fn media_type(wanted: &str) -> Self {
        let detail = format!("the body must be {wanted}");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    }

    /// The body is compressed, say. The answer says what is possible
    /// ([RFC 9110, section 15.5.16](https://www.rfc-editor.org/rfc/rfc9110#section-15.5.16)).
    pub(super) fn content_encoding() -> Self {
        let detail = "the body must be sent without Content-Encoding";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
            .with(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))
    }

    pub(super) fn transfer_coding() -> Self {
        let detail = "no transfer coding but chunked is possible";
        Self::new(StatusCode::NOT_IMPLEMENTED, "unsupported_transfer_coding", detail)
    }

    /// Names every field that was refused, also in `detail`, which is all that old clients show.
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

    /// Both values, or what is wrong with either; with both, if that is fields only.
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
        let detail =
            "the request took too long; if it was a write, its outcome is unknown";
        Self::unavailable("timeout", detail)
    }

    /// There is no room for an answer; for that to a write, if it is done.
    pub(super) fn no_room(full: Full, is_done: bool) -> Self {
        if is_done {
            let detail = "the request was carried out, but there was no room for its answer: \
                          look before you repeat it";
            return Self::unavailable("outcome_unknown", detail);
        }
        match full {
            Full::Account => {
                let detail = "too many answers to this account are being made or wait to be read: \
                              read them, then try again";
                Self::unavailable("account_busy", detail)
            }
            Full::Server => service::Error::from(full).into(),
        }
    }

    pub(super) fn too_many_requests_at_once() -> Self {
        let detail =
            "too many requests of this network are being served: send fewer at once";
        Self::unavailable("too_many_requests_at_once", detail)
    }

    pub(super) fn stopping() -> Self {
        Self::unavailable("stopping", "the server is stopping")
    }

    pub(super) fn internal() -> Self {
        let detail = "something went wrong inside the server";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// The same problem in words of OAuth 2. Where RFC 6749 has no word, it is that of section 4.1.2.1.
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
        // The characters that the section allows.
        let plain =
            self.detail.chars().map(|c| if c == '"' || c == '\\' { '\'' } else { c });
        let is_allowed = |c: &char| matches!(c, ' '..='~');
        OAuthError { error, error_description: plain.filter(is_allowed).collect() }
    }

    /// The body, with the id by which the log can be searched. Answers of the token endpoints are for OAuth 2 clients
    /// too.
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
        // Only what is there is counted.
        bytes.shrink_to_fit();
        bytes
    }
}

/// Rounded up: whoever waits this long has waited long enough.
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
            E::Invalid(fields) => Self::invalid(fields),
            E::Changed(_) => {
                Self::new(StatusCode::PRECONDITION_FAILED, "changed_since", detail)
            }
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
            E::AnswerLost => {
                Self::new(StatusCode::CONFLICT, "idempotency_answer_lost", detail)
            }
            E::AnswerTooLarge => {
                let problem = Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "answer_too_large",
                    detail,
                );
                let fault = "is not possible with an answer that is this long";
                Self { fields: vec![FieldError::new(once::KEY, fault)], ..problem }
            }
            E::Repeated => Self::unavailable("busy", detail),
            E::Throttled(throttled) => Self::throttled(&throttled, detail),
            E::Busy => Self::unavailable("busy", detail),
            E::AccountBusy => Self::unavailable("account_busy", detail),
            E::CursorOutdated => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                let fault = "must be empty to begin again";
                let fields = vec![FieldError::new(param::CURSOR, fault)];
                Self { fields, ..Self::new(status, "cursor_outdated", detail) }
            }
            E::TooMuch => Self::new(StatusCode::UNPROCESSABLE_ENTITY, TOO_MUCH, detail),
            E::NotTried => Self::new(StatusCode::FAILED_DEPENDENCY, "not_tried", detail),
            E::Unavailable(cause) => {
                tracing::error!(error = %Chain(&cause), "the store is unavailable");
                Self::unavailable("unavailable", detail)
            }
            E::OutcomeUnknown(cause) => {
                tracing::error!(error = %Chain(&cause), "a write has an unknown outcome");
                Self::unavailable("outcome_unknown", detail)
            }
            E::DiskFull | E::DiskShort => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", detail)
            }
            E::StorageCorrupt(cause) => {
                tracing::error!(error = %Chain(&cause), "damage was found in the data file");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "storage_corrupt", detail)
            }
            E::Internal(cause) => {
                tracing::error!(error = %Chain(&cause), "internal error");
                Self::internal()
            }
        }
    }
}

/// Gives the same shape to errors that poem makes before a handler runs.
pub(super) fn from_poem(error: &poem::Error) -> Problem {
    if error.is::<NotFoundError>() {
        return Problem::not_found();
    }
    let status = error.status();
    if status.is_server_error() {
        tracing::error!(error = %error, "internal error");
        return Problem::internal();
    }
    // The text of such errors may quote the request, so it stays inside.
    Problem::malformed("the request makes no sense")
}

impl IntoResponse for Problem {
    /// The body is left to the edge.
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
        // Becoming a response again, an error has its own extensions and not those of the response.
        error.set_data(problem);
        error
    }
}

impl ApiResponse for Problem {
    /// Empty: which problems an operation can have is added to the document as a whole.
    fn meta() -> MetaResponses {
        MetaResponses { responses: Vec::new() }
    }

    fn register(_registry: &mut Registry) {}
}
