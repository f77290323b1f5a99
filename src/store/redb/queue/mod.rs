//! The writes that wait for the writer thread: a queue for each account, served by planned work.
//!
//! Accounts are served by starting potential-based fair queueing (Stiliadis and Varma, *Efficient fair queueing algorithms
//! for packet-switched networks*, IEEE/ACM Transactions on Networking 6(2), 1998): on a clock of planned work, a write
//! starts when the write before it in its flow ends, or now if there is none, and the write that ends first is taken first. Now is the earliest
//! start of a write that waits. So each account that has writes waiting gets the same work done, and a small write of
//! an account that has asked for little waits for the write under way, however many others have large ones waiting. (With
//! deficit round robin it waits for one large write of each of them, since all have saved up enough at the same time.)
//!
//! A commit that begins with small writes has no room for a large one ([`Work::most_after`]). Such a write is then due, and
//! begins the next commit.
//!
//! A write that turns out to be more work than was planned delays the next ones of its flow by as much.
//!
//! There are two lanes. [`Lane::Access`] holds small writes that let people in and out, and readiness; each commit
//! takes some of them before any write of tasks.
//!
//! | bound | value | who is refused |
//! |---|---|---|
//! | writes that one flow may have waiting | [`JOBS_OF_FLOW`] | that flow, as [`StoreError::AccountBusy`] |
//! | planned work that one flow may have waiting; a single write always may | [`super::work::COMMIT`] | that flow |
//! | writes and planned bytes that wait in all | [`MOST_JOBS`], [`MOST_BYTES`] | flows that have more than half of the room left, as [`StoreError::Busy`] |
//! | the same with flows that have at most [`LITTLE_BYTES`] waiting | twice [`MOST_BYTES`] | any flow, as [`StoreError::Busy`] |

mod flows;

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use self::flows::Flows;
use super::work::Work;
use super::write::{Job, stopped};
use crate::domain::audit::Act;
use crate::domain::id::UserId;
use crate::store::StoreError;
use crate::store::metrics::WaitingWrites;

/// Most writes that one flow may have waiting.
pub(super) const JOBS_OF_FLOW: usize = 128;

/// Most writes that may wait in one lane.
pub(super) const MOST_JOBS: usize = 4096;

/// Most planned bytes that may wait in one lane; twice as many with those of flows that have little waiting.
pub(super) const MOST_BYTES: u64 = 32 << 20;

/// A flow that has at most so many planned bytes waiting has little waiting.
pub(super) const LITTLE_BYTES: u64 = 64 << 10;

/// An account, or a part of the server, whose writes share one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Flow {
    /// An account.
    Account(UserId),
    /// Registrations.
    Registrations,
    /// Administrators and the operator: what they do to other people's accounts, and imports.
    Operator,
    /// The server itself: readiness, and sweeping.
    Server,
}

/// Kind of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// A small write of a session, a token or an account, or the probe of readiness.
    Access,
    /// Any other write.
    Data,
}

/// A write's place in the queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) lane: Lane,
    pub(super) flow: Flow,
    /// Planned work.
    pub(super) work: Work,
}

/// A write that was taken from the queue.
pub(super) struct Taken {
    pub(super) ticket: Ticket,
    pub(super) job: Box<dyn Job>,
}

impl Ticket {
    /// For a write of [`Lane::Access`].
    pub(super) const fn access(flow: Flow) -> Self {
        Self { lane: Lane::Access, flow, work: Work::new(16, 4096) }
    }

    /// For a write of [`Lane::Data`].
    pub(super) const fn data(flow: Flow, work: Work) -> Self {
        Self { lane: Lane::Data, flow, work }
    }
}

impl Flow {
    /// For a write to an account, `by` an administrator or the operator, or by its owner.
    pub(super) const fn of(account: UserId, by: Option<Act>) -> Self {
        match by {
            Some(_) => Self::Operator,
            None => Self::Account(account),
        }
    }

    /// The account whose own write it is.
    pub(super) const fn account(self) -> Option<UserId> {
        match self {
            Self::Account(id) => Some(id),
            Self::Registrations | Self::Operator | Self::Server => None,
        }
    }
}

/// Writes that wait.
#[derive(Default)]
pub(super) struct Queue {
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
    pub(super) fn push(
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
    /// that has done nothing takes any, and a write that is due fits into any. Drops writes whose callers are gone.
    pub(super) fn pop(&self, lane: Lane, done: Work, most: Work) -> Option<Taken> {
        let (flow, work, job) = self.lock().of(lane).pop(done, most)?;
        Some(Taken { ticket: Ticket { lane, flow, work }, job })
    }

    /// Counts the work of a write that was taken, as far as it is more than was planned.
    pub(super) fn charge(&self, ticket: Ticket, spent: Work) {
        let more = spent.units().saturating_sub(ticket.work.units());
        if more > 0 {
            self.lock().of(ticket.lane).charge(ticket.flow, more);
        }
    }

    /// Waits until there is a write. `false` when the queue is closed and empty.
    pub(super) fn wait(&self) -> bool {
        let lanes = self.lock();
        let lanes = self
            .filled
            .wait_while(lanes, |lanes| lanes.is_empty() && !lanes.is_closed)
            .unwrap_or_else(PoisonError::into_inner);
        !lanes.is_empty()
    }

    /// Takes no more writes. Those that wait stay.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.filled.notify_all();
    }

    /// Takes no more writes and drops those that wait.
    pub(super) fn abandon(&self) {
        let mut lanes = self.lock();
        lanes.is_closed = true;
        let waiting =
            (std::mem::take(&mut lanes.access), std::mem::take(&mut lanes.data));
        drop(lanes);
        drop(waiting);
    }

    /// Writes that wait, by lane.
    pub(super) fn waiting(&self) -> [(&'static str, WaitingWrites); 2] {
        let lanes = self.lock();
        [("access", lanes.access.waiting()), ("data", lanes.data.waiting())]
    }

    /// Whether the queue is closed and empty.
    pub(super) fn has_ended(&self) -> bool {
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
