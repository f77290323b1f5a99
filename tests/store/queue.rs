//! The queue of writes in front of the file.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use duly::domain::transfer::NextIds;
use duly::store::{Store, StoreError};
use tokio::task::JoinSet;

use crate::harness::values::{given_user, new_task, open};

#[tokio::test]
async fn writes_go_on_when_their_callers_give_up_and_the_store_closes() {
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

    assert_eq!(open(&path).task_counts(owner).await.unwrap().total, 100);
}

#[tokio::test]
async fn more_writes_than_may_wait_are_refused_and_leave_nothing_behind() {
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
            Err(error) => assert!(matches!(error, StoreError::Busy), "{error:?}"),
        }
    }

    assert!(made >= 1024, "as many as may wait were not refused");
    assert_eq!(store.task_counts(owner).await.unwrap().total, made);
    store.ready().await.expect("a full queue is no failure");
}

#[tokio::test]
async fn a_full_queue_is_not_taken_for_another_import() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let owner = given_user(&*store, "a@example.com").await.id;
    let mut context = Context::from_waker(Waker::noop());
    let mut is_refused = || {
        let mut write = store.task_create(owner, new_task("a", 0));
        let started = write.as_mut().poll(&mut context);
        matches!(started, Poll::Ready(Err(StoreError::Busy)))
    };

    // The thread that writes makes room meanwhile, so it may take some attempts.
    let begun = (0..1000).find_map(|_| {
        while !is_refused() {}
        let mut begin = store.import_begin(NextIds { user: 1, task: 1 });
        match begin.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(begun) => Some(begun),
            Poll::Pending => None,
        }
    });

    let begun = begun.expect("never when the queue was full");
    assert!(matches!(begun, Err(StoreError::Busy)), "{begun:?}");
}
