//! Responses of [server-sent events](https://html.spec.whatwg.org/multipage/server-sent-events.html), produced only as
//! fast as the client reads them.

use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Bytes, Frame};
use poem::http::{StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{
    MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use serde::Serialize;

use super::server::Lasting;

const EVENTS: &str = "text/event-stream";

/// Source of the events of a response.
pub(super) trait Source: Send + 'static {
    /// Waits for the next events, and returns their bytes. `None` at the end.
    fn next(&mut self) -> impl Future<Output = Option<Bytes>> + Send;
}

/// Response that lasts until its source or its connection ends.
pub(super) enum EventStream {
    /// An open stream.
    Open(BoxBody<Bytes, io::Error>),
    /// No stream: the ticket has expired, so an `EventSource` must not try again.
    Expired,
}

impl EventStream {
    /// Creates a response from a source.
    pub(super) fn open(source: impl Source) -> Self {
        Self::Open(Events { next: Mutex::new(step(source)) }.boxed())
    }
}

/// Renders an event. `None` if the data cannot be rendered.
pub(super) fn event(
    name: &str,
    id: Option<&str>,
    data: &impl Serialize,
) -> Option<Vec<u8>> {
    let mut bytes = format!("event: {name}\n").into_bytes();
    if let Some(id) = id {
        bytes.extend(format!("id: {id}\n").into_bytes());
    }
    // JSON without line breaks.
    bytes.extend(b"data: ");
    serde_json::to_writer(&mut bytes, data).ok()?;
    bytes.extend(b"\n\n");
    Some(bytes)
}

type Next<S> = Pin<Box<dyn Future<Output = (S, Option<Bytes>)> + Send>>;

fn step<S: Source>(mut source: S) -> Next<S> {
    Box::pin(async move {
        let bytes = source.next().await;
        (source, bytes)
    })
}

/// Body that asks its source for more when the bytes before are written.
struct Events<S> {
    /// Never locked: the mutex makes the future `Sync`, as bodies must be.
    next: Mutex<Next<S>>,
}

impl<S: Source> Body for Events<S> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let next = self.next.get_mut().unwrap_or_else(PoisonError::into_inner);
        let (source, bytes) = ready!(next.as_mut().poll(cx));
        *next = match bytes {
            Some(_) => step(source),
            None => Box::pin(std::future::pending()),
        };
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        match self {
            Self::Open(body) => Response::builder()
                .header(header::CONTENT_TYPE, EVENTS)
                // nginx would keep events back until its buffer is full.
                .header("X-Accel-Buffering", "no")
                .extension(Lasting)
                .body(body),
            Self::Expired => StatusCode::NO_CONTENT.into(),
        }
    }
}

impl ApiResponse for EventStream {
    fn meta() -> MetaResponses {
        let schema = MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some("Events: `ready`, `put`, `delete`, `resync` and `bye`."),
            ..MetaSchema::new("string")
        }));
        let response = |status, description, content| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content,
            headers: Vec::new(),
        };
        let content = vec![MetaMediaType { content_type: EVENTS, schema }];
        MetaResponses {
            responses: vec![
                response(200, "Changes, as they happen.", content),
                response(204, "The ticket has expired: do not try again.", Vec::new()),
            ],
        }
    }

    fn register(_registry: &mut Registry) {}
}
