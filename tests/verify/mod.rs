//! Tests of the checker: each of its findings is produced here once, by a direct edit of the file.

mod access;
mod changes;
mod damage;
mod emails;
mod history;
mod idempotency;
mod ids;
mod index;
mod lists;
mod planned;
mod rows;
mod stats;
mod values;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use duly::domain::id::{TaskId, UserId};
use duly::domain::progress::{Phase, Step};
use duly::store::redb::{Options, Progress, RedbStore, Report};
use duly::store::{Store, WriteContext};

use crate::harness::TaskStore as _;
use crate::harness::forge::{Forge, key};
use crate::harness::values::{at, complete, given_task, given_user, open, session};

/// Kinds of rows in `owned`.
const STATS: u8 = 5;
const SESSION: u8 = 2;
const TASK: u8 = 4;
const TOKEN: u8 = 5;

/// Jane has tasks 1, 2 and 3, of which 2 is done, and a session. John has task 4.
const JANE: u64 = 1;
const JOHN: u64 = 2;

#[tokio::test]
async fn a_sound_file_has_no_problems_and_is_counted() {
    let data = tempfile::tempdir().unwrap();
    let path = given_file(data.path()).await;

    let mut steps = Vec::new();
    let mut tell = |step| {
        steps.push(step);
        ControlFlow::Continue(())
    };
    let report = open(&path).verify_watched(&mut Progress::new(&mut tell)).unwrap();

    let latest = Some(at(50));
    let sound = Report { users: 2, sessions: 1, tasks: 4, latest, ..Report::default() };
    assert_eq!(report, sound);
    // 2 users, 2 emails, 2 rows of counts, 1 session, 4 tasks, 6 entries of each, 1 of the completed
    // one, and its change.
    let end = Step { phase: Phase::Rows, at: Some(Step::WHOLE), count: 37 };
    assert_eq!(steps, [end], "progress ends at the end");
}

#[test]
fn a_fresh_file_has_no_problems() {
    let data = tempfile::tempdir().unwrap();

    let report = open(&data.path().join("test.redb")).verify().unwrap();

    assert_eq!(report, Report::default());
}

#[tokio::test]
async fn every_problem_is_counted_and_the_first_are_spelled_out() {
    let report = report_after(|forge| {
        for n in 0..150 {
            forge.put("owned", &[n; 3], b"");
        }
    });

    let report = report.await;

    assert_eq!((report.problems, report.findings.len()), (150, 100));
}

/// Creates a sound file with index entries and closes it.
async fn given_file(folder: &Path) -> PathBuf {
    given_file_with(folder, 0).await
}

/// Creates a sound file and closes it. Accounts with more tasks than `scan_at_most` have index entries.
async fn given_file_with(folder: &Path, scan_at_most: u64) -> PathBuf {
    let path = folder.join("test.redb");
    let options = Options { scan_at_most, ..Options::default() };
    let store = Arc::new(RedbStore::open(&path, &options).unwrap());
    let jane = given_user(&*store, "Jane@example.com").await.id;
    let john = given_user(&*store, "john@example.com").await.id;
    assert_eq!((jane, john), (UserId::new(JANE), UserId::new(JOHN)));
    for (owner, title, millis) in
        [(jane, "secret", 10), (jane, "b", 20), (jane, "c", 30), (john, "d", 40)]
    {
        given_task(&*store, owner, title, millis).await;
    }
    let done = store.task_patch(jane, TaskId::new(2), complete(true), at(50)).await;
    done.unwrap().unwrap();
    assert!(
        store
            .session_create(session(jane, 7, 0, 100), None, WriteContext::system())
            .await
            .unwrap()
    );
    path
}

/// Key of a token of Jane's.
fn key_of_token() -> Vec<u8> {
    key(&[&JANE, &TOKEN, &[9_u8; 8]])
}

/// Report of the checker on a sound file after an edit.
async fn report_after(edit: impl FnOnce(&Forge)) -> Report {
    let recount = |forge: &Forge| {
        edit(forge);
        // Corrects the counted bytes, so that they do not reveal another defect.
        forge.count_bytes();
    };
    report_as_it_is_after(recount).await
}

/// Like `report_after`, but leaves the counted bytes as they are.
async fn report_as_it_is_after(edit: impl FnOnce(&Forge)) -> Report {
    let data = tempfile::tempdir().unwrap();
    let path = given_file(data.path()).await;
    edit(&Forge::open(&path));
    let report = RedbStore::verify(&open(&path)).unwrap();
    for finding in &report.findings {
        let told = ["secret", "hidden", "ane@", "john@"]
            .iter()
            .any(|content| finding.contains(content));
        assert!(!told, "contents in {finding:?}");
    }
    report
}

/// Checks for exactly these findings, each given by a part of its text, in any order.
async fn finds(edit: impl FnOnce(&Forge), expected: &[&str]) {
    let report = report_after(edit).await;
    let mut left = report.findings.clone();
    for part in expected {
        let at = left.iter().position(|finding| finding.contains(part));
        let at = at.unwrap_or_else(|| panic!("{part:?} is not in {report:?}"));
        left.remove(at);
    }
    assert_eq!(left, [""; 0], "more than expected");
    assert_eq!(report.problems, u64::try_from(expected.len()).unwrap());
}
