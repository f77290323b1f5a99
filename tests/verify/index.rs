//! 5. Each task has exactly one index entry, of its state and time of creation, and each entry a task.

use super::{JANE, JOHN, TASK, TASK_BY_STATE, finds};
use crate::harness::forge::{Forge, key, seal};

const OPEN: u8 = 0;
const DONE: u8 = 1;

/// The key of an index entry.
fn entry(owner: u64, state: u8, created: u64, task: u64) -> Vec<u8> {
    key(&[&owner, &TASK_BY_STATE, &state, &created, &task])
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
    let both = ["task:1 has no index entry", "entry of task:1 without its task"];
    finds(moved(entry(JANE, DONE, 10, 1)), &both).await;
    finds(moved(entry(JANE, OPEN, 11, 1)), &both).await;
    let counts = ["user:1 has more or fewer", "user:2 has more or fewer"];
    finds(moved(entry(JOHN, OPEN, 10, 1)), &[both, counts].concat()).await;
}

#[tokio::test]
async fn an_entry_with_a_value_is_found() {
    let value = |forge: &Forge| forge.put("owned", &entry(JANE, OPEN, 10, 1), b"x");
    finds(value, &["the index entry of task:1 has a value"]).await;
}

#[tokio::test]
async fn a_task_changed_without_its_entry_is_found() {
    let done = |forge: &Forge| {
        let place = key(&[&JANE, &TASK, &1_u64]);
        let record = ("secret", None::<String>, true, 10_i64, 10_i64, 1_u64);
        forge.put("owned", &place, &seal("owned", &place, 1, record));
    };
    let expected = [
        "task:1 has no index entry",
        "entry of task:1 without its task",
        "counts of user:1",
    ];
    finds(done, &expected).await;
}
