//! JSON Lines responses, streamed from the store.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Bytes, Frame};
use poem::http::header;
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{
    MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::http::response_memory::InFlight;
use crate::service::PersonalData;

const LINES: &str = "application/x-ndjson";

/// Time limit for a client to read the whole response.
const LONGEST: Duration = Duration::from_secs(120);

/// Maximum parts that wait for the client.
const WAITING: usize = 1;

/// Maximum memory of the parts in flight, in bytes: the part read last, the one that waits and the one being sent.
const IN_FLIGHT: InFlight = InFlight((WAITING + 2) * PersonalData::MOST_BYTES);

/// Response of many lines, each a JSON object ([JSON Lines](https://jsonlines.org)).
#[derive(Debug)]
pub(crate) struct Lines(pub(crate) PersonalData);

impl IntoResponse for Lines {
    /// Starts the stream. An error aborts the connection before the last line, so clients detect an incomplete
    /// response.
    fn into_response(self) -> Response {
        let (sender, receiver) = mpsc::channel(WAITING);
        let mut data = self.0;
        let deadline = Instant::now() + LONGEST;
        tokio::spawn(async move {
            loop {
                let part = match data.next().await {
                    Ok(Some(lines)) => Ok(Bytes::from(lines)),
                    Ok(None) => return,
                    Err(error) => Err(io::Error::other(error)),
                };
                let is_last = part.is_err();
                // Stops if the client has disconnected, or is so slow that it keeps others waiting.
                let sent = tokio::time::timeout_at(deadline, sender.send(part)).await;
                if !matches!(sent, Ok(Ok(()))) || is_last {
                    return;
                }
            }
        });
        let body: BoxBody<Bytes, io::Error> = Parts(receiver).boxed();
        Response::builder()
            .header(header::CONTENT_TYPE, LINES)
            .header(header::CONTENT_DISPOSITION, "attachment; filename=\"duly.jsonl\"")
            .extension(IN_FLIGHT)
            .body(body)
    }
}

struct Parts(mpsc::Receiver<io::Result<Bytes>>);

impl Body for Parts {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(cx).map(|part| part.map(|part| part.map(Frame::data)))
    }
}

impl ApiResponse for Lines {
    fn meta() -> MetaResponses {
        let schema = MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some("One JSON object per line."),
            ..MetaSchema::new("string")
        }));
        let content = vec![MetaMediaType { content_type: LINES, schema }];
        let response = MetaResponse {
            description: "One JSON object per line.",
            status: Some(200),
            status_range: None,
            content,
            headers: Vec::new(),
        };
        MetaResponses { responses: vec![response] }
    }

    fn register(_registry: &mut Registry) {}
}
