//! What is known of the backups that the server makes by itself.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::timestamp::Timestamp;

/// How the last attempt ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackupResult {
    /// There was none since the server started, and none is in the folder.
    #[default]
    None,
    /// There is a copy, and it was proven.
    Verified,
    /// There is no new copy. The log has the reason.
    Failed,
}

/// How it stands with the backups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupState {
    /// The moment of the newest copy that was proven.
    pub verified_at: Option<Timestamp>,
    /// How the last attempt ended.
    pub result: BackupResult,
}

/// Written by the job, read by the health check.
#[derive(Debug)]
pub struct BackupLog {
    every: Duration,
    state: Mutex<BackupState>,
}

/// How it stands with the backups, seen at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupHealth {
    /// As the job left it.
    pub state: BackupState,
    /// How old the newest proven copy is.
    pub age: Option<Duration>,
    /// Whether an operator should look: the last attempt failed, or one is long overdue.
    pub is_degraded: bool,
}

impl BackupLog {
    /// A log of backups that should be so far apart.
    pub fn new(every: Duration) -> Self {
        Self { every, state: Mutex::default() }
    }

    /// Time from one backup to the next, as the operator wants it.
    pub const fn every(&self) -> Duration {
        self.every
    }

    /// Writes down how it stands.
    pub fn set(&self, state: BackupState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// How it stood last.
    pub fn state(&self) -> BackupState {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it stands at this time.
    pub fn health(&self, now: Timestamp) -> BackupHealth {
        let state = self.state();
        let age = state.verified_at.map(|time| now.since(time));
        // One may take its time; two are too many to miss.
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
        // A clock that was set back makes nothing old.
        assert_eq!(log.health(at(900)).age, Some(Duration::ZERO));

        log.set(BackupState { verified_at, result: BackupResult::Failed });
        assert!(log.health(at(1001)).is_degraded);
    }
}
