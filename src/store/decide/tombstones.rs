//! Decisions about the tombstones of deleted tasks and lists.

use std::time::Duration;

use super::{Change, Decision, Figures, Snapshot, history};
use crate::domain::id::UserId;
use crate::domain::quota::Quota;
use crate::domain::sweep::SweepProgress;
use crate::domain::task::Tombstone;
use crate::domain::timestamp::Timestamp;
use crate::store::StoreError;

/// Accounts that a slice of the sweep examines, and maximum number of tombstones removed: about 2 ms each.
const SWEPT_ACCOUNTS: usize = 256;
const SWEPT_TOMBSTONES: usize = 512;

/// Removes the oldest tombstones of an account if a write adds too many.
pub(super) fn make_room(
    snapshot: &dyn Snapshot,
    owner: UserId,
    figures: &Figures,
    quota: &Quota,
    changes: &mut Vec<Change>,
) -> Result<(), StoreError> {
    let is_added = |change: &&Change| matches!(change, Change::TombstoneAdd(_));
    let added = changes.iter().filter(is_added).count();
    let kept =
        figures.tombstones.saturating_add(u64::try_from(added).unwrap_or(u64::MAX));
    let surplus = kept.saturating_sub(quota.tombstones).min(figures.tombstones);
    // A lower limit is reached little by little.
    let surplus =
        usize::try_from(surplus).unwrap_or(usize::MAX).min(added.saturating_mul(2));
    if surplus > 0 {
        for old in snapshot.tombstones(owner, 0, surplus)? {
            expire(snapshot, old, changes)?;
        }
    }
    Ok(())
}

/// Removes a tombstone. A task cannot be restored without it.
fn expire(
    snapshot: &dyn Snapshot,
    old: Tombstone,
    changes: &mut Vec<Change>,
) -> Result<(), StoreError> {
    history::forget(snapshot, old.owner, old.seq, changes)?;
    changes.push(Change::TombstoneExpire(old));
    Ok(())
}

/// Removes old tombstones of a few accounts; see [`crate::store::Store::tombstone_sweep`].
///
/// # Errors
///
/// Errors of the database.
pub fn sweep(
    snapshot: &dyn Snapshot,
    after: Option<UserId>,
    now: Timestamp,
    retention: Duration,
) -> Result<Decision<SweepProgress>, StoreError> {
    let (mut changes, mut done, mut next) = (Vec::new(), after, None);
    let owners = snapshot.users_after(after, SWEPT_ACCOUNTS + 1)?;
    for (number, owner) in owners.into_iter().enumerate() {
        if number == SWEPT_ACCOUNTS {
            next = done;
            break;
        }
        let is_old = |found: &Tombstone| now.since(found.at) >= retention;
        // Most accounts have no old one.
        if snapshot.tombstones(owner, 0, 1)?.first().is_some_and(is_old) {
            let oldest =
                snapshot.tombstones(owner, 0, SWEPT_TOMBSTONES - changes.len())?;
            for old in oldest.into_iter().take_while(is_old) {
                if changes.len() < SWEPT_TOMBSTONES {
                    expire(snapshot, old, &mut changes)?;
                }
            }
        }
        if changes.len() >= SWEPT_TOMBSTONES {
            // This account may have more.
            next = Some(done.unwrap_or(UserId::new(0)));
            break;
        }
        done = Some(owner);
    }
    let removed = u64::try_from(changes.len()).unwrap_or(u64::MAX);
    Ok(Decision { result: SweepProgress { removed, next }, changes })
}
