//! Processing that all requests and responses share.

use std::any::Any;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use poem::error::MethodNotAllowedError;
use poem::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use poem::middleware::PanicHandler;
use poem::{Endpoint, IntoResponse as _, Request, Response, Result};

use super::Site;
use super::address::{ClientAddress, TrustedProxies};
use super::cors::Cors;
use super::forwarded::Forwarded;
use super::host;
use super::idempotency::BodyDigest;
use super::metrics::{Operation, Requests};
use super::payload::{self, BodyBudget, BodyLimits};
use super::problem::{self, Problem};
use super::query::{self, RefusedQuery};
use super::response_memory::ResponseMemory;
use super::routes::{NO_ROUTE, Route, RouteTable};
use super::server::{OverShare, Unreadable};
use super::shares::Holder;
use super::trace_id::TraceId;
use super::turn::Turns;
use super::unread_body::UnreadBody;
use crate::domain::id::UserId;
use crate::service::Service;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
/// Header value of one year, for this host alone: other hosts of its owner are not affected.
const ONLY_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
/// Media type of errors for OAuth 2 clients, the only one they read
/// ([RFC 6749, section 5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)).
const OAUTH_ERROR: HeaderValue = HeaderValue::from_static("application/json");
/// Policy of API responses, which are not pages: nothing in them may run or be framed.
const NO_CONTENT: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Maximum number of header fields in a request.
const MAX_HEADER_FIELDS: usize = 64;

/// Maximum body length of requests below `auth`, in bytes.
const MAX_AUTH_BODY: usize = 16 * 1024;

/// The outermost layer.
pub(super) struct Middleware<E> {
    pub(super) inner: E,
    pub(super) table: RouteTable,
    pub(super) requests: Requests,
    pub(super) cors: Cors,
    pub(super) service: Service,
    pub(super) site: Site,
    pub(super) shared: Arc<Shared>,
    pub(super) forwarded: Forwarded,
    pub(super) body: BodyLimits,
    pub(super) header_bytes: usize,
    /// Whether browsers are told to use TLS only.
    pub(super) only_tls: bool,
    pub(super) request_timeout: Duration,
    pub(super) ids: RequestIds,
}

/// Limits that requests share. Each request has a reference to them.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) proxies: Arc<TrustedProxies>,
    pub(super) budget: ResponseMemory,
    pub(super) turns: Turns,
    pub(super) bodies: BodyBudget,
}

impl Shared {
    /// Returns the limits that a request refers to.
    pub(super) fn of(request: &Request) -> Result<&Self, Problem> {
        let shared: Option<&Arc<Self>> = request.data();
        shared.map(Arc::as_ref).ok_or_else(Problem::internal)
    }
}

/// Facts about a request: the limits of its body, and the caller, which a handler records for the access log.
#[derive(Clone, Debug)]
pub(super) struct RequestContext {
    pub(super) body: BodyLimits,
    user: Arc<OnceLock<UserId>>,
}

impl RequestContext {
    fn new(body: BodyLimits) -> Self {
        Self { body, user: Arc::default() }
    }

    /// Records the caller. A request has one caller, so the first call counts.
    pub(super) fn set_user(&self, user: UserId) {
        let _set_before = self.user.set(user);
    }

    /// Returns the user of the request, once it is known.
    pub(super) fn user(&self) -> Option<UserId> {
        self.user.get().copied()
    }
}

impl<E: Endpoint> Endpoint for Middleware<E> {
    type Output = Response;

    async fn call(&self, req: Request) -> Result<Response> {
        let mut request = req;
        let id = self.ids.of(&request);
        let route = self.table.find(request.uri().path());
        let allowed = self.cors.allowed(request.headers());
        let counts = self.table.counts(route, request.method());
        let body = self.body_limits(route);
        let context = RequestContext::new(body);
        let line =
            AccessLine::start(&request, route, &id, counts.map(Arc::as_ref), context);
        let site = self.site.below(self.forwarded.prefix(&request));

        let digest = BodyDigest::wanted(request.headers());
        let extensions = request.extensions_mut();
        if let Some(digest) = digest {
            extensions.insert(digest);
        }
        extensions.insert(line.context.clone());
        extensions.insert(self.service.clone());
        extensions.insert(site);
        extensions.insert(Arc::clone(&self.shared));

        let leftover = UnreadBody::of(&mut request);
        let (address, writes) = (ClientAddress::of(&request).0, writes(&request));
        let response = match self.admit(&request, body) {
            Err(problem) => problem.into_response(),
            Ok(()) => match self.cors.preflight(&request, allowed.as_ref()) {
                Some(response) => response,
                None => self.answer(request, route).await,
            },
        };
        let reader = Holder::new(line.context.user(), address);
        // A response over the budget is dropped here, before any client can wait for it.
        let is_oauth = route.is_some_and(|route| route.speaks_oauth);
        let rendering = Rendering { id: &id, is_oauth };
        let (mut response, code) = self.count(response, reader, writes, rendering);
        if let Some(code) = code {
            self.requests.problems.count(code);
        }
        if let Some(leftover) = leftover {
            leftover.clear(body.bytes, &mut response).await;
        }
        finish(&mut response, &id);
        if self.only_tls {
            response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, ONLY_TLS);
        }
        self.cors.mark(response.headers_mut(), allowed);
        line.end(response.status());
        Ok(response)
    }
}

/// Methods that are logged by name. Others are made up by the client, and may be long.
const KNOWN: [(Method, &str); 7] = [
    (Method::GET, "GET"),
    (Method::HEAD, "HEAD"),
    (Method::POST, "POST"),
    (Method::PUT, "PUT"),
    (Method::PATCH, "PATCH"),
    (Method::DELETE, "DELETE"),
    (Method::OPTIONS, "OPTIONS"),
];

/// Line of the access log, written even if the client disconnects before the response: the request may have been
/// carried out. Contains no text that the client can choose freely.
struct AccessLine<'a> {
    method: &'static str,
    route: &'a str,
    id: &'a HeaderValue,
    trace: Option<TraceId>,
    counts: Option<&'a Operation>,
    started: Instant,
    context: RequestContext,
    ended: bool,
}

impl<'a> AccessLine<'a> {
    fn start(
        request: &Request,
        route: Option<&'a Route>,
        id: &'a HeaderValue,
        counts: Option<&'a Operation>,
        context: RequestContext,
    ) -> Self {
        let known = KNOWN.iter().find(|(known, _)| known == request.method());
        Self {
            method: known.map_or("other", |(_, name)| name),
            route: route.map_or(NO_ROUTE, |route| route.pattern.as_str()),
            id,
            trace: TraceId::of(request.headers()),
            counts,
            started: Instant::now(),
            context,
            ended: false,
        }
    }

    fn end(mut self, status: StatusCode) {
        self.ended = true;
        self.log(Some(status.as_u16()), "request served");
    }

    fn log(&self, status: Option<u16>, message: &str) {
        let took = self.started.elapsed();
        if let Some(counts) = self.counts {
            counts.count(status, took);
        }
        tracing::info!(
            http.method = self.method,
            http.route = self.route,
            http.status = status,
            duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            request.id = self.id.to_str().unwrap_or_default(),
            trace_id = self.trace.map(tracing::field::display),
            user.id = self.context.user().map(UserId::get),
            "{message}"
        );
    }
}

impl Drop for AccessLine<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.log(None, "request abandoned");
        }
    }
}

impl<E: Endpoint> Middleware<E> {
    /// Returns the limits of a body. Log-in needs no credential, so bodies below `auth` are kept small.
    fn body_limits(&self, route: Option<&Route>) -> BodyLimits {
        let auth = route.is_some_and(|route| route.pattern.contains("/auth/"));
        let most = if auth { MAX_AUTH_BODY } else { usize::MAX };
        BodyLimits { bytes: self.body.bytes.min(most), ..self.body }
    }

    async fn answer(&self, mut request: Request, route: Option<&Route>) -> Response {
        if request.method() == Method::OPTIONS
            && let Some(route) = route
        {
            let response = Response::builder().status(StatusCode::NO_CONTENT);
            return response.header(header::ALLOW, &route.allow).finish();
        }
        if let Some(operation) = route.and_then(|it| it.operation(request.method()))
            && let Err(problem) =
                query::check(request.uri().query().unwrap_or(""), operation)
        {
            if !operation.needs_token {
                return problem.into_response();
            }
            // Reported once the caller is known.
            request.extensions_mut().insert(RefusedQuery(problem));
        }
        let outcome =
            tokio::time::timeout(self.request_timeout, self.inner.call(request)).await;
        match outcome {
            Err(_) => Problem::timeout().into_response(),
            Ok(Ok(response)) => response.into_response(),
            Ok(Err(error)) if error.is_from_response() => error.into_response(),
            Ok(Err(error)) if error.is::<MethodNotAllowedError>() => {
                let allow = route.map_or("GET, HEAD", |route| &route.allow);
                Problem::method_not_allowed(allow).into_response()
            }
            Ok(Err(error)) => problem::from_poem(&error).into_response(),
        }
    }

    /// Renders a response and counts its memory, or replaces it if there is no room. Also returns its problem code,
    /// if any.
    fn count(
        &self,
        mut response: Response,
        reader: Holder,
        writes: bool,
        rendering: Rendering<'_>,
    ) -> (Response, Option<&'static str>) {
        let code = rendering.render(&mut response);
        let is_done = writes && response.status().is_success();
        match self.shared.budget.count(response, reader) {
            Ok(response) => (response, code),
            Err(full) => {
                let mut response = Problem::no_room(full, is_done).into_response();
                let code = rendering.render(&mut response);
                (response, code)
            }
        }
    }

    /// Refuses requests that are too large, or ambiguous, before anything is done.
    fn admit(&self, request: &Request, body: BodyLimits) -> Result<(), Problem> {
        if let Some(why) = request.extensions().get::<Unreadable>() {
            return Err(match why {
                Unreadable::Malformed => {
                    Problem::malformed("the request is not valid HTTP")
                }
                Unreadable::UriTooLong => Problem::uri_too_long(),
                Unreadable::HeaderTooLarge => Problem::header_too_large(),
                Unreadable::BodyTooLarge => Problem::body_too_large(body.bytes),
            });
        }
        if request.extensions().get::<OverShare>().is_some() {
            return Err(Problem::too_many_requests_at_once());
        }
        let headers = request.headers();
        let line = request.uri().path().len() + request.uri().query().map_or(0, str::len);
        let fields =
            headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
        if headers.len() > MAX_HEADER_FIELDS
            || line + fields.sum::<usize>() > self.header_bytes
        {
            return Err(Problem::header_too_large());
        }
        // Some parsers of links take such a path for a host name.
        if request.uri().path().starts_with("//") {
            return Err(Problem::not_found());
        }
        payload::check_transfer_coding(headers)?;
        let length = headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let limit = u64::try_from(body.bytes).unwrap_or(u64::MAX);
        if length.is_some_and(|length| length > limit) {
            return Err(Problem::body_too_large(body.bytes));
        }
        host::check(request)
    }
}

/// Whether a request may change data.
fn writes(request: &Request) -> bool {
    !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Request facts that the body of a problem depends on.
#[derive(Clone, Copy)]
struct Rendering<'a> {
    id: &'a HeaderValue,
    /// Whether the reader is an OAuth 2 client.
    is_oauth: bool,
}

impl Rendering<'_> {
    /// Writes the body of a problem, and returns its code.
    fn render(self, response: &mut Response) -> Option<&'static str> {
        let problem = response.extensions_mut().remove::<Problem>()?;
        let id = self.id.to_str().unwrap_or_default();
        response.set_body(problem.render(id, self.is_oauth));
        let media_type = if self.is_oauth { OAUTH_ERROR } else { PROBLEM };
        response.headers_mut().insert(header::CONTENT_TYPE, media_type);
        Some(problem.code())
    }
}

/// Adds the headers that every response has.
fn finish(response: &mut Response, id: &HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id.clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(header::REFERRER_POLICY, NO_REFERRER);
    headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NO_CONTENT);
}

/// Handler of panics: each fails one request, and the hook has logged its location.
#[derive(Clone, Copy)]
pub(super) struct OnPanic;

impl PanicHandler for OnPanic {
    type Response = Problem;

    fn get_response(&self, _panic: Box<dyn Any + Send + 'static>) -> Problem {
        Problem::internal()
    }
}

/// Source of request ids: the client's own if it is well-formed, else a new unique one.
#[derive(Debug)]
pub(super) struct RequestIds {
    /// Start of the ids of this run of the program.
    run: String,
    next: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        // Ids are not secret; they must only differ from those of other runs.
        let run = format!("{:016x}", RandomState::new().hash_one("run"));
        Self { run, next: AtomicU64::new(1) }
    }
}

impl RequestIds {
    fn of(&self, request: &Request) -> HeaderValue {
        let well_formed = |value: &&HeaderValue| {
            (8..=64).contains(&value.len())
                && value
                    .as_bytes()
                    .iter()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b))
        };
        if let Some(given) = request.headers().get(REQUEST_ID).filter(well_formed) {
            return given.clone();
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}{number:08x}", self.run);
        HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("-"))
    }
}
