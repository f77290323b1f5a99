//! 5. Each task has exactly the index entries that it should have, and each entry a task.

use duly::domain::due::Due;
use duly::domain::id::{TaskId, UserId};
use duly::domain::tag::{Tag, Tags};
use duly::domain::task::TaskPatch;
use duly::domain::time_zone::TimeZone;
use duly::store::Store;
use duly::store::redb::bench::task_keys;

use super::{BY_PRIORITY, JANE, JOHN, TASK, finds, given_file};
use crate::harness::forge::{Forge, key, seal};
use crate::harness::values::{at, open};

const OPEN: u8 = 0;
const DONE: u8 = 1;

/// The key of an index entry.
fn entry(owner: u64, state: u8, created: u64, task: u64) -> Vec<u8> {
    key(&[&owner, &BY_PRIORITY, &state, &0_u8, &created, &task])
}

/// Moves Jane's first entry, which is open and of time 10.
fn moved(to: Vec<u8>) -> impl FnOnce(&Forge) {
    move |forge| {
        forge.delete("owned", &entry(JANE, OPEN, 10, 1));
        forge.put("owned", &to, b"");
    }
}

#[tokio::test]
async fn a_task_without_an_entry_is_found() {
    let missing = |forge: &Forge| forge.delete("owned", &entry(JANE, OPEN, 10, 1));
    finds(missing, &["task:1 has no index entry", "more or fewer index entries"]).await;
}

#[tokio::test]
async fn an_entry_without_a_task_is_found() {
    let extra = |forge: &Forge| forge.put("owned", &entry(JANE, OPEN, 10, 99), b"");
    finds(extra, &["entry of task:99 without its task", "more or fewer index entries"])
        .await;
}

#[tokio::test]
async fn a_second_entry_of_one_task_is_found() {
    let second = |forge: &Forge| forge.put("owned", &entry(JANE, DONE, 10, 1), b"");
    finds(second, &["entry of task:1 without its task", "more or fewer index entries"])
        .await;
}

#[tokio::test]
async fn an_entry_of_the_wrong_state_time_or_owner_is_found() {
    let missing = ["task:1 has no index entry"];
    finds(moved(entry(JANE, DONE, 10, 1)), &missing).await;
    finds(moved(entry(JANE, OPEN, 11, 1)), &missing).await;
    let counts = [
        "user:1 has more or fewer",
        "user:2 has more or fewer",
        "entry of task:1 without",
    ];
    finds(moved(entry(JOHN, OPEN, 10, 1)), &[missing.as_slice(), &counts].concat()).await;
}

#[tokio::test]
async fn an_entry_with_a_value_is_found() {
    let value = |forge: &Forge| forge.put("owned", &entry(JANE, OPEN, 10, 1), b"x");
    finds(value, &["the index entry of task:1 has a value"]).await;
}

#[tokio::test]
async fn a_task_changed_without_its_entries_is_found() {
    let done = |forge: &Forge| {
        let place = key(&[&JANE, &TASK, &1_u64]);
        let record = ("secret", None::<String>, true, 10_i64, 10_i64, 1_u64);
        forge.put("owned", &place, &seal("owned", &place, 1, record));
    };
    finds(done, &["task:1 has no index entry", "counts of user:1"]).await;
}

/// Every kind of entry, of a task that has all of them.
#[tokio::test]
async fn each_kind_of_entry_is_missed() {
    let data = tempfile::tempdir().unwrap();
    let path = given_file(data.path()).await;
    let store = open(&path);
    let owner = UserId::new(JANE);
    let tags = Tags::new(vec![Tag::new("x").unwrap()]).unwrap();
    let patch = TaskPatch {
        due: Some(Due::parse("2030-01-01", &TimeZone::utc()).ok()),
        tags: Some(tags),
        parent: Some(Some(TaskId::new(1))),
        ..TaskPatch::default()
    };
    let task =
        store.task_patch(owner, TaskId::new(3), patch, at(60)).await.unwrap().unwrap();
    drop(store);
    let (_, entries) = task_keys(&task);
    assert_eq!(
        entries.iter().map(|it| it[8]).collect::<std::collections::BTreeSet<_>>().len(),
        8
    );
    for entry in entries {
        Forge::open(&path).delete("owned", &entry);
        let report = open(&path).verify(&mut |_, _| ()).unwrap();
        assert_eq!(report.problems, 2, "{report:?}");
        assert!(
            report.findings[0].contains("task:3 has no index entry (1 of"),
            "{report:?}"
        );
        Forge::open(&path).put("owned", &entry, b"");
        assert_eq!(open(&path).verify(&mut |_, _| ()).unwrap().problems, 0);
    }
}
