//! The pages that show the OpenAPI document: Swagger UI and ReDoc.
//!
//! Scripts and styles come out of poem-openapi, which has them inside; they are cut out of its one-page
//! forms so that they can be cached, compressed and run under a Content-Security-Policy without
//! `unsafe-inline` scripts. Nothing is loaded from another host. All of it is made at the first visit, so that
//! a server that nobody looks at does not carry it.

mod asset;
mod document;
mod pages;

use std::sync::Arc;

use poem::endpoint::make;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Endpoint, EndpointExt as _, Request, Response, Route};
use serde_json::Value;
use tokio::sync::OnceCell;

use self::asset::Accept;
use self::document::Documents;
use self::pages::Pages;
use super::Site;
use super::problem::Problem;

/// The document in both forms, and the pages once somebody has asked.
pub(super) struct Docs {
    documents: Documents,
    title: String,
    pages: OnceCell<Pages>,
}

impl Docs {
    pub(super) fn new(document: &Value) -> Arc<Self> {
        let title = document.pointer("/info/title").and_then(Value::as_str);
        Arc::new(Self {
            documents: Documents::new(document),
            title: title.unwrap_or_default().to_owned(),
            pages: OnceCell::new(),
        })
    }

    /// The file at a path, and what keeps it.
    async fn answer(
        &self,
        path: &str,
        root: &Arc<str>,
        accept: &Accept,
    ) -> Result<Response, Problem> {
        match path {
            "/openapi.json" => Ok(self.documents.below(root).await?.json.answer(accept)),
            "/openapi.yaml" => Ok(self.documents.below(root).await?.yaml.answer(accept)),
            _ => {
                let pages = self.pages().await?;
                if let Some(file) = pages.below(root, path) {
                    return Ok(file.answer(accept));
                }
                let file = pages.find(path).ok_or_else(Problem::not_found)?;
                Ok(file.answer(accept))
            }
        }
    }

    /// The first visit compresses megabytes, once, where that holds nobody else up.
    async fn pages(&self) -> Result<&Pages, Problem> {
        let make = || async {
            let title = self.title.clone();
            tokio::task::spawn_blocking(move || Pages::new(&title)).await
        };
        self.pages.get_or_try_init(make).await.map_err(|_| Problem::internal())
    }
}

/// Every path that [`Docs`] has.
const PATHS: [&str; 9] = [
    "/openapi.json",
    "/openapi.yaml",
    "/docs",
    "/docs/start.js",
    "/docs/swagger-ui.css",
    "/docs/swagger-ui.js",
    "/redoc",
    "/redoc/redoc.js",
    "/redoc/start.js",
];

/// Adds the pages to the routes, and sends whoever comes to the root to them.
pub(super) fn routes(
    docs: Arc<Docs>,
    mut routes: Route,
) -> impl Endpoint<Output = Response> {
    for path in PATHS {
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
            docs.answer(path, &root(&request)?, &Accept::of(&request)).await
        };
        async move { answer.await.map_err(poem::Error::from) }
    })
}

fn to_docs(request: &Request) -> poem::Result<Response> {
    if !asset::is_read(request) {
        return Err(Problem::method_not_allowed("GET, HEAD").into());
    }
    let location = HeaderValue::try_from(format!("{}/docs", root(request)?));
    Ok(Response::builder()
        .status(StatusCode::TEMPORARY_REDIRECT)
        .header(header::LOCATION, location.map_err(|_| Problem::internal())?)
        .finish())
}

/// The path under which a proxy shows the server.
fn root(request: &Request) -> Result<Arc<str>, Problem> {
    let site = request.data::<Site>().ok_or_else(Problem::internal)?;
    Ok(Arc::clone(&site.root))
}
