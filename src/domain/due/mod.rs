//! Due dates and times of tasks.

mod range;
mod text;

pub use self::range::DueRange;
pub use self::text::DueError;
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
/// assert_eq!(shown("2026-12-01T08:00:00Z")?, "2026-12-01T09:00:00+01:00[Europe/Berlin]");
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
    },
}

impl Due {
    /// Returns the due time. A date counts from its first moment in the `home` zone.
    pub fn moment(&self, home: &TimeZone) -> Timestamp {
        match self {
            Self::On(date) => date.start(home),
            Self::At { at, .. } => *at,
        }
    }

    /// Returns the sort key, independent of the time zone: milliseconds, then dates before times. A date counts
    /// from midnight UTC.
    pub fn sort_key(&self) -> (i64, u8) {
        match self {
            Self::On(date) => (i64::from(date.days()) * 86_400_000, 0),
            Self::At { at, .. } => (at.as_millis(), 1),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
