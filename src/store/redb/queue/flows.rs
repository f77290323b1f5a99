//! The flows of one lane, and whose turn it is.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use super::{Flow, JOBS_OF_FLOW, MOST_BYTES, MOST_JOBS};
use crate::store::StoreError;
use crate::store::redb::work::{COMMIT, Work};
use crate::store::redb::write::Job;

/// Units of work that a flow may do in one turn; see [`Work::units`]. Enough for a task with many tags.
const QUANTUM: u64 = 64;

/// The flows of one lane.
#[derive(Default)]
pub(super) struct Flows {
    by_flow: HashMap<Flow, Waiting>,
    /// Flows that have become active since they were served last.
    new: VecDeque<Flow>,
    /// Flows whose turn comes round.
    old: VecDeque<Flow>,
    pub(super) jobs: usize,
    work: Work,
}

/// Writes of one flow.
#[derive(Default)]
struct Waiting {
    jobs: VecDeque<(Work, Box<dyn Job>)>,
    work: Work,
    /// Units of work that the flow has saved up.
    deficit: u64,
}

impl Flows {
    pub(super) fn push(
        &mut self,
        flow: Flow,
        work: Work,
        job: Box<dyn Job>,
    ) -> Result<(), StoreError> {
        let (jobs, total) = (self.jobs, self.work);
        let entry = self.by_flow.entry(flow);
        let (held_jobs, held) = match &entry {
            Entry::Occupied(waiting) => (waiting.get().jobs.len(), waiting.get().work),
            Entry::Vacant(_) => (0, Work::default()),
        };
        let is_first = held_jobs == 0;
        if held_jobs >= JOBS_OF_FLOW || !(is_first || held.fits_beside(work, COMMIT)) {
            return Err(match flow {
                Flow::Account(_) => StoreError::AccountBusy,
                Flow::Registrations | Flow::Operator | Flow::Server => StoreError::Busy,
            });
        }
        // Shares shrink as the lane fills, so that there is always room for a flow that has little in it.
        let is_greedy = held_jobs > MOST_JOBS.saturating_sub(jobs) / 2
            || held.bytes.saturating_add(work.bytes)
                > MOST_BYTES.saturating_sub(total.bytes) / 2;
        if is_greedy || jobs >= MOST_JOBS {
            return Err(StoreError::Busy);
        }
        let waiting = match entry {
            Entry::Occupied(waiting) => waiting.into_mut(),
            Entry::Vacant(place) => {
                self.new.push_back(flow);
                place.insert(Waiting { deficit: QUANTUM, ..Waiting::default() })
            }
        };
        waiting.jobs.push_back((work, job));
        waiting.work.add(work);
        self.jobs += 1;
        self.work.add(work);
        Ok(())
    }

    pub(super) fn pop(&mut self, done: Work, most: Work) -> Option<Box<dyn Job>> {
        loop {
            let is_new = !self.new.is_empty();
            let flow = *self.turn().front()?;
            self.drop_abandoned(flow);
            let waiting = self.by_flow.get_mut(&flow);
            let first = waiting
                .and_then(|it| it.jobs.front().map(|(work, _)| *work).zip(Some(it)));
            let Some((work, waiting)) = first else {
                self.turn().pop_front();
                if is_new {
                    // A flow that is served and comes back at once must not stay ahead of the others.
                    self.old.push_back(flow);
                } else {
                    self.by_flow.remove(&flow);
                }
                continue;
            };
            if waiting.deficit < work.units() {
                waiting.deficit += QUANTUM;
                self.turn().pop_front();
                self.old.push_back(flow);
                continue;
            }
            if done != Work::default() && !done.fits_beside(work, most) {
                return None;
            }
            waiting.deficit -= work.units();
            return self.take_first(flow);
        }
    }

    /// The list whose first flow is next.
    fn turn(&mut self) -> &mut VecDeque<Flow> {
        if self.new.is_empty() { &mut self.old } else { &mut self.new }
    }

    /// Drops writes at the head of a flow whose callers are gone.
    fn drop_abandoned(&mut self, flow: Flow) {
        let is_abandoned = |waiting: &Waiting| {
            waiting.jobs.front().is_some_and(|(_, job)| job.is_abandoned())
        };
        while self.by_flow.get(&flow).is_some_and(is_abandoned) {
            drop(self.take_first(flow));
        }
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
