//! JSON responses that may be megabytes long.
//!
//! Rendering one takes tens of milliseconds. It is done in slices, and other requests of the thread run between them.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::json::{self, Json, WriteJson};
use crate::domain::network::Block;
use crate::http::problem::Problem;
use crate::http::shares::Share;
use crate::permits::{self, Permit, Permits};

/// Length of a slice, in bytes; other requests run after each.
const SLICE: usize = 64 * 1024;

/// Maximum responses longer than a slice that are rendered concurrently. Others wait, in order.
const AT_ONCE: usize = 2;

/// Maximum such responses of one network.
const AT_ONCE_OF_NETWORK: usize = 1;

/// Time limit of a wait, longer than that of any request.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Renderer of long responses. Clones share the limits.
#[derive(Clone, Debug)]
pub(crate) struct Renderer {
    all: Arc<Semaphore>,
    networks: Permits<Block>,
}

/// Rendered JSON response of type `T`.
#[derive(Debug)]
pub(crate) struct Rendered<T> {
    bytes: Vec<u8>,
    share: Option<Share>,
    of: PhantomData<fn() -> T>,
}

/// Permit to render a long response.
struct Turn {
    _of_network: Option<Permit<Block>>,
    _of_all: Option<OwnedSemaphorePermit>,
}

/// Share of a response whose memory was counted before it was rendered. Stored in the response's extensions.
#[derive(Clone, Debug)]
pub(crate) struct Reserved(Arc<Mutex<Option<Share>>>);

impl Reserved {
    /// Removes the share from a response.
    pub(crate) fn take(response: &mut Response) -> Option<Share> {
        let Self(share) = response.extensions_mut().remove()?;
        share.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Default for Renderer {
    fn default() -> Self {
        let all = Arc::new(Semaphore::new(AT_ONCE));
        Self { all, networks: Permits::new(AT_ONCE_OF_NETWORK, usize::MAX) }
    }
}

impl Renderer {
    /// Renders an array between the JSON texts `before` and `after`. `share` is the memory of the items, and becomes
    /// that of the response.
    pub(crate) async fn array<T, I: WriteJson>(
        &self,
        network: Block,
        share: Option<Share>,
        [before, after]: [&str; 2],
        items: impl Iterator<Item = I> + Send,
    ) -> Result<Rendered<T>, Problem> {
        // The JSON is about as long as the items.
        let usual = share.as_ref().map_or(0, Share::bytes);
        let mut bytes = Vec::with_capacity(usual);
        bytes.extend_from_slice(before.as_bytes());
        let (mut permit, mut slice_end) = (None, SLICE);
        bytes.push(b'[');
        for (number, item) in items.enumerate() {
            if number > 0 {
                bytes.push(b',');
            }
            item.write_json(&mut bytes)?;
            drop(item);
            if bytes.len() >= slice_end {
                if permit.is_none() {
                    permit = Some(self.acquire(network).await);
                }
                tokio::task::yield_now().await;
                slice_end = bytes.len() + SLICE;
            }
        }
        bytes.push(b']');
        bytes.extend_from_slice(after.as_bytes());
        // The memory budget counts the length, not the capacity.
        bytes.shrink_to_fit();
        Ok(Rendered { bytes, share, of: PhantomData })
    }

    /// Waits for a permit. A network waits for its own responses first, so that others wait for at most one of each
    /// network.
    async fn acquire(&self, network: Block) -> Turn {
        let until = Instant::now() + PATIENCE;
        let of_network = self.networks.acquire(network, until).await;
        let of_all = permits::wait(Arc::clone(&self.all), until).await;
        Turn { _of_network: of_network, _of_all: of_all }
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
        let mut response = json::response(self.bytes);
        if self.share.is_some() {
            let reserved = Reserved(Arc::new(Mutex::new(self.share)));
            response.extensions_mut().insert(reserved);
        }
        response
    }
}

impl<T: Type + WriteJson + Send> ApiResponse for Rendered<T> {
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

    fn network(number: u8) -> Block {
        Block::site([192, 0, 2, number].into())
    }

    async fn rendered(renderer: &Renderer, number: u8, items: &[&str]) -> Vec<u8> {
        let items = items.iter().map(|it| (*it).to_owned());
        let around = ["{\"a\":", "}"];
        let answer = renderer.array::<(), _>(network(number), None, around, items).await;
        answer.unwrap().bytes
    }

    #[tokio::test]
    async fn an_array_is_what_it_is_in_one_piece() {
        let long = "\u{1}".repeat(SLICE);
        let renderer = Renderer::default();
        for items in [&[][..], &["one"], &["one", "\u{2}\"", &long, &long, "two"]] {
            let whole = serde_json::to_vec(&serde_json::json!({ "a": items })).unwrap();
            assert_eq!(rendered(&renderer, 1, items).await, whole);
        }
    }

    #[tokio::test]
    async fn short_answers_and_other_networks_do_not_wait_for_a_long_answer() {
        let renderer = Renderer::default();
        let long = "x".repeat(SLICE);
        let items = [long.as_str()];
        let first = renderer.acquire(network(1)).await;

        assert_eq!(rendered(&renderer, 1, &["short"]).await, br#"{"a":["short"]}"#);
        assert_eq!(rendered(&renderer, 2, &items).await.len(), SLICE + 10);
        let mut waits = std::pin::pin!(rendered(&renderer, 1, &items));
        let is_pending =
            poll_fn(|cx| Poll::Ready(waits.as_mut().poll(cx).is_pending())).await;
        assert!(is_pending);
        drop(first);
        assert_eq!(waits.await.len(), SLICE + 10);
        assert!(renderer.networks.is_empty());
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
        rendered(&Renderer::default(), 1, &items).await;
        other.abort();
        assert!(turns.load(Ordering::Relaxed) >= 10);
    }
}
