//! Parsing and formatting of due dates and times.

use std::fmt;

use jiff::Unit;
use jiff::tz::Offset;

use super::super::rfc3339::{self, Said, moment};
use super::super::timestamp::TEXT_LEN;
use super::{Date, Due, TimeZone, Timestamp};

/// Reason that a text is not a due date or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DueError {
    /// Unknown format.
    #[error(
        "must be a day such as 2026-12-01, or a time such as 2026-12-01T09:00:00[Europe/Berlin]"
    )]
    Malformed,
    /// Unknown time zone.
    #[error("must name a time zone such as Europe/Berlin")]
    Zone,
    /// Offset that does not occur at that local time in the zone.
    #[error("must have the UTC offset of its time zone at that time, or no offset")]
    Offset,
    /// Time out of range.
    #[error("must be between the years 1970 and 9999")]
    Range,
}

impl Due {
    /// Maximum length of a text, in bytes.
    pub const MAX_BYTES: usize = 110;

    /// Parses a text. `home` is the time zone of times that name none.
    ///
    /// Without an offset, a skipped local time moves forward by the length of the gap, and a repeated one is its
    /// first occurrence.
    ///
    /// # Errors
    ///
    /// Every variant of [`DueError`].
    pub fn parse(text: &str, home: &TimeZone) -> Result<Self, DueError> {
        if text.len() > Self::MAX_BYTES {
            return Err(DueError::Malformed);
        }
        if let Some(day) = rfc3339::day(text) {
            return Date::from_civil(day).map(Self::On).map_err(|_| DueError::Range);
        }
        let (text, name) =
            match text.strip_suffix(']').map(|text| text.split_once('[')) {
                Some(split) => split.map(|(text, name)| (text, Some(name))),
                None => Some((text, None)),
            }
            .ok_or(DueError::Malformed)?;
        let (clock, said) = moment(text).ok_or(DueError::Malformed)?;
        let zone = match name {
            // `!` marks a suffix that must not be ignored (RFC 9557). No suffix is ignored here.
            Some(name) => TimeZone::new(name.strip_prefix('!').unwrap_or(name)),
            None if said == Said::Nothing => return Err(DueError::Malformed),
            None => Ok(home.clone()),
        }
        .map_err(|_| DueError::Zone)?;
        let rules = zone.rules();
        let at = match said.offset() {
            None => rules.to_timestamp(clock),
            Some(offset) => offset.to_timestamp(clock),
        };
        let mut at = at.map_err(|_| DueError::Range)?;
        if name.is_some()
            && matches!(said, Said::Minutes(_))
            && said.offset() != Some(rules.to_offset(at))
        {
            // Some zones had offsets with seconds, which the text rounds to minutes.
            let exact = rules.to_offset(at);
            at = exact.to_timestamp(clock).map_err(|_| DueError::Range)?;
            if said.offset() != to_minute(exact) || rules.to_offset(at) != exact {
                return Err(DueError::Offset);
            }
        }
        let at =
            Timestamp::from_millis(at.as_millisecond()).map_err(|_| DueError::Range)?;
        Ok(Self::At { at, zone })
    }
}

fn to_minute(offset: Offset) -> Option<Offset> {
    if offset.seconds() % 60 == 0 {
        return Some(offset);
    }
    offset.round(Unit::Minute).ok()
}

impl fmt::Display for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, zone) = match self {
            Self::On(date) => return date.fmt(f),
            Self::At { at, zone } => (jiff::Timestamp::from(*at), zone),
        };
        let exact = zone.rules().to_offset(at);
        let minutes = to_minute(exact).unwrap_or(exact).seconds() / 60;
        let place = &mut [0; TEXT_LEN];
        let clock = Timestamp::from(at).local_text(exact.seconds(), place);
        let (seconds, millis) = clock.split_at_checked(19).unwrap_or_default();
        f.write_str(seconds)?;
        let millis = millis.trim_end_matches('Z');
        if millis != ".000" {
            f.write_str(millis)?;
        }
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hour, minute) = (minutes.abs() / 60, minutes.abs() % 60);
        write!(f, "{sign}{hour:02}:{minute:02}[{}]", zone.as_str())
    }
}
