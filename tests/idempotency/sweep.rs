//! Tests of the job that removes old idempotency records.

use std::sync::Arc;
use std::time::Duration;

use duly::clock::{Clock, ManualClock};
use duly::domain::idempotency::IdempotencyRecord;
use duly::domain::task::HistoryRetention;
use duly::jobs::sweep::{Retention, SweepJob};
use duly::store::Store;
use duly::store::redb::RedbStore;

use super::kept::done_once;
use crate::harness::values::{at, given_user, open};

const HOUR: Duration = Duration::from_secs(3600);

fn answers(store: &RedbStore) -> u64 {
    let report = store.verify().unwrap();
    assert_eq!(report.findings, [""; 0]);
    report.answers
}

const RETENTION: Retention = Retention {
    tombstones: HOUR,
    history: HistoryRetention { changes: HOUR, trash: HOUR },
};

#[tokio::test]
async fn what_is_old_is_removed_of_all_accounts() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    for number in 0..300 {
        let owner = given_user(&*store, &format!("user{number}@example.com")).await.id;
        if number % 7 == 0 {
            done_once(&*store, owner, 1, 0, 10).await.unwrap();
            done_once(&*store, owner, 2, 5 * 3_600_000, 10).await.unwrap();
        }
    }
    assert_eq!(answers(&store), 86);
    let clock = Arc::new(ManualClock::starting_at(at(0)));
    let job = SweepJob::new(
        Arc::clone(&store) as Arc<dyn Store>,
        Arc::clone(&clock) as Arc<dyn Clock>,
        RETENTION,
    );
    assert_eq!(job.pass(Duration::ZERO).await.unwrap(), None, "nothing to compare with");
    for (hours, removed) in [(12, 0), (23, 0), (24, 43), (28, 0), (29, 43), (30, 0)] {
        clock.set(at(0).plus(HOUR * hours));
        assert_eq!(job.pass(HOUR * hours).await.unwrap(), Some(removed), "{hours}");
    }
    assert_eq!(answers(&store), 0);
}

#[tokio::test]
async fn more_than_a_slice_of_one_account_is_removed_in_several() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&*store, "jane@example.com").await.id;
    let john = given_user(&*store, "john@example.com").await.id;
    for owner in [jane, john] {
        // Each is later than the one before, or the next one would remove some.
        for n in 0..=u8::MAX {
            done_once(&*store, owner, n, i64::from(n), 10).await.unwrap();
        }
    }
    let now = at(1000).plus(IdempotencyRecord::RETENTION);
    let (mut removed, mut after, mut slices) = (0, None, 0);
    loop {
        let swept = store.idempotency_sweep(after, now).await.unwrap();
        removed += swept.removed;
        slices += 1;
        match swept.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!((removed, slices), (512, 2));
    assert_eq!(answers(&store), 0);
}

#[tokio::test]
async fn nothing_is_removed_by_a_clock_that_jumped() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&*store, "jane@example.com").await.id;
    done_once(&*store, jane, 1, 0, 10).await.unwrap();
    let clock = Arc::new(ManualClock::starting_at(at(0)));
    let job = SweepJob::new(
        Arc::clone(&store) as Arc<dyn Store>,
        Arc::clone(&clock) as Arc<dyn Clock>,
        RETENTION,
    );
    job.pass(Duration::ZERO).await.unwrap();

    clock.set(at(0).plus(HOUR * 24 * 3650));
    assert_eq!(job.pass(HOUR).await.unwrap(), None);
    assert_eq!(job.pass(HOUR).await.unwrap(), None, "not the next time either");
    assert_eq!(answers(&store), 1);

    clock.set(at(0).plus(HOUR * 2));
    assert_eq!(job.pass(HOUR * 2).await.unwrap(), Some(0), "it is back");
}
