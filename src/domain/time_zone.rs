//! Time zones by name.

use std::sync::LazyLock;

use jiff::tz::TimeZoneDatabase;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A name of the [IANA time zone database](https://www.iana.org/time-zones), as the database spells it.
///
/// The database is part of the program, so that it needs none of the machine.
///
/// ```
/// use duly::domain::time_zone::TimeZone;
/// assert_eq!(TimeZone::new("europe/BERLIN").unwrap().as_str(), "Europe/Berlin");
/// assert!(TimeZone::new("Mars/Olympus").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZone(String);

/// The database has no such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the name of a time zone, such as Europe/Berlin")]
pub struct TimeZoneError;

impl TimeZone {
    /// Longest name that is looked for, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Looks a name up, in any case.
    ///
    /// # Errors
    ///
    /// When there is no such time zone.
    pub fn new(name: &str) -> Result<Self, TimeZoneError> {
        if name.len() > Self::MAX_BYTES {
            return Err(TimeZoneError);
        }
        let zone = DATABASE.get(name).map_err(|_| TimeZoneError)?;
        let name = zone.iana_name().ok_or(TimeZoneError)?;
        Ok(Self(name.to_owned()))
    }

    /// A name that was looked up before it was stored. Zones may leave the database, names of people's
    /// settings do not.
    pub const fn checked_before(name: String) -> Self {
        Self(name)
    }

    /// Coordinated Universal Time, which has no summer.
    pub fn utc() -> Self {
        Self("UTC".to_owned())
    }

    /// What the zone does to clocks. A zone that has left the database does what UTC does.
    pub(super) fn rules(&self) -> jiff::tz::TimeZone {
        DATABASE.get(&self.0).unwrap_or(jiff::tz::TimeZone::UTC)
    }

    /// The text, given away.
    pub fn into_string(self) -> String {
        self.0
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_that_is_no_more_is_utc() {
        let gone = TimeZone::checked_before("Mars/Olympus".to_owned());
        assert_eq!(gone.rules(), TimeZone::utc().rules());
        assert_eq!(TimeZone::new("utc"), Ok(TimeZone::utc()));
    }
}
