//! Expected days, calculated by hand.

use super::{all, due};

/// Formats occurrences compactly: year and month only where they change.
fn shown(rule: &str, first: &str) -> String {
    let (mut text, mut last) = (String::new(), String::new());
    for due in all(rule, first).take(10) {
        let due = due.to_string();
        let (month, day) = due.split_at(8);
        let (mark, rest) = if month == last { (",", day) } else { (" ", due.as_str()) };
        text.push_str(mark);
        text.push_str(rest);
        last = month.to_owned();
    }
    text.trim_start().to_owned()
}

#[test]
fn days_are_those_of_the_rfc() {
    // Section 3.8.5.3, where the first is on 1997-09-02, a Tuesday.
    for (rule, first, expected) in [
        (
            "FREQ=DAILY;INTERVAL=10;COUNT=5",
            "1997-09-02",
            "1997-09-02,12,22 1997-10-02,12",
        ),
        ("FREQ=DAILY;UNTIL=19970904T000000Z", "1997-09-02", "1997-09-02,03,04"),
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=8;BYDAY=TU,TH",
            "1997-09-02",
            "1997-09-02,04,16,18,30 1997-10-02,14,16",
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,FR",
            "1997-09-01",
            "1997-09-01,03,05,15,17,19,29 1997-10-01,03,13",
        ),
        (
            "FREQ=MONTHLY;COUNT=4;BYDAY=1FR",
            "1997-09-05",
            "1997-09-05 1997-10-03 1997-11-07 1997-12-05",
        ),
        (
            "FREQ=MONTHLY;INTERVAL=2;COUNT=6;BYDAY=1SU,-1SU",
            "1997-09-07",
            "1997-09-07,28 1997-11-02,30 1998-01-04,25",
        ),
        (
            "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
            "1997-09-22",
            "1997-09-22 1997-10-20 1997-11-17 1997-12-22 1998-01-19 1998-02-16",
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=-3;UNTIL=19980226",
            "1997-09-28",
            "1997-09-28 1997-10-29 1997-11-28 1997-12-29 1998-01-29 1998-02-26",
        ),
        (
            "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
            "1997-09-30",
            "1997-09-30 1997-10-01,31 1997-11-01,30 1997-12-01,31 1998-01-01,31 1998-02-01",
        ),
        (
            "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
            "1997-09-10",
            "1997-09-10,11,12,13,14,15 1999-03-10,11,12,13",
        ),
        (
            "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=6",
            "1997-09-02",
            "1997-09-02 1998-02-13 1998-03-13 1998-11-13 1999-08-13 2000-10-13",
        ),
        (
            "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13;COUNT=4",
            "1997-09-13",
            "1997-09-13 1997-10-11 1997-11-08 1997-12-13",
        ),
        ("FREQ=YEARLY;COUNT=3", "1997-09-02", "1997-09-02 1998-09-02 1999-09-02"),
    ] {
        assert_eq!(shown(rule, first), expected, "{rule}");
    }
}

#[test]
fn days_that_do_not_exist_are_skipped() {
    for (rule, first, expected) in [
        (
            "FREQ=MONTHLY;COUNT=5",
            "2026-01-31",
            "2026-01-31 2026-03-31 2026-05-31 2026-07-31 2026-08-31",
        ),
        (
            "FREQ=MONTHLY;COUNT=3;BYMONTHDAY=-30",
            "2026-01-02",
            "2026-01-02 2026-03-02 2026-04-01",
        ),
        (
            "FREQ=MONTHLY;COUNT=4;BYDAY=5FR",
            "2026-01-30",
            "2026-01-30 2026-05-29 2026-07-31 2026-10-30",
        ),
        (
            "FREQ=MONTHLY;COUNT=4;BYDAY=-1FR",
            "2026-01-30",
            "2026-01-30 2026-02-27 2026-03-27 2026-04-24",
        ),
        ("FREQ=YEARLY;COUNT=3", "2092-02-29", "2092-02-29 2096-02-29 2104-02-29"),
        ("FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;COUNT=3", "2026-07-02", "2026-07-02,03,06"),
        // The first day need not match the rule.
        ("FREQ=WEEKLY;BYDAY=MO;COUNT=3", "2026-07-02", "2026-07-02,06,13"),
        ("FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=30,31", "2026-02-01", "2026-02-01"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=TU", "2026-07-01", "2026-07-01"),
        ("FREQ=YEARLY;INTERVAL=1000", "9000-01-01", "9000-01-01"),
        ("FREQ=DAILY", "9999-12-29", "9999-12-29,30"),
    ] {
        assert_eq!(shown(rule, first), expected, "{rule}");
    }
    let rare =
        all("FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=29;BYDAY=MO", "2072-02-29").nth(1);
    assert_eq!(rare, Some(due("2112-02-29")), "2100 has no leap day");
}
