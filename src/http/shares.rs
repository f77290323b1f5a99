//! Memory that accounts and networks hold, with a limit for each and a reserve for others.
//!
//! A part of every limit is reserved for accounts that hold little.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use poem::Request;

use super::address::ClientAddress;
use super::middleware::RequestContext;
use crate::domain::id::UserId;
use crate::domain::network::Block;
use crate::service::Error;

/// Time that an account pauses after a refusal: the `Retry-After` of the problem.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// Number of accounts above which idle ones are forgotten.
const FORGET_FROM: usize = 1024;

/// Limits on bytes that are held together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    /// Limit for an account that holds much.
    pub(super) much: usize,
    /// Limit for any account.
    pub(super) all: usize,
}

/// Limits on held bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Amount up to which an account holds little.
    pub(super) little: usize,
    /// Maximum of one account over all networks; without an account, of one network.
    pub(super) account: usize,
    /// Maximum of one network: an IPv4 address, or the /48 of an IPv6 address.
    pub(super) network: Most,
    /// Maximum of all together.
    pub(super) total: Most,
}

/// Account and network that hold bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder {
    account: Account,
    network: Block,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Account {
    Of(UserId),
    /// Requests of a network without a credential.
    Anonymous(Block),
}

impl Holder {
    /// Returns the caller of a request, as far as it is known.
    pub(super) fn of(request: &Request) -> Self {
        let user = request.data::<RequestContext>().and_then(RequestContext::user);
        Self::new(user, ClientAddress::of(request).0)
    }

    /// Returns the network of the holder.
    pub(super) const fn network(&self) -> Block {
        self.network
    }

    pub(super) fn new(user: Option<UserId>, address: IpAddr) -> Self {
        let network = Block::site(address);
        Self { account: user.map_or(Account::Anonymous(network), Account::Of), network }
    }
}

/// Reason for a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The account holds its full share.
    Account,
    /// Other accounts hold the memory.
    Server,
}

impl From<Full> for Error {
    fn from(full: Full) -> Self {
        match full {
            Full::Account => Self::AccountBusy,
            Full::Server => Self::Busy,
        }
    }
}

/// Counter of held bytes. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Shares(Arc<Mutex<Held>>);

impl Shares {
    pub(super) fn new(limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(Held::new(limits))))
    }

    /// Returns an empty share that can grow.
    pub(super) fn nothing(&self, holder: Holder) -> Share {
        Share { shares: self.clone(), holder, bytes: 0 }
    }

    /// Counts bytes until the share is dropped.
    pub(super) fn take(&self, holder: Holder, bytes: usize) -> Result<Share, Full> {
        let mut share = self.nothing(holder);
        share.grow(bytes)?;
        Ok(share)
    }

    /// Counts bytes before they exist. After a refusal, only reservations of the account pause.
    pub(super) fn reserve(&self, holder: Holder, bytes: usize) -> Result<Share, Full> {
        self.held().reserve(holder, bytes, Instant::now())?;
        Ok(Share { shares: self.clone(), holder, bytes })
    }

    /// Refuses an account that was recently refused bytes.
    pub(super) fn admit(&self, holder: Holder) -> Result<(), Full> {
        self.held().admit(holder, Instant::now())
    }

    /// Refuses an account that was recently refused bytes or a reservation.
    pub(super) fn admit_reservation(&self, holder: Holder) -> Result<(), Full> {
        self.held().admit_reservation(holder, Instant::now())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the held bytes, and the numbers of accounts and networks that hold them.
    #[cfg(test)]
    pub(super) fn count(&self) -> (usize, usize, usize) {
        let held = self.held();
        (held.total, held.accounts.len(), held.networks.len())
    }
}

/// Bytes that stay counted until this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    shares: Shares,
    holder: Holder,
    bytes: usize,
}

impl Share {
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts this many more bytes.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        self.shares.held().take(self.holder, bytes, Instant::now())?;
        self.bytes += bytes;
        Ok(())
    }

    /// Changes the count to this many bytes.
    pub(super) fn resize(&mut self, bytes: usize) -> Result<(), Full> {
        if let Some(less) = self.bytes.checked_sub(bytes) {
            self.shares.held().give_back(self.holder, less);
            self.bytes = bytes;
            return Ok(());
        }
        self.grow(bytes - self.bytes)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.shares.held().give_back(self.holder, self.bytes);
        }
    }
}

/// Bytes that accounts and networks hold.
#[derive(Debug)]
struct Held {
    limits: Limits,
    total: usize,
    networks: HashMap<Block, usize>,
    accounts: HashMap<Account, Holding>,
}

/// Bytes that one account holds.
#[derive(Clone, Copy, Debug, Default)]
struct Holding {
    bytes: usize,
    /// The last refusal, until bytes are given back.
    refused: Option<Refusal>,
    /// The last refusal of a reservation, until bytes are given back.
    reservation_refused: Option<Refusal>,
}

#[derive(Clone, Copy, Debug)]
struct Refusal {
    time: Instant,
    full: Full,
}

impl Refusal {
    /// Returns the reason, while the account pauses.
    fn reason(self, now: Instant) -> Option<Full> {
        (now.saturating_duration_since(self.time) < PAUSE).then_some(self.full)
    }
}

impl Holding {
    /// Whether the account can be forgotten.
    fn is_over(&self, now: Instant) -> bool {
        self.bytes == 0 && self.pauses_reserving(now).is_none()
    }

    fn pauses(&self, now: Instant) -> Option<Full> {
        self.refused.and_then(|it| it.reason(now))
    }

    fn pauses_reserving(&self, now: Instant) -> Option<Full> {
        let reserving = self.reservation_refused.and_then(|it| it.reason(now));
        self.pauses(now).or(reserving)
    }
}

impl Held {
    fn new(limits: Limits) -> Self {
        Self { limits, total: 0, networks: HashMap::new(), accounts: HashMap::new() }
    }

    /// Refuses an account that was recently refused bytes.
    fn admit(&self, holder: Holder, now: Instant) -> Result<(), Full> {
        let pauses = self.accounts.get(&holder.account).and_then(|it| it.pauses(now));
        pauses.map_or(Ok(()), Err)
    }

    /// Refuses an account that was recently refused bytes or a reservation.
    fn admit_reservation(&self, holder: Holder, now: Instant) -> Result<(), Full> {
        let holding = self.accounts.get(&holder.account);
        holding.and_then(|it| it.pauses_reserving(now)).map_or(Ok(()), Err)
    }

    fn take(&mut self, holder: Holder, bytes: usize, time: Instant) -> Result<(), Full> {
        self.room(holder, bytes).inspect_err(|full| {
            self.refused(holder, time).refused = Some(Refusal { time, full: *full });
        })?;
        self.add(holder, bytes);
        Ok(())
    }

    fn reserve(
        &mut self,
        holder: Holder,
        bytes: usize,
        time: Instant,
    ) -> Result<(), Full> {
        self.room(holder, bytes).inspect_err(|full| {
            let refusal = Refusal { time, full: *full };
            self.refused(holder, time).reservation_refused = Some(refusal);
        })?;
        self.add(holder, bytes);
        Ok(())
    }

    /// Returns the entry of a refused account. Forgets idle ones if there are many.
    fn refused(&mut self, holder: Holder, now: Instant) -> &mut Holding {
        if self.accounts.len() > FORGET_FROM {
            self.accounts.retain(|_, holding| !holding.is_over(now));
        }
        self.accounts.entry(holder.account).or_default()
    }

    fn add(&mut self, holder: Holder, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.total += bytes;
        self.accounts.entry(holder.account).or_default().bytes += bytes;
        *self.networks.entry(holder.network).or_default() += bytes;
    }

    fn room(&self, holder: Holder, bytes: usize) -> Result<(), Full> {
        let limits = &self.limits;
        let account = self.accounts.get(&holder.account).map_or(0, |it| it.bytes);
        let network = self.networks.get(&holder.network).copied().unwrap_or(0);
        let of_account = account.saturating_add(bytes);
        if of_account > limits.account {
            return Err(Full::Account);
        }
        let is_little = of_account <= limits.little;
        let most = |of: Most| if is_little { of.all } else { of.much };
        if network + bytes > most(limits.network)
            || self.total + bytes > most(limits.total)
        {
            let is_own = account > limits.little;
            return Err(if is_own { Full::Account } else { Full::Server });
        }
        Ok(())
    }

    fn give_back(&mut self, holder: Holder, bytes: usize) {
        self.total -= bytes;
        if let Entry::Occupied(mut entry) = self.accounts.entry(holder.account) {
            let left = entry.get().bytes - bytes;
            *entry.get_mut() = Holding { bytes: left, ..Holding::default() };
            if left == 0 {
                entry.remove();
            }
        }
        if let Entry::Occupied(mut entry) = self.networks.entry(holder.network) {
            *entry.get_mut() -= bytes;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        little: 10,
        account: 100,
        network: Most { much: 150, all: 200 },
        total: Most { much: 300, all: 400 },
    };

    fn holder(user: u64) -> Holder {
        Holder::new(Some(UserId::new(user)), [192, 0, 2, 1].into())
    }

    #[test]
    fn a_share_that_cannot_grow_stays_as_it_is_and_is_given_back_whole() {
        let shares = Shares::new(LIMITS);
        let mut share = shares.take(holder(1), 60).unwrap();
        share.grow(20).unwrap();
        assert_eq!(share.grow(21), Err(Full::Account));
        assert_eq!((share.bytes(), shares.count()), (80, (80, 1, 1)));

        let other = shares.take(holder(2), 80);
        assert_eq!(other.err(), Some(Full::Server));
        drop(share);
        assert!(shares.take(holder(2), 80).is_ok());
    }

    #[test]
    fn a_share_is_resized_and_a_refused_reservation_lets_only_reservations_pause() {
        let shares = Shares::new(LIMITS);
        let mut share = shares.reserve(holder(1), 60).unwrap();
        share.resize(40).unwrap();
        assert_eq!(shares.count(), (40, 1, 1));
        share.resize(90).unwrap();
        assert_eq!(shares.count(), (90, 1, 1));

        assert_eq!(shares.reserve(holder(1), 11).err(), Some(Full::Account));
        assert_eq!(shares.admit(holder(1)), Ok(()));
        assert_eq!(shares.admit_reservation(holder(1)), Err(Full::Account));
        assert_eq!(share.resize(101), Err(Full::Account));
        assert_eq!(shares.admit(holder(1)), Err(Full::Account));
        drop(share);
        assert_eq!(shares.count(), (0, 0, 0));
    }

    #[test]
    fn an_account_that_was_refused_pauses_until_bytes_are_given_back_or_a_second_has_passed()
     {
        let (me, other) = (holder(1), holder(2));
        let (mut held, now) = (Held::new(LIMITS), Instant::now());
        held.take(me, LIMITS.account, now).unwrap();
        assert_eq!(held.admit(me, now), Ok(()));

        assert_eq!(held.take(me, 1, now), Err(Full::Account));
        assert_eq!(held.admit(me, now), Err(Full::Account));
        assert_eq!(held.admit(other, now), Ok(()));
        assert_eq!(held.admit(me, now + PAUSE), Ok(()));

        held.give_back(me, 1);
        assert_eq!(held.admit(me, now), Ok(()));
    }

    #[test]
    fn accounts_that_were_refused_are_forgotten_after_their_pause() {
        let (mut held, now) = (Held::new(LIMITS), Instant::now());
        for user in 0..3 * FORGET_FROM as u64 {
            let later = now + PAUSE * u32::try_from(user / FORGET_FROM as u64).unwrap();
            assert!(held.take(holder(user), LIMITS.account + 1, later).is_err());
        }
        assert!(held.accounts.len() <= 2 * FORGET_FROM + 1);
    }
}
