//! JSON answers that may be megabytes.
//!
//! Rendering one takes tens of milliseconds. It is done in slices, and other requests of the thread go on between them.

use std::marker::PhantomData;
use std::sync::Arc;

use poem::http::header;
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::json::Json;
use crate::http::problem::Problem;

/// Bytes after which other requests have their turn.
const SLICE: usize = 64 * 1024;

/// Answers longer than a slice that are rendered at the same time. The next ones wait, in order.
const AT_ONCE: usize = 2;

/// Renders long answers. Clones share the limit.
#[derive(Clone, Debug)]
pub(crate) struct Renderer(Arc<Semaphore>);

/// A JSON answer of type `T`, as it is sent.
#[derive(Debug)]
pub(crate) struct Rendered<T> {
    bytes: Vec<u8>,
    of: PhantomData<fn() -> T>,
}

impl Default for Renderer {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Renderer {
    /// Renders an array.
    pub(crate) async fn array<I: Serialize>(
        &self,
        items: impl Iterator<Item = I> + Send,
    ) -> Result<Rendered<Vec<I>>, Problem> {
        self.within("", items, "").await
    }

    /// Renders an answer that is an array but for what comes before it and after it, both in JSON.
    pub(crate) async fn within<T, I: Serialize>(
        &self,
        before: &str,
        items: impl Iterator<Item = I> + Send,
        after: &str,
    ) -> Result<Rendered<T>, Problem> {
        let mut bytes = Vec::from(before);
        let (mut permit, mut slice_end) = (None, SLICE);
        bytes.push(b'[');
        for (number, item) in items.enumerate() {
            if number > 0 {
                bytes.push(b',');
            }
            serde_json::to_writer(&mut bytes, &item).map_err(|error| {
                tracing::error!(%error, "an answer could not be written");
                Problem::internal()
            })?;
            drop(item);
            if bytes.len() >= slice_end {
                if permit.is_none() {
                    permit = self.0.acquire().await.ok();
                }
                tokio::task::yield_now().await;
                slice_end = bytes.len() + SLICE;
            }
        }
        bytes.push(b']');
        bytes.extend_from_slice(after.as_bytes());
        // Only what is there is counted.
        bytes.shrink_to_fit();
        Ok(Rendered { bytes, of: PhantomData })
    }
}

impl<T: Type> Payload for Rendered<T> {
    const CONTENT_TYPE: &'static str = Json::<T>::CONTENT_TYPE;

    fn schema_ref() -> MetaSchemaRef {
        Json::<T>::schema_ref()
    }

    fn register(registry: &mut Registry) {
        <Json<T> as Payload>::register(registry);
    }
}

impl<T: Send> IntoResponse for Rendered<T> {
    fn into_response(self) -> Response {
        Response::builder()
            .header(header::CONTENT_TYPE, super::json::JSON)
            .body(self.bytes)
    }
}

impl<T: Type + Serialize + Send> ApiResponse for Rendered<T> {
    fn meta() -> MetaResponses {
        Json::<T>::meta()
    }

    fn register(registry: &mut Registry) {
        <Json<T> as ApiResponse>::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Poll;

    use super::*;

    async fn rendered(renderer: &Renderer, items: &[&str]) -> Vec<u8> {
        let items = items.iter().map(|it| (*it).to_owned());
        renderer.within::<(), _>("{\"a\":", items, "}").await.unwrap().bytes
    }

    #[tokio::test]
    async fn an_array_is_what_it_is_in_one_piece() {
        let long = "\u{1}".repeat(SLICE);
        let renderer = Renderer::default();
        for items in [&[][..], &["one"], &["one", "\u{2}\"", &long, &long, "two"]] {
            let whole = serde_json::to_vec(&serde_json::json!({ "a": items })).unwrap();
            assert_eq!(rendered(&renderer, items).await, whole);
        }
    }

    #[tokio::test]
    async fn short_answers_do_not_wait_for_long_ones() {
        let renderer = Renderer::default();
        let long = "x".repeat(SLICE);
        let held =
            [renderer.0.acquire().await.unwrap(), renderer.0.acquire().await.unwrap()];

        assert_eq!(rendered(&renderer, &["short"]).await, br#"{"a":["short"]}"#);
        let items = [long.as_str()];
        let mut waits = std::pin::pin!(rendered(&renderer, &items));
        let is_pending =
            poll_fn(|cx| Poll::Ready(waits.as_mut().poll(cx).is_pending())).await;
        assert!(is_pending);
        drop(held);
        assert_eq!(waits.await.len(), SLICE + 10);
    }

    #[tokio::test]
    async fn other_work_of_the_thread_goes_on_between_slices() {
        let turns = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&turns);
        let other = tokio::spawn(async move {
            loop {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let slice = "x".repeat(SLICE);
        let items = [slice.as_str(); 10];
        rendered(&Renderer::default(), &items).await;
        other.abort();
        assert!(turns.load(Ordering::Relaxed) >= 10);
    }
}
