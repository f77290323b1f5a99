//! The OpenAPI document, for clients that see the server at the root of a site or below a path of it.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Mutex;

use super::asset::Asset;
use crate::http::openapi;
use crate::http::problem::Problem;

/// The document, and the one for the path that was asked for last.
pub(super) struct Documents {
    own: Document,
    /// One at a time is made, whatever paths are asked for.
    below: Arc<Mutex<Option<Below>>>,
}

/// A path, and the document for clients below it.
type Below = (Arc<str>, Document);

/// The OpenAPI document in both forms. Clones share the bytes.
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

    /// The same for clients that see the server below this path.
    fn below(&self, root: &str) -> Self {
        // Our own bytes, written above.
        let mut document = serde_json::from_slice(&self.json.plain()).unwrap_or_default();
        openapi::move_below(&mut document, root);
        Self::new(&document, Asset::of_one_path)
    }
}

impl Documents {
    pub(super) fn new(document: &Value) -> Self {
        Self { own: Document::new(document, |it| it), below: Arc::default() }
    }

    /// The document for clients whose proxy shows the server below this path; empty for none.
    pub(super) async fn below(&self, root: &Arc<str>) -> Result<Document, Problem> {
        if root.is_empty() {
            return Ok(self.own.clone());
        }
        // Kept until the document is made, also if the client is gone by then.
        let mut below = Arc::clone(&self.below).lock_owned().await;
        if let Some((of, document)) = &*below
            && of == root
        {
            return Ok(document.clone());
        }
        let (own, of) = (self.own.clone(), Arc::clone(root));
        let make = move || {
            let made = own.below(&of);
            *below = Some((of, made.clone()));
            made
        };
        tokio::task::spawn_blocking(make).await.map_err(|_| Problem::internal())
    }
}
