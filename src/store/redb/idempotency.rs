//! Idempotency records: reads and decisions.

use redb::ReadTransaction;

use super::change::Change;
use super::key::{self, IdempotencyByAge, Owned, Table};
use super::options::IdempotencyBounds;
use super::record::IdempotencyStats;
use super::view::View;
use super::work::Work;
use super::write::Decision;
use super::{codec, record, table, users};
use crate::domain::id::UserId;
use crate::domain::idempotency::{
    IdempotencyKey, IdempotencyNote, IdempotencyRecord, SweepProgress,
};
use crate::domain::timestamp::Timestamp;
use crate::store::{Idempotency, StoreError};

/// Maximum number of expired records that a write with a key removes.
const EXPIRED_AT_ONCE: usize = 4;

/// Maximum number of old records that a write with a key removes to make room. The total cannot grow: long
/// records may exceed the bound for some writes, until the many short ones before them are gone.
const CROWDED_AT_ONCE: usize = 512;

/// Accounts that a slice of the sweep examines, and maximum number of records removed: about 2 ms each.
const SWEPT_ACCOUNTS: usize = 256;
const SWEPT_RECORDS: usize = 512;

/// Planned work of a slice.
pub(super) const SWEEP: Work = Work::new(2_000, 0);

/// Decides a write once: fails if its key has a live record, and otherwise stores its record with the changes.
pub(super) fn decide<T>(
    view: &View<'_, '_>,
    idempotency: &mut Idempotency<T>,
    bounds: IdempotencyBounds,
    decide: impl FnOnce(&View<'_, '_>) -> Result<Decision<T>, StoreError>,
) -> Result<Decision<T>, StoreError> {
    let Idempotency { owner, key, at, record } = idempotency;
    if let Some(owner) = *owner
        && view.idempotency(owner, *key)?.is_some_and(|record| record.is_live(*at))
    {
        return Err(StoreError::Repeated);
    }
    let mut decision = decide(view)?;
    if let Some((owner, record)) = record(&decision.result)?
        && outlasts(view, owner, &decision.changes)?
    {
        decision.changes.extend(keep(view, owner, record, bounds)?);
    }
    Ok(decision)
}

/// Whether the account exists after these changes.
fn outlasts(
    view: &View<'_, '_>,
    owner: UserId,
    changes: &[Change],
) -> Result<bool, StoreError> {
    for change in changes {
        match change {
            Change::UserCreate(new, _) if new.user.id == owner => return Ok(true),
            Change::UserDelete(old) if old.user.id == owner => return Ok(false),
            _ => {}
        }
    }
    Ok(view.credential(owner)?.is_some())
}

/// Stores a record, in place of an old one with its key, and makes room.
fn keep(
    view: &View<'_, '_>,
    owner: UserId,
    new: IdempotencyRecord,
    bounds: IdempotencyBounds,
) -> Result<Vec<Change>, StoreError> {
    let mut changes = Vec::new();
    let mut kept = view.idempotency_stats(owner)?;
    kept.records += 1;
    kept.bytes += size(&new);
    let remove = |old: IdempotencyRecord,
                  kept: &mut IdempotencyStats,
                  changes: &mut Vec<Change>| {
        kept.records = kept.records.saturating_sub(1);
        kept.bytes = kept.bytes.saturating_sub(size(&old));
        changes.push(Change::IdempotencyDelete(owner, old));
    };
    if let Some(old) = view.idempotency(owner, new.key)? {
        remove(old, &mut kept, &mut changes);
    }
    let oldest = view.idempotency_by_age(owner)?.enumerate().take(CROWDED_AT_ONCE);
    for (number, entry) in oldest {
        let entry = entry?;
        let is_old = !is_live(entry, new.made_at) && number < EXPIRED_AT_ONCE;
        let is_crowded = kept.records > bounds.records || kept.bytes > bounds.bytes;
        if !is_crowded && !is_old {
            break;
        }
        if entry.key != new.key {
            remove(of(view, entry)?, &mut kept, &mut changes);
        }
    }
    changes.push(Change::IdempotencyPut(owner, new));
    Ok(changes)
}

/// Implements [`crate::store::Store::idempotency_sweep`].
pub(super) fn sweep(
    view: &View<'_, '_>,
    after: Option<UserId>,
    now: Timestamp,
) -> Result<Decision<SweepProgress>, StoreError> {
    let (mut changes, mut done, mut next) = (Vec::new(), after, None);
    for (number, owner) in view.users_after(after)?.enumerate() {
        let owner = owner?;
        if number == SWEPT_ACCOUNTS {
            next = done;
            break;
        }
        for entry in view.idempotency_by_age(owner)? {
            let entry = entry?;
            if is_live(entry, now) || changes.len() == SWEPT_RECORDS {
                break;
            }
            changes.push(Change::IdempotencyDelete(owner, of(view, entry)?));
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

/// Removes idempotency records of an account; see [`crate::store::Store::idempotency_forget`].
pub(super) fn forget(
    view: &View<'_, '_>,
    owner: UserId,
) -> Result<Decision<u64>, StoreError> {
    let mut changes = Vec::new();
    for entry in view.idempotency_by_age(owner)?.take(SWEPT_RECORDS) {
        changes.push(Change::IdempotencyDelete(owner, of(view, entry?)?));
    }
    let removed = u64::try_from(changes.len()).unwrap_or(u64::MAX);
    Ok(Decision { result: removed, changes })
}

/// Returns the record of an index entry, which every entry has.
fn of(
    view: &View<'_, '_>,
    entry: IdempotencyByAge,
) -> Result<IdempotencyRecord, StoreError> {
    view.idempotency(entry.owner, entry.key)?.ok_or_else(|| {
        codec::damaged(Table::Owned, &entry.encode(), &"an entry without its record")
    })
}

fn is_live(entry: IdempotencyByAge, now: Timestamp) -> bool {
    now.since(entry.made_at) < IdempotencyRecord::RETENTION
}

/// Returns the size of a record that counts towards the bound, in bytes.
pub(super) fn size(record: &IdempotencyRecord) -> u64 {
    u64::try_from(record.sealed.len()).unwrap_or(u64::MAX)
}

/// Finds a record of an existing, enabled account: the records of a large account outlast it for a while.
pub(super) fn get(
    txn: &ReadTransaction,
    owner: UserId,
    key: IdempotencyKey,
) -> Result<Option<IdempotencyRecord>, StoreError> {
    if users::owner(txn, owner)?.is_none_or(|owner| owner.disabled) {
        return Ok(None);
    }
    let owned = table::open(txn, Table::Owned)?;
    let value = owned.get(key::idempotency(owner, key).as_slice())?;
    value.map(|value| record::decode_idempotency(owner, key, value.value())).transpose()
}

/// Implements [`crate::store::Store::idempotency_list`] for an existing, enabled account.
pub(super) fn list(
    txn: &ReadTransaction,
    owner: UserId,
    after: Option<IdempotencyNote>,
    limit: usize,
) -> Result<Vec<IdempotencyNote>, StoreError> {
    if users::owner(txn, owner)?.is_none_or(|owner| owner.disabled) {
        return Ok(Vec::new());
    }
    let owned = table::open(txn, Table::Owned)?;
    let all = key::idempotency_by_age_of(owner);
    let after = after.map(|IdempotencyNote { key, made_at, .. }| {
        IdempotencyByAge { owner, made_at, key }.encode().to_vec()
    });
    let first = after.as_ref().unwrap_or_else(|| all.start()).clone();
    let mut notes = Vec::new();
    for entry in table::range(&owned, &(first..=all.end().clone()))? {
        let (name, _) = entry?;
        if after.as_deref() == Some(name.value()) {
            continue;
        }
        if notes.len() == limit {
            break;
        }
        let Some(Owned::IdempotencyByAge(IdempotencyByAge { made_at, key, .. })) =
            Owned::decode(name.value())
        else {
            return Err(codec::damaged(
                Table::Owned,
                name.value(),
                &"not of an idempotency record",
            ));
        };
        let record = get(txn, owner, key)?.ok_or_else(|| {
            codec::damaged(Table::Owned, name.value(), &"an entry without its record")
        })?;
        notes.push(IdempotencyNote { key, made_at, bytes: size(&record) });
    }
    Ok(notes)
}
