//! Parsing and formatting of due dates and times.

use std::fmt;

use jiff::Unit;
use jiff::tz::Offset;

use super::super::rfc3339::{self, Said, moment};
use super::super::timestamp::TEXT_LEN;
use super::local::resolve;
use super::{Date, Due, TimeZone, Timestamp};

/// Reason that a text is not a due date or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DueError {
    /// Unknown format.
    #[error(
        "must be a day such as 2026-12-01, or a time such as 2026-12-01T09:00 or \
         2026-12-01T09:00:00[Europe/Berlin]"
    )]
    Malformed,
    /// Unknown time zone.
    #[error("must name a time zone such as Europe/Berlin")]
    Zone,
    /// Offset that does not occur at that local time in the zone.
    #[error("must have the UTC offset of its time zone at that time, or no offset")]
    Offset,
    /// Time out of range.
    #[error(
        "must be a day from 1970-01-01 to 9999-12-30, or a time from 1970-01-01T00:00:00Z to 9999-12-30T22:00:00Z"
    )]
    Range,
    /// Suffix that must not be ignored, and is unknown.
    #[error("must not have a critical suffix such as [!u-ca=hebrew]")]
    Critical,
}

impl Due {
    /// Maximum length of a text, in bytes.
    pub const MAX_BYTES: usize = 200;

    /// Parses a text. `home` is the time zone of times that name neither a zone nor an offset, and of times with an
    /// offset alone.
    ///
    /// Without an offset, a skipped local time moves forward by the length of the gap, and a repeated one is its
    /// first occurrence. Elective suffixes are ignored.
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
        let clock_end = text.find('[').unwrap_or(text.len());
        let (text, suffixes) =
            text.split_at_checked(clock_end).ok_or(DueError::Malformed)?;
        let name = zone_name(suffixes)?;
        let text = rfc3339::with_seconds(text);
        let (clock, said) = moment(&text).ok_or(DueError::Malformed)?;
        let zone = match name {
            Some(name) => TimeZone::or_offset(name).map_err(|_| DueError::Zone)?,
            None => home.clone(),
        };
        let Some(offset) = said.offset() else {
            return resolve(clock, &zone).ok_or(DueError::Range);
        };
        let rules = zone.rules();
        let mut at = offset.to_timestamp(clock).map_err(|_| DueError::Range)?;
        if name.is_some()
            && matches!(said, Said::Minutes(_))
            && offset != rules.to_offset(at)
        {
            // Some zones had offsets with seconds, which the text rounds to minutes.
            let exact = rules.to_offset(at);
            at = exact.to_timestamp(clock).map_err(|_| DueError::Range)?;
            if Some(offset) != to_minute(exact) || rules.to_offset(at) != exact {
                return Err(DueError::Offset);
            }
        }
        let at =
            Timestamp::from_millis(at.as_millisecond()).map_err(|_| DueError::Range)?;
        Ok(Self::At { at, zone, skipped: None })
    }
}

/// Returns the name of the time zone in the suffixes of a time, such as `[Europe/Berlin][u-ca=gregory]`
/// ([RFC 9557, section 4.1](https://www.rfc-editor.org/rfc/rfc9557#section-4.1)).
fn zone_name(suffixes: &str) -> Result<Option<&str>, DueError> {
    let (mut zone, mut rest, mut number) = (None, suffixes, 0);
    while !rest.is_empty() {
        let suffix = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (suffix, after) = suffix.ok_or(DueError::Malformed)?;
        let (is_critical, suffix) = match suffix.strip_prefix('!') {
            Some(suffix) => (true, suffix),
            None => (false, suffix),
        };
        match suffix.split_once('=') {
            Some((key, value)) if !is_tag(key, value) => return Err(DueError::Malformed),
            Some(_) if is_critical => return Err(DueError::Critical),
            Some(_) => {}
            // Only the first suffix names a zone, critical or not: no zone is ignored here.
            None if number == 0 => zone = Some(suffix),
            None => return Err(DueError::Malformed),
        }
        (rest, number) = (after, number + 1);
    }
    Ok(zone)
}

/// Whether a key and its value have the form of the RFC.
fn is_tag(key: &str, value: &str) -> bool {
    let is_first = |c: char| c.is_ascii_lowercase() || c == '_';
    let is_other = |c: char| is_first(c) || c.is_ascii_digit() || c == '-';
    let is_value =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric());
    key.starts_with(is_first)
        && key.chars().all(is_other)
        && value.split('-').all(is_value)
}

/// Text of a due date or time, and the parts of it that clients show.
#[derive(Debug)]
pub struct DueText {
    text: String,
    skipped: Option<String>,
}

impl From<&Due> for DueText {
    fn from(due: &Due) -> Self {
        let skipped = match due {
            Due::At { skipped: Some(time), .. } => Some(time.to_string()),
            Due::On(_) | Due::At { skipped: None, .. } => None,
        };
        Self { text: due.to_string(), skipped }
    }
}

impl DueText {
    /// Returns the whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the day: that of a due time is the local one in its zone.
    pub fn date(&self) -> &str {
        self.text.get(..DATE_LEN).unwrap_or_default()
    }

    /// Returns the local time that is meant, without seconds if they are 0. `None` for a day.
    pub fn local_time(&self) -> Option<&str> {
        if let Some(skipped) = &self.skipped {
            return Some(skipped);
        }
        let time = self.text.get(DATE_LEN + 1..)?;
        let time = time.get(..time.find(['+', '-'])?)?;
        Some(time.strip_suffix(":00").filter(|time| time.contains(':')).unwrap_or(time))
    }
}

/// Length of a date, in bytes.
const DATE_LEN: usize = "2026-12-01".len();

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
            Self::At { at, zone, .. } => (jiff::Timestamp::from(*at), zone),
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
