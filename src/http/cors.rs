//! Cross-origin requests from browsers ([Fetch](https://fetch.spec.whatwg.org/#http-cors-protocol)).
//!
//! Allowed origins are echoed, with credentials; all others get no CORS header at all. CORS protects users of
//! browsers, not the server, so the request itself is served either way.

use std::collections::{BTreeSet, HashSet};

use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Request, Response};
use poem_openapi::registry::{MetaOperation, MetaParamIn, MetaPath};

use super::idempotency::KEY;
use super::openapi;

/// Response headers that a page may read besides those that operations describe.
const EXPOSED: [&str; 3] = ["Accept-Encoding", "Allow", "Content-Disposition"];

/// Request headers that a page may send besides those that operations describe.
const ACCEPTED: [&str; 5] =
    ["Accept", "Authorization", "Content-Type", KEY, "X-Request-Id"];

const METHODS: HeaderValue =
    HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("600");
const NOTHING: HeaderValue = HeaderValue::from_static("");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// Allowed origins, and the headers that their pages may use.
#[derive(Debug)]
pub(super) struct Cors {
    origins: HashSet<String>,
    exposed: HeaderValue,
    accepted: String,
}

impl Cors {
    /// Reads the header names from the operations of these paths.
    pub(super) fn new(origins: &[String], paths: &[MetaPath]) -> Self {
        let operations = || paths.iter().flat_map(|path| &path.operations);
        let mut exposed: BTreeSet<String> = EXPOSED.map(str::to_owned).into();
        exposed.extend(openapi::shared_headers());
        exposed.extend(operations().flat_map(response_headers));
        let mut accepted: BTreeSet<String> = ACCEPTED.map(str::to_owned).into();
        accepted.extend(operations().flat_map(request_headers));
        let join =
            |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(", ");
        Self {
            origins: origins.iter().cloned().collect(),
            exposed: HeaderValue::try_from(join(exposed)).unwrap_or(NOTHING),
            accepted: join(accepted),
        }
    }

    /// Returns the origin of a request, if it is allowed.
    pub(super) fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        self.origins.contains(origin.to_str().ok()?).then(|| origin.clone())
    }

    /// Answers a preflight request. A page of an allowed origin may send any header that it asks for: libraries add
    /// their own, such as `X-Requested-With` and `traceparent`.
    pub(super) fn preflight(
        &self,
        request: &Request,
        allowed: Option<&HeaderValue>,
    ) -> Option<Response> {
        let asks = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ORIGIN)
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !asks {
            return None;
        }
        let mut response = Response::builder().status(StatusCode::NO_CONTENT).finish();
        if allowed.is_some() {
            let headers = response.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            let accepted = self.accepted_from(request.headers());
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, accepted);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
        }
        Some(response)
    }

    fn accepted_from(&self, asked: &HeaderMap) -> HeaderValue {
        let asked = asked.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS).iter();
        let asked = asked.filter_map(|line| line.to_str().ok());
        let names = asked.flat_map(|line| line.split(',')).map(str::trim);
        let mut accepted = self.accepted.clone();
        for name in names.filter(|name| HeaderName::try_from(*name).is_ok()) {
            accepted.push_str(", ");
            accepted.push_str(name);
        }
        HeaderValue::try_from(accepted).unwrap_or(NOTHING)
    }

    /// Adds CORS headers to a response, whatever its status.
    pub(super) fn mark(&self, headers: &mut HeaderMap, allowed: Option<HeaderValue>) {
        if self.origins.is_empty() {
            return;
        }
        // Also for other origins, or a cache would serve one origin's response to another.
        headers.append(
            header::VARY,
            HeaderValue::from_name(HeaderName::from_static("origin")),
        );
        if let Some(origin) = allowed {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
            let exposed = self.exposed.clone();
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }
}

fn response_headers(operation: &MetaOperation) -> impl Iterator<Item = String> {
    let headers = operation.responses.responses.iter().flat_map(|it| &it.headers);
    headers.map(|header| openapi::usual_spelling(&header.name))
}

fn request_headers(operation: &MetaOperation) -> impl Iterator<Item = String> {
    let headers = operation.params.iter().filter(|it| it.in_type == MetaParamIn::Header);
    headers.map(|header| header.name.clone())
}
