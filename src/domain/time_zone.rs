//! Time zones by name or by UTC offset.

use std::sync::LazyLock;

use jiff::tz::TimeZoneDatabase;

use super::rfc3339;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Name in the [IANA time zone database](https://www.iana.org/time-zones), as the database spells it.
///
/// The database is part of the program, which needs none on the machine.
///
/// ```
/// use duly::domain::time_zone::TimeZone;
/// assert_eq!(TimeZone::new("europe/BERLIN").unwrap().as_str(), "Europe/Berlin");
/// assert!(TimeZone::new("Mars/Olympus").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZone(String);

/// Name that is not in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the name of a time zone, such as Europe/Berlin")]
pub struct TimeZoneError;

impl TimeZone {
    /// Maximum length of a name, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Looks up a name, ignoring case.
    ///
    /// # Errors
    ///
    /// There is no such time zone.
    pub fn new(name: &str) -> Result<Self, TimeZoneError> {
        if name.len() > Self::MAX_BYTES {
            return Err(TimeZoneError);
        }
        let zone = DATABASE.get(name).map_err(|_| TimeZoneError)?;
        let name = zone.iana_name().ok_or(TimeZoneError)?;
        Ok(Self(name.to_owned()))
    }

    /// Looks up a name like [`Self::new`], or takes an offset such as `+01:00` for a zone without clock changes.
    ///
    /// # Errors
    ///
    /// There is no such time zone, or the offset is not `+HH:MM` or `-HH:MM`.
    pub fn or_offset(name: &str) -> Result<Self, TimeZoneError> {
        match fixed(name) {
            Some(_) => Ok(Self(name.to_owned())),
            None => Self::new(name),
        }
    }

    /// Wraps a name that was looked up before it was stored. Zones may leave the database; names in people's
    /// settings remain.
    pub const fn new_unchecked(name: String) -> Self {
        Self(name)
    }

    /// Returns Coordinated Universal Time, which has no daylight saving time.
    pub fn utc() -> Self {
        Self("UTC".to_owned())
    }

    /// Returns the rules of the zone. A zone that has left the database follows UTC.
    pub(super) fn rules(&self) -> jiff::tz::TimeZone {
        if let Some(fixed) = fixed(&self.0) {
            return fixed;
        }
        DATABASE.get(&self.0).unwrap_or(jiff::tz::TimeZone::UTC)
    }

    /// Consumes the time zone and returns its name.
    pub fn into_string(self) -> String {
        self.0
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the zone of an offset such as `+01:00`.
fn fixed(offset: &str) -> Option<jiff::tz::TimeZone> {
    if !offset.starts_with(['+', '-']) {
        return None;
    }
    rfc3339::offset(offset).map(jiff::tz::TimeZone::fixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_a_zone_of_its_own() {
        let zone = TimeZone::or_offset("-03:30").unwrap();
        assert_eq!(zone.as_str(), "-03:30");
        assert_eq!(
            zone.rules(),
            jiff::tz::TimeZone::fixed(
                jiff::tz::offset(-3).saturating_sub(jiff::SignedDuration::from_mins(30))
            )
        );
        for name in ["+1:00", "+0100", "+24:00", "01:00", "+01:00:00", "+", "-00:60"] {
            assert_eq!(TimeZone::or_offset(name), Err(TimeZoneError), "{name}");
        }
        assert_eq!(TimeZone::new("+01:00"), Err(TimeZoneError));
    }

    #[test]
    fn a_zone_that_is_no_more_is_utc() {
        let gone = TimeZone::new_unchecked("Mars/Olympus".to_owned());
        assert_eq!(gone.rules(), TimeZone::utc().rules());
        assert_eq!(TimeZone::new("utc"), Ok(TimeZone::utc()));
    }
}
