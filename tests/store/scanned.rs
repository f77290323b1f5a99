//! Tests of accounts without index entries, and of the way from one state to the other.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use duly::domain::id::{TaskId, UserId};
use duly::domain::task::{
    Description, NewTask, TaskFilter, TaskOrder, TaskQuery, TaskSort,
};
use duly::domain::timestamp::Timestamp;
use duly::domain::words::Words;
use duly::store::Store as _;
use duly::store::redb::{Options, RedbStore};

use crate::harness::TaskStore as _;
use crate::harness::forge::{Forge, key};
use crate::harness::values::{ALL, given_task, given_user, ids, new_task, page};

/// Number of tasks up to which the accounts of these tests are scanned.
const SCANNED: u64 = 8;

fn open(path: &Path) -> RedbStore {
    let options = Options { scan_at_most: SCANNED, ..Options::default() };
    RedbStore::open(path, &options).unwrap()
}

/// Bytes of the only account, after a check of the file.
async fn bytes(store: &RedbStore) -> u64 {
    assert_eq!(store.verify().unwrap().findings, [""; 0]);
    store.usage_list(None).await.unwrap().first().unwrap().1.bytes
}

#[tokio::test]
async fn an_account_has_index_entries_from_the_task_that_makes_it_large() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&store, "jane@example.com").await.id;
    let mut sizes = vec![0];
    for number in 0..SCANNED + 3 {
        let millis = i64::try_from(number).unwrap();
        store.task_create(jane, new_task("a", millis)).await.unwrap().unwrap();
        sizes.push(bytes(&store).await);
    }

    let grown: Vec<u64> = sizes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // The ninth task brings the entries of all nine.
    let (small, large) = (grown[7], grown[9]);
    assert!(large > 3 * small, "{grown:?}");
    assert_eq!(grown[8], large + 8 * (large - small), "{grown:?}");
    assert_eq!(grown[10], large, "{grown:?}");
}

#[tokio::test]
async fn an_account_loses_its_index_entries_when_it_is_much_smaller() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&store, "jane@example.com").await.id;
    let mut sizes = Vec::new();
    for number in 1..=SCANNED + 1 {
        let millis = i64::try_from(number).unwrap();
        store.task_create(jane, new_task("a", millis)).await.unwrap().unwrap();
        sizes.push(bytes(&store).await);
    }

    for number in 1..=SCANNED + 1 {
        assert!(store.task_delete(jane, TaskId::new(number)).await.unwrap());
        store.tombstone_sweep(None, Timestamp::MAX, Duration::ZERO).await.unwrap();
        let left = usize::try_from(SCANNED + 1 - number).unwrap();
        assert_eq!(ids(&store, jane, ALL).await.len(), left);
        let without = if left == 0 { 0 } else { sizes[left - 1] };
        // A quarter of the limit is left.
        assert_eq!(bytes(&store).await == without, left <= 2, "{left}");
    }
}

#[tokio::test]
async fn a_few_heavy_tasks_have_index_entries() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&store, "jane@example.com").await.id;
    let mut text = String::new();
    for number in 0..150 {
        write!(text, "w{number} ").unwrap();
    }
    let description = Some(Description::new(text).unwrap());

    let heavy = NewTask { description, ..new_task("a", 1) };
    store.task_create(jane, heavy).await.unwrap().unwrap();

    // Each word has an entry with the id of the account, the kind, the word, an end and the id of the task.
    assert!(bytes(&store).await > 150 * (8 + 1 + 2 + 1 + 8));
}

/// Changes a bit of a task's record.
fn damage(path: &Path, owner: UserId, task: TaskId) {
    let row = key(&[&owner.get(), &4_u8, &task.get()]);
    let forge = Forge::open(path);
    let mut value = forge.get("owned", &row);
    *value.last_mut().unwrap() ^= 1;
    forge.put("owned", &row, &value);
}

#[tokio::test]
async fn an_account_with_a_damaged_task_grows_without_index_entries() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("test.redb");
    let store = open(&path);
    let jane = given_user(&store, "jane@example.com").await.id;
    for number in 0..SCANNED {
        let millis = i64::try_from(number).unwrap();
        store.task_create(jane, new_task("a", millis)).await.unwrap().unwrap();
    }
    drop(store);
    damage(&path, jane, TaskId::new(1));

    let store = open(&path);
    for millis in 10..13 {
        store.task_create(jane, new_task("a", millis)).await.unwrap().unwrap();
    }

    let findings = store.verify().unwrap().findings;
    assert!(!findings.iter().any(|it| it.contains("index entry")), "{findings:?}");
}

#[tokio::test]
async fn a_damaged_task_does_not_keep_others_from_being_deleted() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("test.redb");
    let store = open(&path);
    let jane = given_user(&store, "jane@example.com").await.id;
    for millis in 1..=4 {
        store.task_create(jane, new_task("a", millis)).await.unwrap().unwrap();
    }
    drop(store);
    damage(&path, jane, TaskId::new(2));

    let store = open(&path);

    for id in [4, 1] {
        assert!(store.task_delete(jane, TaskId::new(id)).await.unwrap());
    }
    store.task_get(jane, TaskId::new(2)).await.unwrap_err();
    store.task_get(jane, TaskId::new(3)).await.unwrap().unwrap();
}

/// Regression: pairs of characters that are all in a text, but not side by side, were taken for the text that was asked
/// for.
#[tokio::test]
async fn a_list_read_by_entries_alone_has_only_texts_that_contain_the_words() {
    let data = tempfile::tempdir().unwrap();
    let options = Options { scan_at_most: 0, gather_at_most: 0, ..Options::default() };
    let store = RedbStore::open(&data.path().join("test.redb"), &options).unwrap();
    let owner = given_user(&store, "a@example.com").await.id;
    for title in ["東京都へ", "東京 京都", "東西と京都"] {
        given_task(&store, owner, title, 1).await;
    }
    let words = Words::parse("東京都").unwrap();
    let filter = TaskFilter { words, ..TaskFilter::ALL };
    for by in TaskSort::ALL {
        let query = TaskQuery::newest(filter.clone(), page(0, 9));
        let query = TaskQuery { order: TaskOrder::by(by, false), ..query };
        let found = store.task_list(owner, query).await.unwrap();
        let ids: Vec<u64> = found.tasks.iter().map(|task| task.id.get()).collect();
        assert_eq!((ids, found.total), (vec![1], 1), "{by:?}");
    }
}
