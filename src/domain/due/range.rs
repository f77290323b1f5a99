//! Ranges of times at which something is due.

use std::ops::Range;

use super::{Date, Due, TimeZone, Timestamp};

/// A range of days, and one of moments. Days and moments are apart since they are in the store, which knows
/// of no time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRange {
    /// Days since 1970-01-01. Nothing if the end is not after the start.
    pub days: Range<i32>,
    /// Milliseconds since 1970. Nothing if the end is not after the start.
    pub millis: Range<i64>,
}

/// 9999-12-30, as [`Date::MAX`].
const LAST_DAY: i32 = 2_932_895;

impl DueRange {
    /// Everything that is due at any time.
    pub const ALL: Self =
        Self { days: 0..LAST_DAY + 1, millis: 0..Timestamp::MAX.as_millis() + 1 };

    /// Nothing.
    pub const NONE: Self = Self { days: 0..0, millis: 0..0 };

    /// What is due before a moment. A day, as the bound or as what is due, counts from its start at home.
    pub fn before(bound: &Due, home: &TimeZone) -> Self {
        let moment = bound.moment(home);
        Self { days: 0..first_day_from(moment, home), millis: 0..moment.as_millis() }
    }

    /// What is due at a moment or later: all that is not [`Self::before`] it.
    pub fn from(bound: &Due, home: &TimeZone) -> Self {
        let Self { days, millis } = Self::before(bound, home);
        let all = Self::ALL;
        Self { days: days.end..all.days.end, millis: millis.end..all.millis.end }
    }

    /// What should have been done: days that have passed at home, and moments before now.
    pub fn overdue(now: Timestamp, home: &TimeZone) -> Self {
        // A day has passed when the next has started.
        let after = now.plus(std::time::Duration::from_millis(1));
        let next = first_day_from(after, home);
        Self { days: 0..next.saturating_sub(1), millis: 0..now.as_millis() }
    }

    /// What is in both.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let (days, millis) = (&self.days, &self.millis);
        Self {
            days: days.start.max(other.days.start)..days.end.min(other.days.end),
            millis: millis.start.max(other.millis.start)
                ..millis.end.min(other.millis.end),
        }
    }

    /// Whether it is in here.
    pub fn contains(&self, due: &Due) -> bool {
        match due {
            Due::On(date) => self.days.contains(&date.days()),
            Due::At { at, .. } => self.millis.contains(&at.as_millis()),
        }
    }

    /// Whether nothing is in here.
    pub fn is_empty(&self) -> bool {
        self.days.is_empty() && self.millis.is_empty()
    }
}

/// The first day that starts at a moment or later.
fn first_day_from(moment: Timestamp, home: &TimeZone) -> i32 {
    let near = Date::at(moment, home).days();
    // Days that are skipped start with the next, and clocks may be set back over midnight.
    let near = near.saturating_sub(2)..=near.saturating_add(2);
    near.filter_map(|day| Date::from_days(day).ok())
        .find(|date| date.start(home) >= moment)
        .map_or(LAST_DAY + 1, Date::days)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{dues, zones};
    use super::*;

    #[test]
    fn everything_ends_with_the_last_day() {
        assert_eq!(LAST_DAY, Date::MAX.days());
    }

    #[test]
    fn a_day_is_overdue_when_it_has_passed_at_home() {
        let home = TimeZone::new("Europe/Berlin").unwrap();
        let today = Due::parse("2026-07-01", &home).unwrap();
        let late =
            |now: &str| DueRange::overdue(now.parse().unwrap(), &home).contains(&today);
        assert!(!late("2026-06-30T22:00:00Z"));
        assert!(!late("2026-07-01T21:59:59.999Z"));
        assert!(late("2026-07-01T22:00:00Z"));
        // Nothing is later than the last day.
        assert!(!DueRange::overdue(Timestamp::MAX, &home).contains(&Due::On(Date::MAX)));
    }

    proptest! {
        #[test]
        fn a_bound_parts_all_that_is_due(due in dues(), bound in dues(), home in zones()) {
            let (before, from) = (DueRange::before(&bound, &home), DueRange::from(&bound, &home));
            prop_assert!(before.intersect(&from).is_empty());
            prop_assert!(DueRange::ALL.contains(&due));
            let is_before = due.moment(&home) < bound.moment(&home);
            prop_assert_eq!(before.contains(&due), is_before);
            prop_assert_eq!(from.contains(&due), !is_before);
        }

        #[test]
        fn what_is_overdue_has_passed(due in dues(), now in dues(), home in zones()) {
            let now = now.moment(&home);
            let late = match &due {
                Due::On(date) => Date::from_days(date.days() + 1).is_ok_and(|next| next.start(&home) <= now),
                Due::At { at, .. } => *at < now,
            };
            prop_assert_eq!(DueRange::overdue(now, &home).contains(&due), late);
        }
    }
}
