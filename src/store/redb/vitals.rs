//! Whether the store is well, for readiness and for the decision to end the process.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use crate::store::StoreError;

/// Shared by the writer thread and the readers.
#[derive(Debug, Default)]
pub(super) struct Vitals {
    failed: watch::Sender<bool>,
    damaged: AtomicBool,
}

impl Vitals {
    /// Takes note of what an error means for the store as a whole.
    ///
    /// After an I/O error redb refuses all writes until the file is opened again, so the process has to
    /// end. Damage to one value says nothing of the others: readiness turns red, the rest is served.
    pub(super) fn note(&self, error: &StoreError) {
        match error {
            StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_) => self.fail(),
            StoreError::Damaged { .. } => self.damaged.store(true, Ordering::Relaxed),
            StoreError::Busy | StoreError::DiskFull => {}
        }
    }

    pub(super) fn fail(&self) {
        self.failed.send_replace(true);
    }

    pub(super) fn is_failed(&self) -> bool {
        *self.failed.borrow()
    }

    pub(super) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Returns when the store has failed.
    pub(super) async fn failed(&self) {
        // The sender lives as long as this borrow of it, so waiting cannot fail.
        let mut receiver = self.failed.subscribe();
        drop(receiver.wait_for(|failed| *failed).await);
    }
}
