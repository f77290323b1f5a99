//! Why rules are refused.

/// Why a text is no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// More bytes than [`super::Rule::MAX_BYTES`].
    #[error("must have at most 200 bytes")]
    TooLong,
    /// Not parts with names and values.
    #[error("must be parts such as FREQ=WEEKLY;BYDAY=MO,TH")]
    Malformed,
    /// A part that this program does not know.
    #[error("must have no parts but FREQ, INTERVAL, BYDAY, BYMONTHDAY, COUNT and UNTIL")]
    Unknown,
    /// The same part again.
    #[error("must have each part at most once")]
    Twice,
    /// No frequency, or one that this program does not know.
    #[error("must have a FREQ of DAILY, WEEKLY, MONTHLY or YEARLY")]
    Frequency,
    /// No such interval.
    #[error("must have an INTERVAL from 1 to 1000")]
    Interval,
    /// No such days of the week.
    #[error(
        "must have a BYDAY of days such as MO or, in a month, 1MO to 5MO or -1MO to -5MO"
    )]
    ByDay,
    /// Which weeks are counted would not be clear.
    #[error("must not have numbers in BYDAY, except with FREQ=MONTHLY")]
    ByDayNumber,
    /// Not supported.
    #[error("must not have BYDAY with FREQ=YEARLY")]
    ByDayYearly,
    /// No such days of the month.
    #[error("must have a BYMONTHDAY of days from 1 to 31 or from -31 to -1")]
    ByMonthDay,
    /// Not supported, or without meaning.
    #[error("must not have BYMONTHDAY, except with FREQ=MONTHLY")]
    ByMonthDayFrequency,
    /// No such count.
    #[error("must have a COUNT from 1 to 10000")]
    Count,
    /// No such time.
    #[error("must have an UNTIL such as 20261231 or 20261231T235959Z")]
    Until,
    /// Two ends.
    #[error("must not have both COUNT and UNTIL")]
    TwoEnds,
}
