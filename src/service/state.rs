//! What the service remembers from one request to the next. Lost when the process ends.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use crate::auth::last_use::LastUse;
use crate::domain::id::UserId;

/// Most people at once who read all that is kept about them: each holds up to a megabyte.
const MAX_EXPORTS: usize = 8;

/// Shared by all requests.
#[derive(Debug)]
pub struct State {
    pub(super) last_use: LastUse,
    pub(super) exports: Arc<Semaphore>,
    pub(super) exporting: Exporting,
}

/// People who read all that is kept about them.
pub(super) type Exporting = Arc<Mutex<BTreeSet<UserId>>>;

/// Somebody is among them, until this is dropped.
#[derive(Debug)]
pub(super) struct Mine(Exporting, UserId);

impl Mine {
    /// `None` if they are already.
    pub(super) fn begin(all: &Exporting, user: UserId) -> Option<Self> {
        let is_new = all.lock().unwrap_or_else(PoisonError::into_inner).insert(user);
        is_new.then(|| Self(Arc::clone(all), user))
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

impl Default for State {
    fn default() -> Self {
        let exports = Arc::new(Semaphore::new(MAX_EXPORTS));
        Self { last_use: LastUse::default(), exports, exporting: Arc::default() }
    }
}
