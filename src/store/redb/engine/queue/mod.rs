//! Queues of the writes that wait for the writer thread: one per account, served by planned work.
//!
//! Accounts are served by starting potential-based fair queueing (Stiliadis and Varma, *Efficient fair queueing
//! algorithms for packet-switched networks*, IEEE/ACM Transactions on Networking 6(2), 1998): on a clock of planned
//! work, a write starts when the previous write of its flow ends, or now if there is none, and the write that ends
//! first is taken first. Now is the earliest start of a waiting write. So accounts with waiting writes get equal work
//! done, and a small write of an account with little demand waits only for the write under way, not for large ones of
//! others. (With deficit round robin it would wait for one large write of each, since all have saved up enough at the
//! same time.)
//!
//! A commit that begins with small writes has no room for a large one ([`Work::most_after`]). That write is then due,
//! and begins the next commit.
//!
//! A write that takes more work than planned delays the next ones of its flow by the difference.
//!
//! There are two lanes. [`Lane::Access`] holds small writes, of log-ins and log-outs, and readiness; each commit takes
//! some of them before any write of tasks.
//!
//! | bound | value | refused |
//! |---|---|---|
//! | waiting writes per flow | [`JOBS_OF_FLOW`] | that flow, as [`StoreError::AccountBusy`] |
//! | planned work waiting per flow; a single write is always accepted | [`crate::store::redb::engine::work::COMMIT`] | that flow |
//! | waiting writes and planned bytes in all | [`MOST_JOBS`], [`MOST_BYTES`] | flows that have more than half of the room left, as [`StoreError::Busy`] |
//! | the same with flows that have at most [`LITTLE_BYTES`] waiting | twice [`MOST_BYTES`] | any flow, as [`StoreError::Busy`] |

mod flows;

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use self::flows::Flows;
use crate::domain::audit::Act;
use crate::domain::id::UserId;
use crate::store::StoreError;
use crate::store::metrics::WaitingWrites;
use crate::store::redb::engine::work::Work;
use crate::store::redb::engine::write::{Job, stopped};

/// Maximum number of waiting writes per flow.
pub(in crate::store::redb) const JOBS_OF_FLOW: usize = 128;

/// Maximum number of waiting writes per lane.
pub(in crate::store::redb) const MOST_JOBS: usize = 4096;

/// Maximum number of planned bytes waiting per lane; twice as many including flows that have little waiting.
pub(in crate::store::redb) const MOST_BYTES: u64 = 32 << 20;

/// Maximum number of planned bytes of a flow that has little waiting.
pub(in crate::store::redb) const LITTLE_BYTES: u64 = 64 << 10;

/// Account, or part of the server, whose writes share one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::store::redb) enum Flow {
    /// An account.
    Account(UserId),
    /// Registrations.
    Registrations,
    /// Administrators and the operator: their changes to accounts of other users, and imports.
    Operator,
    /// The server itself: readiness, and sweeping.
    Server,
}

/// Kind of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::redb) enum Lane {
    /// Small write of a session, a token or an account, or the readiness probe.
    Access,
    /// Any other write.
    Data,
}

/// Place of a write in the queue.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::redb) struct Ticket {
    pub(in crate::store::redb) lane: Lane,
    pub(in crate::store::redb) flow: Flow,
    /// Planned work.
    pub(in crate::store::redb) work: Work,
}

/// Write taken from the queue.
pub(in crate::store::redb) struct Taken {
    pub(in crate::store::redb) ticket: Ticket,
    pub(in crate::store::redb) job: Box<dyn Job>,
}

impl Ticket {
    /// Creates a ticket for a write of [`Lane::Access`].
    pub(in crate::store::redb) const fn access(flow: Flow) -> Self {
        Self { lane: Lane::Access, flow, work: Work::new(16, 4096) }
    }

    /// Creates a ticket for a write of [`Lane::Data`].
    pub(in crate::store::redb) const fn data(flow: Flow, work: Work) -> Self {
        Self { lane: Lane::Data, flow, work }
    }
}

impl Flow {
    /// Returns the flow of a write to an account, `by` an administrator or the operator, or by its owner.
    pub(in crate::store::redb) const fn of(account: UserId, by: Option<Act>) -> Self {
        match by {
            Some(_) => Self::Operator,
            None => Self::Account(account),
        }
    }

    /// Returns the account, if the write is its own.
    pub(in crate::store::redb) const fn account(self) -> Option<UserId> {
        match self {
            Self::Account(id) => Some(id),
            Self::Registrations | Self::Operator | Self::Server => None,
        }
    }
}

/// Waiting writes.
#[derive(Default)]
pub(in crate::store::redb) struct Queue {
    lanes: Mutex<Lanes>,
    filled: Condvar,
}

#[derive(Default)]
struct Lanes {
    access: Flows,
    data: Flows,
    is_closed: bool,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl Queue {
    /// Adds a write, unless its flow or the lane holds too many.
    pub(in crate::store::redb) fn push(
        &self,
        ticket: Ticket,
        job: Box<dyn Job>,
    ) -> Result<(), StoreError> {
        let mut lanes = self.lock();
        if lanes.is_closed {
            return Err(stopped());
        }
        lanes.of(ticket.lane).push(ticket.flow, ticket.work, job)?;
        drop(lanes);
        self.filled.notify_one();
        Ok(())
    }

    /// Takes the next write of a lane, if it fits into a commit of at most `most` that has `done` so much. A commit
    /// that has done nothing takes any write, and a due write fits into any. Drops writes whose callers are gone.
    pub(in crate::store::redb) fn pop(
        &self,
        lane: Lane,
        done: Work,
        most: Work,
    ) -> Option<Taken> {
        let (flow, work, job) = self.lock().of(lane).pop(done, most)?;
        Some(Taken { ticket: Ticket { lane, flow, work }, job })
    }

    /// Charges a flow for the work of a taken write beyond its plan.
    pub(in crate::store::redb) fn charge(&self, ticket: Ticket, spent: Work) {
        let more = spent.units().saturating_sub(ticket.work.units());
        if more > 0 {
            self.lock().of(ticket.lane).charge(ticket.flow, more);
        }
    }

    /// Waits for a write. `false` when the queue is closed and empty.
    pub(in crate::store::redb) fn wait(&self) -> bool {
        let lanes = self.lock();
        let lanes = self
            .filled
            .wait_while(lanes, |lanes| lanes.is_empty() && !lanes.is_closed)
            .unwrap_or_else(PoisonError::into_inner);
        !lanes.is_empty()
    }

    /// Closes the queue. Waiting writes stay.
    pub(in crate::store::redb) fn close(&self) {
        self.lock().is_closed = true;
        self.filled.notify_all();
    }

    /// Closes the queue and drops the waiting writes.
    pub(in crate::store::redb) fn abandon(&self) {
        let mut lanes = self.lock();
        lanes.is_closed = true;
        let waiting =
            (std::mem::take(&mut lanes.access), std::mem::take(&mut lanes.data));
        drop(lanes);
        drop(waiting);
    }

    /// Returns the waiting writes, by lane.
    pub(in crate::store::redb) fn waiting(&self) -> [(&'static str, WaitingWrites); 2] {
        let lanes = self.lock();
        [("access", lanes.access.waiting()), ("data", lanes.data.waiting())]
    }

    /// Whether the queue is closed and empty.
    pub(in crate::store::redb) fn has_ended(&self) -> bool {
        let lanes = self.lock();
        lanes.is_closed && lanes.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    const fn of(&mut self, lane: Lane) -> &mut Flows {
        match lane {
            Lane::Access => &mut self.access,
            Lane::Data => &mut self.data,
        }
    }

    const fn is_empty(&self) -> bool {
        self.access.jobs == 0 && self.data.jobs == 0
    }
}

#[cfg(test)]
mod tests;
