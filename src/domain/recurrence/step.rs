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

/// Search for the days of a rule that begins on a day.
///
/// A client may send any rule, and many of them at once. So the days of each kind of month are computed once, and a search
/// ends when the days repeat.
pub(super) struct Search<'a> {
    rule: &'a Rule,
    start: Date,
    /// Positions that a set of days may have.
    positions: Vec<i16>,
    /// Period that was examined last, and its number.
    last: Option<(i32, Period)>,
    /// Days of the months of each kind.
    months: MonthMemo<'a>,
}

impl<'a> Search<'a> {
    pub(super) fn new(rule: &'a Rule, start: Date) -> Self {
        let most = most_days(rule);
        let is_possible = |position: &i16| position.unsigned_abs() <= most;
        let positions: Vec<i16> =
            rule.by_set_pos.iter().copied().filter(is_possible).collect();
        let months = MonthMemo::new(rule, start, &positions);
        Self { rule, start, positions, last: None, months }
    }

    /// Returns the first day after `after` that matches. `None` if no such day comes before the year 10000.
    pub(super) fn day_after(&mut self, after: Date) -> Option<Date> {
        if self.positions.is_empty() && !self.rule.by_set_pos.is_empty() {
            return None;
        }
        let after = after.max(self.start);
        if self.rule.frequency == Frequency::Daily {
            return self.daily(after);
        }
        let interval = i32::from(self.rule.interval);
        let passed = periods_between(self.rule, self.start, after).div_euclid(interval);
        for number in passed..=passed + cycle(self.rule.frequency, interval) {
            if self.last.as_ref().is_none_or(|(last, _)| *last != number) {
                let period = self.period(number * interval)?;
                self.last = Some((number, period));
            }
            let period = self.last.as_ref().map(|(_, period)| period);
            if let Some(day) = period.and_then(|period| period.first_after(after)) {
                return Some(day);
            }
        }
        None
    }

    /// Returns the period `steps` after that of the first day. `None` after the last year.
    fn period(&mut self, steps: i32) -> Option<Period> {
        let (rule, start) = (self.rule, self.start);
        let mut days = [0; 12];
        let first = match rule.frequency {
            // Its days are found one by one.
            Frequency::Daily => return None,
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
                    *days = self.months.days(first);
                }
                first
            }
            Frequency::Yearly => {
                let year = i16::try_from(i32::from(start.year()) + steps).ok()?;
                for (month, days) in (1..).zip(&mut days) {
                    *days = self.months.days(Date::new(year, month, 1).ok()?);
                }
                Date::new(year, 1, 1).ok()?
            }
        };
        // The memo of months has only the days at these positions.
        if rule.frequency != Frequency::Monthly {
            days = selected(days, &self.positions);
        }
        Some(Period { first, days })
    }

    /// Returns the first day after `after` of a daily rule.
    fn daily(&mut self, after: Date) -> Option<Date> {
        let interval = i32::from(self.rule.interval);
        if interval == 1 {
            return self.day_in_months(after, 1);
        }
        let passed = periods_between(self.rule, self.start, after).div_euclid(interval);
        let mut day = plus(self.start, i64::from(passed) * i64::from(interval))?;
        for step in 0..=cycle(Frequency::Daily, interval) {
            if step == SOON {
                // The steps meet every day of 400 years that is a multiple of this after the first.
                self.day_in_months(after, greatest_divisor(interval, CYCLE_DAYS))?;
            }
            day = plus(day, interval.into())?;
            let days = self.months.days(day.first_of_month());
            if day > after && days & bit(day.day() - 1) != 0 {
                return Some(day);
            }
        }
        None
    }

    /// Returns the first day after `after` that matches the lists of a daily rule and is a multiple of some days after
    /// the first one.
    fn day_in_months(&mut self, after: Date, multiple: i32) -> Option<Date> {
        let mut month = after.first_of_month();
        for _ in 0..=CYCLE_MONTHS {
            let before = days_between(self.start, month);
            let is_multiple = |bit: &u32| {
                i32::try_from(*bit).is_ok_and(|bit| (before + bit) % multiple == 0)
            };
            let days = bits(self.months.days(month)).filter(is_multiple);
            let days = days.filter_map(|bit| plus(month, bit.into()));
            let found = days.into_iter().find(|day| *day > after);
            if found.is_some() {
                return found;
            }
            month = plus(month, month.days_in_month().into())?;
        }
        None
    }
}

/// Steps of a daily rule after which the search examines whether any day comes at all.
const SOON: i32 = 100;

/// Days, weeks and months after which the calendar repeats: 400 years.
const CYCLE_DAYS: i32 = 146_097;
const CYCLE_WEEKS: i32 = 20_871;
const CYCLE_MONTHS: i32 = 4_800;

/// Returns the number of steps of a rule after which its days repeat. A rule without a day in so many steps has none.
const fn cycle(frequency: Frequency, interval: i32) -> i32 {
    let periods = match frequency {
        Frequency::Daily => CYCLE_DAYS,
        Frequency::Weekly => CYCLE_WEEKS,
        Frequency::Monthly => CYCLE_MONTHS,
        Frequency::Yearly => 400,
    };
    periods / greatest_divisor(interval, periods)
}

const fn greatest_divisor(mut one: i32, mut other: i32) -> i32 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// Returns the greatest number of days in a period.
fn most_days(rule: &Rule) -> u16 {
    match rule.frequency {
        Frequency::Daily => 1,
        Frequency::Weekly => u16::try_from(rule.by_day.len().max(1)).unwrap_or(7),
        Frequency::Monthly => 31,
        Frequency::Yearly => 366,
    }
}

/// Days of months by their kind: the days of two months with the same number, length and first day of the week are the
/// same, if their years have the same length.
struct MonthMemo<'a> {
    rule: &'a Rule,
    start: Date,
    /// Positions in the days of a month, of a monthly rule.
    positions: Vec<i16>,
    known: Vec<Option<Days>>,
}

impl<'a> MonthMemo<'a> {
    fn new(rule: &'a Rule, start: Date, positions: &[i16]) -> Self {
        let is_monthly = rule.frequency == Frequency::Monthly;
        let positions = if is_monthly { positions.to_vec() } else { Vec::new() };
        Self { rule, start, positions, known: vec![None; 12 * 7 * 2] }
    }

    /// Returns the matching days of the month that begins on a day.
    fn days(&mut self, first: Date) -> Days {
        let weekday = i32::from(first.weekday().to_monday_zero_offset());
        let month = i32::from(first.month()) - 1;
        let kind = (month * 7 + weekday) * 2 + i32::from(first.in_leap_year());
        let known = usize::try_from(kind).ok().and_then(|kind| self.known.get_mut(kind));
        let Some(known) = known else { return 0 };
        *known.get_or_insert_with(|| {
            let days = matching_days(self.rule, self.start, first);
            let [kept] = selected([days], &self.positions);
            kept
        })
    }
}

/// Returns the days of a month that match a rule which begins on `start`.
fn matching_days(rule: &Rule, start: Date, first: Date) -> Days {
    let has_days = !rule.by_day.is_empty() || !rule.by_month_day.is_empty();
    match rule.frequency {
        Frequency::Daily | Frequency::Weekly => days_of_month(rule, first, None),
        Frequency::Monthly if has_days => days_of_month(rule, first, None),
        Frequency::Monthly => days_of_month(rule, first, Some(start.day())),
        Frequency::Yearly if has_days => days_of_month(rule, first, None),
        Frequency::Yearly
            if rule.by_month.is_empty() && first.month() != start.month() =>
        {
            0
        }
        Frequency::Yearly => days_of_month(rule, first, Some(start.day())),
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

/// Returns the days at these positions, all if there are none.
fn selected<const MONTHS: usize>(
    days: [Days; MONTHS],
    positions: &[i16],
) -> [Days; MONTHS] {
    let total: u32 = days.iter().map(|days| days.count_ones()).sum();
    if positions.is_empty() || total == 0 {
        return days;
    }
    let mut kept = [0; MONTHS];
    for position in positions {
        let number = u32::from(position.unsigned_abs());
        let index =
            if *position > 0 { number.checked_sub(1) } else { total.checked_sub(number) };
        let Some(mut index) = index else { continue };
        for (days, kept) in days.iter().zip(&mut kept) {
            if index < days.count_ones() {
                *kept |= nth_bit(*days, index);
                break;
            }
            index -= days.count_ones();
        }
    }
    kept
}

impl Period {
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
