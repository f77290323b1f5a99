//! Decisions about the tombstones of deleted tasks and lists.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Change, Decision, Figures, Snapshot, history};
use crate::domain::id::UserId;
use crate::domain::quota::Quota;
use crate::domain::sweep::SweepProgress;
use crate::domain::task::Tombstone;
use crate::domain::timestamp::Timestamp;
use crate::store::StoreError;

/// Accounts that a slice of the sweep examines, and maximum number of tombstones, tasks in the trash and changes removed: about 2 ms
/// each.
const SWEPT_ACCOUNTS: usize = 256;
const SWEPT_ROWS: usize = 512;

/// Tombstones that a write may remove besides two for each one that it adds, if the quota has no room for them.
const BESIDES: usize = 64;

/// Removes the oldest tombstones of an account if a write adds too many, or if they leave no room within the quota.
pub(super) fn make_room(
    snapshot: &dyn Snapshot,
    owner: UserId,
    figures: &Figures,
    quota: &Quota,
    changes: &mut Vec<Change>,
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let is_added = |change: &&Change| matches!(change, Change::TombstoneAdd(_));
    let added = changes.iter().filter(is_added).count();
    let kept =
        figures.tombstones.saturating_add(u64::try_from(added).unwrap_or(u64::MAX));
    let surplus = kept.saturating_sub(quota.tombstones).min(figures.tombstones);
    // A lower limit is reached little by little.
    let surplus =
        usize::try_from(surplus).unwrap_or(usize::MAX).min(added.saturating_mul(2));
    let room = figures.room_for_traces(quota).unwrap_or(u64::MAX);
    let average = figures.tombstone_bytes / figures.tombstones.max(1);
    let mut too_many_bytes = figures.tombstone_bytes.saturating_sub(room);
    let most =
        if too_many_bytes > 0 { surplus.max(added * 2 + BESIDES) } else { surplus };
    if most == 0 {
        return Ok(());
    }
    let raised: BTreeSet<u64> = changes
        .iter()
        .filter_map(|change| match change {
            Change::TombstoneRaise(old) => Some(old.seq),
            _ => None,
        })
        .collect();
    let oldest = snapshot.tombstones(owner, 0, most + raised.len())?.into_iter();
    let oldest = oldest.filter(|old| !raised.contains(&old.seq)).take(most);
    for (number, old) in oldest.enumerate() {
        if number >= surplus && too_many_bytes == 0 {
            break;
        }
        too_many_bytes = too_many_bytes.saturating_sub(average.max(1));
        expire(snapshot, old, changes)?;
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
    let (mut changes, mut removed, mut done, mut next) = (Vec::new(), 0, after, None);
    let owners = snapshot.users_after(after, SWEPT_ACCOUNTS + 1)?;
    for (number, owner) in owners.into_iter().enumerate() {
        if number == SWEPT_ACCOUNTS {
            next = done;
            break;
        }
        let is_old = |found: &Tombstone| now.since(found.at) >= retention;
        // Most accounts have no old one.
        if snapshot.tombstones(owner, 0, 1)?.first().is_some_and(is_old) {
            let oldest = snapshot.tombstones(owner, 0, SWEPT_ROWS - changes.len())?;
            for old in oldest.into_iter().take_while(is_old) {
                if changes.len() < SWEPT_ROWS {
                    expire(snapshot, old, &mut changes)?;
                    removed += 1;
                }
            }
        }
        if changes.len() >= SWEPT_ROWS {
            // This account may have more.
            next = Some(done.unwrap_or(UserId::new(0)));
            break;
        }
        done = Some(owner);
    }
    Ok(Decision { result: SweepProgress { removed, next }, changes })
}
