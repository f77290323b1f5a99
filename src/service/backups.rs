//! Status of the scheduled backups.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::timestamp::Timestamp;

/// Outcome of the last backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackupResult {
    /// No backup since the server started, and none in the folder.
    #[default]
    None,
    /// A backup was made and verified.
    Verified,
    /// No backup was made. The log has the reason.
    Failed,
}

/// State of the scheduled backups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupState {
    /// Time of the newest verified backup.
    pub verified_at: Option<Timestamp>,
    /// Outcome of the last backup.
    pub result: BackupResult,
}

/// Backup state, written by the backup job and read by the health check.
#[derive(Debug)]
pub struct BackupLog {
    every: Duration,
    state: Mutex<BackupState>,
}

/// State of the scheduled backups at a given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupHealth {
    /// State as the backup job reported it.
    pub state: BackupState,
    /// Age of the newest verified backup.
    pub age: Option<Duration>,
    /// Whether an operator should look: the last backup failed, or one is long overdue.
    pub is_degraded: bool,
}

impl BackupLog {
    /// Creates a log for backups at this interval.
    pub fn new(every: Duration) -> Self {
        Self { every, state: Mutex::default() }
    }

    /// Returns the configured interval between backups.
    pub const fn every(&self) -> Duration {
        self.every
    }

    /// Sets the state.
    pub fn set(&self, state: BackupState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Returns the last state.
    pub fn state(&self) -> BackupState {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the health at the given time.
    pub fn health(&self, now: Timestamp) -> BackupHealth {
        let state = self.state();
        let age = state.verified_at.map(|time| now.since(time));
        // One missed backup may be a slow one; two are too many.
        let is_overdue = age.is_some_and(|age| age > 2 * self.every);
        let is_degraded = is_overdue || state.result == BackupResult::Failed;
        BackupHealth { state, age, is_degraded }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_and_a_long_silence_are_for_the_operator_to_see() {
        let log = BackupLog::new(Duration::from_secs(60));
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000).unwrap();
        assert!(!log.health(at(1000)).is_degraded, "none was due yet");

        let verified_at = Some(at(1000));
        log.set(BackupState { verified_at, result: BackupResult::Verified });
        assert!(!log.health(at(1120)).is_degraded);
        assert!(log.health(at(1121)).is_degraded);
        assert_eq!(log.health(at(1121)).age, Some(Duration::from_secs(121)));
        // A clock that was set back ages no backup.
        assert_eq!(log.health(at(900)).age, Some(Duration::ZERO));

        log.set(BackupState { verified_at, result: BackupResult::Failed });
        assert!(log.health(at(1001)).is_degraded);
    }
}
