mod clocks;
mod completions;
mod days;
mod model;
mod parse;

use jiff::civil::Weekday;
use proptest::prelude::*;

use super::rule::{Frequency, NthWeekday};
use super::*;
use crate::domain::timestamp::Timestamp;

fn due(text: &str) -> Due {
    Due::parse(text, &TimeZone::utc()).unwrap()
}

/// Returns the occurrences, starting with the first.
fn all(rule: &str, first: &str) -> impl Iterator<Item = Due> {
    series(Rule::parse(rule).unwrap(), due(first))
}

fn series(rule: Rule, first: Due) -> impl Iterator<Item = Due> {
    let recurrence = Recurrence::new(rule, RepeatFrom::Due);
    let next = |(due, recurrence): &(Due, Recurrence)| {
        let home = &TimeZone::utc();
        recurrence.next(due, Completion { at: Timestamp::EPOCH, home, catch_up: false })
    };
    std::iter::successors(Some((first, recurrence)), next).map(|(due, _)| due)
}

prop_compose! {
    /// Generates the parts of a rule that name days.
    fn day_parts(frequency: Frequency)(
        months in prop::collection::vec(1..=12_i8, 0..3),
        days in prop::collection::vec((-6..=6_i8, 0..7_i8), 0..4),
        month_days in prop::collection::vec((1..=31_i8, any::<bool>()), 0..4),
        positions in prop::collection::vec(prop_oneof![1..4_i16, -3..0_i16, 5..=366_i16], 0..3),
        week_start in prop::sample::select(vec!["MO", "SU", "TH"]),
    ) -> String {
        let counts_in_year = frequency == Frequency::Yearly && months.is_empty();
        let day = |(nth, day): (i8, i8)| {
            let nth = match frequency {
                Frequency::Daily | Frequency::Weekly => None,
                Frequency::Yearly if counts_in_year => Some(nth * 8),
                Frequency::Monthly | Frequency::Yearly => Some(nth.clamp(-5, 5)),
            };
            let nth = nth.filter(|nth| *nth != 0);
            NthWeekday { nth, weekday: Weekday::from_monday_zero_offset(day).unwrap() }
        };
        let signed = |(day, last): (i8, bool)| if last { -day } else { day };
        let texts = |values: &[String]| values.join(",");
        let months: Vec<String> = months.iter().map(ToString::to_string).collect();
        let days: Vec<String> = days.into_iter().map(|it| day(it).to_string()).collect();
        let month_days: Vec<String> = month_days.into_iter().map(|it| signed(it).to_string()).collect();
        let positions: Vec<String> = positions.iter().map(ToString::to_string).collect();
        let is_weekly = frequency == Frequency::Weekly;
        let has_days = !months.is_empty() || !days.is_empty() || (!is_weekly && !month_days.is_empty());
        let mut text = format!(";WKST={week_start}");
        for (name, values, is_possible) in [
            ("BYMONTH", months, true),
            ("BYDAY", days, true),
            ("BYMONTHDAY", month_days, !is_weekly),
            ("BYSETPOS", positions, has_days),
        ] {
            if is_possible && !values.is_empty() {
                text = format!("{text};{name}={}", texts(&values));
            }
        }
        text
    }
}

pub(super) fn rules() -> impl Strategy<Value = Rule> {
    let frequency = prop::sample::select(Frequency::ALL.to_vec());
    let interval = prop_oneof![1..5_u16, 1..=1000_u16];
    let end = prop_oneof![
        Just(String::new()),
        (1..40).prop_map(|count| format!(";COUNT={count}")),
        (2000..2060).prop_map(|year| format!(";UNTIL={year}0630T120000Z")),
        (2000..2060).prop_map(|year| format!(";UNTIL={year}0630T120000")),
        (2000..2060).prop_map(|year| format!(";UNTIL={year}0630")),
    ];
    let parts = frequency.prop_flat_map(|it| (Just(it), day_parts(it)));
    (parts, interval, end).prop_map(|((frequency, parts), interval, end)| {
        let text = format!("FREQ={};INTERVAL={interval}{parts}{end}", frequency.as_str());
        Rule::parse(&text).unwrap()
    })
}
