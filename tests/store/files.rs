//! Tests of the data file: opened, reopened, refused.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use duly::domain::id::{TaskId, UserId};
use duly::domain::task::TaskQuery;
use duly::store::redb::{CommitMode, FORMAT, Options, RedbStore};
use duly::store::{OpenError, Store, WriteContext};

use crate::harness::TaskStore as _;
use crate::harness::forge::{Forge, seal};
use crate::harness::values::{
    ALL, DONE, OPEN, at, complete, delete_user, given_task, given_user, ids, open, page,
    session,
};

#[tokio::test]
async fn a_reopened_file_shows_everything() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("test.redb");
    let store = open(&path);
    let user = given_user(&*store, "Jane@example.com").await;
    let session = session(user.id, 1, 0, 100);
    assert!(
        store
            .session_create(session.clone(), None, WriteContext::system())
            .await
            .unwrap()
    );
    let task = given_task(&*store, user.id, "a", 1).await;
    let done = given_task(&*store, user.id, "b", 2).await;
    let done =
        store.task_patch(user.id, done.id, complete(true), at(3)).await.unwrap().unwrap();
    drop(store);

    let store = open(&path);

    let found = store.user_by_email(user.email.clone()).await.unwrap().unwrap();
    assert_eq!(found.user, user);
    let found = store.session_get(user.id, session.id).await.unwrap();
    assert_eq!(found, Some((user.clone(), session)));
    let listed =
        store.task_list(user.id, TaskQuery::newest(ALL, page(0, 10))).await.unwrap();
    assert_eq!(listed.tasks, [done.clone(), task.clone()]);
    assert_eq!(ids(&*store, user.id, OPEN).await, [task.id]);
    assert_eq!(ids(&*store, user.id, DONE).await, [done.id]);
}

#[tokio::test]
async fn ids_are_not_used_again_after_reopening() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("test.redb");
    let store = open(&path);
    let kept = given_user(&*store, "a@example.com").await.id;
    let gone = given_user(&*store, "b@example.com").await.id;
    let task = given_task(&*store, gone, "a", 1).await.id;
    assert!(delete_user(&*store, gone).await.is_ok());
    drop(store);

    let store = open(&path);

    assert_eq!(given_user(&*store, "c@example.com").await.id.get(), gone.get() + 1);
    assert_eq!(given_task(&*store, kept, "b", 1).await.id.get(), task.get() + 1);
}

#[tokio::test]
async fn both_ways_to_commit_make_the_same_file() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("test.redb");
    for (n, commit) in [CommitMode::OnePhase, CommitMode::TwoPhase, CommitMode::OnePhase]
        .into_iter()
        .enumerate()
    {
        let options = Options { commit, check_pages: true, ..Options::default() };
        let store = RedbStore::open(&path, &options).unwrap();
        given_user(&store, &format!("{n}@example.com")).await;
        assert_eq!(store.user_list(None, 10).await.unwrap().len(), n + 1, "{commit:?}");
    }
}

#[tokio::test]
async fn a_file_in_use_is_not_opened_again() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("test.redb");
    let store = open(&path);

    let again = RedbStore::open(&path, &Options::default());

    assert!(matches!(again, Err(OpenError::InUse { path: named }) if named == path));
    given_user(&*store, "a@example.com").await;
    drop(store);
    assert_eq!(open(&path).user_list(None, 10).await.unwrap().len(), 1);
}

#[test]
fn a_missing_file_is_made_only_if_wanted() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("test.redb");
    let options = Options { create: false, ..Options::default() };

    let missing = RedbStore::open(&path, &options);

    assert!(matches!(missing, Err(OpenError::Missing { path: named }) if named == path));
    assert!(!path.exists());
    drop(open(&path));
    drop(RedbStore::open(&path, &options).unwrap());
}

#[test]
fn a_file_in_a_missing_folder_is_an_error_that_names_it() {
    let path = Path::new("/nonexistent/folder/test.redb");

    let error = RedbStore::open(path, &Options::default()).unwrap_err();

    assert!(matches!(error, OpenError::Unusable { .. }), "{error:?}");
    assert!(error.to_string().contains("/nonexistent/folder/test.redb"), "{error}");
}

#[test]
fn a_text_file_is_refused_and_left_untouched() {
    let path = |data: &Path| {
        let path = data.join("notes.txt");
        fs::write(&path, "Buy milk.\n".repeat(1000)).unwrap();
        path
    };
    refused(path, |error| matches!(error, OpenError::Damaged { .. }));
}

#[test]
fn a_database_of_another_program_is_refused_and_left_untouched() {
    let path = |data: &Path| {
        let path = data.join("other.redb");
        Forge::open(&path).put("things", b"key", b"value");
        path
    };
    refused(path, |error| matches!(error, OpenError::Damaged { .. }));
}

#[test]
fn a_table_of_another_type_is_refused_and_left_untouched() {
    let path = |data: &Path| {
        let path = data.join("other.redb");
        Forge::open(&path).put_number("meta", 1, 1);
        path
    };
    refused(path, |error| matches!(error, OpenError::Damaged { .. }));
}

#[test]
fn a_newer_format_is_refused_and_left_untouched() {
    refused(
        |data| given_format(data, FORMAT + 1),
        |error| matches!(error, OpenError::Newer { found, known: FORMAT, .. } if *found == FORMAT + 1),
    );
}

#[test]
fn a_format_that_never_was_is_refused_and_left_untouched() {
    refused(
        |data| given_format(data, 0),
        |error| matches!(error, OpenError::Damaged { .. }),
    );
}

#[test]
fn a_damaged_format_number_is_refused_and_left_untouched() {
    let path = |data: &Path| {
        let path = given_format(data, FORMAT);
        let forge = Forge::open(&path);
        let mut value = forge.get("meta", b"format");
        value[3] ^= 1;
        forge.put("meta", b"format", &value);
        path
    };
    refused(path, |error| matches!(error, OpenError::Damaged { .. }));
}

/// Data file that is sound except for its format number.
fn given_format(data: &Path, format: u64) -> std::path::PathBuf {
    let path = data.join("test.redb");
    drop(open(&path));
    Forge::open(&path).put("meta", b"format", &seal("meta", b"format", 1, format));
    path
}

#[track_caller]
fn refused(
    given: impl FnOnce(&Path) -> std::path::PathBuf,
    expected: impl FnOnce(&OpenError) -> bool,
) {
    let data = tempfile::tempdir().unwrap();
    let path = given(data.path());
    let before = fs::read(&path).unwrap();

    let error = RedbStore::open(&path, &Options::default()).unwrap_err();

    assert!(expected(&error), "{error:?}");
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    assert!(fs::read(&path).unwrap() == before, "the file was touched");
}

#[tokio::test]
async fn a_new_file_is_private_and_nothing_else_is_left() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("test.redb");

    drop(open(&path));

    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn an_emptied_file_is_refused_and_not_begun_anew() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("test.redb");
    drop(open(&path));
    fs::write(&path, "").unwrap();

    for check_pages in [false, true] {
        let options = Options { check_pages, ..Options::default() };
        let refused = RedbStore::open(&path, &options).unwrap_err();
        assert!(matches!(refused, OpenError::Damaged { .. }), "{refused:?}");
    }
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
}

#[tokio::test]
async fn what_changes_nothing_writes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("test.redb");
    let store = open(&path);
    let user = given_user(&*store, "a@example.com").await;
    let task = given_task(&*store, user.id, "a", 1).await;
    let before = fs::read(&path).unwrap();

    store.ready().await.unwrap();
    assert!(!store.task_delete(user.id, TaskId::new(99)).await.unwrap());
    assert!(delete_user(&*store, UserId::new(99)).await.is_err());
    let same = store.task_patch(user.id, task.id, complete(false), at(9)).await.unwrap();

    assert_eq!(same, Some(task));
    assert!(before == fs::read(&path).unwrap(), "the file has changed");
}
