//! Comparison of rules with a model that tests every day.

use jiff::ToSpan;
use jiff::civil;
use proptest::prelude::*;

use super::super::rule::{End, Frequency, NthWeekday, Rule};
use super::super::step::Search;
use super::{Date, Due, TimeZone, all, rules, series};

/// Whether a day is in a period of the rule, by the wording of the RFC.
fn is_in_period(rule: &Rule, first: civil::Date, day: civil::Date) -> bool {
    let days = |from: civil::Date, to: civil::Date| (to - from).get_days();
    let months = |day: civil::Date| i32::from(day.year()) * 12 + i32::from(day.month());
    let week = |day| week_of(rule, day);
    let periods = match rule.frequency {
        Frequency::Daily => days(first, day),
        Frequency::Weekly => days(week(first), week(day)) / 7,
        Frequency::Monthly => months(day) - months(first),
        Frequency::Yearly => i32::from(day.year() - first.year()),
    };
    periods % i32::from(rule.interval) == 0
}

fn week_of(rule: &Rule, day: civil::Date) -> civil::Date {
    let before = (0..7).map(|days| day - days.days());
    before.into_iter().find(|day| day.weekday() == rule.week_start).unwrap()
}

/// Returns the first and last day of the period of a day.
fn period_of(rule: &Rule, day: civil::Date) -> (civil::Date, civil::Date) {
    match rule.frequency {
        Frequency::Daily => (day, day),
        Frequency::Weekly => (week_of(rule, day), week_of(rule, day) + 6.days()),
        Frequency::Monthly => (day.first_of_month(), day.last_of_month()),
        Frequency::Yearly => (day.first_of_year(), day.last_of_year()),
    }
}

/// Whether a day is in all lists of the rule but that of positions.
fn is_in_lists(rule: &Rule, first: civil::Date, day: civil::Date) -> bool {
    let counts_in_year = rule.frequency == Frequency::Yearly && rule.by_month.is_empty();
    let is_nth = |nth: i8| {
        if !counts_in_year {
            let found = day.nth_weekday_of_month(nth, day.weekday());
            return found.is_ok_and(|found| found == day);
        }
        let (new_year, last) = (day.first_of_year(), day.last_of_year());
        let weeks = if nth > 0 {
            (day - new_year).get_days() / 7 + 1
        } else {
            -((last - day).get_days() / 7 + 1)
        };
        i32::from(nth) == weeks
    };
    let weekday = |wanted: &NthWeekday| {
        wanted.weekday == day.weekday() && wanted.nth.is_none_or(is_nth)
    };
    let last = day.days_in_month();
    let month_day = |n: &i8| *n == day.day() || *n == day.day() - last - 1;
    let has_no_days = rule.by_day.is_empty() && rule.by_month_day.is_empty();
    let is_implied = !has_no_days
        || match rule.frequency {
            Frequency::Daily => true,
            Frequency::Weekly => day.weekday() == first.weekday(),
            Frequency::Monthly => day.day() == first.day(),
            Frequency::Yearly => {
                day.day() == first.day()
                    && (!rule.by_month.is_empty() || day.month() == first.month())
            }
        };
    is_implied
        && (rule.by_month.is_empty() || rule.by_month.contains(&day.month()))
        && (rule.by_day.is_empty() || rule.by_day.iter().any(weekday))
        && (rule.by_month_day.is_empty() || rule.by_month_day.iter().any(month_day))
}

/// Whether a day matches the rule.
fn means(rule: &Rule, first: civil::Date, day: civil::Date) -> bool {
    let is_listed = |day: &civil::Date| is_in_lists(rule, first, *day);
    if !is_in_period(rule, first, day) || !is_listed(&day) {
        return false;
    }
    if rule.by_set_pos.is_empty() {
        return true;
    }
    let (from, to) = period_of(rule, day);
    let set: Vec<_> =
        from.series(1.day()).take_while(|day| *day <= to).filter(is_listed).collect();
    let place = i16::try_from(set.iter().position(|it| *it == day).unwrap()).unwrap();
    let length = i16::try_from(set.len()).unwrap();
    rule.by_set_pos.iter().any(|it| *it == place + 1 || *it == place - length)
}

proptest! {
    #[test]
    fn the_next_day_is_the_first_that_the_rule_means(rule in rules(), first in 0..30_000_i32) {
        let first = Date::from_days(first).unwrap().civil();
        let decade = (1..3653).map(|days| first + days.days());
        let expected = decade.into_iter().find(|day| means(&rule, first, *day));
        let found = Search::new(&rule, first).day_after(first);
        prop_assert!(found.is_none_or(|day| day > first && means(&rule, first, day)));
        let in_decade = found.filter(|day| *day < first + 3653.days());
        prop_assert_eq!(in_decade, expected);
    }

    #[test]
    fn a_search_that_begins_later_finds_the_same_days(rule in rules(), first in 0..30_000_i32, later in 0..4_000_i32) {
        let first = Date::from_days(first).unwrap().civil();
        let later = first + later.days();
        let next = |day: &civil::Date| Search::new(&rule, first).day_after(*day);
        let step_by_step = std::iter::successors(next(&first), next).find(|day| *day > later);
        prop_assert_eq!(Search::new(&rule, first).day_after(later), step_by_step);
        // A search that goes on finds what a new one finds.
        let mut search = Search::new(&rule, first);
        let all: Vec<_> = std::iter::successors(search.day_after(first), |day| search.day_after(*day)).take(50).collect();
        prop_assert_eq!(all, std::iter::successors(next(&first), next).take(50).collect::<Vec<_>>());
    }

    #[test]
    fn occurrences_are_in_order_and_end(rule in rules(), first in crate::domain::due::tests::dues()) {
        let dues: Vec<Due> = series(rule.clone(), first).take(50).collect();
        prop_assert!(dues.is_sorted_by(|one, other| one.moment(&TimeZone::utc()) < other.moment(&TimeZone::utc())));
        for due in &dues {
            prop_assert!(Due::parse(&due.to_string(), &TimeZone::utc()).is_ok_and(|it| it.is_same(due)));
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
