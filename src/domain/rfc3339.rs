//! Dates and times of day in the format of [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339#section-5.6).
//!
//! Jiff accepts more formats. The API promises only these, so each is parsed digit by digit.

use std::borrow::Cow;

use jiff::civil;
use jiff::tz::Offset;

/// UTC offset as written in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// No offset.
    Nothing,
    /// `Z` or `-00:00`: a time in UTC, with the local offset unknown.
    Utc,
    /// Minutes east of UTC, such as `+01:00`.
    Minutes(i32),
}

impl Said {
    /// Returns the offset, if one was written.
    pub(super) fn offset(self) -> Option<Offset> {
        match self {
            Self::Nothing => None,
            Self::Utc => Some(Offset::UTC),
            Self::Minutes(minutes) => Offset::from_seconds(minutes * 60).ok(),
        }
    }
}

/// Parses `2026-12-01`.
pub(super) fn day(text: &str) -> Option<civil::Date> {
    let [year @ .., b'-', m0, m1, b'-', d0, d1] = text.as_bytes() else { return None };
    let [y0, y1, y2, y3] = *year else { return None };
    let year = number(&[y0, y1, y2, y3])?;
    civil::Date::new(year, small(*m0, *m1)?, small(*d0, *d1)?).ok()
}

/// Parses `2026-12-01T09:00:00.123+01:00`; the offset is optional. Digits past the millisecond are truncated.
pub(super) fn moment(text: &str) -> Option<(civil::DateTime, Said)> {
    let (date, rest) = text.split_once(['T', 't'])?;
    let (time, rest) = rest.split_at_checked(8)?;
    let [h0, h1, b':', m0, m1, b':', s0, s1] = *time.as_bytes() else { return None };
    let (millis, rest) = match rest.strip_prefix('.') {
        Some(fraction) => {
            let end =
                fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
            let (digits, rest) = fraction.split_at_checked(end)?;
            let digits = format!("{digits:0<3}");
            (number(digits.as_bytes().first_chunk::<3>().filter(|_| end > 0)?)?, rest)
        }
        None => (0, rest),
    };
    // POSIX has no leap seconds: 60 counts as 59.
    let second = small(s0, s1)?;
    let second = if second == 60 { 59 } else { second };
    let nanos = i32::from(millis) * 1_000_000;
    let time = civil::Time::new(small(h0, h1)?, small(m0, m1)?, second, nanos).ok()?;
    Some((day(date)?.to_datetime(time), said(rest)?))
}

/// Parses an offset such as `+01:00`.
pub(super) fn offset(text: &str) -> Option<Offset> {
    said(text)?.offset()
}

/// Adds the seconds to a time that has only hours and minutes, such as `2026-12-01T09:00`.
pub(super) fn with_seconds(text: &str) -> Cow<'_, str> {
    let split = text.split_at_checked("2026-12-01T09:00".len());
    let ends = |rest: &str| rest.is_empty() || rest.starts_with(['+', '-', 'Z', 'z']);
    match split.filter(|(_, rest)| ends(rest)) {
        Some((start, rest)) => Cow::Owned(format!("{start}:00{rest}")),
        None => Cow::Borrowed(text),
    }
}

fn said(text: &str) -> Option<Said> {
    let [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] = *text.as_bytes() else {
        return match text {
            "" => Some(Said::Nothing),
            "Z" | "z" => Some(Said::Utc),
            _ => None,
        };
    };
    let (hours, minutes) = (small(h0, h1)?, small(m0, m1)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let minutes = i32::from(hours) * 60 + i32::from(minutes);
    Some(match (sign, minutes) {
        (b'-', 0) => Said::Utc,
        (b'-', _) => Said::Minutes(-minutes),
        _ => Said::Minutes(minutes),
    })
}

fn small(tens: u8, ones: u8) -> Option<i8> {
    number(&[tens, ones])?.try_into().ok()
}

/// Parses at most four digits.
fn number(digits: &[u8]) -> Option<i16> {
    digits.iter().try_fold(0_i16, |sum, digit| {
        let digit = digit.is_ascii_digit().then(|| i16::from(digit - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_these_forms_are_read() {
        let noon = civil::date(2026, 12, 1).at(12, 0, 0, 0);
        let half = civil::date(2026, 12, 1).at(12, 0, 0, 500_000_000);
        assert_eq!(moment("2026-12-01T12:00:00"), Some((noon, Said::Nothing)));
        assert_eq!(moment("2026-12-01t12:00:00.5z"), Some((half, Said::Utc)));
        assert_eq!(
            moment("2026-12-01T12:00:00.5009999999-00:00"),
            Some((half, Said::Utc))
        );
        assert_eq!(
            moment("2026-12-01T12:00:00-03:30"),
            Some((noon, Said::Minutes(-210)))
        );
        for text in [
            "2026-12-01 12:00:00Z",
            "2026-12-01T12:00Z",
            "2026-12-01T12:00:00.Z",
            "2026-12-01T12:00:00,5Z",
            "2026-12-01T24:00:00Z",
            "2026-12-01T12:00:61Z",
            "2026-12-01T12:00:00+01",
            "2026-12-01T12:00:00+0100",
            "2026-12-01T12:00:00+24:00",
            "2026-12-01T12:00:00+01:60",
            "2026-12-01T12:00:00Z ",
            "20261201T120000Z",
            "T",
            "",
            "2026-12-01T12:00:0é",
            "2026-12-01T1２:00:00",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
