//! Tests of a disk that fails a write, a change of length or a sync.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use duly::store::redb::{CommitMode, Options, RedbStore};
use duly::store::{Failure, OpenError, Store as _, StoreError, WriteContext};

use super::cut::History;
use super::disk::{Call, Disk, Entry, Fault, Then};
use super::oracle::{Snapshot, check_format, open_thrice, runtime};
use super::random::Random;
use super::runner::{Run, new_file, options, states};
use super::tally::{Scale, Tally};
use super::workload::{Step, workload};
use crate::harness::values::new_user;

#[test]
fn nothing_is_acknowledged_after_a_sync_has_failed() {
    let tally = Tally::new("failed sync");
    each_call(Call::Sync, &tally);
    tally.close();
}

#[test]
fn a_write_that_fails_loses_nothing_that_was_acknowledged() {
    let tally = Tally::new("failed write");
    each_call(Call::Write, &tally);
    tally.close();
}

#[test]
fn a_file_that_cannot_grow_loses_nothing_that_was_acknowledged() {
    let tally = Tally::new("failed growth");
    each_call(Call::SetLen, &tally);
    tally.close();
}

/// Fails one call after the other, each in a run of its own.
fn each_call(call: Call, tally: &Tally) {
    let scale = Scale::share(3);
    tally.fill(scale, |seed| {
        let commit =
            if seed % 2 == 1 { CommitMode::OnePhase } else { CommitMode::TwoPhase };
        let options = Options { commit, ..options(seed / 2) };
        let steps = workload(seed, scale.writes / 2);
        let states = states(&steps);
        let sound = Disk::new(new_file(&options));
        fail_in(&sound, &options, &steps).unwrap();
        let calls = sound.log().iter().filter(|entry| call_of(entry) == call).count();
        assert!(calls > 0, "there is no such call to fail");
        // A failed write may go unnoticed, since redb repeats it later: a disk that lies after it is one
        // that lies without a failure.
        let thens = match call {
            Call::Sync => &[Then::Well, Then::Dead, Then::Lies][..],
            Call::Write | Call::SetLen => &[Then::Well, Then::Dead],
        };
        let faults = (0..calls)
            .flat_map(|nth| {
                thens.iter().map(move |then| Fault { call, nth, then: *then })
            })
            .collect();
        for fault in Random::new(seed).pick(faults, scale.each) {
            one_call(fault, seed, &options, &steps, &states, tally);
        }
    });
}

const fn call_of(entry: &Entry) -> Call {
    match entry {
        Entry::Write { .. } => Call::Write,
        Entry::SetLen(_) => Call::SetLen,
        Entry::Sync => Call::Sync,
    }
}

fn one_call(
    fault: Fault,
    seed: u64,
    options: &Options,
    steps: &[Step],
    states: &[Snapshot],
    tally: &Tally,
) {
    let place = || format!("seed {seed}, {fault:?}, {:?}", options.commit);
    let start = new_file(options);
    let disk = Disk::new(start.clone());
    disk.fail(fault);
    let run = fail_in(&disk, options, steps);
    let run = run.unwrap_or_else(|error| panic!("{}: {error}", place()));

    if let (Call::Sync, Some(failed)) = (fault.call, disk.failed_at()) {
        let late = run.marks.iter().any(|mark| mark.acked.is_some_and(|at| at > failed));
        assert!(!late, "{}: acknowledged after that", place());
    }

    let log = disk.log();
    let end = log.len();
    let history = History::new(start, log);
    for cut in history.cuts_at(end, &mut Random::new(seed), 2) {
        let image = history.image(cut);
        let outcome = open_thrice(&image, options)
            .and_then(|shown| check_format(&shown, states, run.range(end)));
        tally.add(cut.kept.name(), &image, outcome, place);
    }
}

/// Runs a workload on a disk that may fail. Checks that every acknowledged write is durable, and that a failed store
/// reports its failure and accepts no more writes.
fn fail_in(disk: &Disk, options: &Options, steps: &[Step]) -> Result<Run, String> {
    let mut run = Run::default();
    let open = || match RedbStore::open_backend(disk.clone(), options) {
        Ok(store) => Ok(Some(store)),
        Err(OpenError::Io { .. }) if disk.failed_at().is_some() => Ok(None),
        Err(error) => Err(format!("opened: {error:?}")),
    };
    let Some(mut store) = open()? else { return Ok(run) };
    for step in steps {
        match step {
            Step::Writes(writes) => run.write(&store, disk, writes),
            Step::Reopen if disk.failed_at().is_some() => {}
            Step::Reopen => {
                drop(store);
                if disk.failed_at().is_some() {
                    // The failure was at the close, which is not reported.
                    return Ok(run);
                }
                let Some(opened) = open()? else { return Ok(run) };
                store = opened;
            }
        }
    }
    let first = run.outcomes.iter().position(Result::is_err);
    let after = &run.outcomes[first.unwrap_or(run.outcomes.len())..];
    for outcome in after {
        match outcome {
            Err(StoreError::OutcomeUnknown(_) | StoreError::Unavailable(_)) => {}
            other => return Err(format!("told {other:?} after a write has failed")),
        }
    }
    match failure(&store) {
        // Possibly during the removal of rows, which no caller waits for.
        Some(Failure::Io) if disk.failed_at().is_some() => {
            let late = runtime().block_on(
                store.user_create(new_user("late@example.com"), WriteContext::system()),
            );
            if late.is_ok() {
                return Err("a store that has failed takes another write".to_owned());
            }
        }
        None if first.is_none() => {}
        other => return Err(format!("the store says {other:?}")),
    }
    Ok(run)
}

/// Reason of the failure of the store, if any.
fn failure(store: &RedbStore) -> Option<Failure> {
    match pin!(store.failed()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(failure) => Some(failure),
        Poll::Pending => None,
    }
}
