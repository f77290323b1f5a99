//! Memory that responses may occupy until they are sent.
//!
//! A list of 200 long tasks is megabytes of JSON, held in memory while a client does not read. Every response over
//! [`FREE_BYTES`] is counted, whatever produced it, from its rendering until its last byte was handed to the socket:
//! the count belongs to the bytes, not to the body that hyper takes them from. Smaller responses are free: connections
//! limit their number, and HTTP/2 counts further ones itself.
//!
//! Accounts and networks have shares. A part of each share is reserved for accounts that hold little, so that an
//! ordinary list always finds room.
//!
//! Results of a batch are counted before it runs, and tasks of a list when they are read; the response then takes over
//! the count.
//!
//! A refused response was read and rendered in vain. So the next long response of that account is refused before
//! anything is read ([`Room`]), until some of its bytes are sent or [`PAUSE`](super::shares::PAUSE) has passed.

use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use poem::{FromRequest, Request, RequestBody, Response};

use super::middleware::Shared;
use super::payload::{Rendered, Renderer, Reserved, WriteJson};
use super::problem::Problem;
use super::shares::{Full, Holder, Limits, Most, Share, Shares};
use crate::service::Error;

type Inner = BoxBody<Bytes, std::io::Error>;

/// Size up to which responses are free, in bytes.
const FREE_BYTES: usize = 4 * 1024;

const LIMITS: Limits = Limits {
    little: 256 * 1024,
    account: 16 << 20,
    network: Most { much: 24 << 20, all: 32 << 20 },
    total: Most { much: 48 << 20, all: 64 << 20 },
};

/// Marks a response whose bytes exist anyway, however many clients read them.
#[derive(Clone, Copy, Debug)]
pub(super) struct SharedBytes;

/// Marks a response that is produced while it is read, with at most this many bytes in memory at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct InFlight(pub(super) usize);

/// Budget for the memory of responses. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct ResponseMemory {
    shares: Shares,
    renderer: Renderer,
}

impl Default for ResponseMemory {
    fn default() -> Self {
        Self { shares: Shares::new(LIMITS), renderer: Renderer::default() }
    }
}

impl ResponseMemory {
    /// Counts a response until it is sent or dropped. Call it once the body is final.
    pub(super) fn count(
        &self,
        mut response: Response,
        reader: Holder,
    ) -> Result<Response, Full> {
        if response.extensions().get::<SharedBytes>().is_some() {
            return Ok(response);
        }
        let reserved = Reserved::take(&mut response);
        let inner: Inner = response.take_body().into();
        let bytes = match response.extensions_mut().remove::<InFlight>() {
            Some(InFlight(bytes)) => bytes,
            None => usize::try_from(inner.size_hint().lower()).unwrap_or(usize::MAX),
        };
        if bytes <= FREE_BYTES {
            response.set_body(inner);
            return Ok(response);
        }
        let share = match reserved {
            Some(mut share) => {
                share.resize(bytes)?;
                share
            }
            None => self.shares.take(reader, bytes)?,
        };
        let share = Arc::new(share);
        response.set_body(Counted { inner, share }.boxed());
        Ok(response)
    }
}

/// Admission of an operation whose response may be long. Handlers take it as an argument, after the caller.
///
/// Refused with 503, before anything is read or done, while the account pauses after a refused response.
pub(super) struct Room {
    budget: ResponseMemory,
    reader: Holder,
}

/// Admission of an operation that reserves memory for its results in advance. Handlers take it as an argument, after
/// the caller.
///
/// Refused like [`Room`], and also while the account pauses after a refused reservation: otherwise the bodies of
/// immediate retries would be read in vain.
pub(super) struct ReservedRoom(Room);

impl ReservedRoom {
    /// Counts results of a write before it is carried out.
    pub(super) fn reserve(&self, bytes: usize) -> Result<Share, Error> {
        let Room { budget, reader } = &self.0;
        Ok(budget.shares.reserve(*reader, bytes)?)
    }
}

impl Deref for ReservedRoom {
    type Target = Room;

    fn deref(&self) -> &Room {
        &self.0
    }
}

impl Room {
    fn admitted(
        request: &Request,
        admit: impl FnOnce(&Shares, Holder) -> Result<(), Full>,
    ) -> Result<Self, Problem> {
        let budget = &Shared::of(request)?.budget;
        let reader = Holder::of(request);
        admit(&budget.shares, reader).map_err(|full| Problem::no_room(full, false))?;
        Ok(Self { budget: budget.clone(), reader })
    }

    /// Counts data that was read, until it is rendered and sent.
    pub(super) fn take(&self, bytes: usize) -> Result<Share, Problem> {
        let share = self.budget.shares.take(self.reader, bytes);
        share.map_err(|full| Problem::no_room(full, false))
    }

    /// Renders a counted array, between a prefix and a suffix.
    pub(super) async fn render<T, I: WriteJson>(
        &self,
        share: Option<Share>,
        around: [&str; 2],
        items: impl Iterator<Item = I> + Send,
    ) -> Result<Rendered<T>, Problem> {
        self.budget.renderer.array(self.reader.network(), share, around, items).await
    }
}

impl<'a> FromRequest<'a> for Room {
    async fn from_request(
        req: &'a Request,
        _body: &mut RequestBody,
    ) -> poem::Result<Self> {
        Ok(Self::admitted(req, Shares::admit)?)
    }
}

impl<'a> FromRequest<'a> for ReservedRoom {
    async fn from_request(
        req: &'a Request,
        _body: &mut RequestBody,
    ) -> poem::Result<Self> {
        Ok(Self(Room::admitted(req, Shares::admit_reservation)?))
    }
}

/// Body whose bytes stay counted after they are taken from it: hyper takes a whole response at once and drops its body
/// long before a slow client has read the first byte.
struct Counted {
    inner: Inner,
    share: Arc<Share>,
}

/// Wraps bytes of a response so that they, and every slice of them, keep their count alive.
pub(super) fn kept<S: Send + Sync + 'static>(bytes: Bytes, share: &Arc<S>) -> Bytes {
    Bytes::from_owner(Kept { bytes, _share: Arc::clone(share) })
}

struct Kept<S> {
    bytes: Bytes,
    _share: Arc<S>,
}

impl<S> AsRef<[u8]> for Kept<S> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Body for Counted {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        polled.map_ok(|frame| frame.map_data(|bytes| kept(bytes, &self.share)))
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
    use crate::domain::id::UserId;

    const MIB: usize = 1 << 20;

    fn reader(user: u64, address: &str) -> Holder {
        Holder::new(Some(UserId::new(user)), address.parse().unwrap())
    }

    fn answer(bytes: usize) -> Response {
        Response::builder().body(vec![b'x'; bytes])
    }

    /// Takes 1 MiB again and again until there is no more room.
    fn fill(budget: &ResponseMemory, reader: Holder) -> (Vec<Response>, Full) {
        let mut taken = Vec::new();
        loop {
            match budget.count(answer(MIB), reader) {
                Ok(response) => taken.push(response),
                Err(full) => return (taken, full),
            }
        }
    }

    #[tokio::test]
    async fn bytes_are_counted_until_the_last_slice_of_them_is_gone() {
        let budget = ResponseMemory::default();
        let mut response = budget.count(answer(MIB), reader(1, "192.0.2.1")).unwrap();
        let mut body: Inner = response.take_body().into();
        assert_eq!(body.size_hint().exact(), Some(MIB as u64));

        let mut bytes = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(body.is_end_stream());
        drop(body);
        let last = bytes.split_off(MIB - 1);
        drop(bytes);

        assert_eq!(budget.shares.count(), (MIB, 1, 1));
        drop(last);
        assert_eq!(budget.shares.count(), (0, 0, 0));
    }

    #[test]
    fn one_account_holds_its_share_whatever_networks_it_comes_from() {
        let budget = ResponseMemory::default();
        let (first, full) = fill(&budget, reader(1, "192.0.2.1"));
        assert_eq!((first.len() * MIB, full), (LIMITS.account, Full::Account));

        for address in ["192.0.2.2", "2001:db8::1"] {
            let (more, full) = fill(&budget, reader(1, address));
            assert_eq!((more.len(), full), (0, Full::Account));
        }
        let (_others, _) = fill(&budget, reader(2, "192.0.2.1"));
        drop(first);
        assert_eq!(fill(&budget, reader(1, "192.0.2.1")).0.len(), 16);
    }

    #[test]
    fn one_network_holds_its_share_however_many_accounts_it_has() {
        let budget = ResponseMemory::default();
        let mut taken = Vec::new();
        for user in 1..=200 {
            let greedy = reader(user, &format!("2001:db8:0:{user:x}::1"));
            taken.extend(fill(&budget, greedy).0);
            while let Ok(response) = budget.count(answer(100 * 1024), greedy) {
                taken.push(response);
            }
        }
        assert!(budget.shares.count().0 <= LIMITS.network.all);
        let (other, full) = fill(&budget, reader(201, "2001:db8:1::1"));
        assert_eq!((other.len(), full), (16, Full::Account));
    }

    #[test]
    fn there_is_room_for_ordinary_lists_while_twenty_networks_take_what_they_can() {
        let budget = ResponseMemory::default();
        let mut taken = Vec::new();
        for user in 1..=20 {
            let greedy = reader(user, &format!("192.0.2.{user}"));
            while let Ok(response) = budget.count(answer(100 * 1024), greedy) {
                taken.push(response);
            }
        }
        assert!(budget.shares.count().0 < LIMITS.total.all);
        for user in 21..=40 {
            let modest = reader(user, "192.0.2.1");
            taken.push(budget.count(answer(200 * 1024), modest).unwrap());
        }
        let much = budget.count(answer(MIB), reader(41, "192.0.2.41"));
        assert_eq!(much.err(), Some(Full::Server));
    }

    #[test]
    fn small_and_shared_answers_are_free_and_streams_take_what_they_say() {
        let budget = ResponseMemory::default();
        let me = reader(1, "192.0.2.1");
        let (_taken, _) = fill(&budget, me);
        let before = budget.shares.count().0;

        budget.count(answer(FREE_BYTES), me).unwrap();
        let mut shared = answer(MIB);
        shared.extensions_mut().insert(SharedBytes);
        budget.count(shared, me).unwrap();
        assert_eq!(budget.shares.count().0, before);

        let mut stream = answer(1);
        stream.extensions_mut().insert(InFlight(MIB));
        assert_eq!(budget.count(stream, me).err(), Some(Full::Account));
    }

    #[test]
    fn those_without_an_account_share_that_of_their_network() {
        let budget = ResponseMemory::default();
        let nobody = |address: &str| Holder::new(None, address.parse().unwrap());
        let (taken, _) = fill(&budget, nobody("192.0.2.1"));
        assert_eq!(taken.len() * MIB, LIMITS.account);
        assert!(budget.count(answer(MIB), nobody("192.0.2.1")).is_err());
        assert!(budget.count(answer(MIB), nobody("192.0.2.2")).is_ok());
    }
}
