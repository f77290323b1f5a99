//! When tasks are due.

mod range;
mod text;

pub use self::range::DueRange;
pub use self::text::DueError;
use super::date::Date;
use super::time_zone::TimeZone;
use super::timestamp::Timestamp;

/// A day, or a moment in the time zone it was meant in.
///
/// A moment is written as in [RFC 9557](https://www.rfc-editor.org/rfc/rfc9557): with its zone.
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
    /// That day, wherever one is.
    On(Date),
    /// That moment.
    At {
        /// The moment.
        at: Timestamp,
        /// Where it was meant: what keeps a repeated task at its hour in summer and winter.
        zone: TimeZone,
    },
}

impl Due {
    /// When it is due. A day counts from its first moment at home.
    pub fn moment(&self, home: &TimeZone) -> Timestamp {
        match self {
            Self::On(date) => date.start(home),
            Self::At { at, .. } => *at,
        }
    }

    /// What dues are sorted by wherever home is: milliseconds, and days before moments. A day counts from
    /// its midnight in UTC.
    pub fn sort_key(&self) -> (i64, u8) {
        match self {
            Self::On(date) => (i64::from(date.days()) * 86_400_000, 0),
            Self::At { at, .. } => (at.as_millis(), 1),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
