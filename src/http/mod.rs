//! The REST API: parses requests, asks the service, responds. It makes no decisions of its own.
//!
//! Layers of a request, from the outside in: [`server`] (connections and their limits), [`middleware`] (request id, log
//! line, time limit, CORS, security headers, the form of errors), the routes below, a handler.

mod accounts;
mod address;
mod audit;
mod base_url;
mod caller;
mod completed;
mod cors;
mod docs;
mod etag;
mod event_stream;
mod format;
mod forwarded;
mod health;
mod host;
mod idempotency;
mod ignored;
mod invitations;
mod label;
mod lists;
pub mod metrics;
mod middleware;
mod nearest;
mod oauth;
mod openapi;
mod param;
mod payload;
mod prefix;
mod problem;
mod query;
mod response_memory;
mod routes;
pub mod server;
mod sessions;
mod shares;
mod tasks;
mod tokens;
mod trace_id;
mod turn;
mod unread_body;
mod users;
mod wire;

use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::middleware::{CatchPanic, NormalizePath, TrailingSlash};
use poem::{EndpointExt as _, IntoEndpoint as _, Response, Route};
use poem_openapi::registry::MetaPath;
use poem_openapi::{OpenApi, OpenApiService, Tags};
use tokio_util::sync::CancellationToken;

use self::accounts::AccountsApi;
use self::address::TrustedProxies;
use self::audit::AuditApi;
use self::cors::Cors;
use self::docs::Docs;
use self::forwarded::Forwarded;
use self::health::{BaseHealth, RootHealth};
use self::invitations::InvitationsApi;
use self::lists::ListsApi;
use self::metrics::Requests;
use self::middleware::{Middleware, OnPanic, Shared};
use self::oauth::{METADATA, MetadataApi, RevocationApi};
pub use self::openapi::{document, to_yaml};
use self::payload::{BodyBudget, BodyLimits};
use self::response_memory::ResponseMemory;
use self::routes::RouteTable;
use self::sessions::SessionsApi;
use self::tasks::{ChangesApi, EventsApi, HistoryApi, TagsApi, TaskApi, TasksApi};
use self::tokens::TokensApi;
use self::turn::Turns;
use self::users::UsersApi;
use crate::config::Config;
use crate::domain::timestamp::Timestamp;
use crate::service::Service;

/// Groups of operations.
#[derive(Tags)]
enum Api {
    /// Registration, log-in, and the account.
    Auth,
    /// Tasks of the caller.
    Tasks,
    /// Lists of tasks, such as projects.
    Lists,
    /// History of tasks, the trash, and undoing.
    History,
    /// Administration of accounts.
    Admin,
    /// Health checks, for monitoring.
    Health,
}

/// Facts about the installation, for handlers.
#[derive(Clone, Debug)]
struct Site {
    environment: Arc<str>,
    /// Path under which a proxy exposes the server; empty for none.
    root: Arc<str>,
    /// Path of the API as clients see it.
    api_prefix: Arc<str>,
    /// Whether this server terminates TLS itself.
    is_tls: bool,
    /// Cancelled when the server begins to stop: readiness probes fail from then on.
    stopping: CancellationToken,
}

impl Site {
    /// Returns the site as a client sees it whose proxy removed this path.
    fn below(&self, root: Option<&str>) -> Self {
        let Some(root) = root else { return self.clone() };
        let api_prefix = format!("{root}{}", self.api_prefix).into();
        Self { root: root.into(), api_prefix, ..self.clone() }
    }
}

/// Returns all routes: the API under its base path, health checks, the OpenAPI document and its pages. Also returns
/// the counters of their requests.
pub fn endpoint(
    service: Service,
    config: &Config,
    stopping: CancellationToken,
) -> (BoxEndpoint<'static, Response>, Requests) {
    let paths = paths(&config.api_prefix);
    let table = RouteTable::of(&paths);
    let requests = Requests::new(table.all_counts());
    let site = Site {
        environment: config.environment.as_str().into(),
        root: "".into(),
        api_prefix: config.api_prefix.as_str().into(),
        is_tls: config.tls.is_some(),
        stopping,
    };
    let docs = Docs::new(&config.project_name, &config.api_prefix);
    let routes = docs::routes(docs, api_routes(&config.api_prefix));
    let proxies = Arc::new(TrustedProxies(config.trusted_proxies.clone()));
    let middleware = Middleware {
        inner: routes
            .with(NormalizePath::new(TrailingSlash::Trim))
            .with(CatchPanic::new().with_handler(OnPanic)),
        table,
        requests: requests.clone(),
        cors: Cors::new(&config.cors_origins, &paths),
        service,
        site,
        forwarded: Forwarded::new(Arc::clone(&proxies), config.log_networks),
        shared: Arc::new(Shared {
            proxies,
            budget: ResponseMemory::default(),
            turns: Turns::default(),
            bodies: BodyBudget::new(config.limits.body_bytes),
        }),
        body: BodyLimits {
            bytes: config.limits.body_bytes,
            time: config.limits.body_timeout,
        },
        header_bytes: config.limits.header_bytes,
        only_tls: config.tls.is_some(),
        request_timeout: config.limits.request_timeout,
        ids: middleware::RequestIds::default(),
    };
    (middleware.boxed(), requests)
}

fn base_service() -> OpenApiService<impl OpenApi, ()> {
    let auth = (UsersApi, SessionsApi, RevocationApi, TokensApi);
    let tasks = (TasksApi, ChangesApi, EventsApi, TaskApi, TagsApi, ListsApi, HistoryApi);
    let admin = (AccountsApi, InvitationsApi, AuditApi);
    OpenApiService::new((auth, tasks, admin, BaseHealth), "", "")
}

fn root_service() -> OpenApiService<(RootHealth, MetadataApi), ()> {
    OpenApiService::new((RootHealth, MetadataApi), "", "")
}

/// Returns all paths of the API with their operations.
fn paths(prefix: &str) -> Vec<MetaPath> {
    let below = |prefix: &str, mut path: MetaPath| {
        path.path.insert_str(0, prefix);
        path
    };
    let base = described(base_service()).map(|path| below(prefix, path));
    base.chain(described(root_service())).collect()
}

fn described<T: OpenApi>(_: OpenApiService<T, ()>) -> impl Iterator<Item = MetaPath> {
    T::meta().into_iter().flat_map(|api| api.paths)
}

fn api_routes(prefix: &str) -> Route {
    let base = base_service().into_endpoint();
    let root = root_service().into_endpoint();
    if prefix.is_empty() {
        // The base path has its own health check, and probes may use either.
        let root = Arc::new(root);
        Route::new()
            .nest_no_strip("/health/live", Arc::clone(&root))
            .nest_no_strip(METADATA, Arc::clone(&root))
            .nest_no_strip("/health/ready", root)
            .nest("/", base)
    } else {
        Route::new().nest(prefix, base).nest("/", root)
    }
}

/// Returns the time shown in examples.
fn example_time() -> Timestamp {
    Timestamp::from_millis(1_796_119_200_000).unwrap_or(Timestamp::EPOCH)
}
