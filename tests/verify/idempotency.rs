//! 9. Each idempotency record has exactly one entry by age, each entry a record, and the stats of
//!    records match the rows.

use super::{JANE, finds};
use crate::harness::forge::{Forge, key, seal};

const ANSWER: u8 = 0x10;
const BY_AGE: u8 = 0x11;
const ANSWER_STATS: u8 = 0x12;
const MADE: u64 = 40;

fn entry(made: u64, answer: u8) -> Vec<u8> {
    key(&[&JANE, &BY_AGE, &made, &[answer; 16]])
}

fn put_answer(forge: &Forge, answer: u8, made: i64) {
    let place = key(&[&JANE, &ANSWER, &[answer; 16]]);
    let record = ([7_u8; 32], made, &b"sealed"[..]);
    forge.put("owned", &place, &seal("owned", &place, 1, record));
}

fn put_stats(forge: &Forge, records: u64, bytes: u64) {
    let place = key(&[&JANE, &ANSWER_STATS]);
    forge.put("owned", &place, &seal("owned", &place, 1, (records, bytes)));
}

/// Writes two sound idempotency records of Jane's.
fn sound(forge: &Forge) {
    for answer in [1, 2] {
        put_answer(forge, answer, 40);
        forge.put("owned", &entry(MADE, answer), b"");
    }
    put_stats(forge, 2, 12);
}

fn after(break_it: impl FnOnce(&Forge)) -> impl FnOnce(&Forge) {
    move |forge| {
        sound(forge);
        break_it(forge);
    }
}

#[tokio::test]
async fn answers_as_they_should_be_are_no_problem() {
    finds(sound, &[]).await;
}

#[tokio::test]
async fn an_answer_without_an_entry_is_found() {
    let missing = after(|forge| forge.delete("owned", &entry(MADE, 1)));
    finds(
        missing,
        &["an idempotency record of user:1 has no entry", "more or fewer entries"],
    )
    .await;
}

#[tokio::test]
async fn an_entry_without_an_answer_is_found() {
    let extra = after(|forge| forge.put("owned", &entry(MADE, 3), b""));
    finds(
        extra,
        &["an entry of user:1 without its idempotency record", "more or fewer entries"],
    )
    .await;
}

#[tokio::test]
async fn an_entry_of_another_time_is_found() {
    let moved = after(|forge| {
        forge.delete("owned", &entry(MADE, 1));
        forge.put("owned", &entry(MADE + 1, 1), b"");
    });
    finds(
        moved,
        &[
            "an idempotency record of user:1 has no entry",
            "user:1 without its idempotency record",
        ],
    )
    .await;
}

#[tokio::test]
async fn an_entry_with_a_value_is_found() {
    let value = after(|forge| forge.put("owned", &entry(MADE, 1), b"x"));
    finds(value, &["an entry of user:1's idempotency records has a value"]).await;
}

#[tokio::test]
async fn stats_that_differ_from_the_rows_are_found() {
    let wrong = ["the stats of user:1's idempotency records are wrong"];
    for (records, bytes) in [(1, 12), (3, 12), (2, 11), (2, 13), (0, 0)] {
        finds(after(|forge| put_stats(forge, records, bytes)), &wrong).await;
    }
    let place = key(&[&JANE, &ANSWER_STATS]);
    finds(after(|forge| forge.delete("owned", &place)), &wrong).await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_found() {
    let damaged = after(|forge| {
        let place = key(&[&JANE, &ANSWER, &[1; 16]]);
        let mut value = forge.get("owned", &place);
        *value.last_mut().unwrap() ^= 1;
        forge.put("owned", &place, &value);
    });
    let expected = [
        "checksum",
        "user:1 without its idempotency record",
        "idempotency records are wrong",
        "more or fewer",
    ];
    finds(damaged, &expected).await;
    let layout = after(|forge| {
        forge.put("owned", &key(&[&JANE, &ANSWER, &1_u64]), b"");
        forge.put("owned", &key(&[&JANE, &BY_AGE, &u64::MAX, &[1; 16]]), b"");
    });
    finds(layout, &["unknown layout"; 2]).await;
}
