//! Changes to the due date or time of a task.

use super::TaskRefused;
use crate::domain::due::{Due, LocalError, LocalTime};

/// Returns the due date or time after a change of it and of its local time. `None` keeps a value, `Some(None)` removes
/// it.
///
/// A client may read a whole task, change one of the two, and send both: a value that is sent back as it was changes
/// nothing, and the other one decides.
#[expect(clippy::option_option, reason = "it is absent, null or there")]
pub(super) fn changed(
    old: Option<&Due>,
    due: Option<Option<Due>>,
    local: Option<Option<LocalTime>>,
) -> Result<Option<Due>, TaskRefused> {
    let old_local = old.and_then(Due::local_time);
    let local = local.filter(|local| *local != old_local);
    let due = match due {
        Some(Some(new)) if old.is_some_and(|old| means_nothing_new(old, &new)) => None,
        Some(None) if old.is_none() => None,
        due => due,
    };
    let changed = match (due, local) {
        (None, None) => Ok(old.cloned()),
        (None, Some(None)) => Ok(old.map(|old| Due::On(old.date()))),
        (None, Some(Some(time))) => {
            old.ok_or(LocalError::Untimed).and_then(|old| old.moved_to(time)).map(Some)
        }
        (Some(due), None) => Ok(due),
        (Some(Some(due)), Some(Some(time))) => due.meaning(time).map(Some),
        (Some(None), Some(Some(_))) => Err(LocalError::Untimed),
        (Some(Some(Due::At { .. })), Some(None)) => Err(LocalError::Other),
        (Some(due), Some(None)) => Ok(due),
    };
    changed.map_err(TaskRefused::DueLocal)
}

/// Whether a new due date or time is the old one, written as the server writes it.
fn means_nothing_new(old: &Due, new: &Due) -> bool {
    let means_another = matches!(new, Due::At { skipped: Some(_), .. });
    old.is_same(new) && (old == new || !means_another)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time_zone::TimeZone;

    const GAP: &str = "2026-03-29T02:30[Europe/Berlin]";
    const SHOWN: &str = "2026-03-29T03:30:00+02:00[Europe/Berlin]";

    fn due(text: &str) -> Due {
        Due::parse(text, &TimeZone::utc()).unwrap()
    }

    /// Returns the due date or time after a change, and its local time.
    #[expect(clippy::option_option, reason = "it is absent, null or there")]
    fn after(
        old: Option<&str>,
        new: Option<Option<&str>>,
        local: Option<Option<&str>>,
    ) -> Result<(Option<String>, Option<String>), TaskRefused> {
        let old = old.map(due);
        let local = local.map(|it| it.map(|text| LocalTime::parse(text).unwrap()));
        let new = changed(old.as_ref(), new.map(|new| new.map(due)), local)?;
        let time = new.as_ref().and_then(Due::local_time).map(|time| time.to_string());
        Ok((new.map(|due| due.to_string()), time))
    }

    #[test]
    fn a_skipped_time_stays_in_mind_until_another_is_set() {
        let told =
            |due: &str, local: &str| Ok((Some(due.to_owned()), Some(local.to_owned())));
        for (new, local, expected) in [
            (None, None, told(SHOWN, "02:30")),
            (Some(Some(SHOWN)), None, told(SHOWN, "02:30")),
            (Some(Some(SHOWN)), Some(Some("02:30")), told(SHOWN, "02:30")),
            (Some(Some(GAP)), None, told(SHOWN, "02:30")),
            (None, Some(Some("03:30")), told(SHOWN, "03:30")),
            (Some(Some(SHOWN)), Some(Some("03:30")), told(SHOWN, "03:30")),
            (
                None,
                Some(Some("04:00")),
                told("2026-03-29T04:00:00+02:00[Europe/Berlin]", "04:00"),
            ),
            // The local time was sent back as it was.
            (
                Some(Some("2026-03-30T09:00[Europe/Berlin]")),
                Some(Some("02:30")),
                told("2026-03-30T09:00:00+02:00[Europe/Berlin]", "09:00"),
            ),
            (None, Some(None), Ok((Some("2026-03-29".to_owned()), None))),
            (Some(None), Some(Some("02:30")), Ok((None, None))),
            (Some(None), None, Ok((None, None))),
        ] {
            assert_eq!(after(Some(GAP), new, local), expected, "{new:?} {local:?}");
        }
        let noon = "2026-03-30T12:00:00+02:00[Europe/Berlin]";
        assert_eq!(
            after(Some(noon), Some(Some(SHOWN)), Some(Some("02:30"))),
            told(SHOWN, "02:30")
        );
    }

    #[test]
    fn a_time_of_the_day_that_is_shown_is_set_where_a_gap_passes_midnight() {
        let gap = "2026-03-28T23:30[America/Nuuk]";
        let told =
            |due: &str, local: &str| Ok((Some(due.to_owned()), Some(local.to_owned())));
        for (local, shown) in [
            ("23:30", "2026-03-29T00:30:00-01:00[America/Nuuk]"),
            ("00:30", "2026-03-29T00:30:00-01:00[America/Nuuk]"),
            ("10:00", "2026-03-29T10:00:00-01:00[America/Nuuk]"),
        ] {
            assert_eq!(
                after(Some(gap), None, Some(Some(local))),
                told(shown, local),
                "{local}"
            );
        }
        let day = after(Some(gap), None, Some(None)).unwrap();
        assert_eq!(day, (Some("2026-03-29".to_owned()), None));
    }

    #[test]
    fn a_local_time_that_fits_nothing_is_refused() {
        let other = Err(TaskRefused::DueLocal(LocalError::Other));
        let untimed = Err(TaskRefused::DueLocal(LocalError::Untimed));
        let day = "2026-03-29";
        for (old, new, local, expected) in [
            (None, None, Some(Some("09:00")), untimed.clone()),
            (Some(day), None, Some(Some("09:00")), untimed.clone()),
            (Some(GAP), Some(None), Some(Some("09:00")), untimed.clone()),
            (Some(GAP), Some(Some(day)), Some(Some("09:00")), untimed),
            (Some(day), Some(Some(SHOWN)), Some(Some("09:00")), other.clone()),
            (Some(GAP), Some(Some("2026-03-30T09:00:00Z")), Some(None), other),
        ] {
            assert_eq!(after(old, new, local), expected, "{old:?} {new:?} {local:?}");
        }
        let unchanged = after(Some(day), None, Some(None)).unwrap();
        assert_eq!(unchanged, (Some(day.to_owned()), None));
    }
}
