//! Tests of reads of a store whose file is damaged.

use std::fs;
use std::path::Path;

use duly::domain::id::{TaskId, UserId};
use duly::domain::task::TaskQuery;
use duly::store::redb::{Options, RedbStore};
use duly::store::{OpenError, Store, StoreError};

use super::{JANE, JOHN, STATS, given_file};
use crate::harness::TaskStore as _;
use crate::harness::forge::{Forge, key};
use crate::harness::values::Counts as _;
use crate::harness::values::{
    ALL, OPEN, at, complete, delete_user, given_task, new_task, open, page, session_id,
};

const SPOILT: TaskId = TaskId::new(1);
const SOUND: TaskId = TaskId::new(3);
const OWNER: UserId = UserId::new(JANE);

#[tokio::test]
async fn a_flipped_bit_is_an_error_and_never_an_answer() {
    let data = tempfile::tempdir().unwrap();
    let store = given_flipped_bit(data.path()).await;

    damaged(store.task_get(OWNER, SPOILT).await);
    damaged(store.task_list(OWNER, TaskQuery::newest(ALL, page(0, 10))).await);
    damaged(store.task_list(OWNER, TaskQuery::newest(OPEN, page(0, 10))).await);
    damaged(store.task_patch(OWNER, SPOILT, complete(true), at(99)).await);
    damaged(store.task_delete(OWNER, SPOILT).await);
}

#[tokio::test]
async fn what_is_not_damaged_is_served() {
    let data = tempfile::tempdir().unwrap();
    let store = given_flipped_bit(data.path()).await;
    damaged(store.task_get(OWNER, SPOILT).await);

    assert!(store.task_get(OWNER, SOUND).await.unwrap().is_some());
    assert_eq!(
        store
            .task_list(OWNER, TaskQuery::newest(ALL, page(0, 2)))
            .await
            .unwrap()
            .tasks
            .len(),
        2
    );
    assert_eq!(store.task_counts(OWNER).await.unwrap().total, 3);
    assert!(store.session_get(OWNER, session_id(7)).await.unwrap().is_some());
    let other = UserId::new(JOHN);
    assert_eq!(
        store
            .task_list(other, TaskQuery::newest(ALL, page(0, 9)))
            .await
            .unwrap()
            .tasks
            .len(),
        1
    );
    given_task(&store, OWNER, "still written", 60).await;
}

#[tokio::test]
async fn a_write_that_meets_damage_harms_none_beside_it() {
    let data = tempfile::tempdir().unwrap();
    let store = given_flipped_bit(data.path()).await;

    let (before, spoilt, after) = tokio::join!(
        store.task_create(OWNER, new_task("before", 60)),
        store.task_patch(OWNER, SPOILT, complete(true), at(61)),
        store.task_create(OWNER, new_task("after", 62)),
    );

    damaged(spoilt);
    let (before, after) = (before.unwrap().unwrap(), after.unwrap().unwrap());
    assert_eq!(after.id.get(), before.id.get() + 1);
    let newest =
        store.task_list(OWNER, TaskQuery::newest(ALL, page(0, 2))).await.unwrap();
    assert_eq!((newest.tasks, newest.total), (vec![after, before], 5));
}

#[tokio::test]
async fn readiness_ends_when_damage_is_met_and_the_process_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let store = given_flipped_bit(data.path()).await;
    store.ready().await.expect("nobody has met it yet");

    damaged(store.task_get(OWNER, SPOILT).await);

    assert!(matches!(store.ready().await, Err(StoreError::Unavailable(_))));
    tokio::select! {
        biased;
        _ = store.failed() => panic!("one damaged value is no reason to end"),
        () = std::future::ready(()) => {}
    }
}

#[tokio::test]
async fn an_account_with_damage_can_be_deleted() {
    let data = tempfile::tempdir().unwrap();
    let store = given_flipped_bit(data.path()).await;

    assert!(delete_user(&store, OWNER).await.is_ok());

    assert_eq!(store.task_get(OWNER, SPOILT).await.unwrap(), None);
    assert_eq!(store.verify().unwrap().findings, [""; 0]);
}

#[tokio::test]
async fn damaged_counts_are_an_error_for_their_owner_alone() {
    let data = tempfile::tempdir().unwrap();
    let path = given_file(data.path()).await;
    let forge = Forge::open(&path);
    let mut value = forge.get("owned", &key(&[&JANE, &STATS]));
    value[9] ^= 1;
    forge.put("owned", &key(&[&JANE, &STATS]), &value);
    drop(forge);
    let store = open(&path);

    damaged(store.task_counts(OWNER).await);
    damaged(store.task_list(OWNER, TaskQuery::newest(ALL, page(0, 1))).await);
    damaged(store.task_create(OWNER, new_task("a", 60)).await);
    damaged(store.task_delete(OWNER, SOUND).await);

    given_task(&*store, UserId::new(JOHN), "a", 60).await;
}

#[tokio::test]
async fn an_index_entry_without_its_task_is_an_error_in_filtered_lists() {
    let data = tempfile::tempdir().unwrap();
    let path = given_file(data.path()).await;
    let entry = key(&[&JANE, &6_u8, &0_u8, &0_u8, &70_u64, &99_u64]);
    Forge::open(&path).put("owned", &entry, b"");
    let store = open(&path);

    damaged(store.task_list(OWNER, TaskQuery::newest(OPEN, page(0, 10))).await);

    assert_eq!(
        store
            .task_list(OWNER, TaskQuery::newest(ALL, page(0, 10)))
            .await
            .unwrap()
            .tasks
            .len(),
        3
    );
}

#[tokio::test]
async fn a_flipped_bit_is_found_at_the_start_if_pages_are_checked() {
    let data = tempfile::tempdir().unwrap();
    drop(given_flipped_bit(data.path()).await);
    let options = Options { check_pages: true, ..Options::default() };

    let opened = RedbStore::open(&data.path().join("test.redb"), &options);

    assert!(matches!(opened, Err(OpenError::Damaged { .. })), "{opened:?}");
}

/// Store over a file in which one bit of one title has changed on the disk.
async fn given_flipped_bit(folder: &Path) -> RedbStore {
    let path = given_file(folder).await;
    let mut bytes = fs::read(&path).unwrap();
    let title = b"secret";
    let places: Vec<usize> = (0..bytes.len() - title.len())
        .filter(|&at| bytes[at..].starts_with(title))
        .collect();
    assert!(!places.is_empty(), "the title is nowhere");
    // Old versions of the page may still be in the file.
    for place in places {
        bytes[place] ^= 1;
    }
    fs::write(&path, bytes).unwrap();
    RedbStore::open(&path, &Options { check_pages: false, ..Options::default() }).unwrap()
}

#[track_caller]
fn damaged<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Damaged { .. })), "{answer:?}");
}
