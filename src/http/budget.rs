//! How much memory answers may take while they wait to be read.
//!
//! A list of 200 long tasks is megabytes of JSON, and a client that does not read holds them. Small answers
//! are not counted: there are only as many as connections, and the few more that HTTP/2 allows.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use poem::Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

type Inner = BoxBody<Bytes, std::io::Error>;

/// Answers up to this size are free, in bytes.
const FREE_BYTES: u64 = 32 * 1024;

/// What all others may take together, in KiB.
const BUDGET_KIB: usize = 64 * 1024;

/// Marks an answer whose bytes are there anyway, however many clients read them.
#[derive(Clone, Copy, Debug)]
pub(super) struct SharedBytes;

/// Counts large answers.
#[derive(Clone, Debug)]
pub(super) struct AnswerBudget(Arc<Semaphore>);

impl Default for AnswerBudget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BUDGET_KIB)))
    }
}

impl AnswerBudget {
    /// Counts an answer until it is sent or given up. `None` if there is no room for it.
    pub(super) fn count(&self, mut response: Response) -> Option<Response> {
        if response.extensions().get::<SharedBytes>().is_some() {
            return Some(response);
        }
        let inner: Inner = response.take_body().into();
        let size = inner.size_hint().lower();
        if size <= FREE_BYTES {
            response.set_body(inner);
            return Some(response);
        }
        let kib = u32::try_from(size / 1024).ok()?;
        let permit = Arc::clone(&self.0).try_acquire_many_owned(kib).ok()?;
        response.set_body(Counted { inner, _permit: permit }.boxed());
        Some(response)
    }
}

struct Counted {
    inner: Inner,
    _permit: OwnedSemaphorePermit,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_answers_are_counted_until_they_are_gone() {
        let budget = AnswerBudget::default();
        let large = || Response::builder().body(vec![b'x'; 40 * 1024 * 1024]);
        let first = budget.count(large()).unwrap();
        assert!(budget.count(large()).is_none());
        assert!(budget.count(Response::builder().body("small")).is_some());
        let mut shared = large();
        shared.extensions_mut().insert(SharedBytes);
        assert!(budget.count(shared).is_some());
        drop(first);
        assert!(budget.count(large()).is_some());
    }
}
