//! Tests of the disk reserve: writes stop before the disk is full; reads and deletions go on.

use std::path::Path;

use duly::domain::task::{Description, NewTask, TaskCounts, TaskQuery};
use duly::domain::user::User;
use duly::store::redb::{CopyError, Options, Progress, RedbStore};
use duly::store::{Store, StoreError, WriteContext};

use crate::harness::TaskStore as _;
use crate::harness::values::Counts as _;
use crate::harness::values::{
    ALL, at, complete, delete_user, given_task, given_user, hash, new_task, new_user,
    open, page, session, session_id, set_password,
};

#[tokio::test]
async fn a_disk_full_up_to_the_reserve_refuses_all_that_adds() {
    let data = tempfile::tempdir().unwrap();
    let (store, user) = given_reserve(data.path(), u64::MAX).await;
    let task = store
        .task_list(user.id, TaskQuery::newest(ALL, page(0, 1)))
        .await
        .unwrap()
        .tasks
        .remove(0)
        .id;

    full(store.user_create(new_user("b@example.com"), WriteContext::system()).await);
    full(store.task_create(user.id, new_task("b", 2)).await);
    full(store.task_patch(user.id, task, complete(true), at(2)).await);
    full(
        store
            .session_create(session(user.id, 2, 0, 100), None, WriteContext::system())
            .await,
    );
    full(store.user_patch(user.id, set_password("x"), WriteContext::system()).await);
    full(store.user_rehash(user.id, hash("first"), hash("x")).await);

    let counts = TaskCounts { total: 1, open: 1 };
    assert_eq!(store.task_counts(user.id).await.unwrap(), counts, "nothing has changed");
    store.ready().await.unwrap();
}

#[tokio::test]
async fn a_backup_does_not_fill_the_disk_that_it_is_made_for() {
    let data = tempfile::tempdir().unwrap();
    let (store, user) = given_reserve(data.path(), u64::MAX).await;
    let copy = tempfile::tempfile_in(data.path()).unwrap();

    let stopped = store.copy_into(&copy, Path::new("copy"), &mut Progress::untold());

    let Err(CopyError::Io(error)) = stopped else { panic!("{stopped:?}") };
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert!(store.task_counts(user.id).await.is_ok());
    store.ready().await.unwrap();
}

#[tokio::test]
async fn a_full_disk_can_be_read_and_freed() {
    let data = tempfile::tempdir().unwrap();
    let (store, user) = given_reserve(data.path(), u64::MAX).await;

    let listed =
        store.task_list(user.id, TaskQuery::newest(ALL, page(0, 1))).await.unwrap();
    let task = listed.tasks[0].clone();
    assert_eq!(store.task_get(user.id, task.id).await.unwrap(), Some(task.clone()));
    assert!(store.session_get(user.id, session_id(1)).await.unwrap().is_some());
    assert!(store.task_delete(user.id, task.id).await.unwrap());
    assert!(delete_user(&store, user.id).await.is_ok());

    assert_eq!(store.user_list(None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn people_can_log_in_while_the_reserve_is_touched_but_not_used_up() {
    let data = tempfile::tempdir().unwrap();
    let stat = rustix::fs::statvfs(data.path()).unwrap();
    // Twice the free space, so that a quarter of the reserve is half of the free space.
    let reserve = 2 * stat.f_bavail * stat.f_frsize;
    let (store, user) = given_reserve(data.path(), reserve).await;

    full(store.task_create(user.id, new_task("b", 2)).await);

    assert!(
        store
            .session_create(session(user.id, 2, 0, 100), None, WriteContext::system())
            .await
            .unwrap()
    );
    assert!(store.user_rehash(user.id, hash("first"), hash("better")).await.unwrap());
    assert!(
        store
            .user_patch(user.id, set_password("second"), WriteContext::system())
            .await
            .unwrap()
            .is_ok()
    );
}

#[tokio::test]
async fn an_account_with_much_data_is_refused_before_the_others_where_the_disk_is_short()
{
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("test.redb");
    let store = open(&path);
    let jane = given_user(&*store, "jane@example.com").await.id;
    let john = given_user(&*store, "john@example.com").await.id;
    let words: Vec<String> = (0..250).map(|number| format!("{number:07}")).collect();
    let description = Some(Description::new(words.join(" ")).unwrap());
    for millis in 1..160 {
        let new = NewTask {
            description: description.clone(),
            ..new_task(&millis.to_string(), millis)
        };
        store.task_create(jane, new).await.unwrap().unwrap();
    }
    let task = given_task(&*store, jane, "a", 170).await.id;
    let held = store.user_usage(jane).await.unwrap().unwrap().bytes;
    drop(store);
    assert!(held > 1 << 20, "{held}");
    assert!(held * 10 > path.metadata().unwrap().len(), "{held}");
    let stat = rustix::fs::statvfs(data.path()).unwrap();
    // Half of the free space, so that other writes are permitted.
    let reserve_bytes = stat.f_bavail * stat.f_frsize / 2;
    let options = Options { reserve_bytes, ..Options::default() };
    let store = RedbStore::open(&path, &options).unwrap();

    for refused in [
        store.task_create(jane, new_task("b", 180)).await,
        store.task_patch(jane, task, complete(true), at(180)).await,
    ] {
        assert!(matches!(refused, Err(StoreError::DiskShort)), "{refused:?}");
    }

    assert!(
        store
            .session_create(session(jane, 2, 0, 100), None, WriteContext::system())
            .await
            .unwrap()
    );
    assert!(store.task_delete(jane, task).await.unwrap());
    store.task_create(john, new_task("b", 180)).await.unwrap().unwrap();
    store
        .user_create(new_user("zoe@example.com"), WriteContext::system())
        .await
        .unwrap()
        .unwrap();
}

/// Store with one account, one session and one task, and then with this reserve.
async fn given_reserve(data: &Path, reserve_bytes: u64) -> (RedbStore, User) {
    let path = data.join("test.redb");
    let store = open(&path);
    let user = given_user(&*store, "a@example.com").await;
    given_task(&*store, user.id, "a", 1).await;
    assert!(
        store
            .session_create(session(user.id, 1, 0, 100), None, WriteContext::system())
            .await
            .unwrap()
    );
    drop(store);
    let options = Options { reserve_bytes, ..Options::default() };
    (RedbStore::open(&path, &options).unwrap(), user)
}

#[track_caller]
fn full<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::DiskFull)), "{answer:?}");
}
