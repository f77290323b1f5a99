//! Signals of changes to clients that wait for them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::domain::id::UserId;

/// Number of accounts at which those that no client waits for are removed.
const SWEPT_AT: usize = 1_024;

/// Number of the last change of each account that a client waits for.
#[derive(Debug, Default)]
pub(in crate::store::redb) struct Watches {
    accounts: Mutex<HashMap<UserId, watch::Sender<u64>>>,
}

impl Watches {
    /// Begins to wait. A change that is committed from now on wakes the receiver.
    pub(in crate::store::redb) fn subscribe(
        &self,
        owner: UserId,
    ) -> watch::Receiver<u64> {
        let mut accounts = self.lock();
        if accounts.len() >= SWEPT_AT {
            accounts.retain(|_, told| told.receiver_count() > 0);
        }
        accounts.entry(owner).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    /// Tells changes, once they are on disk.
    pub(in crate::store::redb) fn publish(&self, changed: &[(UserId, u64)]) {
        let mut accounts = self.lock();
        for (owner, seq) in changed {
            let is_gone = accounts.get(owner).is_some_and(|it| it.send(*seq).is_err());
            if is_gone {
                accounts.remove(owner);
            }
        }
    }

    /// Wakes the clients of accounts whose access has changed, without a new number.
    pub(in crate::store::redb) fn wake(&self, owners: &[UserId]) {
        let accounts = self.lock();
        for told in owners.iter().filter_map(|owner| accounts.get(owner)) {
            told.send_modify(|_| ());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, watch::Sender<u64>>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
