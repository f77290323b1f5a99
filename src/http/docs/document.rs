//! OpenAPI document for clients that see the server at the root of a site or below a path.
//!
//! Generated on the first request, so that a server uses no memory for it until then.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Mutex;

use super::asset::Asset;
use super::lazy::Lazy;
use crate::http::openapi;
use crate::http::problem::Problem;

/// Document for the root, and the one for the last requested path.
pub(super) struct Documents {
    title: String,
    api_prefix: String,
    own: Lazy<Document>,
    /// Document of the last path; the lock allows one generation at a time.
    below: Arc<Mutex<Option<Below>>>,
}

/// Path, and the document for clients below it.
type Below = (Arc<str>, Document);

/// OpenAPI document as JSON and YAML. Clones share the bytes.
#[derive(Clone)]
pub(super) struct Document {
    pub(super) json: Arc<Asset>,
    pub(super) yaml: Arc<Asset>,
}

impl Document {
    fn new(document: &Value, finish: impl Fn(Asset) -> Asset) -> Self {
        let json = openapi::to_json(document);
        let yaml = openapi::to_yaml(document).into_bytes();
        Self {
            json: Arc::new(finish(Asset::new("application/json", json))),
            yaml: Arc::new(finish(Asset::new("application/yaml", yaml))),
        }
    }

    /// Returns the document for clients that see the server below this path.
    fn below(&self, root: &str) -> Self {
        // Cannot fail: the bytes are from `new`.
        let mut document = serde_json::from_slice(&self.json.plain()).unwrap_or_default();
        openapi::move_below(&mut document, root);
        Self::new(&document, Asset::of_one_path)
    }
}

impl Documents {
    pub(super) fn new(title: &str, api_prefix: &str) -> Self {
        Self {
            title: title.to_owned(),
            api_prefix: api_prefix.to_owned(),
            own: Lazy::default(),
            below: Arc::default(),
        }
    }

    /// Returns the document for clients whose proxy shows the server below `root`, which may be empty.
    pub(super) async fn below(&self, root: &Arc<str>) -> Result<Document, Problem> {
        let own = self.own().await?.clone();
        if root.is_empty() {
            return Ok(own);
        }
        // Held until the document is made, even if the client disconnects.
        let mut below = Arc::clone(&self.below).lock_owned().await;
        if let Some((of, document)) = &*below
            && of == root
        {
            return Ok(document.clone());
        }
        let of = Arc::clone(root);
        let make = move || {
            let made = own.below(&of);
            *below = Some((of, made.clone()));
            made
        };
        tokio::task::spawn_blocking(make).await.map_err(|_| Problem::internal())
    }

    /// Returns the document for the root. The first call generates it.
    async fn own(&self) -> Result<&Document, Problem> {
        let (title, api_prefix) = (self.title.clone(), self.api_prefix.clone());
        let make =
            move || Document::new(&openapi::document(&title, &api_prefix), |it| it);
        self.own.get(make).await
    }
}
