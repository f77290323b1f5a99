//! Turns of the requests without a body of one connection: long responses must not fill the share of their account.
//!
//! A request with a body needs no turn, since an unread body blocks the other streams. A request that waits for changes
//! gives its turn back, so that it does not block others; the waits of its account limit it instead.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Maximum requests without a body that one connection serves concurrently. Others wait.
const AT_ONCE: usize = 4;

/// Turns of a connection.
pub(super) struct Turns(Arc<Semaphore>);

/// ConnectionTurn of a request, until the last clone is dropped.
#[derive(Clone)]
pub(in crate::http) struct ConnectionTurn {
    turns: Arc<Semaphore>,
    permit: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Turns {
    /// Returns a turn that has not begun.
    pub(super) fn turn(&self) -> ConnectionTurn {
        ConnectionTurn { turns: Arc::clone(&self.0), permit: Arc::default() }
    }
}

impl ConnectionTurn {
    /// Waits for the turn.
    pub(super) async fn begin(&self) {
        // Never closed.
        let permit = Arc::clone(&self.turns).acquire_owned().await.ok();
        self.set(permit);
    }

    /// Gives the turn to another request of the connection.
    pub(in crate::http) fn give_back(&self) {
        self.set(None);
    }

    fn set(&self, permit: Option<OwnedSemaphorePermit>) {
        *self.permit.lock().unwrap_or_else(PoisonError::into_inner) = permit;
    }
}
