//! Cross-origin requests from browsers ([Fetch](https://fetch.spec.whatwg.org/#http-cors-protocol)).
//!
//! Origins on the list get their own name back, with credentials; all others get no CORS header at all.
//! CORS protects users of browsers, not the server, so the request itself is served either way.

use std::collections::HashSet;

use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Request, Response};

/// Answers that a page may read besides the simple ones.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Accept-Encoding, Allow, Content-Disposition, ETag, Idempotency-Replayed, Link, Location, RateLimit, \
     RateLimit-Policy, Retry-After, WWW-Authenticate, X-Deleted-Count, X-Finished-Id, X-Request-Id, X-Total-Count",
);
const METHODS: HeaderValue =
    HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id",
);
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("600");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// The origins that may.
#[derive(Debug)]
pub(super) struct Cors(HashSet<String>);

impl Cors {
    pub(super) fn new(origins: &[String]) -> Self {
        Self(origins.iter().cloned().collect())
    }

    /// The origin of a request, if it is on the list.
    pub(super) fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        self.0.contains(origin.to_str().ok()?).then(|| origin.clone())
    }

    /// Answers the question a browser asks before it sends the real request.
    pub(super) fn preflight(
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
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
        }
        Some(response)
    }

    /// Marks an answer, whatever its status.
    pub(super) fn mark(&self, headers: &mut HeaderMap, allowed: Option<HeaderValue>) {
        if self.0.is_empty() {
            return;
        }
        // Also for strangers, or a cache would give one origin's answer to another.
        headers.append(
            header::VARY,
            HeaderValue::from_name(HeaderName::from_static("origin")),
        );
        if let Some(origin) = allowed {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
}
