//! `Idempotency-Key`
//! ([draft-ietf-httpapi-idempotency-key-header-07](https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header-07)):
//! a repeated request is not carried out again.
//!
//! A handler of a POST, PATCH or DELETE takes an [`IdempotencyHeader`] after the caller and before the body, and returns
//! a [`Reply`]:
//!
//! ```text
//! let work = |recorder| service.task_create(&caller.0, draft, recorder);
//! let task = service.once(&caller.0, header.key(), work).await?;
//! Ok(Reply::of(task, |task| Created::of(task, &prefix)))
//! ```

use std::sync::{Arc, OnceLock};

use poem::http::{HeaderMap, HeaderName, HeaderValue, header};
use poem::{FromRequest, IntoResponse, Request, RequestBody, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaResponses, Registry};

use super::problem::Problem;
use crate::auth::seal::fingerprint;
use crate::service::{FieldError, Outcome, RequestKey};

/// Name of the header, as usually written.
pub(super) const KEY: &str = "Idempotency-Key";
const KEY_NAME: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// Maximum length of a key, in characters.
pub(super) const MAX_KEY: usize = 255;

const FAULT: &str = "must be 1 to 255 visible ASCII characters without quotes or backslashes, optionally \
                     enclosed in quotes";

/// Hash of the body of a request with a key, set once the body was read.
#[derive(Clone, Debug, Default)]
pub(super) struct BodyDigest(Arc<OnceLock<[u8; 32]>>);

impl BodyDigest {
    /// Returns a digest to put into the request, if it has a key.
    pub(super) fn wanted(headers: &HeaderMap) -> Option<Self> {
        headers.contains_key(KEY_NAME).then(Self::default)
    }

    /// Stores the hash of the body.
    pub(super) fn set(&self, body: &[u8]) {
        // A request has one body.
        let _set_before = self.0.set(of_body(body));
    }

    /// Returns the hash of the body; that of an empty one, if none was read.
    fn get(&self) -> [u8; 32] {
        self.0.get().copied().unwrap_or_else(|| of_body(&[]))
    }
}

fn of_body(body: &[u8]) -> [u8; 32] {
    fingerprint("body", &[body])
}

/// `Idempotency-Key` of a request, which may repeat an earlier one.
pub(super) struct IdempotencyHeader(Option<Keyed>);

struct Keyed {
    key: String,
    method: String,
    /// Path and query.
    target: String,
    /// Lines of `If-Match` and `If-None-Match`, as sent.
    preconditions: Vec<u8>,
    body: BodyDigest,
}

impl<'a> FromRequest<'a> for IdempotencyHeader {
    async fn from_request(
        req: &'a Request,
        _body: &mut RequestBody,
    ) -> poem::Result<Self> {
        let refused = |message| Problem::invalid(vec![FieldError::new(KEY, message)]);
        let mut headers = req.headers().get_all(KEY_NAME).iter();
        let Some(header) = headers.next() else { return Ok(Self(None)) };
        if headers.next().is_some() {
            return Err(refused("must not be repeated").into());
        }
        let key = key(header.as_bytes()).ok_or_else(|| refused(FAULT))?;
        let body = req.data::<BodyDigest>().cloned().ok_or_else(Problem::internal)?;
        Ok(Self(Some(Keyed {
            key,
            method: req.method().to_string(),
            target: req.original_uri().to_string(),
            preconditions: preconditions(req.headers()),
            body,
        })))
    }
}

/// Returns all lines of `If-Match` and `If-None-Match`; empty if there are none.
fn preconditions(headers: &HeaderMap) -> Vec<u8> {
    let mut found = Vec::new();
    for name in [header::IF_MATCH, header::IF_NONE_MATCH] {
        for line in headers.get_all(&name) {
            let parts = [name.as_str().as_bytes(), b": ", line.as_bytes(), b"\n"];
            found.extend(parts.concat());
        }
    }
    found
}

/// Parses a structured-field string of plain characters, with or without its quotes.
fn key(value: &[u8]) -> Option<String> {
    let quoted = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let key = quoted.unwrap_or(value);
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'"' && *byte != b'\\';
    if !(1..=MAX_KEY).contains(&key.len()) || !key.iter().all(is_plain) {
        return None;
    }
    String::from_utf8(key.to_vec()).ok()
}

impl IdempotencyHeader {
    /// Drops the key of a dry run: it has no effect that must not be repeated, and the key stays free for the
    /// request itself.
    pub(super) fn unless(self, dry_run: bool) -> Self {
        if dry_run { Self(None) } else { self }
    }

    /// Returns the identity of the request, if it has a key. Call it after the body was read.
    pub(super) fn key(self) -> Option<RequestKey> {
        let Keyed { key, method, target, preconditions, body } = self.0?;
        let body = body.get();
        let mut request: Vec<&[u8]> = vec![method.as_bytes(), target.as_bytes(), &body];
        if !preconditions.is_empty() {
            request.push(&preconditions);
        }
        Some(RequestKey::new(&key, &request))
    }
}

/// Response to a request, marked if its outcome was replayed.
pub(super) struct Reply<R> {
    response: R,
    is_replayed: bool,
}

impl<R> Reply<R> {
    /// Renders an outcome.
    pub(super) fn of<A>(outcome: Outcome<A>, render: impl FnOnce(A) -> R) -> Self {
        match outcome {
            Outcome::Fresh(it) => Self { response: render(it), is_replayed: false },
            Outcome::Replayed(it) => Self { response: render(it), is_replayed: true },
        }
    }
}

impl<R: IntoResponse> IntoResponse for Reply<R> {
    fn into_response(self) -> Response {
        let mut response = self.response.into_response();
        if self.is_replayed {
            response.headers_mut().insert(REPLAYED, TRUE);
        }
        response
    }
}

impl<R: ApiResponse> ApiResponse for Reply<R> {
    fn meta() -> MetaResponses {
        R::meta()
    }

    fn register(registry: &mut Registry) {
        R::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_with_and_without_quotes() {
        let longest = "x".repeat(MAX_KEY);
        for good in ["a", "8e03978e-40d5-43e8-bc93-6894a57f9324", "a:b;c=?/~", &longest] {
            assert_eq!(key(good.as_bytes()).as_deref(), Some(good));
            assert_eq!(key(format!("\"{good}\"").as_bytes()).as_deref(), Some(good));
        }
        let too_long = "x".repeat(MAX_KEY + 1);
        for bad in [
            "", "\"", "\"\"", "a b", "\"a", "a\"", "a\"b", "a\\", "\"a\"b\"", "\u{fc}",
            "a\tb", &too_long,
        ] {
            assert_eq!(key(bad.as_bytes()), None, "{bad}");
        }
    }
}
