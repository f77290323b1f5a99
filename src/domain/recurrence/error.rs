//! Errors of rules.

/// Reason that a text is not a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// More bytes than [`super::Rule::MAX_BYTES`].
    #[error("must have at most 200 bytes")]
    TooLong,
    /// Text that is not a list of named values.
    #[error("must be a rule such as FREQ=WEEKLY;BYDAY=MO,TH")]
    Malformed,
    /// Part of RFC 5545 that is not supported.
    #[error("must not have {0}, which is not supported")]
    Unsupported(&'static str),
    /// Unknown part.
    #[error(
        "must have only the parts FREQ, INTERVAL, WKST, BYMONTH, BYDAY, BYMONTHDAY, BYSETPOS, COUNT and UNTIL"
    )]
    Unknown,
    /// Repeated part.
    #[error("must have {0} at most once")]
    Twice(&'static str),
    /// Missing or unknown frequency.
    #[error("must have a FREQ of DAILY, WEEKLY, MONTHLY or YEARLY")]
    Frequency,
    /// Frequency of several times a day.
    #[error("must have a FREQ of DAILY or slower; {0} is not supported")]
    Subdaily(&'static str),
    /// Invalid interval.
    #[error("must have an INTERVAL from 1 to 1000")]
    Interval,
    /// Invalid first day of the week.
    #[error("must have a WKST of MO, TU, WE, TH, FR, SA or SU")]
    WeekStart,
    /// Invalid months.
    #[error("must have a BYMONTH of months from 1 to 12")]
    ByMonth,
    /// Invalid days of the week.
    #[error(
        "must have a BYDAY of days such as MO, or of numbered days such as 1MO or -1FR: up to 5 in a month, up to 53 \
         in a year"
    )]
    ByDay,
    /// Numbered days of the week in a rule that is neither monthly nor yearly.
    #[error("must have numbers in BYDAY only with FREQ=MONTHLY or FREQ=YEARLY")]
    ByDayNumber,
    /// Invalid days of the month.
    #[error("must have a BYMONTHDAY of days from 1 to 31 or from -31 to -1")]
    ByMonthDay,
    /// Days of the month in a weekly rule.
    #[error("must not have BYMONTHDAY with FREQ=WEEKLY")]
    ByMonthDayWeekly,
    /// Invalid positions.
    #[error("must have a BYSETPOS of numbers from 1 to 366 or from -366 to -1")]
    BySetPos,
    /// Positions without days to count.
    #[error("must have BYSETPOS only with BYMONTH, BYDAY or BYMONTHDAY")]
    BySetPosAlone,
    /// Invalid count.
    #[error("must have a COUNT from 1 to 10000")]
    Count,
    /// Invalid end.
    #[error("must have an UNTIL such as 20261231, 20261231T235959Z or 20261231T235959")]
    Until,
    /// Both `COUNT` and `UNTIL`.
    #[error("must not have both COUNT and UNTIL")]
    TwoEnds,
}
