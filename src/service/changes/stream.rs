//! Streams of changes, for clients that show each change at once.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::cursor::{self, Place};
use super::tickets::{Connection, TicketUse};
use super::waits::Wait;
use crate::auth::Caller;
use crate::auth::permission::TasksRead;
use crate::domain::id::UserId;
use crate::domain::task::{ChangeKinds, Changed};
use crate::service::{Error, Service};

/// Longest life of a stream. The client opens it again with the last cursor.
pub(super) const LONGEST: Duration = Duration::from_secs(30 * 60);

/// Time without a change after which a stream gives a sign of life, and looks whether access has expired.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Maximum time until a connection has ended whose ticket was used again.
const REPLACEMENT: Duration = Duration::from_secs(2);

/// Maximum number of changes of a step.
const STEP: usize = 32;

/// Shortest time after which a client opens a broken stream again, in milliseconds, and the range above it: clients that
/// lose their streams together do not all come back together.
const RETRY_MS: (u64, u64) = (2_000, 3_000);

/// Request for a stream.
#[derive(Clone, Debug)]
pub struct StreamAsked {
    /// Cursor of the last changes that the client knows; `None` for changes from now on.
    pub since: Option<String>,
    /// Cursor of the last event of the stream that the client opens again. Counts instead of `since`.
    pub last_event: Option<String>,
    /// Kinds of objects whose changes are wanted.
    pub kinds: ChangeKinds,
}

/// Part of a stream.
#[derive(Debug)]
pub enum Step {
    /// First step. The client knows all changes up to a cursor, and comes back after so many milliseconds.
    Ready(String, u64),
    /// The changes since the client's cursor are not known. The stream goes on after another one.
    Resync(String),
    /// Changes in their order, each with the cursor behind it.
    Changes(Vec<(Changed, String)>),
    /// No change for a while. The client knows all changes up to a cursor.
    Idle(String),
    /// Last step.
    End(Ending),
}

/// Reason for which a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The credential has ended or expired.
    Access,
    /// The stream has reached its longest life.
    Time,
    /// The ticket was used again, so another connection has the stream.
    Replaced,
    /// The server is stopping.
    Stopping,
}

/// First step of a stream that has not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Ready,
    Resync,
}

/// Changes of an account, as they happen. Reads a part only when it is asked for one: a slow client makes nothing wait in
/// memory.
#[derive(Debug)]
pub struct ChangeStream {
    service: Service,
    caller: Caller<TasksRead>,
    kinds: ChangeKinds,
    place: Place,
    first: Option<First>,
    /// Time of the last step.
    last_step: Instant,
    /// Whether there was no further change when the last part was read.
    is_current: bool,
    has_ended: bool,
    changed: watch::Receiver<u64>,
    until: Instant,
    stopping: CancellationToken,
    /// Ticket of a stream that has not begun.
    ticket: Option<TicketUse>,
    connection: Option<Connection>,
    _wait: Wait,
}

impl Service {
    /// Opens a stream of the changes of an account. With a ticket, it begins at its first step, and the connection before
    /// ends.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a text that is no cursor, [`Error::ResyncRequired`] if the changes since `since` are not
    /// known, [`Error::AccountWaits`] and [`Error::ManyWait`] if there are too many streams, and store errors.
    pub async fn change_stream(
        &self,
        caller: Caller<TasksRead>,
        asked: &StreamAsked,
        ticket: Option<TicketUse>,
        stopping: CancellationToken,
    ) -> Result<ChangeStream, Error> {
        let owner = caller.user.id;
        let changed = self.0.store.change_watch(owner);
        let (place, first) = self.first_place(owner, asked, ticket.as_ref()).await?;
        let who = (owner, caller.network);
        let wait = match (self.0.waits.try_begin(who).await, &ticket) {
            (Err(_), Some(ticket)) if ticket.end_connection() => {
                self.0.waits.begin(who, REPLACEMENT).await?
            }
            (Err(_), _) => self.0.waits.begin(who, Duration::ZERO).await?,
            (Ok(wait), _) => wait,
        };
        let now = Instant::now();
        Ok(ChangeStream {
            service: self.clone(),
            kinds: asked.kinds,
            place,
            first: Some(first),
            last_step: now,
            is_current: false,
            has_ended: false,
            changed,
            until: now + LONGEST,
            stopping,
            ticket,
            connection: None,
            caller,
            _wait: wait,
        })
    }

    /// Finds the place at which a stream begins. One with a ticket begins no later than when the ticket was first used.
    async fn first_place(
        &self,
        owner: UserId,
        asked: &StreamAsked,
        ticket: Option<&TicketUse>,
    ) -> Result<(Place, First), Error> {
        let (sealer, epoch) = (&self.0.sealer, self.0.store.epoch());
        let read = |field, text: &str| cursor::read(sealer, owner, epoch, (field, text));
        let kinds = asked.kinds;
        let begun = ticket.and_then(TicketUse::begun);
        let place = match (&asked.last_event, &asked.since, begun) {
            (Some(text), ..) => read("Last-Event-ID", text),
            (None, Some(text), begun) => read("since", text)
                .map(|named| begun.filter(|it| it.since < named.since).unwrap_or(named)),
            (None, None, Some(begun)) => Ok(begun),
            (None, None, None) => self.last_place(owner, kinds).await,
        };
        let place = match place.and_then(|place| place.of_kinds(kinds)) {
            Ok(place) => self.known(owner, place).await?.ok_or(Error::ResyncRequired),
            Err(error) => Err(error),
        };
        // A browser could not read an error.
        let resyncs = match &place {
            Err(Error::ResyncRequired) => ticket.is_some() || asked.last_event.is_some(),
            Err(Error::Invalid(_)) => ticket.is_some(),
            _ => false,
        };
        if resyncs {
            return Ok((self.last_place(owner, kinds).await?, First::Resync));
        }
        Ok((place?, First::Ready))
    }

    /// Returns the place behind the last change.
    async fn last_place(
        &self,
        owner: UserId,
        kinds: ChangeKinds,
    ) -> Result<Place, Error> {
        let query = Place::START.query(0, ChangeKinds::NONE);
        let page = self.0.store.change_list(owner, query).await?;
        let latest = page.ok_or(Error::BadToken)?.latest;
        let (since, deleted_since, lists_after) = (latest, latest, u64::MAX);
        Ok(Place { since, deleted_since, lists_after, kinds })
    }

    /// Returns a place if all changes behind it are known.
    async fn known(&self, owner: UserId, place: Place) -> Result<Option<Place>, Error> {
        let query = place.query(0, ChangeKinds::NONE);
        let page = self.0.store.change_list(owner, query).await?;
        Ok(page.map(|_| place))
    }
}

impl ChangeStream {
    /// Waits for the next step. `None` after the last one, and when the store has failed.
    pub async fn next(&mut self) -> Option<Step> {
        let step = match self.first.take() {
            Some(first) => Some(self.begin(first)),
            None => self.later().await,
        };
        self.last_step = Instant::now();
        step
    }

    async fn later(&mut self) -> Option<Step> {
        while !self.has_ended {
            if let Some(ending) = self.ending() {
                return Some(self.end(ending));
            }
            match self.service.reauthorize(&self.caller).await {
                Ok(()) => {}
                Err(Error::BadToken | Error::Denied(_)) => {
                    return Some(self.end(Ending::Access));
                }
                Err(_) => break,
            }
            if !self.is_current {
                match self.read().await {
                    Ok(Step::Changes(changes)) if changes.is_empty() => {}
                    Ok(step) => return Some(step),
                    Err(_) => break,
                }
            }
            if self.last_step.elapsed() >= HEARTBEAT {
                return Some(Step::Idle(self.cursor(self.place)));
            }
            if self.is_current {
                self.wait().await;
            }
        }
        self.has_ended = true;
        None
    }

    fn begin(&mut self, first: First) -> Step {
        if let Some(ticket) = self.ticket.take() {
            let Some(connection) = ticket.begin(self.place) else {
                return self.end(Ending::Time);
            };
            self.until = self.until.min(connection.until);
            self.connection = Some(connection);
        }
        let cursor = self.cursor(self.place);
        match first {
            First::Resync => Step::Resync(cursor),
            First::Ready => {
                let (least, range) = RETRY_MS;
                // Any number will do if there is no randomness.
                let random = self.service.random().unwrap_or_default();
                Step::Ready(cursor, least + u64::from(u16::from_be_bytes(random)) % range)
            }
        }
    }

    fn end(&mut self, ending: Ending) -> Step {
        self.has_ended = true;
        Step::End(ending)
    }

    fn ending(&self) -> Option<Ending> {
        let connection = self.connection.as_ref();
        if connection.is_some_and(|it| it.replaced.is_cancelled()) {
            Some(Ending::Replaced)
        } else if self.stopping.is_cancelled() {
            Some(Ending::Stopping)
        } else {
            (Instant::now() >= self.until).then_some(Ending::Time)
        }
    }

    /// Waits for something to do.
    async fn wait(&mut self) {
        let replaced = async {
            match &self.connection {
                Some(connection) => connection.replaced.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // A sign of life must not tell a place that a change has made old.
            biased;
            told = self.changed.changed() => {
                self.is_current = false;
                // The account is gone with its sender.
                self.has_ended = told.is_err();
            }
            () = replaced => {}
            () = self.stopping.cancelled() => {}
            () = sleep_until(self.until) => {}
            () = sleep_until(self.last_step + HEARTBEAT) => {}
        }
    }

    /// Reads the next changes.
    async fn read(&mut self) -> Result<Step, Error> {
        let owner = self.caller.user.id;
        let query = self.place.query(STEP, self.kinds);
        let Some(page) = self.service.0.store.change_list(owner, query).await? else {
            self.place = self.service.last_place(owner, self.kinds).await?;
            return Ok(Step::Resync(self.cursor(self.place)));
        };
        let before = self.place;
        self.place = before.after(&page);
        self.is_current = !page.more;
        let last = page.changes.len().saturating_sub(1);
        let changes = page.changes.into_iter().enumerate().map(|(number, (seq, it))| {
            let place = match &it {
                _ if number == last => self.place,
                // One of the lists that come first.
                Changed::List(list) if seq == before.since => {
                    Place { since: seq, lists_after: list.id.get(), ..self.place }
                }
                _ => Place { since: seq, ..self.place },
            };
            let cursor = self.cursor(place);
            (it, cursor)
        });
        Ok(Step::Changes(changes.collect()))
    }

    fn cursor(&self, place: Place) -> String {
        let Service(parts) = &self.service;
        cursor::write(&parts.sealer, self.caller.user.id, parts.store.epoch(), place)
    }
}
