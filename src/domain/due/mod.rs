//! Due dates and times of tasks.

mod local;
mod local_time;
mod range;
mod text;

use jiff::civil;

pub use self::local::LocalError;
pub(super) use self::local::resolve;
pub use self::local_time::{LocalTime, LocalTimeError};
pub use self::range::DueRange;
pub(crate) use self::range::first_day_from;
pub use self::text::{DueError, DueText};
use super::date::Date;
use super::time_zone::TimeZone;
use super::timestamp::Timestamp;

/// Due date, or due time with its time zone.
///
/// A due time is written with its zone, as in [RFC 9557](https://www.rfc-editor.org/rfc/rfc9557).
///
/// ```
/// use duly::domain::{due::Due, time_zone::TimeZone};
/// let home = TimeZone::new("Europe/Berlin").unwrap();
/// let shown = |text| Due::parse(text, &home).map(|due| due.to_string());
/// assert_eq!(shown("2026-12-01")?, "2026-12-01");
/// assert_eq!(shown("2026-12-01T09:00")?, "2026-12-01T09:00:00+01:00[Europe/Berlin]");
/// assert_eq!(
///     shown("2026-12-01T09:00:00.1239[Asia/Tokyo]")?,
///     "2026-12-01T09:00:00.123+09:00[Asia/Tokyo]"
/// );
/// # Ok::<(), duly::domain::due::DueError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// Date in any time zone.
    On(Date),
    /// Point in time.
    At {
        /// Due time.
        at: Timestamp,
        /// Time zone of the due time. A recurring task keeps its local time across daylight saving changes.
        zone: TimeZone,
        /// Local time that is meant, if the clocks skip it on that day: `at` is later by the length of the gap.
        skipped: Option<LocalTime>,
    },
}

impl Due {
    /// Creates a due time that means a local time. The meaning is dropped unless the clocks skip that time, and thus
    /// show another one at `at`.
    pub fn at(at: Timestamp, zone: TimeZone, meant: Option<LocalTime>) -> Self {
        let is_skipped = |time: &LocalTime| local::is_skipped(at, &zone, *time);
        let skipped = meant.filter(is_skipped);
        Self::At { at, zone, skipped }
    }

    /// Returns the due time. A date counts from its first moment in the `home` zone.
    pub fn moment(&self, home: &TimeZone) -> Timestamp {
        match self {
            Self::On(date) => date.start(home),
            Self::At { at, .. } => *at,
        }
    }

    /// Returns the local time that is meant. `None` for a date.
    pub fn local_time(&self) -> Option<LocalTime> {
        match self {
            Self::On(_) => None,
            Self::At { at, zone, skipped } => Some(skipped.unwrap_or_else(|| {
                LocalTime::from_civil(zone.rules().to_datetime((*at).into()).time())
            })),
        }
    }

    /// Returns the date, which is that of the due time in its zone.
    pub fn date(&self) -> Date {
        match self {
            Self::On(date) => *date,
            Self::At { at, zone, .. } => Date::at(*at, zone),
        }
    }

    /// Returns the local day and time that are meant; midnight of a date.
    pub(super) fn meant(&self) -> civil::DateTime {
        match self {
            Self::On(date) => date.civil().into(),
            Self::At { at, zone, skipped } => {
                let clock = zone.rules().to_datetime((*at).into());
                let meant = skipped.and_then(|time| local::meant(*at, zone, time));
                meant.unwrap_or(clock)
            }
        }
    }

    /// Whether both are the same date, or the same time in the same zone, whatever local times are meant.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::On(date), Self::On(other)) => date == other,
            (Self::At { at, zone, .. }, Self::At { at: other, zone: other_zone, .. }) => {
                at == other && zone == other_zone
            }
            _ => false,
        }
    }

    /// Returns the due date or time some days later, at the same local time. `None` outside the valid range.
    pub fn plus_days(&self, days: i64) -> Option<Self> {
        let meant = self.meant();
        let by = jiff::SignedDuration::from_hours(24 * days);
        let day = meant.date().checked_add(by).ok()?;
        match self {
            Self::On(_) => Date::from_civil(day).ok().map(Self::On),
            Self::At { zone, .. } => resolve(day.to_datetime(meant.time()), zone),
        }
    }

    /// Returns the number of days until another due date or time, by the days that are meant.
    pub fn days_until(&self, other: &Self) -> i64 {
        other.meant().date().duration_since(self.meant().date()).as_hours() / 24
    }

    /// Returns the numbers by which a store knows it, whatever the time zone: milliseconds, and 0 for a date or 1 for a
    /// time. A date counts from midnight UTC.
    pub fn stored_key(&self) -> (i64, u8) {
        match self {
            Self::On(date) => (i64::from(date.days()) * DAY_MS, 0),
            Self::At { at, .. } => (at.as_millis(), 1),
        }
    }
}

/// Returns the due time of a [`Due::stored_key`], in milliseconds. A date counts from its first moment in the `home`
/// zone.
pub(crate) fn moment_of(due: (i64, u8), home: &TimeZone) -> i64 {
    if due.1 == 0 { DayStarts::new(home).moment_of(due) } else { due.0 }
}

/// First moments of days in one time zone, whose rules are looked up once.
pub(crate) struct DayStarts {
    rules: jiff::tz::TimeZone,
    /// Number of the last day, and its moment.
    last: (i64, i64),
}

impl DayStarts {
    pub(crate) fn new(home: &TimeZone) -> Self {
        Self { rules: home.rules(), last: (i64::MIN, 0) }
    }

    /// Returns the moment of a due date or time, like [`moment_of`].
    pub(crate) fn moment_of(&mut self, (millis, shape): (i64, u8)) -> i64 {
        if shape != 0 {
            return millis;
        }
        if self.last.0 != millis {
            let day = i32::try_from(millis / DAY_MS).ok();
            let date = day.and_then(|day| Date::from_days(day).ok());
            let start = |date: Date| date.start_by(&self.rules).as_millis();
            self.last = (millis, date.map_or(millis, start));
        }
        self.last.1
    }
}

/// Length of a day, in milliseconds.
pub(crate) const DAY_MS: i64 = 86_400_000;

#[cfg(test)]
pub(super) mod tests;
