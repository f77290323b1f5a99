//! Local times that are meant by a due time.
//!
//! When the clocks are set forward, a task that is due at a skipped time is due later by the length of the gap
//! ([RFC 5545, section 3.3.5](https://www.rfc-editor.org/rfc/rfc5545#section-3.3.5)). The skipped time is kept, so that
//! the next occurrence is due at the usual time again.

use jiff::civil::DateTime;

use super::{Due, LocalTime, TimeZone, Timestamp};

/// Reason that a local time does not fit a due date or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocalError {
    /// There is no due time.
    #[error("is only for a task that is due at a time")]
    Untimed,
    /// The due time has another local time.
    #[error("must be the local time of due, or the time that the clocks skip there")]
    Other,
    /// The time on that day is out of range.
    #[error("must be a time within the range of due")]
    Range,
}

impl Due {
    /// Sets the local time that is meant, which must be that of the due time or the skipped one that it stands for.
    ///
    /// # Errors
    ///
    /// [`LocalError::Untimed`] and [`LocalError::Other`].
    pub fn meaning(self, time: LocalTime) -> Result<Self, LocalError> {
        let Self::At { at, zone, .. } = self else { return Err(LocalError::Untimed) };
        let shown = zone.rules().to_datetime(at.into()).time();
        if time.civil() != shown && !is_skipped(at, &zone, time) {
            return Err(LocalError::Other);
        }
        Ok(Self::at(at, zone, Some(time)))
    }

    /// Returns the due time at another local time of the same day.
    ///
    /// # Errors
    ///
    /// [`LocalError::Untimed`] and [`LocalError::Range`].
    pub fn moved_to(&self, time: LocalTime) -> Result<Self, LocalError> {
        let Self::At { at, zone, .. } = self else { return Err(LocalError::Untimed) };
        let shown = zone.rules().to_datetime((*at).into());
        if time.civil() == shown.time() {
            return Ok(Self::at(*at, zone.clone(), None));
        }
        resolve(shown.date().to_datetime(time.civil()), zone).ok_or(LocalError::Range)
    }
}

/// Returns the due time of a local time. A skipped one moves forward by the length of the gap, a repeated one is its
/// first occurrence. `None` outside the valid range.
pub(in crate::domain) fn resolve(clock: DateTime, zone: &TimeZone) -> Option<Due> {
    let at = zone.rules().to_timestamp(clock).ok()?;
    let at = Timestamp::from_millis(at.as_millisecond()).ok()?;
    let meant = LocalTime::from_civil(clock.time());
    Some(Due::at(at, zone.clone(), Some(meant)))
}

/// Whether the clocks skip a local time that stands for a due time.
pub(super) fn is_skipped(at: Timestamp, zone: &TimeZone, time: LocalTime) -> bool {
    let shown = zone.rules().to_datetime(at.into()).time();
    time.civil() != shown && meant(at, zone, time).is_some()
}

/// Returns the day and local time that are meant by a due time: the day before, if the clocks skipped the time and
/// passed midnight.
pub(super) fn meant(at: Timestamp, zone: &TimeZone, time: LocalTime) -> Option<DateTime> {
    let rules = zone.rules();
    let today = rules.to_datetime(at.into()).date();
    let days = [Some(today), today.yesterday().ok()];
    let clocks = days.into_iter().flatten().map(|day| day.to_datetime(time.civil()));
    let means = |clock: &DateTime| {
        rules.to_timestamp(*clock).is_ok_and(|then| then == jiff::Timestamp::from(at))
    };
    clocks.into_iter().find(means)
}
