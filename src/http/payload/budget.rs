//! Memory limits for request bodies while they are received.
//!
//! A client that sends most of a body and then stalls holds its buffer until the body timeout. A buffer over
//! [`FREE_BYTES`] is counted as it grows, by its actual size and not by the announced length. It is counted until the
//! body is parsed into the value that the handler takes. Nothing waits between the last byte and that value, so at most
//! one parsed JSON body exists per thread. Smaller bodies are free: there is at most one per connection, and HTTP/2
//! counts further ones itself.
//!
//! Operations that take longer bodies check the credential first, so both the account and the network are known.

use std::ops::Deref;

use poem::Request;
use zeroize::Zeroizing;

use crate::http::middleware::Shared;
use crate::http::problem::Problem;
use crate::http::shares::{Full, Holder, Limits, Most, Share, Shares};
use crate::service;

/// Maximum size of a buffer that is not counted, in bytes.
const FREE_BYTES: usize = 16 * 1024;

/// Returns the limits for bodies of at most `longest` bytes. Every account can send one of that length.
fn limits(longest: usize) -> Limits {
    Limits {
        little: longest.max(256 << 10),
        account: longest.max(4 << 20),
        network: Most { much: longest.max(6 << 20), all: (2 * longest).max(8 << 20) },
        total: Most {
            much: (3 * longest).max(24 << 20),
            all: (4 * longest).max(32 << 20),
        },
    }
}

/// Memory budget of bodies while they are read. Clones share the count.
#[derive(Clone, Debug)]
pub(in crate::http) struct BodyBudget(Shares);

impl BodyBudget {
    /// Creates a budget for bodies of at most `longest` bytes.
    pub(in crate::http) fn new(longest: usize) -> Self {
        Self(Shares::new(limits(longest)))
    }

    /// Creates an empty buffer for a body.
    fn begin(&self, sender: Holder) -> Buffer {
        Buffer { bytes: Zeroizing::new(Vec::new()), share: self.0.nothing(sender) }
    }
}

/// Received part of a body.
pub(super) struct Buffer {
    bytes: Zeroizing<Vec<u8>>,
    share: Share,
}

impl Buffer {
    /// Creates an empty buffer for the body of a request.
    pub(super) fn of(request: &Request) -> Result<Self, Problem> {
        Ok(Shared::of(request)?.bodies.begin(Holder::of(request)))
    }

    /// Appends bytes to a body of at most `limit` bytes. The body may hold a password, so no copy of it is left in
    /// memory.
    pub(super) fn push(&mut self, data: &[u8], limit: usize) -> Result<(), Problem> {
        let length = self.bytes.len() + data.len();
        if length > limit {
            return Err(Problem::body_too_large(limit));
        }
        if length > self.bytes.capacity() {
            let capacity = length.next_power_of_two().min(limit);
            self.count(capacity).map_err(service::Error::from)?;
            // A growing vector does not wipe its old memory.
            let mut larger = Zeroizing::new(Vec::with_capacity(capacity));
            larger.extend_from_slice(&self.bytes);
            self.bytes = larger;
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    fn count(&mut self, capacity: usize) -> Result<(), Full> {
        if capacity <= FREE_BYTES {
            return Ok(());
        }
        self.share.grow(capacity - self.share.bytes())
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use http_body_util::BodyExt as _;
    use http_body_util::combinators::BoxBody;
    use hyper::body::{Body, Bytes, Frame};
    use poem::http::StatusCode;

    use super::*;
    use crate::domain::id::UserId;

    const LONGEST: usize = 256 << 10;

    fn sender(user: u64, address: &str) -> Holder {
        Holder::new(Some(UserId::new(user)), address.parse().unwrap())
    }

    /// Sends this many bytes of a body in pieces, and keeps the buffer.
    fn send(
        budget: &BodyBudget,
        sender: Holder,
        bytes: usize,
    ) -> Result<Buffer, Problem> {
        let mut buffer = budget.begin(sender);
        for piece in vec![b'x'; bytes].chunks(7_000) {
            buffer.push(piece, LONGEST)?;
        }
        Ok(buffer)
    }

    /// Sends bodies of maximum length until one is refused.
    fn fill(budget: &BodyBudget, sender: Holder) -> Vec<Buffer> {
        std::iter::from_fn(|| send(budget, sender, LONGEST).ok()).collect()
    }

    fn held(budget: &BodyBudget) -> usize {
        budget.0.count().0
    }

    #[test]
    fn a_body_is_counted_by_its_buffer_and_given_back_whole() {
        let budget = BodyBudget::new(LONGEST);
        let small = send(&budget, sender(1, "192.0.2.1"), FREE_BYTES).unwrap();
        assert_eq!((small.len(), held(&budget)), (FREE_BYTES, 0));

        let long = send(&budget, sender(1, "192.0.2.1"), 130 << 10).unwrap();
        assert_eq!((long.bytes.capacity(), held(&budget)), (LONGEST, LONGEST));
        assert_eq!(*long, vec![b'x'; 130 << 10]);

        drop(long);
        assert_eq!(budget.0.count(), (0, 0, 0));
    }

    #[test]
    fn a_body_that_is_refused_while_it_grows_gives_back_what_it_had() {
        let budget = BodyBudget::new(LONGEST);
        let me = sender(1, "192.0.2.1");
        let mut taken = fill(&budget, me);
        assert_eq!(held(&budget), limits(LONGEST).account);
        taken.pop();
        let half = send(&budget, me, LONGEST / 2).unwrap();

        let refused = send(&budget, me, LONGEST).err().unwrap();

        assert_eq!(refused.into_entry().code, "account_busy");
        assert_eq!(held(&budget), limits(LONGEST).account - LONGEST / 2);
        drop(half);
        assert!(send(&budget, me, LONGEST).is_ok());
    }

    #[test]
    fn a_network_has_its_share_however_many_accounts_it_has_and_others_have_room() {
        let budget = BodyBudget::new(LONGEST);
        let mut taken = Vec::new();
        for user in 1..=200 {
            let address = format!("2001:db8:0:{user:x}::1");
            taken.extend(fill(&budget, sender(user, &address)));
        }
        assert_eq!(held(&budget), limits(LONGEST).network.all);
        let refused = send(&budget, sender(201, "2001:db8::1"), LONGEST).err().unwrap();
        assert_eq!(refused.into_entry().code, "busy");

        assert_eq!(fill(&budget, sender(202, "2001:db8:1::1")).len(), 16);
        drop(taken);
        assert!(send(&budget, sender(201, "2001:db8::1"), LONGEST).is_ok());
    }

    #[test]
    fn there_is_room_for_one_longest_body_while_many_networks_take_what_they_can() {
        for longest in [LONGEST, 64 << 20] {
            let budget = BodyBudget::new(longest);
            let much = limits(longest).total.much;
            let mut shares = Vec::new();
            for user in 1..=20 {
                let greedy = sender(user, &format!("192.0.2.{user}"));
                while held(&budget) < much
                    && let Ok(share) = budget.0.take(greedy, longest)
                {
                    shares.push(share);
                }
            }
            assert!(held(&budget) >= much);
            let modest = budget.0.take(sender(21, "192.0.2.21"), longest);
            assert!(modest.is_ok());
        }
    }

    /// Body of a client that sends some data and then stalls.
    struct Stalled(Option<Bytes>);

    impl Body for Stalled {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
            self.0
                .take()
                .map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
        }
    }

    #[test]
    fn a_client_that_goes_away_midway_gives_back_what_it_had() {
        let budget = BodyBudget::new(LONGEST);
        let body: BoxBody<Bytes, std::io::Error> =
            Stalled(Some(Bytes::from(vec![b'x'; 100 << 10]))).boxed();
        {
            let buffer = budget.begin(sender(1, "192.0.2.1"));
            let mut reading = pin!(super::super::collect(body.into(), buffer, LONGEST));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(reading.as_mut().poll(&mut cx).is_pending());
            assert_eq!(held(&budget), 128 << 10);
        }
        assert_eq!(budget.0.count(), (0, 0, 0));
    }

    #[test]
    fn a_body_over_the_limit_is_too_large_whatever_room_there_is() {
        let budget = BodyBudget::new(LONGEST);
        let refused = send(&budget, sender(1, "192.0.2.1"), LONGEST + 1).err().unwrap();
        let status = refused.into_entry().status;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE.as_u16());
        assert_eq!(held(&budget), 0);
    }
}
