//! 2. `meta` has this program's format, and its next ids are above all ids in use.
//!
//! A file of another format cannot be opened, so `store::files` tests that.

use super::{JANE, JOHN, TASK, finds};
use crate::harness::forge::{Forge, key, seal};

#[tokio::test]
async fn a_next_id_that_is_in_use_is_found() {
    let next = |name: &'static str, id: u64| {
        move |forge: &Forge| {
            forge.put("meta", name.as_bytes(), &seal("meta", name.as_bytes(), 1, id));
        }
    };
    finds(next("next_user_id", 3), &[]).await;
    finds(next("next_user_id", 2), &["the next user id is in use"]).await;
    finds(next("next_task_id", 5), &[]).await;
    finds(next("next_task_id", 4), &["the next task id is in use"]).await;
    finds(next("next_task_id", 0), &["the next task id is in use"]).await;
}

#[tokio::test]
async fn an_id_that_two_people_have_is_found() {
    let twice = |forge: &Forge| {
        let place = key(&[&JOHN, &TASK, &1_u64]);
        let record = ("a", None::<String>, false, 10_i64, 10_i64, 1_u64);
        forge.put("owned", &place, &seal("owned", &place, 1, record));
    };
    let expected = [
        "task:1 belongs to user:2 and to another",
        "task:1 has no index entry by priority",
        "task:1 has no index entry by update",
        "task:1 has no index entry by position",
        "task:1 has no index entry by title",
        "task:1 has no index entry by word",
        "task:1 has no index entry by change",
        "the numbers of user:2's changes are wrong",
        "counts of user:2",
        "more or fewer",
        "the weight of user:2 is 8, but the tasks weigh 16",
        "the last task of user:2",
    ];
    finds(twice, &expected).await;
}

#[tokio::test]
async fn a_missing_next_id_is_found() {
    let missing = |name: &'static [u8]| move |forge: &Forge| forge.delete("meta", name);
    finds(missing(b"next_user_id"), &["the next user id is in use"]).await;
    finds(missing(b"next_task_id"), &["the next task id is in use"]).await;
}

#[tokio::test]
async fn the_highest_ids_there_are_do_not_confuse_the_checker() {
    let highest = |forge: &Forge| {
        let place = key(&[&JANE, &TASK, &u64::MAX]);
        let record = ("a", None::<String>, false, 10_i64, 10_i64, 1_u64);
        forge.put("owned", &place, &seal("owned", &place, 1, record));
    };
    let expected = [
        "task:18446744073709551615 has no index entry by priority",
        "task:18446744073709551615 has no index entry by update",
        "task:18446744073709551615 has no index entry by position",
        "task:18446744073709551615 has no index entry by title",
        "task:18446744073709551615 has no index entry by word",
        "task:18446744073709551615 has no index entry by change",
        "the numbers of user:1's changes are wrong",
        "counts of user:1",
        "more or fewer",
        "the weight of user:1 is 24, but the tasks weigh 32",
        "the last task of user:1",
        "order of user:1",
        "the next task id is in use",
    ];
    finds(highest, &expected).await;
}
