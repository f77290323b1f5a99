//! 6. Counts match the rows, for each tag as well; `newest` and `in_order` agree with the rows.

use super::planned::{COUNTS, Counts, FIRST, Row, after, key_of_tag, put_tag};
use super::{JANE, STATS, finds, report_as_it_is_after};
use crate::harness::forge::{Forge, key};

/// Kind of the row in formats 1 to 5.
const FORMER_STATS: u8 = 1;

/// Jane's row without the planned task.
const JANES: Counts =
    Counts { weight: 24, latest: 50, last: Some((3, "a2")), seq: 5, ..COUNTS };

/// Jane's row: 3 tasks, 2 open, the last of time 30, in order.
fn stats(tasks: u64, open: u64, newest: i64, in_order: bool) -> impl FnOnce(&Forge) {
    let by_priority = [(tasks, open), (0, 0), (0, 0), (0, 0), (0, 0)];
    let counts = Counts { newest, in_order, by_priority, nested: 0, tags: 0, ..JANES };
    move |forge| counts.put(forge)
}

/// Jane's row with one more task.
fn planned(counts: Counts) -> impl FnOnce(&Forge) {
    after(move |forge| counts.put(forge))
}

const WRONG: [&str; 1] = ["the counts of user:1 do not match the rows"];

#[tokio::test]
async fn counts_that_differ_from_the_rows_are_found() {
    finds(stats(3, 2, 30, true), &[]).await;
    finds(stats(4, 2, 30, true), &WRONG).await;
    finds(stats(2, 2, 30, true), &WRONG).await;
    finds(stats(3, 3, 30, true), &WRONG).await;
    finds(stats(3, 1, 30, true), &WRONG).await;
}

#[tokio::test]
async fn counts_under_another_priority_are_found() {
    finds(planned(COUNTS), &[]).await;
    for priority in 0..5 {
        let mut counts = COUNTS;
        counts.by_priority[priority].0 += 1;
        finds(planned(counts), &WRONG).await;
        let mut counts = COUNTS;
        counts.by_priority[priority].1 += 1;
        finds(planned(counts), &WRONG).await;
        // The sum is right.
        let mut counts = COUNTS;
        counts.by_priority[4] = (0, 0);
        counts.by_priority[priority].0 += 1;
        counts.by_priority[priority].1 += 1;
        finds(planned(counts), if priority == 4 { &[] } else { &WRONG }).await;
    }
}

#[tokio::test]
async fn a_wrong_number_of_parts_or_tags_is_found() {
    for number in [0, 2] {
        finds(planned(Counts { nested: number, ..COUNTS }), &WRONG).await;
        finds(planned(Counts { tags: number, ..COUNTS }), &WRONG).await;
    }
}

#[tokio::test]
async fn wrong_counts_of_a_tag_are_found() {
    for (tasks, open) in [(0, 0), (1, 0), (2, 1), (2, 2)] {
        let wrong = after(|forge| put_tag(forge, "hidden", tasks, open));
        finds(wrong, &["the counts of a tag of user:1 are wrong"]).await;
    }
}

#[tokio::test]
async fn a_tag_without_counts_is_found() {
    let missing = after(|forge| forge.delete("owned", &key_of_tag("hidden")));
    finds(missing, &["a tag of user:1 has no counts"]).await;
}

#[tokio::test]
async fn counts_of_a_tag_that_no_task_has_are_found() {
    for counts in [(0, 0), (1, 1)] {
        let stray = after(|forge| put_tag(forge, "Hidden", counts.0, counts.1));
        finds(stray, &["the counts of a tag of user:1 are wrong"]).await;
    }
}

#[tokio::test]
async fn a_newest_time_that_is_too_early_is_found() {
    finds(
        stats(3, 2, 29, true),
        &["the order of user:1's tasks does not match the stats"],
    )
    .await;
    finds(stats(3, 2, 31, true), &[]).await;
}

#[tokio::test]
async fn an_order_that_is_claimed_but_not_kept_is_found() {
    let earlier = |forge: &Forge| {
        // Task 3, created at 30 and open, is created at 5 instead.
        let third =
            Row { id: 3, title: "c", words: &["c"], position: "a2", seq: 4, ..FIRST };
        let as_it_is = Row { created: 30, updated: 30, ..third };
        as_it_is.replace(forge, &Row { created: 5, updated: 5, ..third });
    };
    finds(earlier, &["the order of user:1's tasks does not match the stats"]).await;
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

#[tokio::test]
async fn bytes_that_are_not_those_of_the_rows_are_found() {
    let sound = report_as_it_is_after(Forge::count_bytes).await;
    assert_eq!(sound.problems, 0, "{sound:?}");

    let report = report_as_it_is_after(stats(3, 2, 30, true)).await;

    assert_eq!(report.problems, 1, "{report:?}");
    let finding = &report.findings[0];
    assert!(finding.starts_with("0 bytes are counted for user:1, but the rows have"));
}

#[tokio::test]
async fn a_wrong_weight_is_found() {
    for weight in [33, 35] {
        let expected =
            format!("the weight of user:1 is {weight}, but the tasks weigh 34");
        finds(planned(Counts { weight, ..COUNTS }), &[&expected]).await;
    }
}

#[tokio::test]
async fn a_latest_change_that_is_too_early_is_found() {
    let expected = ["a task of user:1 was changed after the latest change"];
    finds(planned(Counts { latest: 69, ..COUNTS }), &expected).await;
    finds(planned(Counts { latest: 71, ..COUNTS }), &[]).await;
}

#[tokio::test]
async fn another_last_task_is_found() {
    for last in [None, Some((3, "a2")), Some((5, "a4")), Some((3, "a3"))] {
        let expected = ["the last task of user:1 is another one"];
        finds(planned(Counts { last, ..COUNTS }), &expected).await;
    }
}

#[tokio::test]
async fn counts_at_their_place_in_former_formats_are_found() {
    let beside = after(|forge| {
        let row = forge.get("owned", &key(&[&JANE, &STATS]));
        forge.put("owned", &key(&[&JANE, &FORMER_STATS]), &row);
    });
    let misplaced = "the counts of user:1 are not at their place in format 8";
    finds(beside, &[misplaced]).await;
}
