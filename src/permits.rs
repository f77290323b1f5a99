//! Permits with a share for each account or network.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Permits for holders, in the order of their requests. Clones share them. A holder without permits and waiting
/// requests is forgotten.
#[derive(Clone)]
pub struct Permits<K: Copy + Eq + Hash> {
    holders: Arc<Mutex<HashMap<K, Holder>>>,
    share: usize,
    asking: usize,
}

struct Holder {
    permits: Arc<Semaphore>,
    /// Requests that have a permit or wait for one.
    asking: usize,
}

/// Permit of a holder, released when dropped.
#[derive(Debug)]
pub struct Permit<K: Copy + Eq + Hash> {
    _permit: OwnedSemaphorePermit,
    _asking: Asking<K>,
}

/// Count of one request of a holder, until dropped.
#[derive(Debug)]
struct Asking<K: Copy + Eq + Hash> {
    permits: Permits<K>,
    holder: K,
}

impl<K: Copy + Eq + Hash> Permits<K> {
    /// Creates permits: each holder has at most `share`, and has or waits for at most `asking`.
    pub fn new(share: usize, asking: usize) -> Self {
        Self { holders: Arc::default(), share, asking }
    }

    /// Waits for a permit. `None` if too many requests of the holder wait, or `until` has passed.
    pub async fn acquire(&self, holder: K, until: Instant) -> Option<Permit<K>> {
        let (permits, asking) = self.ask(holder)?;
        let permit = wait(permits, until).await?;
        Some(Permit { _permit: permit, _asking: asking })
    }

    fn ask(&self, holder: K) -> Option<(Arc<Semaphore>, Asking<K>)> {
        let mut holders = self.holders();
        let entry = holders.entry(holder).or_insert_with(|| Holder {
            permits: Arc::new(Semaphore::new(self.share)),
            asking: 0,
        });
        if entry.asking >= self.asking {
            return None;
        }
        entry.asking += 1;
        let permits = Arc::clone(&entry.permits);
        Some((permits, Asking { permits: self.clone(), holder }))
    }

    fn holders(&self) -> MutexGuard<'_, HashMap<K, Holder>> {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of requests that have a permit or wait for one.
    pub fn asking(&self) -> usize {
        self.holders().values().map(|holder| holder.asking).sum()
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.holders().is_empty()
    }
}

impl<K: Copy + Eq + Hash> fmt::Debug for Permits<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permits").field("share", &self.share).finish_non_exhaustive()
    }
}

impl<K: Copy + Eq + Hash> Drop for Asking<K> {
    fn drop(&mut self) {
        let mut holders = self.permits.holders();
        if let Some(entry) = holders.get_mut(&self.holder) {
            entry.asking -= 1;
            if entry.asking == 0 {
                holders.remove(&self.holder);
            }
        }
    }
}

/// Waits for a permit of a semaphore that is never closed.
pub(crate) async fn wait(
    permits: Arc<Semaphore>,
    until: Instant,
) -> Option<OwnedSemaphorePermit> {
    match Arc::clone(&permits).try_acquire_owned() {
        Ok(permit) => Some(permit),
        Err(_) => timeout_at(until, permits.acquire_owned()).await.ok()?.ok(),
    }
}
