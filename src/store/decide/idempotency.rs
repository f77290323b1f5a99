//! Decisions about idempotency records.

use super::{Change, Decision, IdempotencyAge, IdempotencyUsage, Snapshot};
use crate::domain::id::UserId;
use crate::domain::idempotency::IdempotencyRecord;
use crate::domain::sweep::SweepProgress;
use crate::domain::timestamp::Timestamp;
use crate::store::{Idempotency, StoreError};

/// Maximum number and size of the idempotency records of one account. The oldest make room for new ones.
#[derive(Clone, Copy, Debug)]
pub struct IdempotencyBounds {
    /// Maximum number of records.
    pub records: u64,
    /// Maximum total size of the records, in bytes.
    pub bytes: u64,
}

/// Maximum number of expired records that a write with a key removes.
const EXPIRED_AT_ONCE: usize = 4;

/// Maximum number of old records that a write with a key removes to make room. The total cannot grow: long
/// records may exceed the bound for some writes, until the many short ones before them are gone.
const CROWDED_AT_ONCE: usize = 512;

/// Accounts that a slice of the sweep examines, and maximum number of records removed: about 2 ms each.
const SWEPT_ACCOUNTS: usize = 256;
const SWEPT_RECORDS: usize = 512;

/// Number of records that are looked up at a time, after the oldest.
const PAGE: usize = 8;

/// Decides a write once: fails if its key has a live record, and otherwise stores its record with the changes.
pub(super) fn once<T>(
    snapshot: &dyn Snapshot,
    idempotency: &mut Idempotency<T>,
    bounds: IdempotencyBounds,
    decide: impl FnOnce(&dyn Snapshot) -> Result<Decision<T>, StoreError>,
) -> Result<Decision<T>, StoreError> {
    let Idempotency { owner, key, at, record } = idempotency;
    if let Some(owner) = *owner
        && snapshot.idempotency(owner, *key)?.is_some_and(|record| record.is_live(*at))
    {
        return Err(StoreError::Repeated);
    }
    let mut decision = decide(snapshot)?;
    if let Some((owner, record)) = record(&decision.result)?
        && outlasts(snapshot, owner, &decision.changes)?
    {
        decision.changes.extend(keep(snapshot, owner, record, bounds)?);
    }
    Ok(decision)
}

/// Whether the account exists after these changes.
fn outlasts(
    snapshot: &dyn Snapshot,
    owner: UserId,
    changes: &[Change],
) -> Result<bool, StoreError> {
    for change in changes {
        match change {
            Change::UserCreate { new, .. } if new.user.id == owner => return Ok(true),
            Change::UserDelete(old) if old.user.id == owner => return Ok(false),
            _ => {}
        }
    }
    Ok(snapshot.credential(owner)?.is_some())
}

/// Stores a record, in place of an old one with its key, and makes room.
fn keep(
    snapshot: &dyn Snapshot,
    owner: UserId,
    new: IdempotencyRecord,
    bounds: IdempotencyBounds,
) -> Result<Vec<Change>, StoreError> {
    let mut changes = Vec::new();
    let mut kept = snapshot.idempotency_usage(owner)?;
    kept.records += 1;
    kept.bytes += record_bytes(&new);
    let remove =
        |old: IdempotencyRecord, kept: &mut IdempotencyUsage, all: &mut Vec<Change>| {
            kept.records = kept.records.saturating_sub(1);
            kept.bytes = kept.bytes.saturating_sub(record_bytes(&old));
            all.push(Change::IdempotencyDelete(owner, old));
        };
    if let Some(old) = snapshot.idempotency(owner, new.key)? {
        remove(old, &mut kept, &mut changes);
    }
    for (number, age) in oldest(snapshot, owner).take(CROWDED_AT_ONCE).enumerate() {
        let age = age?;
        let is_old = !is_live(age, new.made_at) && number < EXPIRED_AT_ONCE;
        let is_crowded = kept.records > bounds.records || kept.bytes > bounds.bytes;
        if !is_crowded && !is_old {
            break;
        }
        if age.key != new.key {
            remove(of(snapshot, owner, age)?, &mut kept, &mut changes);
        }
    }
    changes.push(Change::IdempotencyPut(owner, new));
    Ok(changes)
}

/// Removes expired records of a few accounts; see [`crate::store::Store::idempotency_sweep`].
///
/// # Errors
///
/// Errors of the database.
pub fn sweep(
    snapshot: &dyn Snapshot,
    after: Option<UserId>,
    now: Timestamp,
) -> Result<Decision<SweepProgress>, StoreError> {
    let (mut changes, mut done, mut next) = (Vec::new(), after, None);
    let owners = snapshot.users_after(after, SWEPT_ACCOUNTS + 1)?;
    for (number, owner) in owners.into_iter().enumerate() {
        if number == SWEPT_ACCOUNTS {
            next = done;
            break;
        }
        for age in oldest(snapshot, owner) {
            let age = age?;
            if is_live(age, now) || changes.len() == SWEPT_RECORDS {
                break;
            }
            changes.push(Change::IdempotencyDelete(owner, of(snapshot, owner, age)?));
        }
        if changes.len() == SWEPT_RECORDS {
            // This account may have more.
            next = Some(done.unwrap_or(UserId::new(0)));
            break;
        }
        done = Some(owner);
    }
    let removed = u64::try_from(changes.len()).unwrap_or(u64::MAX);
    Ok(Decision { result: SweepProgress { removed, next }, changes })
}

/// Removes records of an account; see [`crate::store::Store::idempotency_forget`].
///
/// # Errors
///
/// Errors of the database.
pub fn forget(
    snapshot: &dyn Snapshot,
    owner: UserId,
) -> Result<Decision<u64>, StoreError> {
    let mut changes = Vec::new();
    for age in oldest(snapshot, owner).take(SWEPT_RECORDS) {
        changes.push(Change::IdempotencyDelete(owner, of(snapshot, owner, age?)?));
    }
    let removed = u64::try_from(changes.len()).unwrap_or(u64::MAX);
    Ok(Decision { result: removed, changes })
}

/// Returns the places of an account's records, oldest first, read page by page.
fn oldest(
    snapshot: &dyn Snapshot,
    owner: UserId,
) -> impl Iterator<Item = Result<IdempotencyAge, StoreError>> {
    let (mut page, mut last) = (Vec::new().into_iter(), None);
    std::iter::from_fn(move || {
        if page.len() == 0 {
            // Most callers look at the oldest only.
            let limit = if last.is_none() { 1 } else { PAGE };
            match snapshot.idempotency_by_age(owner, last, limit) {
                Ok(next) => page = next.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
        let next = page.next();
        last = next.or(last);
        next.map(Ok)
    })
}

/// Returns a record by its place, which every record has.
fn of(
    snapshot: &dyn Snapshot,
    owner: UserId,
    age: IdempotencyAge,
) -> Result<IdempotencyRecord, StoreError> {
    snapshot.idempotency(owner, age.key)?.ok_or_else(|| StoreError::Damaged {
        what: format!("an idempotency record of {owner:?} has an age and no content"),
    })
}

fn is_live(age: IdempotencyAge, now: Timestamp) -> bool {
    now.since(age.made_at) < IdempotencyRecord::RETENTION
}

/// Returns the size of a record that counts towards the bound, in bytes.
pub fn record_bytes(record: &IdempotencyRecord) -> u64 {
    u64::try_from(record.sealed.len()).unwrap_or(u64::MAX)
}
