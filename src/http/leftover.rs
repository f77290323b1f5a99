//! The part of a body that is still to come when its request has been answered.
//!
//! Whoever may not do a thing is told so before the body is read. It is often on its way then, and a connection
//! with half a request in it cannot be used again: left alone, it is closed, and the client's next request gets no
//! answer. So what is left is read and thrown away if that is soon done, and else the answer says that the
//! connection ends with it ([RFC 9112, section 9.6](https://www.rfc-editor.org/rfc/rfc9112#section-9.6)).

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

/// How long an answer waits for the rest of a body. What is on its way is there sooner.
const PATIENCE: Duration = Duration::from_millis(200);

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// The body of a request, kept beyond whoever reads it.
#[derive(Debug)]
pub(super) struct Leftover {
    shared: Arc<Mutex<Inner>>,
    /// Whether the client waits for leave to send it, and so will not if it is refused.
    is_held_back: bool,
}

impl Leftover {
    /// Leaves a body in the request that reads from this one. `None` if there is none, or if the connection does
    /// not carry one request after the other.
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

    /// Reads what is left, at most so many bytes, or lets the answer say that the connection ends.
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

/// False if there is more, or the client breaks off.
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
