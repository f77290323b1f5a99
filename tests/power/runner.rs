//! Workload on the real store and its writer thread, on a recording disk.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use duly::store::StoreError;
use duly::store::redb::{CommitMode, Options, RedbStore};

use super::disk::Disk;
use super::image::Image;
use super::oracle::{Snapshot, runtime, snapshot};
use super::workload::{Step, Write};
use crate::harness::memory::MemoryStore;

/// Settings that make small files behave like large ones.
pub(super) fn options(seed: u64) -> Options {
    Options {
        create: false,
        upgrade: false,
        // Too small for the pages of a commit, or more than enough.
        cache_bytes: if seed.is_multiple_of(2) { 1 << 14 } else { 1 << 20 },
        commit: if seed % 4 == 3 { CommitMode::OnePhase } else { CommitMode::TwoPhase },
        check_pages: false,
        delete_at_once: 2,
        purge_slice: 3,
        // All accounts have index entries, none has, or large ones have.
        scan_at_most: [0, 128, 2][usize::try_from(seed / 4 % 3).unwrap()],
        ..Options::default()
    }
}

/// New store, closed and durable.
pub(super) fn new_file(options: &Options) -> Image {
    let disk = Disk::new(Image::default());
    let options = Options { create: true, ..options.clone() };
    drop(RedbStore::open_backend(disk.clone(), &options).unwrap());
    disk.image()
}

/// Times at which a write was requested, and acknowledged if it was: as positions in the disk's log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) submitted: usize,
    pub(super) acked: Option<usize>,
}

/// Record of a run, write by write.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) marks: Vec<Mark>,
    pub(super) outcomes: Vec<Result<(), StoreError>>,
}

impl Run {
    /// Smallest and largest number of writes whose effect may be on the disk at a moment.
    pub(super) fn range(&self, at: usize) -> (usize, usize) {
        let acked = |mark: &Mark| mark.acked.is_some_and(|acked| acked <= at);
        let least = self.marks.iter().rposition(acked).map_or(0, |last| last + 1);
        let most = self.marks.iter().take_while(|mark| mark.submitted < at).count();
        // A write that changes nothing is acknowledged at once.
        (least, most.max(least))
    }

    /// Requests all writes before the first is acknowledged, and waits for the results.
    pub(super) fn write(&mut self, store: &RedbStore, disk: &Disk, writes: &[Write]) {
        let mut asked = Vec::new();
        {
            // The writer may take the first; the others wait together while the disk stands still.
            let held = disk.hold();
            for write in writes {
                let answered = Arc::new(Answered::new(disk));
                let waker = Waker::from(Arc::clone(&answered));
                let mut answer = Box::pin(write.put(store));
                let submitted = held.position();
                let outcome = match answer.as_mut().poll(&mut Context::from_waker(&waker))
                {
                    Poll::Ready(outcome) => Err((outcome, held.position())),
                    Poll::Pending => Ok((answer, answered)),
                };
                asked.push((submitted, outcome));
            }
        }
        for (submitted, outcome) in asked {
            let (outcome, at) = match outcome {
                Ok((answer, answered)) => answered.wait(answer),
                Err(ready) => ready,
            };
            let acked = outcome.is_ok().then_some(at);
            self.marks.push(Mark { submitted, acked });
            self.outcomes.push(outcome);
        }
    }
}

/// Records the time of an acknowledgement, on the thread that gives it and before any other work of that thread.
struct Answered {
    disk: Disk,
    thread: Thread,
    at: OnceLock<usize>,
}

impl Answered {
    fn new(disk: &Disk) -> Self {
        let thread = std::thread::current();
        Self { disk: disk.clone(), thread, at: OnceLock::new() }
    }

    fn wait<T>(self: Arc<Self>, answer: impl Future<Output = T>) -> (T, usize) {
        let waker = Waker::from(Arc::clone(&self));
        let mut answer = pin!(answer);
        loop {
            if let Poll::Ready(outcome) =
                answer.as_mut().poll(&mut Context::from_waker(&waker))
            {
                let at = self.at.get().copied();
                return (outcome, at.unwrap_or_else(|| self.disk.position()));
            }
            std::thread::park();
        }
    }
}

impl Wake for Answered {
    fn wake(self: Arc<Self>) {
        self.at.get_or_init(|| self.disk.position());
        self.thread.unpark();
    }
}

/// Runs a workload on a disk without faults.
pub(super) fn run(disk: &Disk, options: &Options, steps: &[Step]) -> Run {
    let mut run = Run::default();
    let mut store = RedbStore::open_backend(disk.clone(), options).unwrap();
    for step in steps {
        match step {
            Step::Writes(writes) => run.write(&store, disk, writes),
            Step::Reopen => {
                drop(store);
                store = RedbStore::open_backend(disk.clone(), options).unwrap();
            }
        }
    }
    drop(store);
    assert!(run.outcomes.iter().all(Result::is_ok), "a write failed on a sound disk");
    run
}

/// Snapshots of a store before the first write and after each of them.
pub(super) fn states(steps: &[Step]) -> Vec<Snapshot> {
    let model = MemoryStore::default();
    runtime().block_on(async {
        let mut states = vec![snapshot(&model).await.unwrap()];
        for step in steps {
            let Step::Writes(writes) = step else { continue };
            for write in writes {
                write.put(&model).await.unwrap();
                states.push(snapshot(&model).await.unwrap());
            }
        }
        states
    })
}
