//! Reads of single tasks, and the planned work of writes.
//!
//! Lists are read in [`crate::store::redb::list`].

mod planned;

use redb::ReadTransaction;

pub(super) use self::planned::planned;
use crate::domain::id::{TaskId, UserId};
use crate::domain::task::{Task, TaskFields};
use crate::store::StoreError;
use crate::store::redb::format::key;
use crate::store::redb::format::key::{Owned, Table};
use crate::store::redb::format::record;
use crate::store::redb::format::record::Stats;
use crate::store::redb::format::table::Snapshot;
use crate::store::redb::format::{codec, table};

pub(super) fn get(
    txn: &ReadTransaction,
    owner: UserId,
    id: TaskId,
) -> Result<Option<Task>, StoreError> {
    let owned = table::open(txn, Table::Owned)?;
    // The rows of a large account outlast it for a while, its counts never do.
    if owned.get(key::stats(owner).as_slice())?.is_none() {
        return Ok(None);
    }
    find(&owned, owner, id)
}

/// Lists tasks by id, starting after `after`.
pub(super) fn after(
    txn: &ReadTransaction,
    owner: UserId,
    after: Option<TaskId>,
    limit: usize,
) -> Result<Vec<Task>, StoreError> {
    let owned = table::open(txn, Table::Owned)?;
    if stats(&owned, owner)?.is_none() {
        return Ok(Vec::new());
    }
    let first = after.map_or(0, |id| id.get().saturating_add(1));
    let range = key::tasks_of(owner);
    let first = key::task(owner, TaskId::new(first)).to_vec();
    let entries = table::range(&owned, &(first..=range.end().clone()))?;
    entries.take(limit).map(|entry| decoded(entry?)).collect()
}

/// Decodes the task of a row.
pub(super) fn decoded((key, value): table::Found<'_>) -> Result<Task, StoreError> {
    match Owned::decode(key.value()) {
        Some(Owned::Task(owner, id)) => record::decode_task(owner, id, value.value()),
        _ => Err(codec::damaged(Table::Owned, key.value(), &"not a task's key")),
    }
}

/// Decodes the fields of a row by which lists select and sort.
pub(super) fn fields<'a>(
    (key, value): &'a table::Found<'_>,
) -> Result<TaskFields<'a>, StoreError> {
    match Owned::decode(key.value()) {
        Some(Owned::Task(owner, id)) => record::decode_fields(owner, id, value.value()),
        _ => Err(codec::damaged(Table::Owned, key.value(), &"not a task's key")),
    }
}

pub(super) fn find(
    owned: &Snapshot,
    owner: UserId,
    id: TaskId,
) -> Result<Option<Task>, StoreError> {
    let value = owned.get(key::task(owner, id).as_slice())?;
    value.map(|value| record::decode_task(owner, id, value.value())).transpose()
}

pub(super) fn stats(
    owned: &Snapshot,
    owner: UserId,
) -> Result<Option<Stats>, StoreError> {
    let value = owned.get(key::stats(owner).as_slice())?;
    value.map(|value| record::decode_stats(owner, value.value())).transpose()
}
