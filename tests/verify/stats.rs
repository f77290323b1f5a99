//! 6. Counts are those of the rows; `newest` and `in_order` say no more than the rows do.

use super::{BY_PRIORITY, JANE, STATS, TASK, finds};
use crate::harness::forge::{Forge, key, seal};

/// Jane's row as it is: 3 tasks, 2 open, the last of time 30, in order.
fn stats(tasks: u64, open: u64, newest: i64, in_order: bool) -> impl FnOnce(&Forge) {
    move |forge| {
        let place = key(&[&JANE, &STATS]);
        forge.put(
            "owned",
            &place,
            &seal("owned", &place, 1, (tasks, open, newest, in_order)),
        );
    }
}

#[tokio::test]
async fn counts_that_differ_from_the_rows_are_found() {
    let expected = ["the counts of user:1 are not those of the rows"];
    finds(stats(3, 2, 30, true), &[]).await;
    finds(stats(4, 2, 30, true), &expected).await;
    finds(stats(2, 2, 30, true), &expected).await;
    finds(stats(3, 3, 30, true), &expected).await;
    finds(stats(3, 1, 30, true), &expected).await;
}

#[tokio::test]
async fn a_newest_time_that_is_too_early_is_found() {
    finds(stats(3, 2, 29, true), &["the order of user:1's tasks is not as noted"]).await;
    finds(stats(3, 2, 31, true), &[]).await;
}

#[tokio::test]
async fn an_order_that_is_claimed_but_not_kept_is_found() {
    let earlier = |forge: &Forge| {
        // Task 3, made at 30 and open, is made at 5 instead.
        let place = key(&[&JANE, &TASK, &3_u64]);
        let record = ("c", None::<String>, false, 5_i64, 5_i64, 1_u64);
        forge.put("owned", &place, &seal("owned", &place, 1, record));
        let entry =
            |created: u64| key(&[&JANE, &BY_PRIORITY, &0_u8, &0_u8, &created, &3_u64]);
        let updated = |at: u64| key(&[&JANE, &9_u8, &at, &3_u64]);
        let position =
            |text: &[u8]| [&key(&[&JANE, &10_u8]), text, &[0], &key(&[&3_u64])].concat();
        for (from, to) in [
            (entry(30), entry(5)),
            (updated(30), updated(5)),
            // Where a task of the first layout stands.
            (position(b"a2"), position(b"a3")),
        ] {
            forge.delete("owned", &from);
            forge.put("owned", &to, b"");
        }
    };
    finds(earlier, &["the order of user:1's tasks is not as noted"]).await;
    let admitted = |forge: &Forge| {
        earlier(forge);
        stats(3, 2, 30, false)(forge);
    };
    finds(admitted, &[]).await;
}

#[tokio::test]
async fn an_order_that_is_kept_but_not_claimed_is_no_problem() {
    finds(stats(3, 2, 30, false), &[]).await;
}
