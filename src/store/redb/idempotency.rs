//! Reads of idempotency records.

use redb::ReadTransaction;

use crate::domain::id::UserId;
use crate::domain::idempotency::{IdempotencyKey, IdempotencyNote, IdempotencyRecord};
use crate::store::StoreError;
use crate::store::decide::IdempotencyAge;
use crate::store::decide::idempotency::record_bytes;
use crate::store::redb::engine::work::Work;
use crate::store::redb::format::key;
use crate::store::redb::format::key::{IdempotencyByAge, Owned, Table};
use crate::store::redb::format::{codec, record, table};
use crate::store::redb::users;

/// Planned work of a slice of the sweep.
pub(super) const SWEEP: Work = Work::new(2_000, 0);

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
    let after =
        after.map(|IdempotencyNote { key, made_at, .. }| IdempotencyAge { made_at, key });
    let mut notes = Vec::new();
    for entry in table::range(&owned, &key::idempotency_after(owner, after))? {
        let (name, _) = entry?;
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
        notes.push(IdempotencyNote { key, made_at, bytes: record_bytes(&record) });
    }
    Ok(notes)
}
