//! 6. Counts of priorities and tags are those of the rows. Tasks lie in those that are there.

use super::{JANE, STATS, TASK, report_after};
use crate::harness::forge::{Forge, key, seal};

type Due = Option<(i64, Option<&'static str>)>;

/// Writes Jane's first task anew, with this and nothing else that is new.
fn rewritten(
    parent: Option<u64>,
    done: Option<i64>,
    due: Due,
    rule: Option<&'static str>,
) -> impl FnOnce(&Forge) {
    move |forge| {
        let place = key(&[&JANE, &TASK, &1_u64]);
        let start = ("secret", None::<String>, done, 10_i64, 10_i64, 1_u64);
        let rest = (
            due,
            0_u8,
            Vec::<String>::new(),
            "a0",
            parent,
            rule.map(|it| (it, None::<u32>)),
        );
        forge.put("owned", &place, &seal("owned", &place, 2, (start, rest)));
    }
}

async fn is_found(edit: impl FnOnce(&Forge), part: &str) {
    let report = report_after(edit).await;
    assert!(report.findings.iter().any(|it| it.contains(part)), "{part}: {report:?}");
}

#[tokio::test]
async fn a_part_of_nothing_or_of_itself_is_found() {
    is_found(
        rewritten(Some(99), None, None, None),
        "task:1 is a part of no task, or of itself",
    )
    .await;
    is_found(
        rewritten(Some(1), None, None, None),
        "task:1 is a part of no task, or of itself",
    )
    .await;
    is_found(rewritten(Some(4), None, None, None), "task:1 is a part of no task").await;
}

#[tokio::test]
async fn what_recurs_without_a_date_or_after_it_was_done_is_found() {
    let daily = Some("FREQ=DAILY");
    is_found(
        rewritten(None, None, None, daily),
        "task:1 recurs, and is done or has no date",
    )
    .await;
    let due = Some((20_000, None));
    is_found(rewritten(None, Some(10), due, daily), "task:1 recurs, and is done").await;
}

#[tokio::test]
async fn what_a_record_cannot_say_is_found() {
    is_found(rewritten(None, None, Some((i64::MAX, None)), None), "due on no day").await;
    is_found(rewritten(None, None, Some((1, None)), Some("FREQ=NEVER")), "recurrence")
        .await;
}

#[tokio::test]
async fn counts_of_priorities_parts_and_tags_that_differ_are_found() {
    let stats = |first: (u64, u64), second: (u64, u64), nested: u64, tags: u64| {
        move |forge: &Forge| {
            let place = key(&[&JANE, &STATS]);
            let none = (0_u64, 0_u64);
            let record = (30_i64, true, [first, second, none, none, none], nested, tags);
            forge.put("owned", &place, &seal("owned", &place, 2, record));
        }
    };
    assert_eq!(report_after(stats((3, 2), (0, 0), 0, 0)).await.problems, 0);
    let wrong = "the counts of user:1 are not those of the rows";
    is_found(stats((2, 1), (1, 1), 0, 0), wrong).await;
    is_found(stats((3, 2), (0, 0), 1, 0), wrong).await;
    is_found(stats((3, 2), (0, 0), 0, 1), wrong).await;
}

#[tokio::test]
async fn counts_of_a_tag_that_nothing_has_are_found() {
    let tag = |forge: &Forge| {
        let place = [key(&[&JANE, &14_u8]), b"x".to_vec()].concat();
        forge.put("owned", &place, &seal("owned", &place, 1, (1_u64, 1_u64)));
    };
    is_found(tag, "the counts of a tag of user:1 are wrong").await;
}
