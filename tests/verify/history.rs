//! 11. Each change of the history and each task in the trash belongs to a task or to a tombstone, and is counted.

use super::planned::{COUNTS, Counts, PLANNED, Row, after, made_uuid};
use super::{JANE, finds};
use crate::harness::forge::{Forge, key, seal};

/// Adds a change of one of Jane's tasks. Returns the bytes of its row.
fn put_change(forge: &Forge, seq: u64, task: u64, since_before: u64) -> u64 {
    let place = key(&[&JANE, &0x1a_u8, &seq]);
    // Numbers of the batch, of the change before, of the revision and of the change; time, no author, former title,
    // no deletion.
    let numbers = (task, 0_u64, since_before, 1_u64, 1_u32);
    let record = (numbers, 80_i64, 0_u8, vec![(0_u8, "hidden before")], 0_u8);
    let record = seal("owned", &place, 1, record);
    forge.put("owned", &place, &record);
    (place.len() + record.len()) as u64
}

/// Adds a task with number 4 to the trash. Returns the bytes of its row.
fn put_trash(forge: &Forge, seq: u64, last_change: u64) -> u64 {
    let place = key(&[&JANE, &0x1b_u8, &seq]);
    // Title, description, state, times, revision, due date, priority and tags.
    let text = ("hidden", None::<&str>, None::<i64>, 40_i64, 40_i64, 1_u64);
    let text = (text, None::<i64>, 0_u8, Vec::<&str>::new());
    // Position, parent, rule, uid; list, last change, batch and author of the creation.
    let other = ("a1", None::<u64>, None::<&str>, (0_u8, made_uuid(4)));
    let record = (4_u64, text, other, (1_u64, last_change, 0_u64, 0_u8));
    let record = seal("owned", &place, 1, record);
    forge.put("owned", &place, &record);
    (place.len() + record.len()) as u64
}

/// Adds a tombstone of task 4. Returns the bytes of its rows.
fn put_tombstone(forge: &Forge, seq: u64) -> u64 {
    let place = key(&[&JANE, &0x14_u8, &seq]);
    let record = (0_u8, 4_u64, (0_u8, made_uuid(4)), seq, 80_i64, 0_u8);
    let record = seal("owned", &place, 1, record);
    forge.put("owned", &place, &record);
    let by_id = key(&[&JANE, &0x15_u8, &4_u64]);
    let number = seal("owned", &by_id, 1, seq);
    forge.put("owned", &by_id, &number);
    [&place, &record, &by_id, &number].iter().map(|it| it.len() as u64).sum()
}

/// Rows of the file without these, and their bytes.
const FEW: (u64, u64, u64, u64) = COUNTS.history;

/// Adds the planned task with a second change, and this change of the history.
fn changed(task: u64, since_before: u64) -> impl FnOnce(&Forge) {
    after(move |forge| {
        PLANNED.replace(forge, &Row { seq: 7, ..PLANNED });
        let bytes = put_change(forge, 7, task, since_before);
        let history = (FEW.0 + 1, 0, FEW.2 + bytes, 0);
        Counts { seq: 7, history, ..COUNTS }.put(forge);
    })
}

#[tokio::test]
async fn a_sound_history_is_no_problem() {
    finds(changed(5, 1), &[]).await;
    let deleted = |forge: &Forge| {
        let tombstone_bytes = put_tombstone(forge, 8);
        let bytes = put_trash(forge, 8, 7) + put_change(forge, 7, 4, 2);
        let history = (FEW.0 + 1, 1, FEW.2 + bytes, 0);
        let counts = Counts { seq: 8, tombstones: 1, history, ..COUNTS };
        Counts { tombstone_bytes, ..counts }.put(forge);
    };
    finds(after(deleted), &[]).await;
}

#[tokio::test]
async fn a_change_of_a_task_that_does_not_exist_is_found() {
    finds(changed(9, 1), &["a change of task:9, which does not exist"]).await;
}

#[tokio::test]
async fn a_change_that_is_later_than_the_last_one_of_its_task_is_found() {
    finds(changed(1, 1), &["the history of task:1 is out of order"]).await;
}

#[tokio::test]
async fn a_change_that_leads_to_itself_is_found() {
    finds(changed(5, 0), &["the history of task:5 is out of order"]).await;
}

#[tokio::test]
async fn a_history_that_the_stats_do_not_count_is_found() {
    let wrong = ["the history of user:1 does not match the stats"];
    let of = |history| after(move |forge| Counts { history, ..COUNTS }.put(forge));
    finds(of((FEW.0 + 1, 0, FEW.2, 0)), &wrong).await;
    finds(of((FEW.0, 1, FEW.2, 0)), &wrong).await;
    finds(of((FEW.0, 0, FEW.2 + 1, 0)), &wrong).await;
    finds(of(FEW), &[]).await;
}

#[tokio::test]
async fn a_deleted_task_without_a_tombstone_is_found() {
    let lost = |forge: &Forge| {
        let history = (FEW.0, 1, FEW.2 + put_trash(forge, 8, 7), 0);
        Counts { seq: 8, history, ..COUNTS }.put(forge);
    };
    finds(after(lost), &["task:4 is in the trash, and has no tombstone"]).await;
}

#[tokio::test]
async fn a_deleted_task_that_changed_after_its_deletion_is_found() {
    let late = |forge: &Forge| {
        let tombstone_bytes = put_tombstone(forge, 8);
        let history = (FEW.0, 1, FEW.2 + put_trash(forge, 8, 8), 0);
        let counts = Counts { seq: 8, tombstones: 1, history, ..COUNTS };
        Counts { tombstone_bytes, ..counts }.put(forge);
    };
    finds(after(late), &["task:4 was changed after its deletion"]).await;
}
