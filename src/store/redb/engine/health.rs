//! Health of the store, for readiness and for the decision to end the process, and its counters, for metrics.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use crate::store::redb::engine::meters::Meters;
use crate::store::{Failure, StoreError};

/// State shared by the writer thread, the readers and the verifying backend of the file.
#[derive(Debug, Default)]
pub(in crate::store::redb) struct Health {
    failed: watch::Sender<Option<Failure>>,
    damaged: AtomicBool,
    pub(in crate::store::redb) meters: Meters,
}

impl Health {
    /// Records the consequence of an error for the whole store.
    ///
    /// After an I/O error redb refuses all writes until the file is opened again, so the process has to end. Damage to
    /// one value says nothing about the others: readiness fails, the rest is served.
    pub(in crate::store::redb) fn note(&self, error: &StoreError) {
        self.meters.refused(error);
        match error {
            StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_) => {
                self.fail(Failure::Io);
            }
            StoreError::Damaged { .. } => self.damaged.store(true, Ordering::Relaxed),
            StoreError::Busy
            | StoreError::AccountBusy
            | StoreError::DiskFull
            | StoreError::DiskShort
            | StoreError::Quota(_)
            | StoreError::Revoked
            | StoreError::Repeated
            | StoreError::OutcomeTooLarge
            | StoreError::Internal(_) => {}
        }
    }

    /// Marks the store as failed. The first reason stands.
    pub(in crate::store::redb) fn fail(&self, failure: Failure) {
        self.failed.send_if_modified(|failed| {
            let first = failed.is_none();
            failed.get_or_insert(failure);
            first
        });
    }

    /// Marks the store as failed because of damaged pages: nothing in the file can be trusted.
    pub(in crate::store::redb) fn fail_damaged(&self, what: &str) {
        self.fail(Failure::Damaged { what: what.to_owned() });
    }

    pub(in crate::store::redb) fn is_failed(&self) -> bool {
        self.failed.borrow().is_some()
    }

    pub(in crate::store::redb) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Waits until the store has failed, and returns the reason.
    pub(in crate::store::redb) async fn failed(&self) -> Failure {
        // The sender lives as long as this borrow of it, so waiting cannot fail.
        let mut receiver = self.failed.subscribe();
        let failed = receiver.wait_for(Option::is_some).await;
        failed.ok().and_then(|failed| failed.clone()).unwrap_or(Failure::Io)
    }
}
