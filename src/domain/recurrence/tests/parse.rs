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
    ] {
        assert_eq!(Rule::parse(text).unwrap().to_string(), shown);
    }
}

#[test]
fn other_rules_are_refused_with_the_reason() {
    use RuleError as E;
    for (text, error) in [
        ("", E::Malformed),
        ("FREQ=DAILY;", E::Malformed),
        ("FREQ=DAILY;BYSETPOS=1", E::Unknown),
        ("FREQ=DAILY;RRULE:COUNT=1", E::Unknown),
        ("FREQ=DAILY;FREQ=DAILY", E::Twice),
        ("COUNT=3", E::Frequency),
        ("FREQ=SECONDLY", E::Frequency),
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
        ("FREQ=YEARLY;BYDAY=MO", E::ByDayYearly),
        ("FREQ=MONTHLY;BYMONTHDAY=32", E::ByMonthDay),
        ("FREQ=MONTHLY;BYMONTHDAY=-128", E::ByMonthDay),
        ("FREQ=DAILY;BYMONTHDAY=1", E::ByMonthDayFrequency),
        ("FREQ=DAILY;COUNT=0", E::Count),
        ("FREQ=DAILY;COUNT=10001", E::Count),
        ("FREQ=DAILY;UNTIL=20260230", E::Until),
        ("FREQ=DAILY;UNTIL=20261231T235959", E::Until),
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
