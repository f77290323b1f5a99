//! Tests of the queue of writes in front of the file.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use duly::domain::transfer::{Existing, ImportOptions, NextIds};
use duly::store::{Store, StoreError};
use tokio::task::JoinSet;

use crate::harness::TaskStore as _;
use crate::harness::values::Counts as _;
use crate::harness::values::{given_user, import, new_task, open};

#[tokio::test]
async fn a_write_whose_caller_gives_up_is_done_whole_or_not_at_all() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("test.redb");
    let store = open(&path);
    let owner = given_user(&*store, "a@example.com").await.id;

    for n in 0..100 {
        let mut write = store.task_create(owner, new_task("a", n));
        let started = write.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(started, Poll::Pending | Poll::Ready(Ok(_))));
    }
    drop(store);

    let store = open(&path);
    assert!(store.task_counts(owner).await.unwrap().total <= 100);
    assert_eq!(store.verify().unwrap().findings, [""; 0]);
}

#[tokio::test]
async fn more_writes_of_an_account_than_may_wait_are_refused_and_leave_nothing_behind() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let owner = given_user(&*store, "a@example.com").await.id;
    let mut writes = JoinSet::new();
    for n in 0..5_000 {
        let store = Arc::clone(&store);
        writes.spawn(async move { store.task_create(owner, new_task("a", n)).await });
    }

    let mut made = 0;
    for answer in writes.join_all().await {
        match answer {
            Ok(task) => made += u64::from(task.is_some()),
            Err(error) => assert!(matches!(error, StoreError::AccountBusy), "{error:?}"),
        }
    }

    assert!(made >= 128, "as many as may wait were not refused");
    assert_eq!(store.task_counts(owner).await.unwrap().total, made);
}

#[tokio::test]
async fn the_writes_of_one_account_keep_nobody_else_from_writing() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let greedy = given_user(&*store, "a@example.com").await.id;
    let modest = given_user(&*store, "b@example.com").await.id;
    let mut context = Context::from_waker(Waker::noop());
    let mut waiting = Vec::new();
    let is_full = (0..5_000).any(|n| {
        let mut write = store.task_create(greedy, new_task("a", n));
        let started = write.as_mut().poll(&mut context);
        waiting.push(write);
        matches!(started, Poll::Ready(Err(StoreError::AccountBusy)))
    });

    assert!(is_full);
    assert!(store.task_create(modest, new_task("b", 0)).await.unwrap().is_some());
    store.ready().await.expect("a full queue is no failure");
    let (existing, ids) = (Existing::Keep, NextIds { user: 1, task: 1 });
    let options = ImportOptions { existing, allow_admins: false, ids };
    let (_, imported) = import(&*store, options, vec![]).await;
    imported.expect("the operator has a queue of its own");
}
