//! Days that match a rule.

use jiff::SignedDuration;
use jiff::civil::{Date, Weekday};

use super::rule::{Frequency, NthWeekday, Rule};

/// Days of a week or of a month, one bit each.
type Days = u32;

/// Days of one period of a rule: of a week, of a month, or of the months of a year.
struct Period {
    /// First day of the period.
    first: Date,
    /// Matching days, month by month. Weeks and months have one.
    days: [Days; 12],
}

/// Returns the first day after `after` that matches a rule which begins on `start`. `None` if no such day comes before
/// the year 10000.
pub(super) fn day_after(rule: &Rule, start: Date, after: Date) -> Option<Date> {
    let after = after.max(start);
    if rule.frequency == Frequency::Daily {
        return daily(rule, start, after);
    }
    let interval = i32::from(rule.interval);
    let first = periods_between(rule, start, after).div_euclid(interval);
    for number in 0..=cycle(rule.frequency) {
        let mut period = period(rule, start, (first + number) * interval)?;
        period.select(&rule.by_set_pos);
        if let Some(day) = period.first_after(after) {
            return Some(day);
        }
    }
    None
}

/// Returns the number of periods after which the days of a rule repeat, whatever its interval: the calendar repeats
/// after 400 years, which are 20,871 weeks. A rule without a day in so many periods has none.
const fn cycle(frequency: Frequency) -> i32 {
    match frequency {
        Frequency::Daily => 146_097,
        Frequency::Weekly => 20_871,
        Frequency::Monthly => 4_800,
        Frequency::Yearly => 400,
    }
}

/// Returns the number of periods from that of `start` to that of `day`.
fn periods_between(rule: &Rule, start: Date, day: Date) -> i32 {
    let months = |day: Date| i32::from(day.year()) * 12 + i32::from(day.month());
    match rule.frequency {
        Frequency::Daily => days_between(start, day),
        Frequency::Weekly => {
            let week = |day| week_of(rule, day).unwrap_or(day);
            days_between(week(start), week(day)) / 7
        }
        Frequency::Monthly => months(day) - months(start),
        Frequency::Yearly => i32::from(day.year() - start.year()),
    }
}

/// Returns the period `steps` after that of `start`. `None` after the last year.
fn period(rule: &Rule, start: Date, steps: i32) -> Option<Period> {
    let mut days = [0; 12];
    let first = match rule.frequency {
        Frequency::Daily => plus(start, steps.into())?,
        Frequency::Weekly => {
            let first = plus(week_of(rule, start)?, 7 * i64::from(steps))?;
            if let Some(days) = days.first_mut() {
                *days = days_of_week(rule, start, first);
            }
            first
        }
        Frequency::Monthly => {
            let months =
                i32::from(start.year()) * 12 + i32::from(start.month()) - 1 + steps;
            let month = i8::try_from(months.rem_euclid(12) + 1).ok()?;
            let year = i16::try_from(months.div_euclid(12)).ok()?;
            let first = Date::new(year, month, 1).ok()?;
            if let Some(days) = days.first_mut() {
                *days = days_of_month(rule, first, implied_day(rule, start));
            }
            first
        }
        Frequency::Yearly => {
            let year = i16::try_from(i32::from(start.year()) + steps).ok()?;
            for (month, days) in (1..).zip(&mut days) {
                let is_implied = rule.by_month.is_empty()
                    && rule.by_day.is_empty()
                    && rule.by_month_day.is_empty();
                if !is_implied || month == start.month() {
                    let first = Date::new(year, month, 1).ok()?;
                    *days = days_of_month(rule, first, implied_day(rule, start));
                }
            }
            Date::new(year, 1, 1).ok()?
        }
    };
    Some(Period { first, days })
}

/// Returns the day of the month on which a rule without days repeats.
fn implied_day(rule: &Rule, start: Date) -> Option<i8> {
    let is_implied = rule.by_day.is_empty() && rule.by_month_day.is_empty();
    is_implied.then(|| start.day())
}

impl Period {
    /// Keeps only the days at these positions, all if there are none.
    fn select(&mut self, positions: &[i16]) {
        if positions.is_empty() {
            return;
        }
        let total: u32 = self.days.iter().map(|days| days.count_ones()).sum();
        let mut kept = [0; 12];
        for position in positions {
            let number = u32::from(position.unsigned_abs());
            let index = if *position > 0 {
                number.checked_sub(1)
            } else {
                total.checked_sub(number)
            };
            let Some(mut index) = index else { continue };
            for (days, kept) in self.days.iter().zip(&mut kept) {
                if index < days.count_ones() {
                    *kept |= nth_bit(*days, index);
                    break;
                }
                index -= days.count_ones();
            }
        }
        self.days = kept;
    }

    /// Returns the first matching day after a day.
    fn first_after(&self, after: Date) -> Option<Date> {
        let months = (0..).zip(self.days).filter(|(_, days)| *days != 0);
        let days = months.flat_map(|(month, days)| {
            let first = match month {
                0 => Some(self.first),
                _ => Date::new(self.first.year(), month + 1, 1).ok(),
            };
            bits(days).filter_map(move |bit| plus(first?, bit.into()))
        });
        days.into_iter().find(|day| *day > after)
    }
}

/// Returns the first day after `after` of a daily rule. Examines month by month: a rule with a long interval may match
/// one day in thousands of years.
fn daily(rule: &Rule, start: Date, after: Date) -> Option<Date> {
    let is_first_or_last = |position: &i16| position.abs() == 1;
    if !rule.by_set_pos.is_empty() && !rule.by_set_pos.iter().any(is_first_or_last) {
        return None;
    }
    let interval = i32::from(rule.interval);
    let mut month = after.first_of_month();
    loop {
        let found = bits(days_of_month(rule, month, None))
            .filter_map(|bit| plus(month, bit.into()))
            .find(|day| *day > after && days_between(start, *day) % interval == 0);
        if found.is_some() {
            return found;
        }
        month = plus(month, month.days_in_month().into())?;
    }
}

/// Returns the days of a week that match; without days of the week, that of `start`.
fn days_of_week(rule: &Rule, start: Date, first: Date) -> Days {
    let is_wanted = |day: Date| {
        let is_day = if rule.by_day.is_empty() {
            day.weekday() == start.weekday()
        } else {
            rule.by_day.iter().any(|wanted| wanted.weekday == day.weekday())
        };
        is_day && is_month(rule, day)
    };
    (0..7).fold(0, |days, number: i8| {
        let is_wanted = plus(first, number.into()).is_some_and(is_wanted);
        days | if is_wanted { bit(number) } else { 0 }
    })
}

fn is_month(rule: &Rule, day: Date) -> bool {
    rule.by_month.is_empty() || rule.by_month.contains(&day.month())
}

/// Returns the days of a month that match every list given; without lists of days, the `implied` day or all.
fn days_of_month(rule: &Rule, first: Date, implied: Option<i8>) -> Days {
    if !is_month(rule, first) {
        return 0;
    }
    let length = first.days_in_month();
    let all = bit(length) - 1;
    let from_start = |number: i8| if number > 0 { number - 1 } else { length + number };
    let month_days = rule.by_month_day.iter().map(|number| bit(from_start(*number)));
    let month_days = month_days.reduce(|one, other| one | other);
    let month_days =
        month_days.or_else(|| implied.map(|day| bit(day - 1))).unwrap_or(all);
    let counts_in_year = rule.frequency == Frequency::Yearly && rule.by_month.is_empty();
    let weekdays = rule.by_day.iter().map(|wanted| match wanted.nth {
        Some(nth) if counts_in_year => nth_of_year(nth, wanted.weekday, first),
        _ => weekdays(*wanted, first),
    });
    let weekdays = weekdays.reduce(|one, other| one | other).unwrap_or(all);
    month_days & weekdays & all
}

/// Returns the days of a month that are a day of the week, or its n-th.
fn weekdays(wanted: NthWeekday, first: Date) -> Days {
    let length = first.days_in_month();
    let before = wanted.weekday.since(first.weekday());
    let last = before + (length - 1 - before) / 7 * 7;
    match wanted.nth {
        None => (0..5).fold(0, |days, week| days | bit(before + 7 * week)),
        Some(nth) if nth > 0 => bit(before + 7 * (nth - 1)),
        Some(nth) => bit(last + 7 * (nth + 1)),
    }
}

/// Returns the day of a month that is the n-th day of the week in its year, if it is in this month.
fn nth_of_year(nth: i8, weekday: Weekday, first: Date) -> Days {
    let (new_year, last) = (first.first_of_year(), first.last_of_year());
    let day = if nth > 0 {
        let before = i64::from(weekday.since(new_year.weekday()));
        plus(new_year, before + 7 * (i64::from(nth) - 1))
    } else {
        let after = i64::from(last.weekday().since(weekday));
        plus(last, 7 * (i64::from(nth) + 1) - after)
    };
    let is_here = |day: &Date| day.first_of_month() == first;
    day.filter(is_here).map_or(0, |day| bit(day.day() - 1))
}

/// Returns the first day of the week of a day.
fn week_of(rule: &Rule, day: Date) -> Option<Date> {
    plus(day, -i64::from(day.weekday().since(rule.week_start)))
}

fn days_between(from: Date, to: Date) -> i32 {
    let hours = to.duration_since(from).as_hours();
    i32::try_from(hours / 24).unwrap_or(i32::MAX)
}

/// Returns the bit of a day; 0 for days before the first.
fn bit(day: i8) -> Days {
    u32::try_from(day).ok().and_then(|day| 1_u32.checked_shl(day)).unwrap_or(0)
}

/// Returns the numbers of the bits that are set.
fn bits(mut days: Days) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let next = (days != 0).then(|| days.trailing_zeros());
        days &= days.wrapping_sub(1);
        next
    })
}

/// Returns the bit that is set with the number `index` of those that are set.
fn nth_bit(days: Days, index: u32) -> Days {
    let rest = (0..index).fold(days, |days, _| days & days.wrapping_sub(1));
    rest & rest.wrapping_neg()
}

fn plus(day: Date, days: i64) -> Option<Date> {
    day.checked_add(SignedDuration::from_hours(24 * days)).ok()
}
