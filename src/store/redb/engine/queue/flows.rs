//! Flows of one lane, and their turns.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::{Flow, JOBS_OF_FLOW, LITTLE_BYTES, MOST_BYTES, MOST_JOBS};
use crate::store::StoreError;
use crate::store::metrics::WaitingWrites;
use crate::store::redb::engine::work::{COMMIT, Work};
use crate::store::redb::engine::write::Job;

/// Number of flows above which idle flows are forgotten.
const FORGET_FROM: usize = 1024;

/// Flows of one lane.
#[derive(Default)]
pub(super) struct Flows {
    by_flow: HashMap<Flow, Waiting>,
    /// Flows with a waiting write, in the order in which they are served.
    turns: BTreeSet<Turn>,
    /// Start of the first write of each of these flows.
    starts: BTreeSet<(u64, Flow)>,
    /// Earliest start of a waiting write, in units of work. Never goes back while a write waits.
    now: u64,
    /// Number of turns so far.
    count: u64,
    /// Number of flows above which idle flows are forgotten, at least [`FORGET_FROM`].
    forget_from: usize,
    pub(super) jobs: usize,
    work: Work,
}

/// Turn of the first write of a flow. A due write is served first, then the one that ends first, then the one that came
/// first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    /// False once a commit of smaller writes had no room for the write.
    is_not_due: bool,
    end: u64,
    count: u64,
    start: u64,
    flow: Flow,
}

/// Writes of one flow.
#[derive(Default)]
struct Waiting {
    jobs: VecDeque<(Work, Box<dyn Job>)>,
    work: Work,
    /// Turn of its first write, if it has one.
    turn: Option<Turn>,
    /// End of the last write taken, in units of work.
    end: u64,
}

impl Flows {
    pub(super) fn push(
        &mut self,
        flow: Flow,
        work: Work,
        job: Box<dyn Job>,
    ) -> Result<(), StoreError> {
        let (held_jobs, held) = match self.by_flow.get(&flow) {
            Some(waiting) => (waiting.jobs.len(), waiting.work),
            None => (0, Work::default()),
        };
        let is_first = held_jobs == 0;
        if held_jobs >= JOBS_OF_FLOW || !(is_first || held.fits_beside(work, COMMIT)) {
            return Err(match flow {
                Flow::Account(_) => StoreError::AccountBusy,
                Flow::Registrations | Flow::Operator | Flow::Server => StoreError::Busy,
            });
        }
        // Shares shrink as the lane fills, so that there is always room for a flow with few bytes in it.
        let (bytes, all) = (held.bytes.saturating_add(work.bytes), self.work.bytes);
        let has_room = if bytes <= LITTLE_BYTES {
            all.saturating_add(work.bytes) <= 2 * MOST_BYTES
        } else {
            bytes <= MOST_BYTES.saturating_sub(all) / 2
        };
        let is_greedy = held_jobs > MOST_JOBS.saturating_sub(self.jobs) / 2;
        if !has_room || is_greedy || self.jobs >= MOST_JOBS {
            return Err(StoreError::Busy);
        }
        let waiting = self.by_flow.entry(flow).or_default();
        waiting.jobs.push_back((work, job));
        waiting.work.add(work);
        self.jobs += 1;
        self.work.add(work);
        if is_first {
            self.queue(flow);
        }
        Ok(())
    }

    pub(super) fn pop(
        &mut self,
        done: Work,
        most: Work,
    ) -> Option<(Flow, Work, Box<dyn Job>)> {
        loop {
            let turn = *self.turns.first()?;
            if self.drop_abandoned(turn.flow) {
                self.next_turn(turn);
                continue;
            }
            let first = self.by_flow.get(&turn.flow).and_then(|it| it.jobs.front());
            let work = first.map(|(work, _)| *work)?;
            let fits = done == Work::default() || done.fits_beside(work, most);
            if !fits && turn.is_not_due {
                if work.units() > done.units() {
                    self.make_due(turn);
                }
                return None;
            }
            let job = self.take_first(turn.flow)?;
            if let Some(waiting) = self.by_flow.get_mut(&turn.flow) {
                waiting.end = turn.end;
            }
            self.next_turn(turn);
            return Some((turn.flow, work, job));
        }
    }

    /// Returns all waiting writes.
    pub(super) fn waiting(&self) -> WaitingWrites {
        let writes = u64::try_from(self.jobs).unwrap_or(u64::MAX);
        WaitingWrites { writes, bytes: self.work.bytes }
    }

    /// Delays the next writes of a flow by so many more units of work.
    pub(super) fn charge(&mut self, flow: Flow, units: u64) {
        let waiting = self.by_flow.entry(flow).or_default();
        waiting.end = waiting.end.saturating_add(units);
        if let Some(turn) = waiting.turn {
            self.next_turn(turn);
        }
    }

    /// Lets a large write begin the next commit. Otherwise a stream of small writes would delay it for ever, since each
    /// of them ends before it.
    fn make_due(&mut self, turn: Turn) {
        let due = Turn { is_not_due: false, ..turn };
        self.turns.remove(&turn);
        self.turns.insert(due);
        if let Some(waiting) = self.by_flow.get_mut(&turn.flow) {
            waiting.turn = Some(due);
        }
    }

    /// Ends the turn of a flow, and gives it the next one.
    fn next_turn(&mut self, turn: Turn) {
        self.turns.remove(&turn);
        self.starts.remove(&(turn.start, turn.flow));
        self.queue(turn.flow);
        self.forget();
        if let Some((start, _)) = self.starts.first() {
            self.now = self.now.max(*start);
        }
    }

    /// Gives a flow its turn, if it has a write. The write starts when the previous one ends, but not before now: a
    /// flow gains no credit by being idle, and loses no debt by waiting for each answer.
    fn queue(&mut self, flow: Flow) {
        let Some(waiting) = self.by_flow.get_mut(&flow) else { return };
        waiting.turn = None;
        let Some((work, _)) = waiting.jobs.front() else { return };
        let start = waiting.end.max(self.now);
        let end = start.saturating_add(work.units());
        self.count += 1;
        let turn = Turn { is_not_due: true, end, count: self.count, start, flow };
        waiting.turn = Some(turn);
        self.turns.insert(turn);
        self.starts.insert((start, flow));
    }

    /// Forgets flows that have no write and would start now.
    fn forget(&mut self) {
        if self.jobs == 0 {
            *self = Self::default();
        } else if self.by_flow.len() > self.forget_from.max(FORGET_FROM) {
            let now = self.now;
            self.by_flow.retain(|_, it| !it.jobs.is_empty() || it.end > now);
            self.forget_from = 2 * self.by_flow.len();
        }
    }

    /// Drops writes at the head of a flow whose callers are gone. Returns whether there were any.
    fn drop_abandoned(&mut self, flow: Flow) -> bool {
        let is_abandoned = |waiting: &Waiting| {
            waiting.jobs.front().is_some_and(|(_, job)| job.is_abandoned())
        };
        let mut some = false;
        while self.by_flow.get(&flow).is_some_and(is_abandoned) {
            drop(self.take_first(flow));
            some = true;
        }
        some
    }

    #[cfg(test)]
    pub(super) fn known(&self) -> usize {
        self.by_flow.len()
    }

    fn take_first(&mut self, flow: Flow) -> Option<Box<dyn Job>> {
        let waiting = self.by_flow.get_mut(&flow)?;
        let (work, job) = waiting.jobs.pop_front()?;
        waiting.work.take(work);
        self.work.take(work);
        self.jobs -= 1;
        Some(job)
    }
}
