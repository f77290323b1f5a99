//! Progress of work on the data file.

use std::ops::ControlFlow;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::domain::progress::{Phase, Step, part_of};
use crate::store::redb::engine::health::Health;

/// Time between two steps of one phase.
const PAUSE: Duration = Duration::from_millis(100);

/// Receiver of steps. Returns whether to continue.
pub type Tell<'a> = dyn FnMut(Step) -> ControlFlow<()> + Send + 'a;

/// Phases of work, each with its share of the time. Shares are relative to one another.
pub(in crate::store::redb) type Plan = &'static [(Phase, u16)];

/// Progress of work, reported at most ten times a second and never decreasing.
pub struct Progress<'a> {
    tell: Option<&'a mut Tell<'a>>,
    plan: Plan,
    at: u16,
    is_stopped: bool,
    last: Option<(Phase, Instant)>,
}

impl std::fmt::Debug for Progress<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress").field("at", &self.at).finish_non_exhaustive()
    }
}

impl<'a> Progress<'a> {
    /// Creates progress that is reported to `tell`.
    pub fn new(tell: &'a mut Tell<'a>) -> Self {
        Self { tell: Some(tell), ..Self::untold() }
    }

    /// Creates progress of unwatched work.
    pub const fn untold() -> Self {
        Self { tell: None, plan: &[], at: 0, is_stopped: false, last: None }
    }

    /// Begins work with these phases.
    pub(in crate::store::redb) fn begin(&mut self, plan: Plan) {
        (self.plan, self.at, self.last) = (plan, 0, None);
    }

    /// Replaces the phases of the current work.
    pub(in crate::store::redb) fn replan(&mut self, plan: Plan) {
        self.plan = plan;
    }

    /// Reports that `done` of `total` is done in a phase, and `count` in its unit. Returns whether to continue.
    pub(in crate::store::redb) fn step(
        &mut self,
        phase: Phase,
        (done, total): (u64, u64),
        count: u64,
    ) -> ControlFlow<()> {
        if self.is_stopped {
            return ControlFlow::Break(());
        }
        let Some(tell) = &mut self.tell else { return ControlFlow::Continue(()) };
        let is_soon =
            |(last, at): (Phase, Instant)| last == phase && at.elapsed() < PAUSE;
        if done != total && self.last.is_some_and(is_soon) {
            return ControlFlow::Continue(());
        }
        self.last = Some((phase, Instant::now()));
        let (from, to) = share(self.plan, phase);
        self.at = self.at.max(from + part_of(done, total, to - from));
        let answer = tell(Step { phase, at: Some(self.at), count });
        self.is_stopped = answer.is_break();
        answer
    }

    /// Whether there is a receiver.
    pub(in crate::store::redb) const fn is_told(&self) -> bool {
        self.tell.is_some()
    }

    /// Whether the work was cancelled. No more steps are reported then.
    pub const fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Runs work that reports no progress itself. `count` reads how much of `total` is done meanwhile, or 0 if there is
    /// nothing to report.
    pub(in crate::store::redb) fn watch<T>(
        &mut self,
        phase: Phase,
        total: u64,
        count: impl Fn() -> u64 + Send,
        work: impl FnOnce() -> T,
    ) -> T {
        if !self.is_told() {
            return work();
        }
        thread::scope(|scope| {
            let (working, ended) = channel::<()>();
            let watching = move || {
                while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                    let count = count();
                    if count > 0 {
                        // The work cannot be cancelled.
                        let _ = self.step(phase, (count, total), count);
                    }
                }
            };
            // Without a thread the work runs unwatched.
            drop(
                thread::Builder::new()
                    .name("progress".to_owned())
                    .spawn_scoped(scope, watching),
            );
            let outcome = work();
            drop(working);
            outcome
        })
    }

    /// Watches work by the bytes of pages that it reads, of about `total`.
    pub(in crate::store::redb) fn watch_reads<T>(
        &mut self,
        phase: Phase,
        total: u64,
        health: &Health,
        work: impl FnOnce() -> T,
    ) -> T {
        let reads = &health.meters.page_read_bytes;
        let before = reads.get();
        self.watch(phase, total, || reads.get().saturating_sub(before), work)
    }
}

/// Returns the start and end of a phase, in parts ([`part_of`]) of the work.
fn share(plan: Plan, phase: Phase) -> (u16, u16) {
    let sum =
        |phases: Plan| phases.iter().map(|(_, share)| u64::from(*share)).sum::<u64>();
    let before = plan.iter().position(|(planned, _)| *planned == phase).unwrap_or(0);
    let (until, _) = plan.split_at((before + 1).min(plan.len()));
    let (all, until, own) =
        (sum(plan), sum(until), until.last().map_or(0, |(_, own)| *own));
    if all == 0 {
        return (0, Step::WHOLE);
    }
    let place = |sum| part_of(sum, all, Step::WHOLE);
    (place(until - u64::from(own)), place(until))
}
