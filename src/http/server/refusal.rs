//! Problem responses to requests that hyper cannot parse.
//!
//! hyper answers such a request itself, with a status only, without calling the service, and then closes the
//! connection. Its response is recognised as it is written ([`unreadable`]) and replaced.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use poem::endpoint::BoxEndpoint;
use poem::{Endpoint as _, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::length::Length;
use super::unreadable::{Unreadable, unreadable};

type Making = Pin<Box<dyn Future<Output = Vec<u8>> + Send>>;

/// Response that replaces hyper's own.
enum Refusal {
    Making(Making),
    Sending { bytes: Vec<u8>, sent: usize },
}

/// HTTP/1 connection whose refusals are made by an endpoint.
pub(super) struct Refusals<S> {
    io: S,
    endpoint: Arc<BoxEndpoint<'static, Response>>,
    length: Length,
    refusal: Option<Refusal>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Refusals<S> {
    pub(super) fn new(io: S, endpoint: Arc<BoxEndpoint<'static, Response>>) -> Self {
        Self { io, endpoint, length: Length::default(), refusal: None }
    }

    /// Starts a refusal if the bytes are a response that hyper made itself.
    fn look_at(&mut self, written: &[u8]) {
        let is_beyond = self.length.take();
        if let Some((why, date)) = unreadable(written) {
            let why = if is_beyond { Unreadable::BodyTooLarge } else { why };
            let request = Request::builder().extension(why).finish();
            let endpoint = Arc::clone(&self.endpoint);
            self.refusal = Some(Refusal::Making(Box::pin(async move {
                bytes(endpoint.get_response(request).await, &date).await
            })));
        }
    }

    /// Sends the pending refusal, in place of `instead_of` bytes.
    fn poll_refuse(
        &mut self,
        cx: &mut Context<'_>,
        instead_of: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            match &mut self.refusal {
                None => return Poll::Ready(Ok(instead_of)),
                Some(Refusal::Making(making)) => {
                    let bytes = ready!(making.as_mut().poll(cx));
                    self.refusal = Some(Refusal::Sending { bytes, sent: 0 });
                }
                Some(Refusal::Sending { bytes, sent }) => {
                    let Some(rest @ [_, ..]) = bytes.get(*sent..) else {
                        self.refusal = None;
                        continue;
                    };
                    match ready!(Pin::new(&mut self.io).poll_write(cx, rest))? {
                        0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                        more => *sent += more,
                    }
                }
            }
        }
    }
}

/// Serializes a response, the last on its connection.
async fn bytes(response: Response, date: &str) -> Vec<u8> {
    let (head, body) = response.into_parts();
    // The body is in memory.
    let body = body.into_bytes().await.unwrap_or_default();
    let status = head.status;
    let mut bytes = format!("HTTP/1.1 {status}\r\n{date}\r\n").into_bytes();
    for (name, value) in &head.headers {
        let fields: [&[u8]; 4] =
            [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"];
        bytes.extend(fields.concat());
    }
    let end = format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    bytes.extend_from_slice(end.as_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Refusals<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        self.length.read(buf.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Refusals<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.refusal.is_none() {
            self.look_at(buf);
        }
        if self.refusal.is_some() {
            return self.poll_refuse(cx, buf.len());
        }
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = bufs {
            return self.poll_write(cx, only);
        }
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
