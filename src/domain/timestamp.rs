//! Points in time: UTC, to the millisecond.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Point in time, truncated to the millisecond on input, so that it is unchanged when it is stored and read.
///
/// Formatted as RFC 3339 in UTC with three decimals, always of the same length:
///
/// ```
/// use duly::domain::timestamp::Timestamp;
/// let time: Timestamp = "2030-05-01T12:00:00.123456+02:00".parse()?;
/// assert_eq!(time.to_string(), "2030-05-01T10:00:00.123Z");
/// # Ok::<(), duly::domain::timestamp::TimestampError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp {
    millis: i64,
}

/// Value that is not a time, or is outside the years 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time between 1970 and 9999")]
pub struct TimestampError;

impl Timestamp {
    /// 1970-01-01T00:00:00.000Z.
    pub const EPOCH: Self = Self { millis: 0 };

    /// 9999-12-31T00:00:00.000Z, the last day that RFC 3339 can write.
    pub const MAX: Self = Self { millis: 253_402_214_400_000 };

    /// Creates a time from milliseconds since 1970-01-01.
    ///
    /// # Errors
    ///
    /// Outside [`Self::EPOCH`] to [`Self::MAX`].
    pub fn from_millis(millis: i64) -> Result<Self, TimestampError> {
        let time = Self { millis };
        if (Self::EPOCH..=Self::MAX).contains(&time) {
            Ok(time)
        } else {
            Err(TimestampError)
        }
    }

    /// Returns the milliseconds since 1970-01-01.
    pub const fn as_millis(self) -> i64 {
        self.millis
    }

    /// Returns the whole seconds since 1970-01-01, as in a JWT.
    pub const fn as_seconds(self) -> i64 {
        self.millis.div_euclid(1000)
    }

    /// Returns the time elapsed since another time; zero if that is later.
    pub fn since(self, other: Self) -> Duration {
        let millis = self.millis.saturating_sub(other.millis);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }

    /// Adds a duration, up to [`Self::MAX`].
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        Self { millis: self.millis.saturating_add(by) }.min(Self::MAX)
    }
}

/// Length of a formatted time, in bytes.
pub const TEXT_LEN: usize = 24;

impl Timestamp {
    /// Formats the time into a buffer of the caller, without allocation.
    pub fn to_text(self, place: &mut [u8; TEXT_LEN]) -> &str {
        *place = self.to_ascii();
        str::from_utf8(place).unwrap_or_default()
    }

    /// Formats the time of a clock that is ahead of UTC by these seconds, as [`Self::to_text`] does, also with a `Z`.
    pub(super) fn local_text(self, ahead: i32, place: &mut [u8; TEXT_LEN]) -> &str {
        Self { millis: self.millis + i64::from(ahead) * 1000 }.to_text(place)
    }

    /// Formats the time. A list of tasks holds hundreds of times, so digits are written in pairs.
    pub fn to_ascii(self) -> [u8; TEXT_LEN] {
        const DAY: i64 = 86_400_000;
        // Positive, also for a clock that is behind UTC in 1970.
        let millis = self.millis + DAYS_BEFORE_1970 * DAY;
        let small = |number: i64| u32::try_from(number).unwrap_or(0);
        let (year, month, day) = civil(small(millis / DAY));
        let time = small(millis % DAY);
        let seconds = time / 1000;
        let [y0, y1] = digits(year / 100);
        let [y2, y3] = digits(year % 100);
        let ([m0, m1], [d0, d1]) = (digits(month), digits(day));
        let [h0, h1] = digits(seconds / 3600);
        let [n0, n1] = digits(seconds / 60 % 60);
        let [s0, s1] = digits(seconds % 60);
        let ([t0, t1], [_, t2]) = (digits(time % 1000 / 10), digits(time % 10));
        [
            y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':',
            s0, s1, b'.', t0, t1, t2, b'Z',
        ]
    }
}

/// Returns the two digits of a number below 100.
fn digits(number: u32) -> [u8; 2] {
    let number = u8::try_from(number).unwrap_or(0);
    [b'0' + number / 10 % 10, b'0' + number % 10]
}

/// Days from 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: i64 = 719_468;

/// Converts days since 0000-03-01 to year, month and day of the Gregorian calendar. Leap days come last in such years
/// ([algorithm](https://howardhinnant.github.io/date_algorithms.html#civil_from_days)).
const fn civil(day: u32) -> (u32, u32, u32) {
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

impl From<jiff::Timestamp> for Timestamp {
    /// Clamps times that are out of range.
    fn from(time: jiff::Timestamp) -> Self {
        Self { millis: time.as_millisecond() }.clamp(Self::EPOCH, Self::MAX)
    }
}

impl From<Timestamp> for jiff::Timestamp {
    /// Clamps times of the last hours, which jiff cannot represent.
    fn from(time: Timestamp) -> Self {
        Self::from_millisecond(time.millis).unwrap_or(Self::MAX)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let time: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
        Self::from_millis(time.as_millisecond())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_text(&mut [0; TEXT_LEN]))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utc_with_three_decimals() {
        assert_eq!(Timestamp::EPOCH.to_string(), "1970-01-01T00:00:00.000Z");
        let time = Timestamp::from_millis(1_900_000_000_007).unwrap();
        assert_eq!(time.to_string(), "2030-03-17T17:46:40.007Z");
        assert_eq!(time.to_string().parse(), Ok(time));
    }

    proptest::proptest! {
        #[test]
        fn text_is_what_jiff_writes(millis in 0..=Timestamp::MAX.millis) {
            let time = Timestamp::from_millis(millis).unwrap();
            let jiff = jiff::Timestamp::from_millisecond(millis).unwrap();
            proptest::prop_assert_eq!(time.to_string(), format!("{jiff:.3}"));
        }
    }

    #[test]
    fn local_text_reaches_beyond_the_first_and_the_last_day() {
        let mut place = [0; TEXT_LEN];
        let west = Timestamp::EPOCH.local_text(-43_200, &mut place);
        assert_eq!(west, "1969-12-31T12:00:00.000Z");
        let leap: Timestamp = "2028-02-29T20:00:00Z".parse().unwrap();
        let east = leap.local_text(50_400, &mut place);
        assert_eq!(east, "2028-03-01T10:00:00.000Z");
    }

    #[test]
    fn times_out_of_range_are_refused() {
        for millis in [-1, i64::MIN, i64::MAX, Timestamp::MAX.millis + 1] {
            assert_eq!(Timestamp::from_millis(millis), Err(TimestampError));
        }
        assert_eq!(Timestamp::MAX.plus(Duration::MAX), Timestamp::MAX);
    }
}
