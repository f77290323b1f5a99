//! Reads of the history and of the trash by decisions.

use crate::domain::id::{TaskId, UserId};
use crate::domain::task::{HistoryEntry, Task};
use crate::store::StoreError;
use crate::store::decide::HistoryUsage;
use crate::store::redb::engine::view::View;
use crate::store::redb::format::key::{KeyRange, Owned, Table};
use crate::store::redb::format::{codec, key, record, table};
use crate::store::redb::tasks::decoded;

/// Returns the size of the history of an account.
fn usage(view: &View<'_, '_>, owner: UserId) -> Result<HistoryUsage, StoreError> {
    Ok(view.stats(owner)?.map(|stats| stats.history).unwrap_or_default())
}

pub(super) fn entry(
    view: &View<'_, '_>,
    owner: UserId,
    seq: u64,
) -> Result<Option<HistoryEntry>, StoreError> {
    if usage(view, owner)?.changes == 0 {
        return Ok(None);
    }
    let value = view.get(Table::Owned, &key::history(owner, seq))?;
    value.map(|it| record::decode_history(owner, seq, it.value())).transpose()
}

pub(super) fn entries(
    view: &View<'_, '_>,
    owner: UserId,
    seq: u64,
    limit: usize,
) -> Result<Vec<HistoryEntry>, StoreError> {
    if usage(view, owner)?.changes == 0 {
        return Ok(Vec::new());
    }
    let rows = view.range(Table::Owned, &key::history_from(owner, seq))?;
    let entry = |row: Result<table::Found<'_>, redb::StorageError>| {
        let (key, value) = row?;
        match Owned::decode(key.value()) {
            Some(Owned::History(owner, seq)) => {
                record::decode_history(owner, seq, value.value())
            }
            _ => Err(codec::damaged(Table::Owned, key.value(), &"not a change's key")),
        }
    };
    rows.take(limit).map(entry).collect()
}

pub(super) fn bytes(entry: &HistoryEntry) -> Result<u64, StoreError> {
    let row = key::history(entry.owner, entry.seq).len() + record::history(entry)?.len();
    Ok(u64::try_from(row).unwrap_or(u64::MAX))
}

pub(super) fn trash(
    view: &View<'_, '_>,
    owner: UserId,
    seq: u64,
) -> Result<Option<Task>, StoreError> {
    if usage(view, owner)?.trashed == 0 {
        return Ok(None);
    }
    let value = view.get(Table::Owned, &key::trash(owner, seq))?;
    value.map(|it| record::decode_trash(owner, seq, it.value())).transpose()
}

pub(super) fn trash_from(
    view: &View<'_, '_>,
    owner: UserId,
    seq: u64,
    limit: usize,
) -> Result<Vec<u64>, StoreError> {
    let range = key::trash_between(owner, seq..=u64::MAX);
    trash_seqs(view, owner, &range, |rows| rows.take(limit).collect())
}

pub(super) fn trash_before(
    view: &View<'_, '_>,
    owner: UserId,
    seq: u64,
    limit: usize,
) -> Result<Vec<u64>, StoreError> {
    let Some(last) = seq.checked_sub(1) else { return Ok(Vec::new()) };
    let range = key::trash_between(owner, 0..=last);
    trash_seqs(view, owner, &range, |rows| rows.rev().take(limit).collect())
}

/// Row of a table.
type Row<'a> = Result<table::Found<'a>, redb::StorageError>;

/// Returns the numbers of some deletions in a range.
fn trash_seqs(
    view: &View<'_, '_>,
    owner: UserId,
    range: &KeyRange,
    some: impl Fn(table::Range<'_>) -> Vec<Row<'_>>,
) -> Result<Vec<u64>, StoreError> {
    if usage(view, owner)?.trashed == 0 {
        return Ok(Vec::new());
    }
    let seq = |row: Row<'_>| {
        let (key, _) = row?;
        match Owned::decode(key.value()) {
            Some(Owned::Trash(_, seq)) => Ok(seq),
            _ => Err(codec::damaged(
                Table::Owned,
                key.value(),
                &"not a deleted task's key",
            )),
        }
    };
    some(view.range(Table::Owned, range)?).into_iter().map(seq).collect()
}

pub(super) fn trash_bytes(task: &Task) -> Result<u64, StoreError> {
    let row = key::trash(task.owner, 0).len() + record::trash(0, task)?.len();
    Ok(u64::try_from(row).unwrap_or(u64::MAX))
}

pub(super) fn tasks_after(
    view: &View<'_, '_>,
    owner: UserId,
    after: Option<TaskId>,
    limit: usize,
) -> Result<Vec<Task>, StoreError> {
    if view.stats(owner)?.is_none() {
        return Ok(Vec::new());
    }
    let all = key::tasks_of(owner);
    let first = match after {
        // The least key behind it.
        Some(id) => [key::task(owner, id).as_slice(), &[0]].concat(),
        None => all.start().clone(),
    };
    let rows = view.range(Table::Owned, &(first..=all.end().clone()))?;
    rows.take(limit).map(|row| decoded(row?)).collect()
}
