//! Requests that count until their response body is sent or dropped.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::Response;
use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::connection_limiter::{Request, Serving};

type Inner = BoxBody<Bytes, io::Error>;

/// Guards that are released when the response body is dropped.
type Counted = (Serving, Option<Request>);

/// Marks a request from a client behind a proxy that has too many concurrent requests.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct OverShare;

/// Ties the guards of a request to its response body.
pub(super) fn until_sent(answer: Response<Inner>, counted: Counted) -> Response<Inner> {
    answer.map(|inner| UntilSent { inner, _counted: counted }.boxed())
}

struct UntilSent {
    inner: Inner,
    _counted: Counted,
}

impl Body for UntilSent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
