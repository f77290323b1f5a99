//! State of the service between requests. Lost when the process ends.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::changes::Tickets;
use crate::auth::last_use::LastUse;
use crate::auth::throttle::Refusals;
use crate::domain::id::UserId;

/// State shared by all requests.
#[derive(Debug, Default)]
pub struct State {
    pub(super) last_use: LastUse,
    pub(super) exporting: Exporting,
    pub(super) throttled: Refusals,
    pub(super) tickets: Tickets,
}

/// Accounts whose data is being exported.
pub(super) type Exporting = Arc<Mutex<BTreeSet<UserId>>>;

/// The one export that an account may have at a time, until dropped.
#[derive(Debug)]
pub(super) struct OwnExport(Exporting, UserId);

impl OwnExport {
    /// Begins an export; `None` while the account has another one.
    pub(super) fn begin(all: &Exporting, user: UserId) -> Option<Self> {
        let is_new = all.lock().unwrap_or_else(PoisonError::into_inner).insert(user);
        is_new.then(|| Self(Arc::clone(all), user))
    }
}

impl Drop for OwnExport {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}
