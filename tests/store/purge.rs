//! Tests of accounts with so many tasks that their rows are removed in slices.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use duly::domain::id::{TaskId, UserId};
use duly::domain::task::TaskCounts;
use duly::store::redb::RedbStore;
use duly::store::{Store, StoreError, WriteContext};

use crate::harness::TaskStore as _;
use crate::harness::forge::{Forge, seal};
use crate::harness::values::Counts as _;
use crate::harness::values::{
    ALL, DONE, OPEN, at, complete, delete_user, given_task, given_tasks, given_user, ids,
    new_task, open, session, session_id,
};

/// Number of tasks of the deleted account: more than twice the number that is deleted at once.
const TASKS: u64 = 25_000;

const GOES: UserId = UserId::new(1);
const STAYS: UserId = UserId::new(2);

#[tokio::test]
async fn a_large_account_is_gone_at_once() {
    let data = tempfile::tempdir().unwrap();
    let store = given_large_account(&data.path().join("test.redb")).await;

    assert!(delete_user(&*store, GOES).await.is_ok());

    for id in [1, 2, TASKS / 2, TASKS - 1, TASKS].map(TaskId::new) {
        assert_eq!(store.task_get(GOES, id).await.unwrap(), None, "{id:?}");
        assert_eq!(
            store.task_patch(GOES, id, complete(true), at(9)).await.unwrap(),
            None
        );
        assert!(!store.task_delete(GOES, id).await.unwrap(), "{id:?}");
    }
    for filter in [ALL, OPEN, DONE] {
        assert_eq!(ids(&*store, GOES, filter).await, []);
    }
    assert_eq!(store.task_counts(GOES).await.unwrap(), TaskCounts::default());
    assert_eq!(store.session_get(GOES, session_id(1)).await.unwrap(), None);
    assert_eq!(store.task_create(GOES, new_task("a", 1)).await.unwrap(), None);
    assert!(
        !store
            .session_create(session(GOES, 2, 0, 100), None, WriteContext::system())
            .await
            .unwrap()
    );
    assert!(delete_user(&*store, GOES).await.is_err());
    store.ready().await.unwrap();
}

#[tokio::test]
async fn the_rows_of_a_large_account_go_while_others_write() {
    let data = tempfile::tempdir().unwrap();
    let store = given_large_account(&data.path().join("test.redb")).await;

    assert!(delete_user(&*store, GOES).await.is_ok());

    let written = write_until_purged(&store).await;
    assert_eq!(ids(&*store, STAYS, ALL).await.len(), written);
}

#[tokio::test]
async fn a_removal_cut_short_goes_on_by_itself_after_reopening() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("test.redb");
    let store = given_large_account(&path).await;
    assert!(delete_user(&*store, GOES).await.is_ok());
    drop(store);

    drop(open(&path));
    let store = open(&path);

    // There are no writes: the reads take enough time, and they end.
    let left = |_: &u32| {
        let report = store.verify().unwrap();
        assert_eq!(report.findings, [""; 0]);
        report.to_purge > 0
    };
    assert!((0..1_000).take_while(left).count() < 1_000, "the rows are still there");
}

#[tokio::test]
async fn two_large_accounts_go_one_after_the_other() {
    let data = tempfile::tempdir().unwrap();
    let store = given_large_account(&data.path().join("test.redb")).await;
    let second = given_user(&*store, "second@example.com").await.id;
    given_tasks(&store, second, 10_001).await;

    assert!(delete_user(&*store, second).await.is_ok());
    assert!(delete_user(&*store, GOES).await.is_ok());

    write_until_purged(&store).await;
}

/// Writes and reads until no row is left to be removed. Returns the number of writes.
async fn write_until_purged(store: &RedbStore) -> usize {
    for written in 1..=200 {
        given_task(store, STAYS, "meanwhile", 1).await;
        let report = store.verify().unwrap();
        assert_eq!(report.findings, [""; 0]);
        if report.to_purge == 0 {
            return written;
        }
    }
    panic!("the rows are still there");
}

/// File with a large account and a small one. Creating it takes long, so it is created once.
async fn given_large_account(path: &Path) -> Arc<RedbStore> {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    if FILE.get().is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.redb");
        let store = open(&path);
        given_user(&*store, "goes@example.com").await;
        given_user(&*store, "stays@example.com").await;
        assert!(
            store
                .session_create(session(GOES, 1, 0, 100), None, WriteContext::system())
                .await
                .unwrap()
        );
        given_tasks(&store, GOES, usize::try_from(TASKS).unwrap()).await;
        drop(store);
        drop(FILE.set(std::fs::read(path).unwrap()));
    }
    std::fs::write(path, FILE.get().unwrap()).unwrap();
    open(path)
}

#[tokio::test]
async fn a_purge_that_cannot_go_on_leaves_the_other_writes_alone() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("test.redb");
    let user = given_user(&*open(&path), "a@example.com").await.id;
    Forge::open(&path).put("purge", b"bad", &seal("purge", b"bad", 1, 0_u64));

    let store = open(&path);

    // The first write may meet the purge and be refused; every later one must succeed.
    let first = store.task_create(user, new_task("a", 1)).await;
    assert!(matches!(first, Ok(Some(_)) | Err(StoreError::Damaged { .. })), "{first:?}");
    for n in 0..100 {
        assert!(store.task_create(user, new_task("a", n)).await.unwrap().is_some());
    }
}
