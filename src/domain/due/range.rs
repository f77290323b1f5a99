//! Ranges of due dates and times.

use std::ops::Range;

use super::{Date, Due, TimeZone, Timestamp};

/// Range of dates and range of times. They are separate because the store keeps them apart: it has no time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRange {
    /// Days since 1970-01-01; empty if the end is not after the start.
    pub days: Range<i32>,
    /// Milliseconds since 1970-01-01; empty if the end is not after the start.
    pub millis: Range<i64>,
}

/// Day number of [`Date::MAX`], 9999-12-30.
const LAST_DAY: i32 = 2_932_895;

impl DueRange {
    /// Range of every due date and time.
    pub const ALL: Self =
        Self { days: 0..LAST_DAY + 1, millis: 0..Timestamp::MAX.as_millis() + 1 };

    /// Empty range.
    pub const NONE: Self = Self { days: 0..0, millis: 0..0 };

    /// Returns the range before a bound. A date, also as the bound, counts from its start in the `home` zone.
    pub fn before(bound: &Due, home: &TimeZone) -> Self {
        let moment = bound.moment(home);
        Self { days: 0..first_day_from(moment, home), millis: 0..moment.as_millis() }
    }

    /// Returns the range at a bound or later: the complement of [`Self::before`].
    pub fn from(bound: &Due, home: &TimeZone) -> Self {
        let Self { days, millis } = Self::before(bound, home);
        let all = Self::ALL;
        Self { days: days.end..all.days.end, millis: millis.end..all.millis.end }
    }

    /// Returns the range that is overdue: dates that have ended in the `home` zone, and times before now.
    pub fn overdue(now: Timestamp, home: &TimeZone) -> Self {
        // A day has ended when the next has started.
        let after = now.plus(std::time::Duration::from_millis(1));
        let next = first_day_from(after, home);
        Self { days: 0..next.saturating_sub(1), millis: 0..now.as_millis() }
    }

    /// Returns the intersection of two ranges.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let (days, millis) = (&self.days, &self.millis);
        Self {
            days: days.start.max(other.days.start)..days.end.min(other.days.end),
            millis: millis.start.max(other.millis.start)
                ..millis.end.min(other.millis.end),
        }
    }

    /// Whether the range contains a due date or time.
    pub fn contains(&self, due: &Due) -> bool {
        self.contains_key(due.stored_key())
    }

    /// Whether the range contains the due date or time with a [key](Due::stored_key).
    pub fn contains_key(&self, (millis, shape): (i64, u8)) -> bool {
        if shape == 0 {
            i32::try_from(millis / super::DAY_MS)
                .is_ok_and(|day| self.days.contains(&day))
        } else {
            self.millis.contains(&millis)
        }
    }

    /// Whether the range is empty.
    pub fn is_empty(&self) -> bool {
        self.days.is_empty() && self.millis.is_empty()
    }
}

/// Returns the first day that starts at a time or later.
pub(crate) fn first_day_from(moment: Timestamp, home: &TimeZone) -> i32 {
    let near = Date::at(moment, home).days();
    // Skipped days start with the next day, and clocks may be set back across midnight.
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
        // No time is after the last day.
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
