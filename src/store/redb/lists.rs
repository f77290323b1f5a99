//! Reads of lists.

use redb::ReadTransaction;

use crate::domain::id::UserId;
use crate::domain::list::{ListState, TaskList};
use crate::domain::task::TaskCounts;
use crate::store::StoreError;
use crate::store::redb::engine::view;
use crate::store::redb::engine::work::Work;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::table::Snapshot;
use crate::store::redb::format::{record, table, task_key};
use crate::store::redb::{tasks, users};

/// Planned work of a write that changes a list, and of one that takes tasks out of it.
pub(super) const PUT: Work = Work::new(8, 1_024);
pub(super) const EMPTY: Work = Work::new(5_000, 160_000);

/// Returns all lists of an account with the counts of their tasks, by position. `None` if there is no such account.
pub(super) fn all(
    txn: &ReadTransaction,
    owner: UserId,
) -> Result<Option<Vec<ListState>>, StoreError> {
    let owned = table::open(txn, Table::Owned)?;
    let Some(stats) = tasks::stats(&owned, owner)? else { return Ok(None) };
    let stored = view::lists(&owned, owner)?;
    let Some(default) = default(txn, owner, &stored)? else { return Ok(None) };
    let (mut states, mut rest) = (Vec::new(), stats.counts());
    for list in stored.into_iter().filter(|list| !list.id.is_default()) {
        let counts = counts(&owned, &list)?;
        rest = rest.minus(counts);
        states.push(ListState { list, counts });
    }
    states.push(ListState { list: default, counts: rest });
    TaskList::sort(&mut states);
    Ok(Some(states))
}

/// Returns the default list: the stored one, or as it is before the first change.
pub(super) fn default(
    txn: &ReadTransaction,
    owner: UserId,
    stored: &[TaskList],
) -> Result<Option<TaskList>, StoreError> {
    let found = stored.iter().find(|list| list.id.is_default());
    if found.is_some() {
        return Ok(found.cloned());
    }
    let account = users::owner(txn, owner)?;
    Ok(account.map(|account| TaskList::default_of(owner, account.created_at)))
}

fn counts(owned: &Snapshot, list: &TaskList) -> Result<TaskCounts, StoreError> {
    let key = task_key::list_counts(list.owner, list.id);
    let counts = owned.get(key.as_slice())?;
    let counts = counts.map(|value| record::decode_task_counts(&key, value.value()));
    Ok(counts.transpose()?.unwrap_or_default())
}
