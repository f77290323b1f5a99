//! Numbers for those who watch the server.

use std::time::Duration;

use super::Service;
use super::backups::BackupState;
use crate::auth::password::HashMetrics;
use crate::store::metrics::StoreMetrics;

/// Numbers of everything below HTTP at a moment.
#[derive(Clone, Debug)]
pub struct ServiceMetrics {
    /// The store; `None` if it keeps no numbers.
    pub store: Option<StoreMetrics>,
    /// Hashing of passwords.
    pub hashing: HashMetrics,
    /// Attempts that had to wait, by policy.
    pub throttled: Vec<(&'static str, u64)>,
    /// The backups that the server makes by itself, if it makes any.
    pub backups: Option<BackupMetrics>,
}

/// The backups that the server makes by itself.
#[derive(Clone, Copy, Debug)]
pub struct BackupMetrics {
    /// Time from one to the next, as the operator wants it.
    pub every: Duration,
    /// How it stands.
    pub state: BackupState,
}

impl Service {
    /// Gathers the numbers. Other requests do not wait for it.
    pub async fn metrics(&self) -> ServiceMetrics {
        let parts = &self.0;
        let backups = parts.backups.as_ref();
        ServiceMetrics {
            store: parts.store.metrics().await,
            hashing: parts.hasher.metrics(),
            throttled: parts.state.throttled.all(),
            backups: backups
                .map(|log| BackupMetrics { every: log.every(), state: log.state() }),
        }
    }
}
