//! The memory that answers may take until they are sent.
//!
//! A list of 200 long tasks is megabytes of JSON, and a client that does not read holds them. Every answer over
//! [`FREE_BYTES`] is counted, whatever made it, from its rendering until the last of its bytes was handed to
//! the socket: the count belongs to the bytes themselves, not to the body that hyper takes them from. Smaller ones
//! are free: there are only as many as connections, and the few more that HTTP/2 allows.
//!
//! Accounts and networks have shares, and a part of each is kept for accounts that hold little, so that there is
//! always room for an ordinary list.
//!
//! An answer that is refused was read and rendered for nothing. So an account that was refused one is refused the next
//! long one before anything is read ([`Room`]), until some of its bytes are sent or [`PAUSE`] has passed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use poem::{FromRequest, Request, RequestBody, Response};

use super::address::ClientAddress;
use super::edge::RequestContext;
use super::problem::Problem;
use crate::domain::id::UserId;
use crate::domain::network::Block;

type Inner = BoxBody<Bytes, std::io::Error>;

/// Answers up to this size are free, in bytes.
const FREE_BYTES: usize = 4 * 1024;

/// An account that holds at most this much holds little, in bytes.
const LITTLE_BYTES: usize = 256 * 1024;

/// Most of one account, from all networks together; without an account, of a network.
const ACCOUNT_BYTES: usize = 16 << 20;

/// Most of one network: an IPv4 address, or the /48 of an IPv6 address.
const NETWORK: Most = Most { much: 24 << 20, all: 32 << 20 };

/// Most of all.
const TOTAL: Most = Most { much: 48 << 20, all: 64 << 20 };

/// Time in which an account that was refused an answer is refused long ones before they are read. As long as `Retry-After`
/// of the problem says.
const PAUSE: Duration = Duration::from_secs(1);

/// Accounts that hold nothing are forgotten when there are more than this.
const FORGET_FROM: usize = 1024;

/// Bytes that may be held together.
struct Most {
    /// For an answer to an account that holds much.
    much: usize,
    /// For any answer.
    all: usize,
}

/// Marks an answer whose bytes are there anyway, however many clients read them.
#[derive(Clone, Copy, Debug)]
pub(super) struct SharedBytes;

/// Marks an answer that is made while it is read, of which at most so many bytes are there at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct InFlight(pub(super) usize);

/// The account and the network that an answer goes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    account: Account,
    network: Block,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Account {
    Of(UserId),
    /// Requests of a network without a credential.
    Anonymous(Block),
}

impl Reader {
    pub(super) fn new(user: Option<UserId>, address: IpAddr) -> Self {
        let network = Block::site(address);
        Self { account: user.map_or(Account::Anonymous(network), Account::Of), network }
    }
}

/// Why there is no room for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The account holds its share.
    Account,
    /// Others hold theirs.
    Server,
}

/// Counts answers. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct AnswerBudget(Arc<Mutex<Held>>);

/// Bytes that are held.
#[derive(Debug, Default)]
struct Held {
    total: usize,
    networks: HashMap<Block, usize>,
    accounts: HashMap<Account, Holding>,
}

/// Bytes that one account holds.
#[derive(Clone, Copy, Debug, Default)]
struct Holding {
    bytes: usize,
    /// The last refusal, until bytes are given back.
    refused: Option<(Instant, Full)>,
}

impl Holding {
    /// Whether nothing needs to be known of the account any more.
    fn is_over(&self, now: Instant) -> bool {
        self.bytes == 0 && self.pauses(now).is_none()
    }

    fn pauses(&self, now: Instant) -> Option<Full> {
        let (time, full) = self.refused?;
        (now.saturating_duration_since(time) < PAUSE).then_some(full)
    }
}

impl Held {
    /// Refuses an account that was refused an answer a short while ago.
    fn admit(&self, reader: Reader, now: Instant) -> Result<(), Full> {
        let pauses = self.accounts.get(&reader.account).and_then(|it| it.pauses(now));
        pauses.map_or(Ok(()), Err)
    }

    fn take(&mut self, reader: Reader, bytes: usize, now: Instant) -> Result<(), Full> {
        self.room(reader, bytes).inspect_err(|full| {
            if self.accounts.len() > FORGET_FROM {
                self.accounts.retain(|_, holding| !holding.is_over(now));
            }
            self.accounts.entry(reader.account).or_default().refused = Some((now, *full));
        })?;
        self.total += bytes;
        self.accounts.entry(reader.account).or_default().bytes += bytes;
        *self.networks.entry(reader.network).or_default() += bytes;
        Ok(())
    }

    fn room(&self, reader: Reader, bytes: usize) -> Result<(), Full> {
        let account = self.accounts.get(&reader.account).map_or(0, |it| it.bytes);
        let network = self.networks.get(&reader.network).copied().unwrap_or(0);
        let of_account = account.saturating_add(bytes);
        if of_account > ACCOUNT_BYTES {
            return Err(Full::Account);
        }
        let is_little = of_account <= LITTLE_BYTES;
        let most = |of: Most| if is_little { of.all } else { of.much };
        if network + bytes > most(NETWORK) || self.total + bytes > most(TOTAL) {
            let is_own = account > LITTLE_BYTES;
            return Err(if is_own { Full::Account } else { Full::Server });
        }
        Ok(())
    }

    fn give_back(&mut self, reader: Reader, bytes: usize) {
        self.total -= bytes;
        if let Entry::Occupied(mut entry) = self.accounts.entry(reader.account) {
            let left = entry.get().bytes - bytes;
            *entry.get_mut() = Holding { bytes: left, refused: None };
            if left == 0 {
                entry.remove();
            }
        }
        if let Entry::Occupied(mut entry) = self.networks.entry(reader.network) {
            *entry.get_mut() -= bytes;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

impl AnswerBudget {
    /// Counts an answer until it is sent or given up. To be called when its body is as it will be sent.
    pub(super) fn count(
        &self,
        mut response: Response,
        reader: Reader,
    ) -> Result<Response, Full> {
        if response.extensions().get::<SharedBytes>().is_some() {
            return Ok(response);
        }
        let inner: Inner = response.take_body().into();
        let bytes = match response.extensions_mut().remove::<InFlight>() {
            Some(InFlight(bytes)) => bytes,
            None => usize::try_from(inner.size_hint().lower()).unwrap_or(usize::MAX),
        };
        if bytes <= FREE_BYTES {
            response.set_body(inner);
            return Ok(response);
        }
        self.held().take(reader, bytes, Instant::now())?;
        let share = Arc::new(Share { budget: self.clone(), reader, bytes });
        response.set_body(Counted { inner, share }.boxed());
        Ok(response)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Admits an operation whose answer may be long. An argument of its handler, after the caller.
///
/// Refused with 503 before anything is read or done while the account pauses after a refused answer.
pub(super) struct Room;

impl<'a> FromRequest<'a> for Room {
    async fn from_request(
        req: &'a Request,
        _body: &mut RequestBody,
    ) -> poem::Result<Self> {
        let budget = req.data::<AnswerBudget>().ok_or_else(Problem::internal)?;
        let user = req.data::<RequestContext>().and_then(RequestContext::user);
        let reader = Reader::new(user, ClientAddress::of(req).0);
        let admitted = budget.held().admit(reader, Instant::now());
        admitted.map_err(|full| Problem::no_room(full, false))?;
        Ok(Self)
    }
}

/// The bytes that one answer takes until this is dropped.
struct Share {
    budget: AnswerBudget,
    reader: Reader,
    bytes: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.held().give_back(self.reader, self.bytes);
    }
}

/// A body whose bytes are counted also after they were taken from it. hyper takes all of an answer at once and drops
/// its body long before a slow client has read the first byte.
struct Counted {
    inner: Inner,
    share: Arc<Share>,
}

/// Bytes of an answer. Every slice of them keeps the share of the whole.
struct Kept {
    bytes: Bytes,
    _share: Arc<Share>,
}

impl AsRef<[u8]> for Kept {
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
        polled.map_ok(|frame| {
            frame.map_data(|bytes| {
                Bytes::from_owner(Kept { bytes, _share: Arc::clone(&self.share) })
            })
        })
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

    const MIB: usize = 1 << 20;

    fn reader(user: u64, address: &str) -> Reader {
        Reader::new(Some(UserId::new(user)), address.parse().unwrap())
    }

    fn answer(bytes: usize) -> Response {
        Response::builder().body(vec![b'x'; bytes])
    }

    /// Takes a MiB again and again until there is no more room.
    fn fill(budget: &AnswerBudget, reader: Reader) -> (Vec<Response>, Full) {
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
        let budget = AnswerBudget::default();
        let mut response = budget.count(answer(MIB), reader(1, "192.0.2.1")).unwrap();
        let mut body: Inner = response.take_body().into();
        assert_eq!(body.size_hint().exact(), Some(MIB as u64));

        let mut bytes = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(body.is_end_stream());
        drop(body);
        let last = bytes.split_off(MIB - 1);
        drop(bytes);

        assert_eq!(budget.held().total, MIB);
        drop(last);
        let held = budget.held();
        assert_eq!(held.total, 0);
        assert!(held.accounts.is_empty() && held.networks.is_empty());
    }

    #[test]
    fn one_account_holds_its_share_whatever_networks_it_comes_from() {
        let budget = AnswerBudget::default();
        let (first, full) = fill(&budget, reader(1, "192.0.2.1"));
        assert_eq!((first.len() * MIB, full), (ACCOUNT_BYTES, Full::Account));

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
        let budget = AnswerBudget::default();
        let mut taken = Vec::new();
        for user in 1..=200 {
            let greedy = reader(user, &format!("2001:db8:0:{user:x}::1"));
            taken.extend(fill(&budget, greedy).0);
            while let Ok(response) = budget.count(answer(100 * 1024), greedy) {
                taken.push(response);
            }
        }
        assert!(budget.held().total <= NETWORK.all);
        let (other, full) = fill(&budget, reader(201, "2001:db8:1::1"));
        assert_eq!((other.len(), full), (16, Full::Account));
    }

    #[test]
    fn there_is_room_for_ordinary_lists_while_twenty_networks_take_what_they_can() {
        let budget = AnswerBudget::default();
        let mut taken = Vec::new();
        for user in 1..=20 {
            let greedy = reader(user, &format!("192.0.2.{user}"));
            while let Ok(response) = budget.count(answer(100 * 1024), greedy) {
                taken.push(response);
            }
        }
        assert!(budget.held().total < TOTAL.all);
        for user in 21..=40 {
            let modest = reader(user, "192.0.2.1");
            taken.push(budget.count(answer(200 * 1024), modest).unwrap());
        }
        let much = budget.count(answer(MIB), reader(41, "192.0.2.41"));
        assert_eq!(much.err(), Some(Full::Server));
    }

    #[test]
    fn small_and_shared_answers_are_free_and_streams_take_what_they_say() {
        let budget = AnswerBudget::default();
        let me = reader(1, "192.0.2.1");
        let (_taken, _) = fill(&budget, me);
        let before = budget.held().total;

        budget.count(answer(FREE_BYTES), me).unwrap();
        let mut shared = answer(MIB);
        shared.extensions_mut().insert(SharedBytes);
        budget.count(shared, me).unwrap();
        assert_eq!(budget.held().total, before);

        let mut stream = answer(1);
        stream.extensions_mut().insert(InFlight(MIB));
        assert_eq!(budget.count(stream, me).err(), Some(Full::Account));
    }

    #[test]
    fn an_account_that_was_refused_pauses_until_bytes_are_sent_or_a_second_has_passed() {
        let (me, other) = (reader(1, "192.0.2.1"), reader(2, "192.0.2.1"));
        let (mut held, now) = (Held::default(), Instant::now());
        held.take(me, ACCOUNT_BYTES, now).unwrap();
        assert_eq!(held.admit(me, now), Ok(()));

        assert_eq!(held.take(me, 1, now), Err(Full::Account));
        assert_eq!(held.admit(me, now), Err(Full::Account));
        assert_eq!(held.admit(other, now), Ok(()));
        assert_eq!(held.admit(me, now + PAUSE), Ok(()));

        held.give_back(me, MIB);
        assert_eq!(held.admit(me, now), Ok(()));
    }

    #[test]
    fn accounts_that_were_refused_are_forgotten_after_their_pause() {
        let (mut held, now) = (Held::default(), Instant::now());
        for user in 0..3 * FORGET_FROM as u64 {
            let later = now + PAUSE * u32::try_from(user / FORGET_FROM as u64).unwrap();
            assert!(
                held.take(reader(user, "192.0.2.1"), NETWORK.all + 1, later).is_err()
            );
        }
        assert!(held.accounts.len() <= 2 * FORGET_FROM + 1);
    }

    #[test]
    fn those_without_an_account_share_that_of_their_network() {
        let budget = AnswerBudget::default();
        let nobody = |address: &str| Reader::new(None, address.parse().unwrap());
        let (taken, _) = fill(&budget, nobody("192.0.2.1"));
        assert_eq!(taken.len() * MIB, ACCOUNT_BYTES);
        assert!(budget.count(answer(MIB), nobody("192.0.2.1")).is_err());
        assert!(budget.count(answer(MIB), nobody("192.0.2.2")).is_ok());
    }
}
