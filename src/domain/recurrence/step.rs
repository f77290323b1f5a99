//! Steps from one day that matches a rule to the next.

use jiff::SignedDuration;
use jiff::civil::{Date, Weekday};

use super::rule::{Frequency, NthWeekday, Rule};

/// Number of periods examined before a rule counts as ended, so that a rule without matching days costs little. The
/// rarest days are leap days on one day of the week: the calendar repeats after 400 years, so 400 periods suffice.
const MAX_PERIODS: u16 = 1000;

/// Days of a period, one bit each.
type Days = u32;

/// Returns the first matching day after a day. `None` if none is within [`MAX_PERIODS`].
pub(super) fn day_after(rule: &Rule, day: Date) -> Option<Date> {
    for number in 0..MAX_PERIODS {
        let steps = i32::from(number) * i32::from(rule.interval);
        let (start, mut days) = period(rule, day, steps)?;
        while days != 0 {
            let date = plus(start, days.trailing_zeros().into())?;
            if date > day {
                return Some(date);
            }
            days &= days - 1;
        }
    }
    None
}

/// Returns the period `steps` after that of a day, and its matching days. `None` after the last year.
fn period(rule: &Rule, day: Date, steps: i32) -> Option<(Date, Days)> {
    let wanted = |weekday| rule.by_day.iter().any(|wanted| wanted.weekday == weekday);
    match rule.frequency {
        Frequency::Daily => {
            let start = plus(day, steps.into())?;
            let fits = rule.by_day.is_empty() || wanted(start.weekday());
            Some((start, fits.into()))
        }
        Frequency::Weekly => {
            let monday = plus(day, -i64::from(day.weekday().to_monday_zero_offset()))?;
            let days = Weekday::Monday.cycle_forward().take(7).filter(|weekday| {
                if rule.by_day.is_empty() {
                    day.weekday() == *weekday
                } else {
                    wanted(*weekday)
                }
            });
            let days = days.fold(0, |days, day| days | bit(day.to_monday_zero_offset()));
            Some((plus(monday, 7 * i64::from(steps))?, days))
        }
        Frequency::Monthly => {
            let months = i32::from(day.year()) * 12 + i32::from(day.month()) - 1 + steps;
            let month = i8::try_from(months.rem_euclid(12) + 1).ok()?;
            let first =
                Date::new(i16::try_from(months.div_euclid(12)).ok()?, month, 1).ok()?;
            Some((first, days_of_month(rule, day, first)))
        }
        Frequency::Yearly => {
            let year = i16::try_from(i32::from(day.year()) + steps).ok()?;
            let new_year = Date::new(year, 1, 1).ok()?;
            Some(
                Date::new(year, day.month(), day.day())
                    .map_or((new_year, 0), |day| (day, 1)),
            )
        }
    }
}

/// Returns the days of a month that match every list given; without lists, the day of the month of `day`.
fn days_of_month(rule: &Rule, day: Date, first: Date) -> Days {
    let length = first.days_in_month();
    if rule.by_day.is_empty() && rule.by_month_day.is_empty() {
        return bit(day.day() - 1) & (bit(length) - 1);
    }
    let from_start = |number: i8| if number > 0 { number - 1 } else { length + number };
    let month_days = rule.by_month_day.iter().map(|number| bit(from_start(*number)));
    let weekdays = rule.by_day.iter().map(|wanted| weekdays(*wanted, first));
    let all = bit(length) - 1;
    let month_days = month_days.reduce(|one, other| one | other).unwrap_or(all);
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

/// Returns the bit of a day; 0 for days before the first.
fn bit(day: i8) -> Days {
    u32::try_from(day).ok().and_then(|day| 1_u32.checked_shl(day)).unwrap_or(0)
}

fn plus(day: Date, days: i64) -> Option<Date> {
    day.checked_add(SignedDuration::from_hours(24 * days)).ok()
}
