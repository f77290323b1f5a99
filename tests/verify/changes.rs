//! 9. Changes have different numbers; tombstones and tasks are found by their ids and uids.

use super::planned::{COUNTS, Counts, FIRST, PLANNED, Row, after, made_uuid};
use super::{JANE, finds};
use crate::harness::forge::{Forge, key, seal};

/// Key of the row by which a task is found by its uid.
fn uid_key(id: u64) -> Vec<u8> {
    key(&[&JANE, &0x16_u8, &&*format!("the-uid-of-task-{id}")])
}

/// Adds a tombstone of a task of Jane's with a UUID that names its id. Returns the bytes of its rows.
fn put_tombstone(forge: &Forge, seq: u64, id: u64) -> u64 {
    let place = key(&[&JANE, &0x14_u8, &seq]);
    let uuid = made_uuid(id);
    // A task, its id and UUID, the first change of the request, the time, and no author.
    let record = (0_u8, id, (0_u8, uuid), seq, 80_i64, 0_u8);
    let record = seal("owned", &place, 1, record);
    forge.put("owned", &place, &record);
    let by_id = key(&[&JANE, &0x15_u8, &id]);
    let number = seal("owned", &by_id, 1, seq);
    forge.put("owned", &by_id, &number);
    [&place, &record, &by_id, &number].iter().map(|it| it.len() as u64).sum()
}

/// Adds the planned task and the tombstone of task 4 with this number, and counts it.
fn deleted(seq: u64, id: u64) -> impl FnOnce(&Forge) {
    after(move |forge| {
        let tombstone_bytes = put_tombstone(forge, seq, id);
        Counts { seq: 9, tombstones: 1, tombstone_bytes, ..COUNTS }.put(forge);
    })
}

#[tokio::test]
async fn a_sound_tombstone_is_no_problem() {
    finds(deleted(7, 4), &[]).await;
}

#[tokio::test]
async fn a_uid_that_finds_another_task_or_none_is_found() {
    let lost = after(|forge| forge.delete("owned", &uid_key(5)));
    let number = "user:1 has more or fewer rows of uids than uids";
    finds(lost, &["task:5 cannot be found by its uid", number]).await;
    let other = after(|forge| {
        forge.put("owned", &uid_key(5), &seal("owned", &uid_key(5), 1, 3_u64));
    });
    finds(other, &["task:5 cannot be found by its uid"]).await;
    let stray = after(|forge| {
        forge.put("owned", &uid_key(9), &seal("owned", &uid_key(9), 1, 5_u64));
    });
    finds(stray, &[number]).await;
}

#[tokio::test]
async fn a_tombstone_that_cannot_be_found_is_found() {
    let numbers = "the tombstones of user:1 do not match the stats";
    let lost = |forge: &Forge| {
        deleted(7, 4)(forge);
        forge.delete("owned", &key(&[&JANE, &0x15_u8, &4_u64]));
    };
    finds(lost, &["the tombstone of task:4 cannot be found by its id", numbers]).await;
    let wrong = after(|forge| {
        let tombstone_bytes = put_tombstone(forge, 7, 4) - 1;
        Counts { seq: 9, tombstones: 1, tombstone_bytes, ..COUNTS }.put(forge);
    });
    finds(wrong, &[numbers]).await;
    let uncounted = after(|forge| {
        put_tombstone(forge, 6, 4);
        Counts { seq: 7, ..COUNTS }.put(forge);
    });
    let twice = "the numbers of user:1's changes are wrong";
    finds(uncounted, &[numbers, twice]).await;
}

#[tokio::test]
async fn a_tombstone_of_a_task_that_exists_is_found() {
    finds(deleted(7, 3), &["task:3 exists, and has a tombstone"]).await;
}

#[tokio::test]
async fn numbers_that_two_changes_have_or_that_are_still_to_come_are_found() {
    let wrong = ["the numbers of user:1's changes are wrong"];
    for seq in [0, 1, 4, 7] {
        let row = Row { seq, ..PLANNED };
        finds(after(move |forge| PLANNED.replace(forge, &row)), &wrong).await;
    }
    finds(deleted(10, 4), &wrong).await;
}

#[tokio::test]
async fn an_account_without_a_number_is_found() {
    let none = after(|forge| Counts { account_seq: 0, ..COUNTS }.put(forge));
    finds(none, &["the numbers of user:1's changes are wrong"]).await;
}

#[tokio::test]
async fn a_forgotten_deletion_that_is_later_than_a_known_change_is_found() {
    let wrong = ["the last forgotten deletion of user:1 is later than a known change"];
    let to_come = after(|forge| Counts { horizon: 7, ..COUNTS }.put(forge));
    finds(to_come, &wrong).await;
    let of = |horizon| {
        after(move |forge| {
            let tombstone_bytes = put_tombstone(forge, 7, 4);
            let tombstones = 1;
            Counts { seq: 9, horizon, tombstones, tombstone_bytes, ..COUNTS }.put(forge);
        })
    };
    finds(of(7), &wrong).await;
    finds(of(6), &[]).await;
}

#[tokio::test]
async fn a_uid_that_two_tasks_have_is_found() {
    let twice = after(|forge| {
        let uid_of = Some(5);
        FIRST.replace(forge, &Row { uid_of, ..FIRST });
        PLANNED.replace(forge, &Row { uid_of, ..PLANNED });
        forge.delete("owned", &uid_key(5));
    });
    finds(twice, &["task:1 and task:5 have the same uid"]).await;
}
