mod clocks;
mod days;
mod model;
mod parse;

use jiff::civil::Weekday;
use proptest::prelude::*;

use super::rule::{Frequency, NthWeekday};
use super::*;

fn due(text: &str) -> Due {
    Due::parse(text, &TimeZone::utc()).unwrap()
}

/// Returns the occurrences, starting with the first.
fn all(rule: &str, first: &str) -> impl Iterator<Item = Due> {
    let first = due(first);
    let recurrence = Recurrence::new(Rule::parse(rule).unwrap(), &first);
    let next = |(due, recurrence): &(Due, Recurrence)| recurrence.next(due);
    std::iter::successors(Some((first, recurrence)), next).map(|(due, _)| due)
}

pub(super) fn rules() -> impl Strategy<Value = Rule> {
    let frequency = prop::sample::select(Frequency::ALL.to_vec());
    let interval = prop_oneof![1..5_u16, 1..=1000_u16];
    let days = prop::collection::vec((-5..=5_i8, 0..7_i8), 0..4);
    let month_days = prop::collection::vec((1..=31_i8, any::<bool>()), 0..4);
    let end = prop_oneof![
        Just(String::new()),
        (1..40).prop_map(|count| format!(";COUNT={count}")),
        (2000..2060).prop_map(|year| format!(";UNTIL={year}0630T120000Z")),
        (2000..2060).prop_map(|year| format!(";UNTIL={year}0630")),
    ];
    (frequency, interval, days, month_days, end).prop_map(
        |(frequency, interval, days, month_days, end)| {
            let mut text =
                format!("FREQ={};INTERVAL={interval}{end}", frequency.as_str());
            let day = |(nth, day): (i8, i8)| {
                let nth =
                    Some(nth).filter(|nth| *nth != 0 && frequency == Frequency::Monthly);
                NthWeekday {
                    nth,
                    weekday: Weekday::from_monday_zero_offset(day).unwrap(),
                }
                .to_string()
            };
            let days: Vec<String> = days.into_iter().map(day).collect();
            if frequency != Frequency::Yearly && !days.is_empty() {
                text.push_str(";BYDAY=");
                text.push_str(&days.join(","));
            }
            let signed =
                |(day, last): (i8, bool)| if last { -day } else { day }.to_string();
            let month_days: Vec<String> = month_days.into_iter().map(signed).collect();
            if frequency == Frequency::Monthly && !month_days.is_empty() {
                text.push_str(";BYMONTHDAY=");
                text.push_str(&month_days.join(","));
            }
            Rule::parse(&text).unwrap()
        },
    )
}
