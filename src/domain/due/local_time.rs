//! Local times of day.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::Time;

use super::super::rfc3339;

/// Local time of day, to the millisecond, written as `09:00`, `09:00:30` or `09:00:30.250`.
///
/// ```
/// use duly::domain::due::LocalTime;
/// assert_eq!(LocalTime::parse("09:00:00")?.to_string(), "09:00");
/// assert!(LocalTime::parse("9:00").is_err());
/// # Ok::<(), duly::domain::due::LocalTimeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime(Time);

/// Value that is not a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a time of day such as 09:00")]
pub struct LocalTimeError;

impl LocalTime {
    /// Maximum length of a text, in bytes.
    pub const MAX_BYTES: usize = 12;

    /// Parses a text. The second and its fraction are optional.
    ///
    /// # Errors
    ///
    /// The text has another form, or is not a time of day.
    pub fn parse(text: &str) -> Result<Self, LocalTimeError> {
        if text.len() > Self::MAX_BYTES {
            return Err(LocalTimeError);
        }
        let time = rfc3339::moment(&rfc3339::with_seconds(&format!("1970-01-01T{text}")));
        match time {
            Some((clock, rfc3339::Said::Nothing)) => Ok(Self(clock.time())),
            _ => Err(LocalTimeError),
        }
    }

    /// Creates a time of day from milliseconds since midnight. The last one stands for later ones.
    pub fn from_millis(millis: u32) -> Self {
        let since = SignedDuration::from_millis(millis.into());
        Self(Time::midnight().saturating_add(since))
    }

    /// Returns the milliseconds since midnight.
    pub fn as_millis(self) -> u32 {
        let millis = self.0.duration_since(Time::midnight()).as_millis();
        u32::try_from(millis).unwrap_or_default()
    }

    pub(in crate::domain) const fn from_civil(time: Time) -> Self {
        Self(time)
    }

    pub(in crate::domain) const fn civil(self) -> Time {
        self.0
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0.hour(), self.0.minute())?;
        match (self.0.second(), self.0.millisecond()) {
            (0, 0) => Ok(()),
            (second, 0) => write!(f, ":{second:02}"),
            (second, millis) => write!(f, ":{second:02}.{millis:03}"),
        }
    }
}
