//! The part of a request body that is still to come when the response is ready.
//!
//! A request that is not permitted is refused before its body is read. The body is often on its way by then, and a
//! connection with half a request in it cannot be reused: left alone, it is closed, and the client's next request
//! gets no response. So the rest is read and discarded if that is quick; otherwise the response says that the
//! connection closes ([RFC 9112, section 9.6](https://www.rfc-editor.org/rfc/rfc9112#section-9.6)).

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use poem::http::{HeaderValue, Version, header};
use poem::{Request, Response};

type Inner = BoxBody<Bytes, io::Error>;

/// Maximum time that a response waits for the rest of a body. Data on its way arrives sooner.
const PATIENCE: Duration = Duration::from_millis(200);

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Body of a request, kept beyond its reader.
#[derive(Debug)]
pub(super) struct UnreadBody {
    shared: Arc<Mutex<Inner>>,
    /// Whether the client sent `Expect: 100-continue`.
    is_held_back: bool,
}

impl UnreadBody {
    /// Takes the body of a request and leaves one that reads from it. `None` if there is no body, or if the
    /// connection carries several requests at once.
    pub(super) fn of(request: &mut Request) -> Option<Self> {
        if request.version() > Version::HTTP_11 {
            return None;
        }
        let inner: Inner = request.take_body().into();
        if inner.is_end_stream() {
            return None;
        }
        let is_held_back = request.headers().contains_key(header::EXPECT);
        let shared = Arc::new(Mutex::new(inner));
        request.set_body(Shared(Arc::clone(&shared)).boxed());
        Some(Self { shared, is_held_back })
    }

    /// Discards the rest, at most `most` bytes, or makes the response say that the connection closes.
    pub(super) async fn clear(self, most: usize, response: &mut Response) {
        let mut rest = Shared(self.shared);
        if rest.is_end_stream() {
            return;
        }
        let is_short =
            usize::try_from(rest.size_hint().lower()).is_ok_and(|it| it <= most);
        let is_cleared = is_short
            && !self.is_held_back
            && tokio::time::timeout(PATIENCE, read_away(&mut rest, most))
                .await
                .unwrap_or(false);
        if !is_cleared {
            response.headers_mut().insert(header::CONNECTION, CLOSE);
        }
    }
}

/// Discards a body. False if it is longer than `most` bytes, or the client aborts it.
async fn read_away(body: &mut Shared, most: usize) -> bool {
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > most {
            return false;
        }
    }
    true
}

struct Shared(Arc<Mutex<Inner>>);

impl Body for Shared {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}
