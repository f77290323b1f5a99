//! Parsing of rules.

use jiff::civil::Weekday;

use super::super::date::Date;
use super::super::rfc3339;
use super::super::timestamp::Timestamp;
use super::error::RuleError;
use super::rule::{End, Frequency, NthWeekday, Rule, name};

impl Rule {
    /// Maximum length of a text, in bytes.
    pub const MAX_BYTES: usize = 200;

    /// Parses a rule, ignoring case, with or without the prefix `RRULE:`.
    ///
    /// # Errors
    ///
    /// Every variant of [`RuleError`].
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        if text.len() > Self::MAX_BYTES {
            return Err(RuleError::TooLong);
        }
        let text = text.to_ascii_uppercase();
        let text = text.strip_prefix("RRULE:").unwrap_or(&text);
        let [mut freq, mut interval, mut by_day, mut by_month_day, mut count, mut until] =
            [None; 6];
        for part in text.split(';') {
            let (name, value) = part.split_once('=').ok_or(RuleError::Malformed)?;
            let place = match name {
                "FREQ" => &mut freq,
                "INTERVAL" => &mut interval,
                "BYDAY" => &mut by_day,
                "BYMONTHDAY" => &mut by_month_day,
                "COUNT" => &mut count,
                "UNTIL" => &mut until,
                _ => return Err(RuleError::Unknown),
            };
            if place.replace(value).is_some() {
                return Err(RuleError::Twice);
            }
        }
        let frequency = Frequency::ALL
            .into_iter()
            .find(|frequency| freq == Some(frequency.as_str()))
            .ok_or(RuleError::Frequency)?;
        let interval = interval.map_or(Some(1), |text| number(text, 1000));
        let end = match (count, until) {
            (None, None) => End::Never,
            (Some(count), None) => {
                End::Count(number(count, 10_000).ok_or(RuleError::Count)?)
            }
            (None, Some(until)) => end(until).ok_or(RuleError::Until)?,
            (Some(_), Some(_)) => return Err(RuleError::TwoEnds),
        };
        Ok(Self {
            frequency,
            interval: interval.ok_or(RuleError::Interval)?,
            by_day: by_day.map_or(Ok(Vec::new()), |text| weekdays(text, frequency))?,
            by_month_day: by_month_day
                .map_or(Ok(Vec::new()), |text| month_days(text, frequency))?,
            end,
        })
    }
}

fn weekdays(text: &str, frequency: Frequency) -> Result<Vec<NthWeekday>, RuleError> {
    if frequency == Frequency::Yearly {
        return Err(RuleError::ByDayYearly);
    }
    let days: Option<Vec<_>> = text.split(',').map(nth_weekday).collect();
    let mut days = days.ok_or(RuleError::ByDay)?;
    if frequency != Frequency::Monthly && days.iter().any(|day| day.nth.is_some()) {
        return Err(RuleError::ByDayNumber);
    }
    let order =
        |day: &NthWeekday| (day.nth.map(from_start), day.weekday.to_monday_zero_offset());
    days.sort_unstable_by_key(order);
    days.dedup();
    Ok(days)
}

fn month_days(text: &str, frequency: Frequency) -> Result<Vec<i8>, RuleError> {
    if frequency != Frequency::Monthly {
        return Err(RuleError::ByMonthDayFrequency);
    }
    let days: Option<Vec<_>> = text.split(',').map(|day| signed(day, 31)).collect();
    let mut days = days.ok_or(RuleError::ByMonthDay)?;
    days.sort_unstable_by_key(|day| from_start(*day));
    days.dedup();
    Ok(days)
}

/// Returns a sort key that puts numbers counted from the end last.
const fn from_start(number: i8) -> (bool, i8) {
    (number < 0, number)
}

fn nth_weekday(text: &str) -> Option<NthWeekday> {
    let (nth, day) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let weekday =
        Weekday::Monday.cycle_forward().take(7).find(|weekday| name(*weekday) == day)?;
    let nth = if nth.is_empty() { None } else { Some(signed(nth, 5)?) };
    Some(NthWeekday { nth, weekday })
}

/// Parses `20261231` or `20261231T235959Z`.
fn end(text: &str) -> Option<End> {
    let part = |from, to| text.get(from..to);
    let day = format!("{}-{}-{}", part(0, 4)?, part(4, 6)?, part(6, 8)?);
    if text.len() == 8 {
        return Date::from_civil(rfc3339::day(&day)?).ok().map(End::Until);
    }
    if part(8, 9)? != "T" || part(15, text.len())? != "Z" {
        return None;
    }
    let clock = format!("{day}T{}:{}:{}Z", part(9, 11)?, part(11, 13)?, part(13, 15)?);
    let (time, said) = rfc3339::moment(&clock)?;
    let time = said.offset()?.to_timestamp(time).ok()?;
    Timestamp::from_millis(time.as_millisecond()).ok().map(End::UntilTime)
}

/// Parses a number from 1 to `max`.
fn number(text: &str, max: u16) -> Option<u16> {
    let is_plain = text.bytes().all(|c| c.is_ascii_digit());
    text.parse().ok().filter(|number| is_plain && (1..=max).contains(number))
}

/// Parses a number from 1 to `max`, or from -1 to `-max`.
fn signed(text: &str, max: u8) -> Option<i8> {
    text.parse().ok().filter(|number: &i8| (1..=max).contains(&number.unsigned_abs()))
}
