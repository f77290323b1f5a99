//! Days of the calendar, without a time and without a place.

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use jiff::tz::AmbiguousOffset;

use super::time_zone::TimeZone;
use super::timestamp::Timestamp;

/// A day of the [Gregorian calendar](https://www.rfc-editor.org/rfc/rfc3339#section-5.6), written
/// `2026-12-01` and in no other way.
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

/// Not a day, or one outside 1970-01-01 to 9999-12-30.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a day such as 2026-12-01, from 1970-01-01 to 9999-12-30")]
pub struct DateError;

const EPOCH: civil::Date = civil::date(1970, 1, 1);

impl Date {
    /// 1970-01-01.
    pub const MIN: Self = Self(EPOCH);

    /// 9999-12-30, the last day that has begun everywhere before time ends at [`Timestamp::MAX`].
    pub const MAX: Self = Self(civil::date(9999, 12, 30));

    /// A day from how many days it is after 1970-01-01.
    ///
    /// # Errors
    ///
    /// Outside [`Self::MIN`] to [`Self::MAX`].
    pub fn from_days(days: i32) -> Result<Self, DateError> {
        let day =
            EPOCH.checked_add(jiff::SignedDuration::from_hours(24 * i64::from(days)));
        Self::from_civil(day.map_err(|_| DateError)?)
    }

    /// Days since 1970-01-01.
    pub fn days(self) -> i32 {
        self.0
            .duration_since(EPOCH)
            .as_hours()
            .try_into()
            .map_or(0, |hours: i32| hours / 24)
    }

    /// The first moment of the day there. Where clocks skip midnight it is later, and where they skip the
    /// whole day it is that of the next.
    pub fn start(self, zone: &TimeZone) -> Timestamp {
        let zone = zone.rules();
        let midnight = zone.to_ambiguous_timestamp(self.0.at(0, 0, 0, 0));
        let gap = matches!(midnight.offset(), AmbiguousOffset::Gap { .. });
        // Only days at the end of the last year have no such time, and `MAX` is before them.
        let time = midnight.compatible().unwrap_or(jiff::Timestamp::MAX);
        // In a gap this may be later than its end, which is when clocks were last changed.
        let just_after =
            time.checked_add(jiff::SignedDuration::from_nanos(1)).unwrap_or(time);
        match zone.preceding(just_after).next().filter(|_| gap) {
            Some(change) => change.timestamp().into(),
            None => time.into(),
        }
    }

    /// The day it is there then; the nearest one in range if that is out of range.
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
        Self::from_civil(super::clock_text::day(text).ok_or(DateError)?)
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
