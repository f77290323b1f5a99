//! The pages that show the OpenAPI document: Swagger UI and ReDoc.
//!
//! Scripts and styles come out of poem-openapi, which has them inside; they are cut out of its one-page
//! forms so that they can be cached, compressed and run under a Content-Security-Policy without
//! `unsafe-inline` scripts. Nothing is loaded from another host. All of it is made at the first visit, so that
//! a server that nobody looks at does not carry it.

mod asset;
mod pages;

use std::sync::{Arc, OnceLock};

use poem::endpoint::make;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Endpoint, EndpointExt as _, Request, Response, Route};
use serde_json::Value;

use self::asset::Asset;
use self::pages::Pages;
use super::problem::Problem;

/// The document in both forms, and the pages once somebody has asked.
pub(super) struct Docs {
    json: Asset,
    yaml: Asset,
    title: String,
    pages: OnceLock<Pages>,
}

impl Docs {
    pub(super) fn new(document: &Value) -> Arc<Self> {
        let title = document.pointer("/info/title").and_then(Value::as_str);
        Arc::new(Self {
            json: Asset::new("application/json", document.to_string().into_bytes()),
            yaml: Asset::new("application/yaml", super::to_yaml(document).into_bytes()),
            title: title.unwrap_or_default().to_owned(),
            pages: OnceLock::new(),
        })
    }

    fn find(&self, path: &str) -> Option<&Asset> {
        match path {
            "/openapi.json" => Some(&self.json),
            "/openapi.yaml" => Some(&self.yaml),
            _ => self.pages.get_or_init(|| Pages::new(&self.title)).find(path),
        }
    }
}

/// Every path that [`Docs`] has.
const PATHS: [&str; 8] = [
    "/openapi.json",
    "/openapi.yaml",
    "/docs",
    "/docs/start.js",
    "/docs/swagger-ui.css",
    "/docs/swagger-ui.js",
    "/redoc",
    "/redoc/start.js",
];

/// Adds the pages to the routes, and sends whoever comes to the root to them.
pub(super) fn routes(
    docs: Arc<Docs>,
    mut routes: Route,
) -> impl Endpoint<Output = Response> {
    for path in PATHS.into_iter().chain(["/redoc/redoc.js"]) {
        routes = routes.at(path, page(Arc::clone(&docs), path));
    }
    // Not a route: whatever is nested at the root takes the root itself too.
    routes.around(|routes, request| async move {
        if request.uri().path() == "/" {
            to_docs(&request)
        } else {
            routes.call(request).await
        }
    })
}

fn page(docs: Arc<Docs>, path: &'static str) -> impl Endpoint<Output = Response> {
    make(move |request: Request| {
        let docs = Arc::clone(&docs);
        let answer = async move {
            if !asset::is_read(&request) {
                return Err(Problem::method_not_allowed("GET, HEAD"));
            }
            let accept = asset::Accept::of(&request);
            // The first visit compresses megabytes, which must not hold up the others.
            let answer = move || docs.find(path).map(|asset| asset.answer(&accept));
            match tokio::task::spawn_blocking(answer).await {
                Ok(Some(response)) => Ok(response),
                Ok(None) => Err(Problem::not_found()),
                Err(_) => Err(Problem::internal()),
            }
        };
        async move { answer.await.map_err(poem::Error::from) }
    })
}

fn to_docs(request: &Request) -> poem::Result<Response> {
    if !asset::is_read(request) {
        return Err(Problem::method_not_allowed("GET, HEAD").into());
    }
    let docs = HeaderValue::from_static("/docs");
    Ok(Response::builder()
        .status(StatusCode::TEMPORARY_REDIRECT)
        .header(header::LOCATION, docs)
        .finish())
}
