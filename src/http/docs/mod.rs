//! Documentation pages: Swagger UI and ReDoc, which show the OpenAPI document, and the guide.
//!
//! Scripts and styles are extracted from the single-page HTML of poem-openapi, so that they can be cached, compressed
//! and run under a Content-Security-Policy without `unsafe-inline` scripts. Nothing is loaded from another host. Pages
//! are built on the first visit, so that they use no memory until then.

mod asset;
mod document;
mod frame;
mod guide;
mod lazy;
mod pages;

use std::sync::Arc;

use poem::endpoint::make;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Endpoint, EndpointExt as _, Request, Response, Route};

use self::asset::Accept;
use self::document::Documents;
use self::frame::Frame;
use self::guide::Guide;
pub(super) use self::guide::source;
use self::lazy::Lazy;
use self::pages::Pages;
use super::Site;
use super::problem::Problem;

/// OpenAPI document in both formats, the pages and the guide, each made when first requested.
pub(super) struct Docs {
    documents: Documents,
    title: String,
    frame: Arc<Frame>,
    pages: Lazy<Pages>,
    guide: Lazy<Guide>,
}

impl Docs {
    pub(super) fn new(title: &str, api_prefix: &str) -> Arc<Self> {
        Arc::new(Self {
            documents: Documents::new(title, api_prefix),
            title: title.to_owned(),
            frame: Arc::new(Frame::new()),
            pages: Lazy::default(),
            guide: Lazy::default(),
        })
    }

    /// Returns the file at a path.
    async fn answer(
        &self,
        path: &str,
        root: &Arc<str>,
        accept: &Accept,
    ) -> Result<Response, Problem> {
        match path {
            "/openapi.json" => Ok(self.documents.below(root).await?.json.answer(accept)),
            "/openapi.yaml" => Ok(self.documents.below(root).await?.yaml.answer(accept)),
            frame::STYLE | frame::ICON => {
                let file = self.frame.find(path).ok_or_else(Problem::not_found)?;
                Ok(file.answer(accept))
            }
            _ if path.starts_with(guide::ROOT) => {
                let page = self.guide().await?.find(path);
                Ok(page.ok_or_else(Problem::not_found)?.answer(accept))
            }
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

    /// Returns the pages. The first call compresses megabytes.
    async fn pages(&self) -> Result<&Pages, Problem> {
        let (title, frame) = (self.title.clone(), Arc::clone(&self.frame));
        self.pages.get(move || Pages::new(&title, frame)).await
    }

    async fn guide(&self) -> Result<&Guide, Problem> {
        let frame = Arc::clone(&self.frame);
        self.guide.get(move || Guide::new(&frame)).await
    }
}

/// Paths of [`Docs`] outside the guide.
const PATHS: [&str; 11] = [
    "/openapi.json",
    "/openapi.yaml",
    "/docs",
    frame::ICON,
    "/docs/start.js",
    frame::STYLE,
    "/docs/swagger-ui.css",
    "/docs/swagger-ui.js",
    "/redoc",
    "/redoc/redoc.js",
    "/redoc/start.js",
];

/// Adds the pages to the routes, and redirects the root to them.
pub(super) fn routes(
    docs: Arc<Docs>,
    mut routes: Route,
) -> impl Endpoint<Output = Response> {
    for path in PATHS {
        routes = routes.at(path, page(Arc::clone(&docs), path.to_owned(), None));
    }
    for (name, _) in guide::SOURCES {
        let proper = guide::path(name);
        let path = proper.trim_end_matches('/').to_owned();
        routes = routes.at(path.clone(), page(Arc::clone(&docs), path, Some(proper)));
    }
    // Not a route: an endpoint nested at the root also takes the root path itself.
    routes.around(|routes, request| async move {
        if request.uri().path() == "/" {
            to_docs(&request)
        } else {
            routes.call(request).await
        }
    })
}

/// Serves a file. Redirects to its `proper` path if only the trailing slash differs, since relative links depend on it.
fn page(
    docs: Arc<Docs>,
    path: String,
    proper: Option<String>,
) -> impl Endpoint<Output = Response> {
    let file = Arc::new((docs, path, proper));
    make(move |request: Request| {
        let file = Arc::clone(&file);
        let answer = async move {
            if !asset::is_read(&request) {
                return Err(Problem::method_not_allowed("GET, HEAD"));
            }
            let ((docs, path, proper), root) = (&*file, root(&request)?);
            let has_slash = request.original_uri().path().ends_with('/');
            match proper {
                Some(proper) if proper.ends_with('/') != has_slash => {
                    redirect(&root, proper)
                }
                _ => docs.answer(path, &root, &Accept::of(&request)).await,
            }
        };
        async move { answer.await.map_err(poem::Error::from) }
    })
}

fn to_docs(request: &Request) -> poem::Result<Response> {
    if !asset::is_read(request) {
        return Err(Problem::method_not_allowed("GET, HEAD").into());
    }
    Ok(redirect(&root(request)?, "/docs")?)
}

fn redirect(root: &str, path: &str) -> Result<Response, Problem> {
    let location = HeaderValue::try_from(format!("{root}{path}"));
    Ok(Response::builder()
        .status(StatusCode::TEMPORARY_REDIRECT)
        .header(header::LOCATION, location.map_err(|_| Problem::internal())?)
        .finish())
}

/// Returns the path under which a proxy shows the server.
fn root(request: &Request) -> Result<Arc<str>, Problem> {
    let site = request.data::<Site>().ok_or_else(Problem::internal)?;
    Ok(Arc::clone(&site.root))
}
