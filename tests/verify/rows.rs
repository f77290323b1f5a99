//! 4. Each row of `owned` belongs to a user, or to a deleted one who is named in `purge`.
//! 7. No user is named in `purge`. There is no other table.

use super::{JANE, JOHN, SESSION, finds, report_after};
use crate::harness::forge::{Forge, key, seal};

/// Removes an account, and leaves all its data.
fn orphan(forge: &Forge) {
    forge.delete("users", &key(&[&JOHN]));
    forge.delete("user_by_email", b"john@example.com");
}

fn purge(forge: &Forge, user: u64) {
    let place = key(&[&user]);
    forge.put("purge", &place, &seal("purge", &place, 1, 0_u64));
}

#[tokio::test]
async fn rows_of_nobody_are_found() {
    let row = "a row of user:2, who does not exist";
    // The counts, the task and its entries.
    finds(orphan, &[row; 8]).await;
    let session = |forge: &Forge| {
        let place = key(&[&77_u64, &SESSION, &[1; 16]]);
        forge.put("owned", &place, &seal("owned", &place, 1, (0_i64, 1_i64, [0_u8; 32])));
    };
    finds(session, &["a row of user:77, who does not exist"]).await;
}

#[tokio::test]
async fn rows_that_wait_for_their_removal_are_counted() {
    let report = report_after(|forge| {
        orphan(forge);
        purge(forge, JOHN);
    });

    let report = report.await;

    assert_eq!(report.findings, [""; 0]);
    // The thread that removes them may have begun already.
    assert!(report.to_purge == 8 || report.to_purge == 0, "{report:?}");
    assert_eq!((report.users, report.tasks), (1, 3));
}

#[tokio::test]
async fn a_purge_of_somebody_who_is_there_is_found() {
    let both = |forge: &Forge| {
        stop_purging(forge);
        purge(forge, JANE);
    };
    finds(
        both,
        &["purge: a key that is not a user id", "purge names a user who still exists"],
    )
    .await;
}

#[tokio::test]
async fn a_purge_that_cannot_be_read_is_found() {
    let unreadable = |forge: &Forge| {
        stop_purging(forge);
        forge.put("purge", &key(&[&9_u64]), b"");
    };
    finds(
        unreadable,
        &["purge: a key that is not", "key 0000000000000009: value too short"],
    )
    .await;
}

/// Puts an invalid key before all others, which stops the purge, so that the rows still exist when they are checked.
fn stop_purging(forge: &Forge) {
    forge.put("purge", b"", &seal("purge", b"", 1, 0_u64));
}

#[tokio::test]
async fn an_unknown_table_is_found() {
    let another = |forge: &Forge| forge.put("tags", b"a", b"b");
    finds(another, &["an unknown table, tags"]).await;
}
