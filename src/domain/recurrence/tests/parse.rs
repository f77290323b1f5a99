//! Parsing and formatting of rules.

use proptest::prelude::*;

use super::rules;
use crate::domain::recurrence::{Rule, RuleError};

#[test]
fn a_rule_has_one_spelling() {
    for (text, shown) in [
        ("FREQ=DAILY", "FREQ=DAILY"),
        (
            "rrule:byday=su,mo,SU;freq=weekly;interval=02",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU",
        ),
        ("BYDAY=-1FR,FR,+2MO;FREQ=MONTHLY", "FREQ=MONTHLY;BYDAY=FR,2MO,-1FR"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1,31,+1,1,-31", "FREQ=MONTHLY;BYMONTHDAY=1,31,-31,-1"),
        ("COUNT=10000;FREQ=YEARLY;INTERVAL=1", "FREQ=YEARLY;COUNT=10000"),
        ("FREQ=DAILY;UNTIL=20261231", "FREQ=DAILY;UNTIL=20261231"),
        ("FREQ=DAILY;until=20261231t235959z", "FREQ=DAILY;UNTIL=20261231T235959Z"),
        ("FREQ=DAILY;UNTIL=20261231T235959", "FREQ=DAILY;UNTIL=20261231T235959"),
        // As calendars write them: Google, Outlook, Apple, Thunderbird, and a line of a file.
        ("FREQ=WEEKLY;WKST=SU;BYDAY=TU,TH", "FREQ=WEEKLY;WKST=SU;BYDAY=TU,TH"),
        ("FREQ=WEEKLY;BYDAY=MO;WKST=MO", "FREQ=WEEKLY;BYDAY=MO"),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        ),
        (
            "FREQ=YEARLY;INTERVAL=1;BYMONTHDAY=1;BYMONTH=12",
            "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=1",
        ),
        ("FREQ=YEARLY;BYDAY=4TH;BYMONTH=11", "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH"),
        ("FREQ=YEARLY;BYDAY=-53MO,20SU", "FREQ=YEARLY;BYDAY=20SU,-53MO"),
        ("FREQ=DAILY;BYMONTH=1;BYMONTHDAY=-1", "FREQ=DAILY;BYMONTH=1;BYMONTHDAY=-1"),
        (
            "FREQ=MONTHLY;BYMONTHDAY=1,2;BYSETPOS=-366,2,+1,2,-1",
            "FREQ=MONTHLY;BYMONTHDAY=1,2;BYSETPOS=1,2,-366,-1",
        ),
        (" RRULE:FREQ=DAILY;\r\n", "FREQ=DAILY"),
    ] {
        assert_eq!(Rule::parse(text).unwrap().to_string(), shown);
    }
}

#[test]
fn other_rules_are_refused_with_the_reason() {
    use RuleError as E;
    for (text, error) in [
        ("", E::Malformed),
        (";", E::Malformed),
        ("FREQ=DAILY;;", E::Malformed),
        ("FREQ=DAILY;;COUNT=3", E::Malformed),
        ("FREQ=DAILY;BYSETPOS=1", E::BySetPosAlone),
        ("FREQ=MONTHLY;BYMONTHDAY=1;BYSETPOS=0", E::BySetPos),
        ("FREQ=MONTHLY;BYMONTHDAY=1;BYSETPOS=367", E::BySetPos),
        ("FREQ=DAILY;RRULE:COUNT=1", E::Unknown),
        ("FREQ=DAILY;X-NOTE=1", E::Unknown),
        ("FREQ=DAILY;FREQ=DAILY", E::Twice("FREQ")),
        ("FREQ=DAILY;BYMONTH=1;BYMONTH=2", E::Twice("BYMONTH")),
        ("COUNT=3", E::Frequency),
        ("FREQ=FORTNIGHTLY", E::Frequency),
        ("FREQ=SECONDLY", E::Subdaily("SECONDLY")),
        ("FREQ=MINUTELY;INTERVAL=30", E::Subdaily("MINUTELY")),
        ("FREQ=HOURLY;BYHOUR=9", E::Unsupported("BYHOUR")),
        ("FREQ=DAILY;BYHOUR=9", E::Unsupported("BYHOUR")),
        ("FREQ=DAILY;BYMINUTE=0", E::Unsupported("BYMINUTE")),
        ("FREQ=DAILY;BYSECOND=0", E::Unsupported("BYSECOND")),
        ("FREQ=YEARLY;BYWEEKNO=20", E::Unsupported("BYWEEKNO")),
        ("FREQ=YEARLY;BYYEARDAY=100", E::Unsupported("BYYEARDAY")),
        ("RSCALE=GREGORIAN;FREQ=YEARLY", E::Unsupported("RSCALE")),
        ("EXRULE:FREQ=DAILY", E::Unsupported("EXRULE")),
        ("RRULE:FREQ=DAILY\nEXDATE:20261201", E::Unsupported("EXDATE")),
        ("DTSTART;TZID=Europe/Berlin:20261201T090000", E::Unsupported("DTSTART")),
        ("FREQ=WEEKLY;WKST=XX", E::WeekStart),
        ("FREQ=YEARLY;BYMONTH=13", E::ByMonth),
        ("FREQ=YEARLY;BYMONTH=-1", E::ByMonth),
        ("FREQ=YEARLY;BYMONTH=", E::ByMonth),
        ("FREQ=DAILY;INTERVAL=0", E::Interval),
        ("FREQ=DAILY;INTERVAL=1001", E::Interval),
        ("FREQ=DAILY;INTERVAL=+1", E::Interval),
        ("FREQ=WEEKLY;BYDAY=", E::ByDay),
        ("FREQ=WEEKLY;BYDAY=MO,", E::ByDay),
        ("FREQ=MONTHLY;BYDAY=6MO", E::ByDay),
        ("FREQ=MONTHLY;BYDAY=0MO", E::ByDay),
        ("FREQ=MONTHLY;BYDAY=-MO", E::ByDay),
        ("FREQ=MONTHLY;BYDAY=é", E::ByDay),
        ("FREQ=WEEKLY;BYDAY=1MO", E::ByDayNumber),
        ("FREQ=DAILY;BYDAY=-1MO", E::ByDayNumber),
        ("FREQ=YEARLY;BYDAY=54MO", E::ByDay),
        ("FREQ=YEARLY;BYMONTH=1;BYDAY=6MO", E::ByDay),
        ("FREQ=MONTHLY;BYMONTHDAY=32", E::ByMonthDay),
        ("FREQ=MONTHLY;BYMONTHDAY=-128", E::ByMonthDay),
        ("FREQ=WEEKLY;BYMONTHDAY=1", E::ByMonthDayWeekly),
        ("FREQ=DAILY;COUNT=0", E::Count),
        ("FREQ=DAILY;COUNT=10001", E::Count),
        ("FREQ=DAILY;UNTIL=20260230", E::Until),
        ("FREQ=DAILY;UNTIL=20261231T235959+0100", E::Until),
        ("FREQ=DAILY;UNTIL=20261231235959", E::Until),
        ("FREQ=DAILY;UNTIL=20261231T2359590Z", E::Until),
        ("FREQ=DAILY;UNTIL=2026123é", E::Until),
        ("FREQ=DAILY;UNTIL=19691231", E::Until),
        ("FREQ=DAILY;COUNT=1;UNTIL=20261231", E::TwoEnds),
    ] {
        assert_eq!(Rule::parse(text), Err(error), "{text}");
    }
    assert_eq!(Rule::parse(&"A".repeat(201)), Err(E::TooLong));
}

proptest! {
    #[test]
    fn what_is_written_is_read(rule in rules(), noise in "\\PC{0,80}", like in "(FREQ=[A-Z]{0,8}|BYDAY=[0-9+MOTU,-]{0,9}|;|=){0,9}") {
        prop_assert_eq!(Rule::parse(&rule.to_string()), Ok(rule));
        for text in [noise, like] {
            if let Ok(rule) = Rule::parse(&text) {
                prop_assert_eq!(Rule::parse(&rule.to_string()), Ok(rule));
            }
        }
    }
}
