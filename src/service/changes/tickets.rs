//! Tickets for streams: credentials that may stand in a URL, since browsers cannot send a header with an `EventSource`.
//!
//! A ticket opens one stream and nothing else. It must be used within [`UNUSED`]; then it opens the same stream again, as
//! often as the connection breaks, until the stream has reached its longest life or the credential that made it has
//! ended. Tickets are kept in memory, as digests.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::cursor::Place;
use super::stream::LONGEST;
use crate::auth::opaque::{STREAM_TICKET, digest};
use crate::auth::permission::TasksRead;
use crate::auth::{Caller, Secret};
use crate::domain::access::Access;
use crate::domain::digest::SecretDigest;
use crate::domain::id::UserId;
use crate::domain::scope::Scopes;
use crate::domain::timestamp::Timestamp;
use crate::service::{Error, Service};

/// Time within which a ticket must be used.
const UNUSED: Duration = Duration::from_secs(30);

/// Maximum number of tickets of an account.
const MOST_OF_ACCOUNT: usize = 8;

/// Maximum number of accounts that have tickets.
const MOST_ACCOUNTS: usize = 4_096;

/// Bytes of a ticket: the id of its account and a random part.
const BYTES: usize = UserId::LEN + 32;

/// All tickets.
#[derive(Debug, Default)]
pub(in crate::service) struct Tickets(Arc<Mutex<ByAccount>>);

type ByAccount = HashMap<UserId, Vec<Ticket>>;

#[derive(Debug)]
struct Ticket {
    digest: SecretDigest,
    access: Access,
    scopes: Scopes,
    until: Instant,
    /// Place at which its stream has begun; `None` before its first use.
    begun: Option<Place>,
    is_used: bool,
    /// Number of connections so far, and the signal that ends the current one.
    connections: u64,
    current: Option<CancellationToken>,
}

/// Use of a ticket by a connection, until it is dropped.
#[derive(Debug)]
pub struct TicketUse {
    all: Arc<Mutex<ByAccount>>,
    account: UserId,
    digest: SecretDigest,
    connection: u64,
    until: Instant,
    begun: Option<Place>,
    replaces: bool,
    replaced: CancellationToken,
}

/// Credential for which a ticket was made.
struct Holder {
    access: Access,
    scopes: Scopes,
}

impl Tickets {
    fn add(&self, account: UserId, ticket: Ticket) -> Result<(), Error> {
        let (mut all, now) = (lock(&self.0), Instant::now());
        if all.len() >= MOST_ACCOUNTS {
            all.retain(|_, tickets| tickets.iter().any(|ticket| ticket.until > now));
        }
        if all.len() >= MOST_ACCOUNTS && !all.contains_key(&account) {
            return Err(Error::Busy);
        }
        let tickets = all.entry(account).or_default();
        tickets.retain(|ticket| ticket.until > now);
        if tickets.len() >= MOST_OF_ACCOUNT {
            // The page that had it may be closed.
            let idle = tickets.iter().position(|ticket| ticket.current.is_none());
            tickets.remove(idle.ok_or(Error::AccountBusy)?);
        }
        tickets.push(ticket);
        Ok(())
    }

    /// Begins a use of a ticket, and ends the one before.
    fn open(
        &self,
        account: UserId,
        digest: &SecretDigest,
    ) -> Option<(Holder, TicketUse)> {
        let (mut all, now) = (lock(&self.0), Instant::now());
        let ticket = find(&mut all, account, digest).filter(|it| it.until > now)?;
        if !ticket.is_used {
            (ticket.is_used, ticket.until) = (true, now + LONGEST);
        }
        let replaced = CancellationToken::new();
        let old = ticket.current.replace(replaced.clone());
        let replaces = old.inspect(CancellationToken::cancel).is_some();
        ticket.connections += 1;
        let holder = Holder { access: ticket.access, scopes: ticket.scopes };
        let (connection, until, begun) = (ticket.connections, ticket.until, ticket.begun);
        drop(all);
        let all = Arc::clone(&self.0);
        let digest = *digest;
        let used = TicketUse {
            all,
            account,
            digest,
            connection,
            until,
            begun,
            replaces,
            replaced,
        };
        Some((holder, used))
    }
}

impl TicketUse {
    /// Returns the place at which the stream began when the ticket was first used.
    pub(super) const fn begun(&self) -> Option<Place> {
        self.begun
    }

    /// Notes the place at which the stream begins.
    pub(super) fn begin(&self, place: Place) {
        let mut all = lock(&self.all);
        if let Some(ticket) = find(&mut all, self.account, &self.digest) {
            ticket.begun.get_or_insert(place);
        }
    }

    /// Returns the end of the longest life of the stream.
    pub(super) const fn until(&self) -> Instant {
        self.until
    }

    /// Whether another connection had to end for this one.
    pub(super) const fn replaces(&self) -> bool {
        self.replaces
    }

    pub(super) fn is_replaced(&self) -> bool {
        self.replaced.is_cancelled()
    }

    /// Waits until the ticket is used again.
    pub(super) async fn replaced(&self) {
        self.replaced.cancelled().await;
    }
}

impl Drop for TicketUse {
    fn drop(&mut self) {
        let mut all = lock(&self.all);
        let ticket = find(&mut all, self.account, &self.digest);
        if let Some(ticket) = ticket.filter(|it| it.connections == self.connection) {
            ticket.current = None;
        }
    }
}

fn find<'a>(
    all: &'a mut ByAccount,
    account: UserId,
    digest: &SecretDigest,
) -> Option<&'a mut Ticket> {
    all.get_mut(&account)?.iter_mut().find(|ticket| ticket.digest == *digest)
}

fn lock(all: &Mutex<ByAccount>) -> MutexGuard<'_, ByAccount> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Service {
    /// Makes a ticket for a stream, and returns it with the time until which it must be used.
    ///
    /// # Errors
    ///
    /// [`Error::AccountBusy`] if the account has as many streams with tickets as it may, [`Error::Busy`] if too many
    /// accounts have tickets, and errors of the source of randomness.
    pub fn ticket_make(
        &self,
        caller: &Caller<TasksRead>,
    ) -> Result<(Secret, Timestamp), Error> {
        let account = caller.user.id;
        let random: [u8; 32] = self.random()?;
        let text = STREAM_TICKET.write(&[&account.to_bytes(), &random]);
        let ticket = Ticket {
            digest: digest(text.expose().as_bytes()),
            access: caller.access,
            scopes: caller.scopes,
            until: Instant::now() + UNUSED,
            begun: None,
            is_used: false,
            connections: 0,
            current: None,
        };
        self.0.state.tickets.add(account, ticket)?;
        Ok((text, self.0.clock.now().plus(UNUSED)))
    }

    /// Begins a use of a ticket. `None` if it is not valid, has expired, or its credential has ended.
    ///
    /// # Errors
    ///
    /// [`Error::Throttled`] if requests are limited, and store errors.
    pub async fn ticket_use(
        &self,
        text: &str,
        address: IpAddr,
    ) -> Result<Option<(Caller<TasksRead>, TicketUse)>, Error> {
        let Some(bytes) = STREAM_TICKET.read::<BYTES>(text) else { return Ok(None) };
        let account = bytes.first_chunk().copied().unwrap_or_default();
        let account = UserId::new(u64::from_be_bytes(account));
        let digest = digest(text.as_bytes());
        let Some((holder, used)) = self.0.state.tickets.open(account, &digest) else {
            return Ok(None);
        };
        let Holder { access, scopes } = holder;
        match self.authenticate_again(account, access, scopes, address).await {
            Ok(caller) => Ok(Some((caller, used))),
            Err(Error::BadToken | Error::Denied(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
