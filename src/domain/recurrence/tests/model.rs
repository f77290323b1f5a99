//! Comparison of rules with a model that tests every day.

use jiff::ToSpan;
use jiff::civil;
use proptest::prelude::*;

use super::super::rule::{End, Frequency, NthWeekday, Rule};
use super::super::step;
use super::{Date, Due, Recurrence, TimeZone, all, rules};

/// Whether a day matches the rule, by the wording of the RFC.
fn means(rule: &Rule, first: civil::Date, day: civil::Date) -> bool {
    let days = |from: civil::Date, to: civil::Date| (to - from).get_days();
    let weekday = |wanted: &NthWeekday| {
        wanted.weekday == day.weekday()
            && wanted.nth.is_none_or(|nth| {
                day.nth_weekday_of_month(nth, day.weekday()).is_ok_and(|nth| nth == day)
            })
    };
    let by_day = rule.by_day.is_empty() || rule.by_day.iter().any(weekday);
    let last = day.days_in_month();
    let month_day = |n: &i8| *n == day.day() || *n == day.day() - last - 1;
    let by_month_day =
        rule.by_month_day.is_empty() || rule.by_month_day.iter().any(month_day);
    let months = |day: civil::Date| i32::from(day.year()) * 12 + i32::from(day.month());
    let monday =
        |day: civil::Date| day - i32::from(day.weekday().to_monday_zero_offset()).days();
    let periods = match rule.frequency {
        Frequency::Daily => days(first, day),
        Frequency::Weekly => days(monday(first), monday(day)) / 7,
        Frequency::Monthly => months(day) - months(first),
        Frequency::Yearly => i32::from(day.year() - first.year()),
    };
    let same = match rule.frequency {
        Frequency::Daily => true,
        Frequency::Weekly => !rule.by_day.is_empty() || day.weekday() == first.weekday(),
        Frequency::Monthly => {
            !rule.by_day.is_empty()
                || !rule.by_month_day.is_empty()
                || day.day() == first.day()
        }
        Frequency::Yearly => (day.month(), day.day()) == (first.month(), first.day()),
    };
    periods % i32::from(rule.interval) == 0 && same && by_day && by_month_day
}

proptest! {
    #[test]
    fn the_next_day_is_the_first_that_the_rule_means(rule in rules(), first in 0..30_000_i32) {
        let first = Date::from_days(first).unwrap().civil();
        let decade = (1..3653).map(|days| first + days.days());
        let expected = decade.into_iter().find(|day| means(&rule, first, *day));
        let found = step::day_after(&rule, first);
        prop_assert!(found.is_none_or(|day| day > first && means(&rule, first, day)));
        let in_decade = found.filter(|day| *day < first + 3653.days());
        prop_assert_eq!(in_decade, expected);
    }

    #[test]
    fn occurrences_are_in_order_and_end(rule in rules(), first in crate::domain::due::tests::dues()) {
        let recurrence = Recurrence::new(rule.clone(), &first);
        let next = |(due, recurrence): &(Due, Recurrence)| recurrence.next(due);
        let all = std::iter::successors(Some((first, recurrence)), next).take(50);
        let dues: Vec<Due> = all.map(|(due, _)| due).collect();
        prop_assert!(dues.is_sorted_by(|one, other| one.sort_key() < other.sort_key()));
        for due in &dues {
            prop_assert_eq!(&Due::parse(&due.to_string(), &TimeZone::utc()), &Ok(due.clone()));
        }
        if let End::Count(count) = rule.end {
            prop_assert!(dues.len() <= count.into());
        }
    }

    #[test]
    fn a_count_is_kept(count in 1..60_usize, day in 0..30_000_i32) {
        let first = Date::from_days(day).unwrap().to_string();
        for rule in ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,FR", "FREQ=MONTHLY;BYMONTHDAY=31", "FREQ=YEARLY"] {
            prop_assert_eq!(all(&format!("{rule};COUNT={count}"), &first).count(), count);
        }
    }
}
