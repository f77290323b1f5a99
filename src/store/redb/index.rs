//! Which index entries a record has. One pure function for each index.
//!
//! The writer uses it to move entries with their records, the checker to derive what should be there.

use super::key::TaskByState;
use crate::domain::task::Task;

/// The one entry of a task in the index for listing open or completed tasks.
pub(super) const fn task_by_state(task: &Task) -> TaskByState {
    TaskByState {
        owner: task.owner,
        completed: task.completed,
        created_at: task.created_at,
        id: task.id,
    }
}
