//! `Idempotency-Key`
//! ([draft-ietf-httpapi-idempotency-key-header-07](https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header-07)):
//! a repeated request is not carried out again.
//!
//! A handler of a POST, PATCH or DELETE takes an [`Attempt`] after the caller and before the body, gives the form
//! of its response to [`Attempt::with`], and returns the resulting [`Reply`]:
//!
//! ```text
//! let answers = attempt.with(move |task: &Task| Created::of(task, &prefix));
//! let work = |doing| service.task_create(&caller.0, draft, doing);
//! Ok(answers.reply(service.once(&caller.0, answers.once(), work).await?))
//! ```

use std::io;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::body::Bytes;
use poem::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use poem::{FromRequest, IntoResponse, Request, RequestBody, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaResponses, Registry};
use zeroize::Zeroizing;

use super::problem::Problem;
use crate::auth::seal::fingerprint;
use crate::service::{Asked, Done, FieldError, Once, Recorded};

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

/// A request that may repeat an earlier one.
pub(super) struct Attempt(Option<Keyed>);

struct Keyed {
    key: String,
    method: String,
    /// Path and query.
    target: String,
    /// Lines of `If-Match` and `If-None-Match`, as sent.
    preconditions: Vec<u8>,
    body: BodyDigest,
}

impl<'a> FromRequest<'a> for Attempt {
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

impl Attempt {
    /// Drops the key of a dry run: it has no effect that must not be repeated, and the key stays free for the
    /// request itself.
    pub(super) fn unless(self, dry_run: bool) -> Self {
        if dry_run { Self(None) } else { self }
    }

    /// Sets the form of responses. Call it after the body was read.
    pub(super) fn with<A, R>(
        self,
        answer: impl Fn(&A) -> R + Send + Sync + 'static,
    ) -> Answers<A, R> {
        let asked = self.0.map(|it| {
            let Keyed { key, method, target, preconditions, body } = it;
            let body = body.get();
            let mut request: Vec<&[u8]> =
                vec![method.as_bytes(), target.as_bytes(), &body];
            if !preconditions.is_empty() {
                request.push(&preconditions);
            }
            Asked::new(&key, &request)
        });
        Answers { asked, answer: Arc::new(answer) }
    }
}

/// Form of the response to a request, for its first execution and for repetitions.
pub(super) struct Answers<A, R> {
    asked: Option<Asked>,
    answer: Arc<dyn Fn(&A) -> R + Send + Sync>,
}

impl<A: 'static, R: IntoResponse + 'static> Answers<A, R> {
    /// Returns the part for the service.
    pub(super) fn once(&self) -> Once<A> {
        let answer = Arc::clone(&self.answer);
        Once::new(self.asked.clone(), move |done| record(answer(done).into_response()))
    }

    /// Returns the response for the client.
    pub(super) fn reply(&self, done: Done<A>) -> Reply<R> {
        match done {
            Done::Now(done) => Reply::Fresh((self.answer)(&done)),
            Done::Before(recorded) => Reply::Replayed(recorded),
        }
    }
}

/// A new response, or a recorded one.
pub(super) enum Reply<R> {
    Fresh(R),
    Replayed(Recorded),
}

impl<R: IntoResponse> IntoResponse for Reply<R> {
    fn into_response(self) -> Response {
        match self {
            Self::Fresh(answer) => answer.into_response(),
            Self::Replayed(recorded) => match replay(&recorded.0) {
                Some(response) => response,
                None => Problem::internal().into_response(),
            },
        }
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

/// Records a response: status, headers, an empty line, body.
fn record(mut response: Response) -> io::Result<Recorded> {
    if !response.status().is_success() {
        return Err(io::Error::other("only a successful response can be recorded"));
    }
    let body: BoxBody<Bytes, io::Error> = response.take_body().into();
    // The body is in memory, so it is ready at once.
    let read = pin!(body.collect()).poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(body) = read else {
        return Err(io::Error::other("the body of a recorded response must be in memory"));
    };
    let body = body?.to_bytes();
    let mut bytes = Zeroizing::new(response.status().as_str().as_bytes().to_vec());
    for (name, value) in response.headers() {
        for part in [b"\n", name.as_str().as_bytes(), b": ", value.as_bytes()] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(b"\n\n");
    bytes.extend_from_slice(&body);
    Ok(Recorded(bytes))
}

fn replay(recorded: &[u8]) -> Option<Response> {
    let end = recorded.windows(2).position(|two| two == b"\n\n")?;
    let (head, body) = recorded.split_at_checked(end)?;
    let mut lines = head.split(|byte| *byte == b'\n');
    let status = StatusCode::from_bytes(lines.next()?).ok()?;
    let mut response = Response::builder().status(status).finish();
    for line in lines {
        let colon = line.windows(2).position(|two| two == b": ")?;
        let name = HeaderName::from_bytes(line.get(..colon)?).ok()?;
        let value = HeaderValue::from_bytes(line.get(colon + 2..)?).ok()?;
        response.headers_mut().append(name, value);
    }
    response.headers_mut().insert(REPLAYED, TRUE);
    response.set_body(body.get(2..)?.to_vec());
    Some(response)
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

    #[tokio::test]
    async fn an_answer_comes_back_as_it_was() {
        let response = Response::builder()
            .status(StatusCode::CREATED)
            .header("location", "/a/1")
            .header("etag", "\"1\"")
            .body("{\n\n\"a\": 1}");
        let recorded = record(response).unwrap();
        let mut response = replay(&recorded.0).unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.header("location"), Some("/a/1"));
        assert_eq!(response.header("etag"), Some("\"1\""));
        assert_eq!(response.header("idempotency-replayed"), Some("true"));
        let body = response.take_body().into_vec().await.unwrap();
        assert_eq!(body, b"{\n\n\"a\": 1}");

        let empty = record(Response::builder().status(StatusCode::NO_CONTENT).finish());
        let response = replay(&empty.unwrap().0).unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert!(record(Problem::internal().into_response()).is_err());
    }
}
