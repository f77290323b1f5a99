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
    /// Unknown part.
    #[error(
        "must have only the parts FREQ, INTERVAL, BYDAY, BYMONTHDAY, COUNT and UNTIL"
    )]
    Unknown,
    /// Repeated part.
    #[error("must have each part at most once")]
    Twice,
    /// Missing or unknown frequency.
    #[error("must have a FREQ of DAILY, WEEKLY, MONTHLY or YEARLY")]
    Frequency,
    /// Invalid interval.
    #[error("must have an INTERVAL from 1 to 1000")]
    Interval,
    /// Invalid days of the week.
    #[error(
        "must have a BYDAY of days such as MO or, in a month, 1MO to 5MO or -1MO to -5MO"
    )]
    ByDay,
    /// Numbered days of the week in a rule that is not monthly: the weeks to count would be unclear.
    #[error("must have numbers in BYDAY only with FREQ=MONTHLY")]
    ByDayNumber,
    /// Days of the week in a yearly rule, which are not supported.
    #[error("must not have BYDAY with FREQ=YEARLY")]
    ByDayYearly,
    /// Invalid days of the month.
    #[error("must have a BYMONTHDAY of days from 1 to 31 or from -31 to -1")]
    ByMonthDay,
    /// Days of the month in a rule that is not monthly: not supported, or without meaning.
    #[error("must have BYMONTHDAY only with FREQ=MONTHLY")]
    ByMonthDayFrequency,
    /// Invalid count.
    #[error("must have a COUNT from 1 to 10000")]
    Count,
    /// Invalid end.
    #[error("must have an UNTIL such as 20261231 or 20261231T235959Z")]
    Until,
    /// Both `COUNT` and `UNTIL`.
    #[error("must not have both COUNT and UNTIL")]
    TwoEnds,
}
