//! 5. Each task has exactly the index entries that it should have, and each entry a task.

use std::collections::BTreeSet;

use super::planned::{FIRST, PLANNED, Row, after};
use super::{JANE, JOHN, finds, given_file_with};
use crate::harness::forge::{Forge, key};
use crate::harness::values::open;

/// Indexes that have an entry of every task; Jane's first task is found in each.
const INDEXES: [&str; 6] = ["priority", "update", "position", "title", "word", "change"];

fn missing(id: u64, name: &str) -> String {
    format!("task:{id} has no index entry by {name}")
}

fn stray(id: u64, name: &str) -> String {
    format!("an index entry of task:{id} by {name} without its task")
}

const NUMBER: &str = "user:1 has more or fewer index entries than tasks";

#[tokio::test]
async fn a_task_without_an_entry_is_found() {
    for (name, entry) in PLANNED.entries() {
        let deleted = after(|forge| forge.delete("owned", &entry));
        finds(deleted, &[&missing(5, name), NUMBER]).await;
    }
}

#[tokio::test]
async fn an_entry_without_a_task_is_found() {
    for (name, entry) in (Row { id: 99, ..PLANNED }).entries() {
        let extra = |forge: &Forge| forge.put("owned", &entry, b"");
        finds(extra, &[&stray(99, name), NUMBER]).await;
    }
}

#[tokio::test]
async fn an_entry_of_what_a_task_is_not_is_found() {
    let other = Row {
        completed: Some(70),
        updated: 71,
        due: Some(4),
        position: "a4",
        title: "hidden plans",
        parent: Some(2),
        words: &["hide", "plans"],
        seq: 5,
        ..PLANNED
    };
    for ((name, old), (_, new)) in PLANNED.entries().into_iter().zip(other.entries()) {
        let moved = after(|forge| {
            forge.delete("owned", &old);
            forge.put("owned", &new, b"");
        });
        finds(moved, &[&missing(5, name), &stray(5, name)]).await;
        let second = after(|forge| forge.put("owned", &new, b""));
        finds(second, &[&stray(5, name), NUMBER]).await;
    }
}

#[tokio::test]
async fn an_entry_of_another_priority_tag_or_time_is_found() {
    let numbered = |row: Row, at: usize| {
        after(move |forge: &Forge| {
            forge.delete("owned", &PLANNED.entries()[at].1);
            forge.put("owned", &row.entries()[at].1, b"");
        })
    };
    let by = |name| [missing(5, name), stray(5, name)];
    let [gone, extra] = by("priority");
    finds(numbered(Row { priority: 3, ..PLANNED }, 0), &[&gone, &extra]).await;
    finds(numbered(Row { created: 61, ..PLANNED }, 0), &[&gone, &extra]).await;
    let [gone, extra] = by("tag");
    finds(numbered(Row { tags: &["Hidden"], ..PLANNED }, 5), &[&gone, &extra]).await;
    finds(numbered(Row { created: 61, ..PLANNED }, 5), &[&gone, &extra]).await;
}

#[tokio::test]
async fn an_entry_of_another_owner_is_found() {
    let johns = Row { owner: JOHN, ..FIRST }.entries();
    for ((name, old), (_, new)) in FIRST.entries().into_iter().zip(johns) {
        let moved = |forge: &Forge| {
            forge.delete("owned", &old);
            forge.put("owned", &new, b"");
        };
        let numbers = [NUMBER, "user:2 has more or fewer"];
        let both = [&missing(1, name), &stray(1, name)];
        finds(moved, &[both.map(String::as_str), numbers].concat()).await;
    }
}

#[tokio::test]
async fn an_entry_of_the_index_of_older_formats_is_found() {
    let older = |forge: &Forge| {
        forge.put("owned", &key(&[&JANE, &3_u8, &0_u8, &10_u64, &1_u64]), b"");
    };
    finds(older, &[&stray(1, "state"), NUMBER]).await;
}

#[tokio::test]
async fn an_entry_with_a_value_is_found() {
    for (_, entry) in PLANNED.entries() {
        let value = after(|forge| forge.put("owned", &entry, b"x"));
        finds(value, &["the index entry of task:5 has a value"]).await;
    }
}

#[tokio::test]
async fn a_task_changed_without_its_entry_is_found() {
    let done = |forge: &Forge| Row { completed: Some(10), ..FIRST }.put(forge);
    let (gone, extra) = (missing(1, "priority"), stray(1, "priority"));
    let expected = [&gone, &extra, &missing(1, "completion"), NUMBER, "counts of user:1"];
    finds(done, &expected).await;
}

#[tokio::test]
async fn a_task_without_any_entry_is_found() {
    let bare = |forge: &Forge| {
        for (_, entry) in FIRST.entries() {
            forge.delete("owned", &entry);
        }
    };
    let expected = INDEXES.map(|name| missing(1, name));
    let mut expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    expected.push(NUMBER);
    finds(bare, &expected).await;
}

#[tokio::test]
async fn an_entry_of_an_account_that_is_scanned_is_found() {
    let data = tempfile::tempdir().unwrap();
    let path = given_file_with(data.path(), 2).await;
    assert_eq!(open(&path).verify().unwrap().findings, [""; 0]);

    // Jane has three tasks and index entries, John has one task and none.
    let johns = Row { owner: JOHN, id: 4, title: "d", words: &["d"], ..FIRST };
    let johns = Row { created: 40, updated: 40, ..johns };
    let forge = Forge::open(&path);
    for (_, entry) in johns.entries() {
        forge.put("owned", &entry, b"");
    }
    forge.count_bytes();
    drop(forge);
    let found = open(&path).verify().unwrap().findings;

    let names = johns.entries().into_iter().map(|(name, _)| stray(4, name));
    let mut expected: Vec<String> = names.collect();
    expected.push("user:2 has more or fewer index entries than tasks".to_owned());
    let (found, expected) = (BTreeSet::from_iter(found), BTreeSet::from_iter(expected));
    assert_eq!(found, expected);
}
