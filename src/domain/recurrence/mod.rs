//! Recurring tasks, and their next due dates.

mod error;
mod parse;
mod rule;
mod step;

use jiff::civil::{self, DateTime, Time};
use jiff::{SignedDuration, tz};

pub use self::error::RuleError;
use self::rule::End;
pub use self::rule::Rule;
use super::date::Date;
use super::due::Due;
use super::time_zone::TimeZone;

/// Recurrence rule, and the local time of day that was set with it.
///
/// If clocks skip that time, the task is due later on that day only; the days after keep the time.
///
/// ```
/// use duly::domain::{due::Due, recurrence::{Recurrence, Rule}, time_zone::TimeZone};
/// let due = Due::parse("2026-03-28T02:30:00[Europe/Berlin]", &TimeZone::utc()).unwrap();
/// let daily = Recurrence::new(Rule::parse("FREQ=DAILY").unwrap(), &due);
/// let (due, daily) = daily.next(&due).unwrap();
/// assert_eq!(due.to_string(), "2026-03-29T03:30:00+02:00[Europe/Berlin]");
/// let (due, _) = daily.next(&due).unwrap();
/// assert_eq!(due.to_string(), "2026-03-30T02:30:00+02:00[Europe/Berlin]");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurrence {
    rule: Rule,
    time: Option<Time>,
}

impl Recurrence {
    /// Creates the recurrence of a task that is first due at `due`, which sets the time of day.
    pub fn new(rule: Rule, due: &Due) -> Self {
        let time = match due {
            Due::On(_) => None,
            Due::At { at, zone } => Some(zone.rules().to_datetime((*at).into()).time()),
        };
        Self { rule, time }
    }

    /// Restores a recurrence from a stored [`Self::rule`] and [`Self::time_millis`].
    pub fn restore(rule: Rule, time_millis: Option<u32>) -> Self {
        let time = |millis: u32| {
            let since = SignedDuration::from_millis(millis.into());
            Time::midnight().saturating_add(since)
        };
        Self { rule, time: time_millis.map(time) }
    }

    /// Returns the rule. Its `COUNT` is the number of remaining occurrences, including the current one.
    pub const fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Returns the local time of day, in milliseconds since midnight. `None` for whole days.
    pub fn time_millis(&self) -> Option<u32> {
        let millis = self.time?.duration_since(Time::midnight()).as_millis();
        u32::try_from(millis).ok()
    }

    /// Returns the next due date or time, on a later day, and the recurrence from there. `None` if it has ended: by
    /// the rule, with the last year, or because no day matches.
    ///
    /// The current day need not match the rule.
    pub fn next(&self, due: &Due) -> Option<(Due, Self)> {
        let end = match self.rule.end {
            End::Count(count) => {
                End::Count(count.checked_sub(1).filter(|left| *left > 0)?)
            }
            end => end,
        };
        let (next, day, time) = match due {
            Due::On(date) => {
                let date =
                    Date::from_civil(step::day_after(&self.rule, date.civil())?).ok()?;
                (Due::On(date), date.civil(), self.time)
            }
            Due::At { at, zone } => {
                let (rules, now) = (zone.rules(), (*at).into());
                let clock = rules.to_datetime(now);
                let time = self.time.unwrap_or_else(|| clock.time());
                let day =
                    step::day_after(&self.rule, day_meant(&rules, now, clock, time))?;
                let at = rules.to_timestamp(day.to_datetime(time)).ok()?;
                (Due::At { at: at.into(), zone: zone.clone() }, day, Some(time))
            }
        };
        let ended = match (end, &next) {
            (End::Never | End::Count(_), _) => false,
            (End::Until(last), _) => day > last.civil(),
            (End::UntilTime(last), Due::At { at, .. }) => *at > last,
            (End::UntilTime(last), Due::On(date)) => {
                *date > Date::at(last, &TimeZone::utc())
            }
        };
        let rule = Rule { end, ..self.rule.clone() };
        (!ended).then_some((next, Self { rule, time }))
    }
}

/// Returns the day on which a task is due: the day before if clocks skipped its time and passed midnight.
fn day_meant(
    rules: &tz::TimeZone,
    at: jiff::Timestamp,
    clock: DateTime,
    time: Time,
) -> civil::Date {
    let meant = |day: &civil::Date| {
        rules.to_timestamp(day.to_datetime(time)).is_ok_and(|then| then == at)
    };
    let day_before = clock.date().yesterday().ok().filter(|_| clock.time() != time);
    day_before.filter(meant).unwrap_or_else(|| clock.date())
}

#[cfg(test)]
mod tests;
