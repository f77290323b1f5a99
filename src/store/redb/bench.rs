//! Access to private functions for `benches/`. Not for any other use.

use crate::domain::id::UserId;
use crate::domain::page::TaskPage;
use crate::domain::task::{Task, TaskQuery};
use crate::store::StoreError;
use crate::store::redb::format::{key, record, task_index};
use crate::store::redb::list::ReadBudget;
use crate::store::redb::{RedbStore, list};

/// Returns the keys of a task and of its index entries.
pub fn task_keys(task: &Task) -> (impl AsRef<[u8]>, Vec<Vec<u8>>) {
    (key::task(task.owner, task.id), task_index::entries(task))
}

/// Returns a page of a list, and the number of rows read.
///
/// # Errors
///
/// [`StoreError`] if the file cannot be read.
pub fn task_list(
    store: &RedbStore,
    owner: UserId,
    query: &TaskQuery,
) -> Result<(TaskPage, u64), StoreError> {
    let mut cost = ReadBudget::long(store.reads);
    let page = store.read(|txn| list::list(txn, owner, query, &mut cost))?;
    Ok((page.unwrap_or(TaskPage::EMPTY), cost.rows))
}

/// Encodes the stored value of a task.
///
/// # Errors
///
/// Never, for a value of type [`Task`].
pub fn task_encode(task: &Task) -> Result<Vec<u8>, StoreError> {
    record::task(task)
}

/// Decodes the stored value of the task under the same key as `like`.
///
/// # Errors
///
/// [`StoreError::Damaged`].
pub fn task_decode(like: &Task, value: &[u8]) -> Result<Task, StoreError> {
    record::decode_task(like.owner, like.id, value)
}
