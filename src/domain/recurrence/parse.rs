//! Parsing of rules.

use jiff::civil::Weekday;

use super::super::date::Date;
use super::super::rfc3339;
use super::super::timestamp::Timestamp;
use super::error::RuleError;
use super::rule::{End, Frequency, NthWeekday, Rule, name};

/// Parts of RFC 5545 and other properties of a recurring event that a rule cannot have.
const UNSUPPORTED: [&str; 11] = [
    "BYHOUR",
    "BYMINUTE",
    "BYSECOND",
    "BYWEEKNO",
    "BYYEARDAY",
    "RSCALE",
    "SKIP",
    "EXRULE",
    "EXDATE",
    "RDATE",
    "DTSTART",
];

/// Frequencies of RFC 5545 that are not supported.
const SUBDAILY: [&str; 3] = ["HOURLY", "MINUTELY", "SECONDLY"];

const PARTS: [&str; 9] = [
    "FREQ",
    "INTERVAL",
    "WKST",
    "BYMONTH",
    "BYDAY",
    "BYMONTHDAY",
    "BYSETPOS",
    "COUNT",
    "UNTIL",
];

impl Rule {
    /// Maximum length of a text, in bytes.
    pub const MAX_BYTES: usize = 200;

    /// Parses a rule, ignoring case. The prefix `RRULE:`, a `;` at the end, and spaces and line ends around the rule
    /// are optional.
    ///
    /// # Errors
    ///
    /// Every variant of [`RuleError`].
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        if text.len() > Self::MAX_BYTES {
            return Err(RuleError::TooLong);
        }
        let text = text.trim().to_ascii_uppercase();
        let text = text.strip_prefix("RRULE:").unwrap_or(&text);
        let values = values(text.strip_suffix(';').unwrap_or(text))?;
        let [freq, interval, week_start, by_month, by_day, by_month_day, ..] = values;
        let [.., by_set_pos, count, until] = values;
        let frequency = frequency(freq)?;
        let interval = interval.map_or(Some(1), |text| number(text, 1000));
        let week_start = week_start.map_or(Some(Weekday::Monday), weekday);
        let end = match (count, until) {
            (None, None) => End::Never,
            (Some(count), None) => {
                End::Count(number(count, 10_000).ok_or(RuleError::Count)?)
            }
            (None, Some(until)) => end(until).ok_or(RuleError::Until)?,
            (Some(_), Some(_)) => return Err(RuleError::TwoEnds),
        };
        let by_month = list(by_month, |month| {
            number(month, 12).and_then(|month| i8::try_from(month).ok())
        });
        let rule = Self {
            frequency,
            interval: interval.ok_or(RuleError::Interval)?,
            week_start: week_start.ok_or(RuleError::WeekStart)?,
            by_day: weekdays(
                by_day,
                frequency,
                by_month.as_ref().is_some_and(Vec::is_empty),
            )?,
            by_month: by_month.ok_or(RuleError::ByMonth)?,
            by_month_day: month_days(by_month_day, frequency)?,
            by_set_pos: set_positions(by_set_pos)?,
            end,
        };
        let is_alone = rule.by_month.is_empty()
            && rule.by_day.is_empty()
            && rule.by_month_day.is_empty();
        if is_alone && !rule.by_set_pos.is_empty() {
            return Err(RuleError::BySetPosAlone);
        }
        Ok(rule)
    }
}

/// Returns the value of each of [`PARTS`].
fn values(text: &str) -> Result<[Option<&str>; PARTS.len()], RuleError> {
    let mut values = [None; PARTS.len()];
    for part in text.split([';', '\n']) {
        let named = |name: &&str| {
            let rest = part.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['=', ':']))
        };
        if let Some(name) = UNSUPPORTED.into_iter().find(|name| named(name)) {
            return Err(RuleError::Unsupported(name));
        }
        let (name, value) = part.split_once('=').ok_or(RuleError::Malformed)?;
        let places = PARTS.into_iter().zip(&mut values);
        let (name, place) =
            places.into_iter().find(|it| it.0 == name).ok_or(RuleError::Unknown)?;
        if place.replace(value).is_some() {
            return Err(RuleError::Twice(name));
        }
    }
    Ok(values)
}

fn frequency(text: Option<&str>) -> Result<Frequency, RuleError> {
    if let Some(name) = SUBDAILY.into_iter().find(|name| text == Some(name)) {
        return Err(RuleError::Subdaily(name));
    }
    let mut all = Frequency::ALL.into_iter();
    all.find(|it| text == Some(it.as_str())).ok_or(RuleError::Frequency)
}

/// Parses a list of values. A missing list is empty.
fn list<T>(text: Option<&str>, value: impl Fn(&str) -> Option<T>) -> Option<Vec<T>>
where
    T: Ord,
{
    let mut values: Vec<T> =
        text.map_or(Some(Vec::new()), |text| text.split(',').map(value).collect())?;
    values.sort_unstable();
    values.dedup();
    Some(values)
}

fn weekdays(
    text: Option<&str>,
    frequency: Frequency,
    counts_in_year: bool,
) -> Result<Vec<NthWeekday>, RuleError> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let days: Option<Vec<_>> = text.split(',').map(nth_weekday).collect();
    let mut days = days.ok_or(RuleError::ByDay)?;
    let greatest = days.iter().filter_map(|day| day.nth).map(i8::unsigned_abs).max();
    match (frequency, greatest) {
        (Frequency::Daily | Frequency::Weekly, Some(_)) => {
            return Err(RuleError::ByDayNumber);
        }
        (Frequency::Yearly, _) if counts_in_year => {}
        (_, Some(6..)) => return Err(RuleError::ByDay),
        _ => {}
    }
    let order =
        |day: &NthWeekday| (day.nth.map(from_start), day.weekday.to_monday_zero_offset());
    days.sort_unstable_by_key(order);
    days.dedup();
    Ok(days)
}

fn month_days(text: Option<&str>, frequency: Frequency) -> Result<Vec<i8>, RuleError> {
    if frequency == Frequency::Weekly && text.is_some() {
        return Err(RuleError::ByMonthDayWeekly);
    }
    let day = |day: &str| signed(day, 31).and_then(|day| i8::try_from(day).ok());
    let mut days = list(text, day).ok_or(RuleError::ByMonthDay)?;
    days.sort_unstable_by_key(|day| from_start(*day));
    Ok(days)
}

fn set_positions(text: Option<&str>) -> Result<Vec<i16>, RuleError> {
    let mut positions =
        list(text, |number| signed(number, 366)).ok_or(RuleError::BySetPos)?;
    positions.sort_unstable_by_key(|position| (*position < 0, *position));
    Ok(positions)
}

/// Returns a sort key that puts numbers counted from the end last.
const fn from_start(number: i8) -> (bool, i8) {
    (number < 0, number)
}

fn nth_weekday(text: &str) -> Option<NthWeekday> {
    let (nth, day) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let weekday = weekday(day)?;
    let nth = if nth.is_empty() { None } else { Some(signed(nth, 53)?) };
    Some(NthWeekday { nth: nth.map(i8::try_from).transpose().ok()?, weekday })
}

fn weekday(text: &str) -> Option<Weekday> {
    Weekday::Monday.cycle_forward().take(7).find(|weekday| name(*weekday) == text)
}

/// Parses `20261231`, `20261231T235959Z` or `20261231T235959`.
fn end(text: &str) -> Option<End> {
    let part = |from, to| text.get(from..to);
    let day = format!("{}-{}-{}", part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let date = Date::from_civil(rfc3339::day(&day)?).ok()?;
    if text.len() == 8 {
        return Some(End::Until(date));
    }
    let zone = part(15, text.len()).filter(|_| part(8, 9) == Some("T"))?;
    let clock = format!("{day}T{}:{}:{}", part(9, 11)?, part(11, 13)?, part(13, 15)?);
    let (time, _) = rfc3339::moment(&clock)?;
    match zone {
        "" => Some(End::UntilLocal(time)),
        "Z" => {
            let time = jiff::tz::Offset::UTC.to_timestamp(time).ok()?;
            Timestamp::from_millis(time.as_millisecond()).ok().map(End::UntilTime)
        }
        _ => None,
    }
}

/// Parses a number from 1 to `max`.
fn number(text: &str, max: u16) -> Option<u16> {
    let is_plain = text.bytes().all(|c| c.is_ascii_digit());
    text.parse().ok().filter(|number| is_plain && (1..=max).contains(number))
}

/// Parses a number from 1 to `max`, or from -1 to `-max`.
fn signed(text: &str, max: u16) -> Option<i16> {
    text.parse().ok().filter(|number: &i16| (1..=max).contains(&number.unsigned_abs()))
}
