//! Times as the program knows them: UTC, to the millisecond.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A moment, cut to the millisecond as it comes in, so that what was written equals
/// what is read back.
///
/// Shown as RFC 3339 in UTC with three decimals, always of the same length:
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

/// Not a time, or one outside the years 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time between 1970 and 9999")]
pub struct TimestampError;

impl Timestamp {
    /// 1970-01-01T00:00:00.000Z.
    pub const EPOCH: Self = Self { millis: 0 };

    /// 9999-12-31T00:00:00.000Z, the last day that RFC 3339 can write.
    pub const MAX: Self = Self { millis: 253_402_214_400_000 };

    /// A time from milliseconds since 1970.
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

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.millis
    }

    /// Whole seconds since 1970, as in a JWT.
    pub const fn as_seconds(self) -> i64 {
        self.millis.div_euclid(1000)
    }

    /// This much later; never past [`Self::MAX`].
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        Self { millis: self.millis.saturating_add(by) }.min(Self::MAX)
    }
}

impl From<jiff::Timestamp> for Timestamp {
    /// Times out of range become the nearest one in range.
    fn from(time: jiff::Timestamp) -> Self {
        Self { millis: time.as_millisecond() }.clamp(Self::EPOCH, Self::MAX)
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
        let time =
            jiff::Timestamp::from_millisecond(self.millis).map_err(|_| fmt::Error)?;
        write!(f, "{time:.3}")
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

    #[test]
    fn times_out_of_range_are_refused() {
        for millis in [-1, i64::MIN, i64::MAX, Timestamp::MAX.millis + 1] {
            assert_eq!(Timestamp::from_millis(millis), Err(TimestampError));
        }
        assert_eq!(Timestamp::MAX.plus(Duration::MAX), Timestamp::MAX);
    }
}
