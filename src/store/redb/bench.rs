//! A window through which `benches/` can time what is private. Not for anything else.

use super::{index, key, record};
use crate::domain::task::Task;
use crate::store::StoreError;

/// The keys of a task and of its index entry.
pub fn task_keys(task: &Task) -> (impl AsRef<[u8]>, impl AsRef<[u8]>) {
    (key::task(task.owner, task.id), index::task_by_state(task).encode())
}

/// The stored value of a task.
///
/// # Errors
///
/// Never, for a value of type [`Task`].
pub fn task_encode(task: &Task) -> Result<Vec<u8>, StoreError> {
    record::task(task)
}

/// Reads the stored value of the task under the same key as `like`.
///
/// # Errors
///
/// [`StoreError::Damaged`].
pub fn task_decode(like: &Task, value: &[u8]) -> Result<Task, StoreError> {
    record::decode_task(like.owner, like.id, value)
}
