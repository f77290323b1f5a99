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
    /// Place at which its stream has begun; `None` before that.
    begun: Option<Place>,
    /// Number of connections so far, and the signal that ends the current one.
    connections: u64,
    current: Option<CancellationToken>,
}

/// Valid ticket of a request. Changes nothing until a stream begins.
#[derive(Debug)]
pub struct TicketUse(Named);

/// Connection that has the stream of a ticket, until it is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    ticket: Named,
    number: u64,
    /// End of the longest life of the stream.
    pub(super) until: Instant,
    /// Signal that the ticket was used again.
    pub(super) replaced: CancellationToken,
}

/// Name of a ticket among all.
#[derive(Debug)]
struct Named {
    all: Arc<Mutex<ByAccount>>,
    account: UserId,
    digest: SecretDigest,
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

    fn find(&self, account: UserId, digest: SecretDigest) -> Option<(Holder, TicketUse)> {
        let named = Named { all: Arc::clone(&self.0), account, digest };
        let holder = named
            .ticket(|ticket| Holder { access: ticket.access, scopes: ticket.scopes })?;
        Some((holder, TicketUse(named)))
    }
}

impl Named {
    /// Does something with the ticket. `None` if it has expired or was removed.
    fn ticket<T>(&self, act: impl FnOnce(&mut Ticket) -> T) -> Option<T> {
        let mut all = lock(&self.all);
        let mut tickets = all.get_mut(&self.account)?.iter_mut();
        let ticket = tickets.find(|ticket| ticket.digest == self.digest)?;
        (ticket.until > Instant::now()).then(|| act(ticket))
    }
}

impl TicketUse {
    /// Returns the place at which the stream of the ticket first began.
    pub(super) fn begun(&self) -> Option<Place> {
        self.0.ticket(|ticket| ticket.begun)?
    }

    /// Ends the connection that has the stream. Returns whether there was one.
    pub(super) fn end_connection(&self) -> bool {
        let ended = self
            .0
            .ticket(|ticket| ticket.current.as_ref().inspect(|it| it.cancel()).is_some());
        ended.unwrap_or_default()
    }

    /// Begins the stream at a place, and ends the connection that had it. `None` if the ticket has expired meanwhile.
    pub(super) fn begin(self, place: Place) -> Option<Connection> {
        let replaced = CancellationToken::new();
        let begun = self.0.ticket(|ticket| {
            if ticket.begun.is_none() {
                (ticket.begun, ticket.until) = (Some(place), Instant::now() + LONGEST);
            }
            if let Some(old) = ticket.current.replace(replaced.clone()) {
                old.cancel();
            }
            ticket.connections += 1;
            (ticket.connections, ticket.until)
        });
        let (number, until) = begun?;
        Some(Connection { ticket: self.0, number, until, replaced })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.ticket.ticket(|ticket| {
            if ticket.connections == self.number {
                ticket.current = None;
            }
        });
    }
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
            connections: 0,
            current: None,
        };
        self.0.state.tickets.add(account, ticket)?;
        Ok((text, self.0.clock.now().plus(UNUSED)))
    }

    /// Finds a ticket. `None` if it is not valid, has expired, or its credential has ended.
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
        let Some((holder, used)) = self.0.state.tickets.find(account, digest) else {
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
