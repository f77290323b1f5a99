//! Times of day, and ends of rules.

use super::{Due, all};

fn times(rule: &str, first: &str) -> Vec<String> {
    let text = |due: Due| due.to_string().split('[').next().unwrap().to_owned();
    all(rule, first).take(3).map(text).collect()
}

#[test]
fn the_time_of_day_stays_when_clocks_change() {
    for (rule, first, second, third) in [
        (
            "FREQ=DAILY",
            "2026-03-28T09:00:00[Europe/Berlin]",
            "2026-03-29T09:00:00+02:00",
            "2026-03-30T09:00:00+02:00",
        ),
        (
            "FREQ=DAILY",
            "2026-03-28T02:30:00[Europe/Berlin]",
            "2026-03-29T03:30:00+02:00",
            "2026-03-30T02:30:00+02:00",
        ),
        (
            "FREQ=DAILY",
            "2026-10-24T02:30:00[Europe/Berlin]",
            "2026-10-25T02:30:00+02:00",
            "2026-10-26T02:30:00+01:00",
        ),
        (
            "FREQ=WEEKLY",
            "2026-03-01T02:30:00.250[America/New_York]",
            "2026-03-08T03:30:00.250-04:00",
            "2026-03-15T02:30:00.250-04:00",
        ),
        (
            "FREQ=DAILY",
            "2026-10-31T01:30:00[America/New_York]",
            "2026-11-01T01:30:00-04:00",
            "2026-11-02T01:30:00-05:00",
        ),
        // The skipped time of Saturday is made up for on Sunday, but the task still belongs to Saturday.
        (
            "FREQ=WEEKLY",
            "2026-03-21T23:30:00[America/Nuuk]",
            "2026-03-29T00:30:00-01:00",
            "2026-04-04T23:30:00-01:00",
        ),
        (
            "FREQ=DAILY",
            "2026-03-27T23:30:00[America/Nuuk]",
            "2026-03-29T00:30:00-01:00",
            "2026-03-29T23:30:00-01:00",
        ),
        // There was no 30th.
        (
            "FREQ=DAILY",
            "2011-12-29T09:00:00[Pacific/Apia]",
            "2011-12-31T09:00:00+14:00",
            "2012-01-01T09:00:00+14:00",
        ),
    ] {
        assert_eq!(
            times(rule, first).get(1..),
            Some(&[second.to_owned(), third.to_owned()][..])
        );
    }
}

#[test]
fn a_rule_ends_on_its_last_day() {
    let count = |rule, first| all(rule, first).take(50).count();
    assert_eq!(count("FREQ=DAILY;UNTIL=20260703", "2026-07-01"), 3);
    assert_eq!(
        count("FREQ=DAILY;UNTIL=20260703", "2026-07-01T23:00:00-04:00[America/New_York]"),
        3
    );
    assert_eq!(
        count("FREQ=DAILY;UNTIL=20260703T070000Z", "2026-07-01T09:00:00[Europe/Berlin]"),
        3
    );
    assert_eq!(
        count("FREQ=DAILY;UNTIL=20260703T065959Z", "2026-07-01T09:00:00[Europe/Berlin]"),
        2
    );
    assert_eq!(
        count("FREQ=DAILY;UNTIL=20260703T090000", "2026-07-01T09:00:00[Europe/Berlin]"),
        3
    );
    assert_eq!(
        count("FREQ=DAILY;UNTIL=20260703T085959", "2026-07-01T09:00:00[Europe/Berlin]"),
        2
    );
    assert_eq!(count("FREQ=DAILY;UNTIL=20260703T000000", "2026-07-01"), 3);
    assert_eq!(count("FREQ=DAILY;UNTIL=20200101", "2026-07-01"), 1);
}
