//! Completions, with the present as a second limit.

use super::*;

/// Returns the next due date and the rule from there, after a completion in Berlin.
fn next(
    rule: &str,
    from: RepeatFrom,
    first: &str,
    now: &str,
    catch_up: bool,
) -> Option<(String, String)> {
    let home = &TimeZone::new("Europe/Berlin").unwrap();
    let recurrence = Recurrence::new(Rule::parse(rule).unwrap(), from);
    let done = Completion { at: now.parse().unwrap(), home, catch_up };
    let (due, recurrence) = recurrence.next(&Due::parse(first, home).unwrap(), done)?;
    Some((due.to_string(), recurrence.rule().to_string()))
}

fn is(due: &str, rule: &str) -> (String, String) {
    (due.to_owned(), rule.to_owned())
}

const NOW: &str = "2026-11-28T12:00:00Z";

#[test]
fn an_overdue_task_comes_back_after_the_present() {
    let due = RepeatFrom::Due;
    for (rule, first, expected) in [
        (
            "FREQ=DAILY;INTERVAL=3",
            "2026-10-01",
            Some(is("2026-11-30", "FREQ=DAILY;INTERVAL=3")),
        ),
        // Before the date is due, the next one comes after it.
        ("FREQ=DAILY", "2026-12-24", Some(is("2026-12-25", "FREQ=DAILY"))),
        ("FREQ=DAILY", "2026-11-28", Some(is("2026-11-29", "FREQ=DAILY"))),
        // A day of today is over only tomorrow; a time of today may be still to come.
        ("FREQ=WEEKLY", "2026-11-21", Some(is("2026-12-05", "FREQ=WEEKLY"))),
        (
            "FREQ=DAILY",
            "2026-11-20T18:00[Europe/Berlin]",
            Some(is("2026-11-28T18:00:00+01:00[Europe/Berlin]", "FREQ=DAILY")),
        ),
        (
            "FREQ=DAILY",
            "2026-11-20T13:00[Europe/Berlin]",
            Some(is("2026-11-29T13:00:00+01:00[Europe/Berlin]", "FREQ=DAILY")),
        ),
        // Skipped occurrences count.
        (
            "FREQ=DAILY;COUNT=9",
            "2026-11-25",
            Some(is("2026-11-29", "FREQ=DAILY;COUNT=5")),
        ),
        ("FREQ=DAILY;COUNT=4", "2026-11-25", None),
        (
            "FREQ=DAILY;COUNT=10000",
            "2026-01-01",
            Some(is("2026-11-29", "FREQ=DAILY;COUNT=9668")),
        ),
        ("FREQ=DAILY;UNTIL=20261128", "2026-11-01", None),
        (
            "FREQ=DAILY;UNTIL=20261129",
            "2026-11-01",
            Some(is("2026-11-29", "FREQ=DAILY;UNTIL=20261129")),
        ),
    ] {
        assert_eq!(next(rule, due, first, NOW, true), expected, "{rule} {first}");
    }
    // It is the 29th in Berlin.
    assert_eq!(
        next("FREQ=DAILY", due, "2026-11-01", "2026-11-28T23:30:00Z", true),
        Some(is("2026-11-30", "FREQ=DAILY"))
    );
    assert_eq!(
        next("FREQ=DAILY;INTERVAL=3", due, "2026-10-01", NOW, false),
        Some(is("2026-10-04", "FREQ=DAILY;INTERVAL=3"))
    );
    assert_eq!(
        next("FREQ=DAILY;COUNT=2", due, "2026-10-01", NOW, false),
        Some(is("2026-10-02", "FREQ=DAILY;COUNT=1"))
    );
}

#[test]
fn a_rule_that_repeats_from_the_completion_begins_with_its_day() {
    for (rule, first, expected) in [
        ("FREQ=DAILY;INTERVAL=3", "2026-10-01", "2026-12-01"),
        ("FREQ=DAILY;INTERVAL=3", "2026-11-30", "2026-12-01"),
        // The current one does not come back.
        ("FREQ=WEEKLY;BYDAY=MO", "2026-11-30", "2026-12-07"),
        ("FREQ=WEEKLY", "2026-11-02", "2026-12-05"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "2026-11-02", "2026-12-07"),
        ("FREQ=MONTHLY", "2026-11-02", "2026-12-28"),
        ("FREQ=YEARLY", "2026-01-01", "2027-11-28"),
        (
            "FREQ=DAILY",
            "2026-11-02T18:00[Europe/Berlin]",
            "2026-11-29T18:00:00+01:00[Europe/Berlin]",
        ),
        // From November the third month after is February; from March it is December.
        (
            "FREQ=MONTHLY;INTERVAL=3;BYMONTH=3,6,9,12;BYMONTHDAY=1",
            "2026-03-01",
            "2026-12-01",
        ),
        // Neither a Tuesday nor a Saturday is a number of weeks before a Monday.
        ("FREQ=DAILY;INTERVAL=7;BYDAY=MO", "2026-11-03", "2026-11-30"),
        // It is still the 28th for the owner, and the 29th has begun there.
        (
            "FREQ=DAILY",
            "2026-11-02T01:00[Pacific/Kiritimati]",
            "2026-11-30T01:00:00+14:00[Pacific/Kiritimati]",
        ),
    ] {
        let next = next(rule, RepeatFrom::Completion, first, NOW, true);
        assert_eq!(next.map(|it| it.0).as_deref(), Some(expected), "{rule} {first}");
    }
    let counted =
        next("FREQ=DAILY;COUNT=3", RepeatFrom::Completion, "2026-10-01", NOW, true);
    assert_eq!(counted, Some(is("2026-11-29", "FREQ=DAILY;COUNT=2")));
    let last =
        next("FREQ=DAILY;COUNT=1", RepeatFrom::Completion, "2026-10-01", NOW, true);
    assert_eq!(last, None);
}

#[test]
fn a_rule_without_effect_is_told() {
    let check = |rule: &str, first: &str| {
        let recurrence = Recurrence::new(Rule::parse(rule).unwrap(), RepeatFrom::Due);
        recurrence.check(&due(first))
    };
    for rule in [
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=3",
        "FREQ=DAILY;BYMONTH=4;BYMONTHDAY=31",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=DAILY;BYDAY=MO;BYSETPOS=2",
    ] {
        assert_eq!(check(rule, "2026-07-01"), Err(NoEffect::Never), "{rule}");
    }
    for (rule, first) in [
        ("FREQ=DAILY;UNTIL=20260630", "2026-07-01"),
        ("FREQ=DAILY;UNTIL=20260701T065959Z", "2026-07-01T07:00:00Z"),
        ("FREQ=DAILY;UNTIL=20260701T065959", "2026-07-01T07:00:00[Europe/Berlin]"),
    ] {
        assert_eq!(check(rule, first), Err(NoEffect::Ended), "{rule}");
    }
    for (rule, first) in [
        ("FREQ=DAILY;UNTIL=20260701", "2026-07-01T23:00:00[Europe/Berlin]"),
        ("FREQ=DAILY;COUNT=1", "2026-07-01"),
        ("FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=29;BYDAY=MO", "2072-02-29"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2026-07-01"),
    ] {
        assert_eq!(check(rule, first), Ok(()), "{rule}");
    }
}

proptest! {
    #[test]
    fn a_completion_leads_to_the_first_occurrence_after_the_present(
        rule in rules(),
        first in crate::domain::due::tests::dues(),
        now in 0..2_000_000_000_000_i64,
        home in crate::domain::due::tests::zones(),
    ) {
        let at = Timestamp::from_millis(now).unwrap();
        let done = Completion { at, home: &home, catch_up: true };
        let is_after = |due: &Due| match due {
            Due::On(date) => *date > Date::at(at, &home),
            Due::At { at: due, .. } => *due > at,
        };
        let recurrence = Recurrence::new(rule.clone(), RepeatFrom::Due);
        // A long way is long in this test alone.
        let way: Vec<Due> = series(rule, first.clone()).take(400).collect();
        let expected = way.iter().skip(1).find(|due| is_after(due));
        let found = recurrence.next(&first, done).map(|it| it.0);
        if way.len() < 400 || expected.is_some() {
            prop_assert_eq!(found.as_ref(), expected);
        }
    }
}
