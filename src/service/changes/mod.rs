//! Changes since a cursor, for clients that keep a copy of the data.

mod cursor;
mod stream;
mod tickets;
mod waits;

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use self::cursor::Place;
pub use self::stream::{ChangeStream, Ending, Step, StreamAsked};
pub use self::tickets::TicketUse;
pub(super) use self::tickets::Tickets;
pub use self::waits::{WaitMetrics, Waits};
use super::{Error, Service};
use crate::auth::Caller;
use crate::auth::permission::TasksRead;
use crate::domain::task::{ChangeKinds, ChangePage, Changed};

/// Request for changes.
#[derive(Clone, Debug)]
pub struct ChangesAsked {
    /// Cursor of the last changes that the client knows; `None` to begin.
    pub since: Option<String>,
    /// Maximum number of changes.
    pub limit: u16,
    /// Maximum time to wait for a change if there is none.
    pub wait: Duration,
    /// Kinds of objects whose changes are wanted.
    pub kinds: ChangeKinds,
}

/// Changes, and the cursor behind them.
#[derive(Clone, Debug)]
pub struct Changes {
    /// Changes, in their order.
    pub changes: Vec<Changed>,
    /// Cursor for the next request.
    pub cursor: String,
    /// Whether there are more changes already.
    pub more: bool,
}

impl Service {
    /// Returns changes of the tasks and lists of an account and of the account itself. Without `since`, returns everything,
    /// part by part. Waits no longer than until `ended`, which is polled only when the wait begins.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a text that is no cursor, [`Error::ResyncRequired`] if changes since the cursor are not
    /// known, [`Error::AccountWaits`] and [`Error::ManyWait`] if too many requests wait, and store errors.
    pub async fn change_list(
        &self,
        caller: &Caller<TasksRead>,
        asked: ChangesAsked,
        ended: impl Future<Output = ()>,
    ) -> Result<Changes, Error> {
        let owner = caller.user.id;
        let (sealer, epoch) = (&self.0.sealer, self.0.store.epoch());
        let mut place = match &asked.since {
            None => Place::START,
            Some(text) => cursor::read(sealer, owner, epoch, ("since", text))?,
        };
        place = place.of_kinds(asked.kinds)?;
        let until = Instant::now() + asked.wait.min(self.0.waits.longest);
        let may_wait = !asked.wait.is_zero();
        let mut changed = may_wait.then(|| self.0.store.change_watch(owner));
        let (mut wait, mut ended) = (None, pin!(ended));
        loop {
            let query = place.query(asked.limit.into(), asked.kinds);
            let page = self.0.store.change_list(owner, query).await?;
            let page = page.ok_or(Error::ResyncRequired)?;
            place = place.after(&page);
            let ChangePage { changes, more, .. } = page;
            let is_over = match changed.as_mut().filter(|_| changes.is_empty()) {
                None => true,
                Some(changed) => {
                    if wait.is_none() {
                        let who = (owner, caller.network);
                        wait = Some(self.0.waits.begin(who, Duration::ZERO).await?);
                    }
                    tokio::select! {
                        () = ended.as_mut() => true,
                        told = timeout_at(until, changed.changed()) => told.is_err(),
                    }
                }
            };
            if wait.is_some() {
                self.reauthorize(caller).await?;
            }
            if is_over {
                let cursor = cursor::write(sealer, owner, epoch, place);
                let changes = changes.into_iter().map(|(_, changed)| changed).collect();
                return Ok(Changes { changes, cursor, more });
            }
        }
    }
}
