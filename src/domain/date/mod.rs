//! Calendar dates without a time of day or a time zone.

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use jiff::tz::AmbiguousOffset;

use super::time_zone::TimeZone;
use super::timestamp::Timestamp;

/// Date of the [Gregorian calendar](https://www.rfc-editor.org/rfc/rfc3339#section-5.6), always written as
/// `2026-12-01`.
///
/// ```
/// use duly::domain::date::{Date, DateError};
/// let date: Date = "2028-02-29".parse()?;
/// assert_eq!(date.to_string(), "2028-02-29");
/// assert_eq!("2026-02-29".parse::<Date>(), Err(DateError));
/// # Ok::<(), DateError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date(civil::Date);

/// Value that is not a date, or is outside 1970-01-01 to 9999-12-30.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a day such as 2026-12-01, from 1970-01-01 to 9999-12-30")]
pub struct DateError;

const EPOCH: civil::Date = civil::date(1970, 1, 1);

impl Date {
    /// 1970-01-01.
    pub const MIN: Self = Self(EPOCH);

    /// 9999-12-30, the last day that starts before [`Timestamp::MAX`] in every time zone.
    pub const MAX: Self = Self(civil::date(9999, 12, 30));

    /// Creates a date from the number of days since 1970-01-01.
    ///
    /// # Errors
    ///
    /// Outside [`Self::MIN`] to [`Self::MAX`].
    pub fn from_days(days: i32) -> Result<Self, DateError> {
        let day =
            EPOCH.checked_add(jiff::SignedDuration::from_hours(24 * i64::from(days)));
        Self::from_civil(day.map_err(|_| DateError)?)
    }

    /// Returns the number of days since 1970-01-01.
    pub fn days(self) -> i32 {
        self.0
            .duration_since(EPOCH)
            .as_hours()
            .try_into()
            .map_or(0, |hours: i32| hours / 24)
    }

    /// Returns the first moment of the day in a time zone. It is later than midnight if clocks skip midnight, and
    /// the start of the next day if clocks skip the whole day.
    pub fn start(self, zone: &TimeZone) -> Timestamp {
        self.start_by(&zone.rules())
    }

    /// Returns the first moment of the day by the rules of a time zone.
    pub(super) fn start_by(self, rules: &jiff::tz::TimeZone) -> Timestamp {
        let midnight = rules.to_ambiguous_timestamp(self.0.at(0, 0, 0, 0));
        let is_skipped = matches!(midnight.offset(), AmbiguousOffset::Gap { .. });
        // Only the last days of 9999 have no such time, and `MAX` is before them.
        let time = midnight.compatible().unwrap_or(jiff::Timestamp::MAX);
        if !is_skipped {
            return time.into();
        }
        // `time` may be later than the end of the gap, which is the time of the last transition.
        let just_after =
            time.checked_add(jiff::SignedDuration::from_nanos(1)).unwrap_or(time);
        match rules.preceding(just_after).next() {
            Some(change) => change.timestamp().into(),
            None => time.into(),
        }
    }

    /// Returns the date in a time zone at a time, clamped to the valid range.
    pub fn at(time: Timestamp, zone: &TimeZone) -> Self {
        Self(zone.rules().to_datetime(time.into()).date().clamp(Self::MIN.0, Self::MAX.0))
    }

    pub(super) fn from_civil(day: civil::Date) -> Result<Self, DateError> {
        let date = Self(day);
        if (Self::MIN..=Self::MAX).contains(&date) { Ok(date) } else { Err(DateError) }
    }

    pub(super) const fn civil(self) -> civil::Date {
        self.0
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_civil(super::rfc3339::day(text).ok_or(DateError)?)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
