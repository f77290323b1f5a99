//! 1. Every value has the checksum of its place and a known layout; every key has a known layout.

use super::{JANE, JOHN, SESSION, STATS, TASK, finds};
use crate::harness::forge::{Forge, key, seal};

/// Further findings if Jane's first task cannot be read.
const UNREADABLE: [&str; 9] = [
    "entry of task:1 by priority without",
    "entry of task:1 by update without",
    "entry of task:1 by position without",
    "entry of task:1 by title without",
    "entry of task:1 by word without",
    "entry of task:1 by change without",
    "counts of user:1",
    "more or fewer",
    "the weight of user:1 is 24, but the tasks weigh 16",
];

#[tokio::test]
async fn a_changed_byte_is_found_in_every_kind_of_value() {
    let flipped = |table: &'static str, key: Vec<u8>| {
        move |forge: &Forge| {
            let mut value = forge.get(table, &key);
            *value.last_mut().unwrap() ^= 1;
            forge.put(table, &key, &value);
        }
    };

    let user = key(&[&JANE]);
    // Found twice: in its own place and at the lookup of its email.
    let twice = ["key 0000000000000001: checksum"; 2];
    finds(flipped("users", user), &[&twice[..], &["which has another email"]].concat())
        .await;
    let email = b"jane@example.com".to_vec();
    finds(flipped("user_by_email", email), &["checksum", "checksum", "has no entry"])
        .await;
    finds(flipped("owned", key(&[&JANE, &STATS])), &["checksum"]).await;
    finds(flipped("owned", key(&[&JANE, &SESSION, &[7; 16]])), &["checksum"]).await;
    finds(flipped("meta", b"next_user_id".to_vec()), &["checksum", "user id is in use"])
        .await;
    // A task that cannot be read is missing in the index and in the counts too.
    let task = [&["checksum"], &UNREADABLE[..]].concat();
    finds(flipped("owned", key(&[&JANE, &TASK, &1_u64])), &task).await;
}

#[tokio::test]
async fn a_value_that_belongs_elsewhere_is_found() {
    let moved = |forge: &Forge| {
        let johns = forge.get("owned", &key(&[&JOHN, &STATS]));
        forge.put("owned", &key(&[&JANE, &STATS]), &johns);
    };
    finds(moved, &["table owned, key 000000000000000105: checksum"]).await;
}

#[tokio::test]
async fn a_value_without_room_for_a_checksum_is_found() {
    let short = |forge: &Forge| forge.put("owned", &key(&[&JANE, &STATS]), &[1; 8]);
    finds(short, &["value too short"]).await;
}

#[tokio::test]
async fn a_record_of_an_unknown_version_is_found() {
    let newer = |forge: &Forge| {
        let place = key(&[&JANE, &SESSION, &[7; 16]]);
        forge.put(
            "owned",
            &place,
            &seal("owned", &place, 3, (0_i64, 100_i64, [7_u8; 32])),
        );
    };
    finds(newer, &["unknown record version 3"]).await;
}

#[tokio::test]
async fn a_record_with_too_many_or_too_few_bytes_is_found() {
    let place = || key(&[&JANE, &SESSION, &[7; 16]]);
    let longer = |forge: &Forge| {
        let record = (0_i64, 100_i64, [7_u8; 32], 1_u8);
        forge.put("owned", &place(), &seal("owned", &place(), 1, record));
    };
    finds(longer, &["trailing bytes"]).await;
    let shorter = |forge: &Forge| {
        forge.put("owned", &place(), &seal("owned", &place(), 1, (0_i64, 100_i64)));
    };
    finds(shorter, &["table owned, key 000000000000000102"]).await;
}

#[tokio::test]
async fn a_record_that_says_what_cannot_be_is_found() {
    let session = |created: i64| {
        move |forge: &Forge| {
            let place = key(&[&JANE, &SESSION, &[7; 16]]);
            forge.put(
                "owned",
                &place,
                &seal("owned", &place, 1, (created, 1_i64, [7_u8; 32])),
            );
        }
    };
    finds(session(-1), &["not a time"]).await;
    let user = |email: &'static str, role: u8| {
        move |forge: &Forge| {
            let place = key(&[&JANE]);
            forge.put(
                "users",
                &place,
                &seal("users", &place, 1, (email, "x", role, 1_i64)),
            );
        }
    };
    let another = "which has another email";
    finds(user("Jane@example.com", 9), &["unknown role 9", "unknown role 9", another])
        .await;
    finds(user("jane", 1), &["must be an email", "has no entry", another]).await;
    let task = |title: String, description: Option<String>| {
        move |forge: &Forge| {
            let place = key(&[&JANE, &TASK, &1_u64]);
            let record = (title, description, false, 10_i64, 10_i64, 1_u64);
            forge.put("owned", &place, &seal("owned", &place, 1, record));
        }
    };
    let with = |first| [&[first], &UNREADABLE[..]].concat();
    finds(task(String::new(), None), &with("title must not be empty")).await;
    finds(task("a".repeat(256), None), &with("title must have at most 255")).await;
    finds(task("a".to_owned(), Some("b".repeat(2001))), &with("description must have"))
        .await;
}

#[tokio::test]
async fn a_key_of_no_known_layout_is_found() {
    let put = |table: &'static str, key: &'static [u8]| {
        move |forge: &Forge| forge.put(table, key, &seal(table, key, 1, 1_u64))
    };
    finds(put("users", b"abc"), &["users: a key that is not a user id"]).await;
    finds(put("owned", b"abc"), &["owned: a key of unknown layout"]).await;
    finds(put("owned", b"\0\0\0\0\0\0\0\x01\x09"), &["owned: a key of unknown layout"])
        .await;
    finds(put("purge", b"abc"), &["purge: a key that is not a user id"]).await;
    finds(put("meta", b"colour"), &["meta: an unknown name"]).await;
}
