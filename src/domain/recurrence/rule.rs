//! Recurrence rules.

use std::fmt;

use jiff::civil::{DateTime, Weekday};

use super::super::date::Date;
use super::super::timestamp::Timestamp;

/// Recurrence rule, a subset of [RFC 5545](https://www.rfc-editor.org/rfc/rfc5545#section-3.3.10).
///
/// Supports `FREQ` of a day or longer, `INTERVAL` up to 1000, `WKST`, `BYMONTH`, `BYDAY`, `BYMONTHDAY`, `BYSETPOS`, and
/// one of `COUNT` up to 10000 and `UNTIL`. The text form is canonical:
///
/// ```
/// use duly::domain::recurrence::{Rule, RuleError};
/// let rule = Rule::parse("RRULE:interval=1;byday=FR,1mo,+1MO;freq=monthly")?;
/// assert_eq!(rule.to_string(), "FREQ=MONTHLY;BYDAY=FR,1MO");
/// assert_eq!(Rule::parse("FREQ=HOURLY"), Err(RuleError::Subdaily("HOURLY")));
/// # Ok::<(), RuleError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub(super) frequency: Frequency,
    /// Interval, at least 1.
    pub(super) interval: u16,
    /// First day of the week.
    pub(super) week_start: Weekday,
    /// Months, from 1. Every list is sorted and unique.
    pub(super) by_month: Vec<i8>,
    /// Days of the week.
    pub(super) by_day: Vec<NthWeekday>,
    /// Days of the month: from 1, or from the last, which is -1.
    pub(super) by_month_day: Vec<i8>,
    /// Positions in the days of one period: from 1, or from the last, which is -1. Empty for all days.
    pub(super) by_set_pos: Vec<i16>,
    pub(super) end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// Day of the week: every one, or the n-th in the month or, in a yearly rule without months, in the year. Counted from the
/// end if negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NthWeekday {
    pub(super) nth: Option<i8>,
    pub(super) weekday: Weekday,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Never,
    /// Number of remaining occurrences, including the current one.
    Count(u16),
    /// Last day, inclusive.
    Until(Date),
    /// Last time, inclusive.
    UntilTime(Timestamp),
    /// Last local time, inclusive.
    UntilLocal(DateTime),
}

impl Frequency {
    pub(super) const ALL: [Self; 4] =
        [Self::Daily, Self::Weekly, Self::Monthly, Self::Yearly];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "DAILY",
            Self::Weekly => "WEEKLY",
            Self::Monthly => "MONTHLY",
            Self::Yearly => "YEARLY",
        }
    }
}

pub(super) const fn name(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Monday => "MO",
        Weekday::Tuesday => "TU",
        Weekday::Wednesday => "WE",
        Weekday::Thursday => "TH",
        Weekday::Friday => "FR",
        Weekday::Saturday => "SA",
        Weekday::Sunday => "SU",
    }
}

impl fmt::Display for NthWeekday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(nth) = self.nth {
            nth.fmt(f)?;
        }
        f.write_str(name(self.weekday))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FREQ={}", self.frequency.as_str())?;
        if self.interval != 1 {
            write!(f, ";INTERVAL={}", self.interval)?;
        }
        if self.week_start != Weekday::Monday {
            write!(f, ";WKST={}", name(self.week_start))?;
        }
        list(f, "BYMONTH", &self.by_month)?;
        list(f, "BYDAY", &self.by_day)?;
        list(f, "BYMONTHDAY", &self.by_month_day)?;
        list(f, "BYSETPOS", &self.by_set_pos)?;
        match self.end {
            End::Never => Ok(()),
            End::Count(count) => write!(f, ";COUNT={count}"),
            End::Until(date) => write!(f, ";UNTIL={}", date.civil().strftime("%Y%m%d")),
            End::UntilTime(time) => {
                let time = jiff::Timestamp::from(time);
                write!(f, ";UNTIL={}", time.strftime("%Y%m%dT%H%M%SZ"))
            }
            End::UntilLocal(time) => {
                write!(f, ";UNTIL={}", time.strftime("%Y%m%dT%H%M%S"))
            }
        }
    }
}

fn list(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    items: &[impl fmt::Display],
) -> fmt::Result {
    for (number, item) in items.iter().enumerate() {
        if number == 0 {
            write!(f, ";{name}={item}")?;
        } else {
            write!(f, ",{item}")?;
        }
    }
    Ok(())
}
