//! Metrics of the service.

use std::time::Duration;

use super::Service;
use super::backups::BackupState;
use super::changes::WaitMetrics;
use crate::auth::password::HashMetrics;
use crate::store::metrics::StoreMetrics;

/// Metrics of all parts below HTTP, at one moment.
#[derive(Clone, Debug)]
pub struct ServiceMetrics {
    /// Metrics of the store; `None` if it keeps none.
    pub store: Option<StoreMetrics>,
    /// Metrics of password hashing.
    pub hashing: HashMetrics,
    /// Throttled attempts, by policy.
    pub throttled: Vec<(&'static str, u64)>,
    /// Requests and streams that wait for changes.
    pub waits: WaitMetrics,
    /// Scheduled backups, if any.
    pub backups: Option<BackupMetrics>,
}

/// Metrics of the scheduled backups.
#[derive(Clone, Copy, Debug)]
pub struct BackupMetrics {
    /// Configured interval between backups.
    pub every: Duration,
    /// State of the backups.
    pub state: BackupState,
}

impl Service {
    /// Gathers the metrics, without holding up other requests.
    pub async fn metrics(&self) -> ServiceMetrics {
        let parts = &self.0;
        let backups = parts.backups.as_ref();
        ServiceMetrics {
            store: parts.store.metrics().await,
            hashing: parts.hasher.metrics(),
            throttled: parts.state.throttled.all(),
            waits: parts.waits.metrics(),
            backups: backups
                .map(|log| BackupMetrics { every: log.every(), state: log.state() }),
        }
    }
}
