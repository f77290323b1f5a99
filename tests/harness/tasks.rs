//! Writes of one task each.

use async_trait::async_trait;
use duly::domain::id::{TaskId, UserId};
use duly::domain::task::{NewTask, Task, TaskAction, TaskPatch, TaskWrite, TaskWritten};
use duly::domain::timestamp::Timestamp;
use duly::store::{Store, StoreError, WriteContext};

/// Writes of one task, by the program itself.
#[async_trait]
pub(crate) trait TaskStore: Store {
    /// Creates one task. `None` if there is no such owner, or the task is refused.
    async fn task_create(
        &self,
        owner: UserId,
        new: NewTask,
    ) -> Result<Option<Task>, StoreError> {
        let now = new.created_at;
        let write = TaskWrite::one(TaskAction::Create(Box::new(new)), now);
        let written = self.task_write(owner, write, WriteContext::system()).await?;
        Ok(written.and_then(TaskWritten::into_task))
    }

    /// Changes one task and returns its new state. `None` if there is no such task, or the change is refused.
    async fn task_patch(
        &self,
        owner: UserId,
        id: TaskId,
        patch: TaskPatch,
        now: Timestamp,
    ) -> Result<Option<Task>, StoreError> {
        let write = TaskWrite::one(TaskAction::Patch(id.into(), Box::new(patch)), now);
        let written = self.task_write(owner, write, WriteContext::system()).await?;
        Ok(written.and_then(TaskWritten::into_task))
    }

    /// Deletes a task and all its descendants. `false` if there is no such task.
    async fn task_delete(&self, owner: UserId, id: TaskId) -> Result<bool, StoreError> {
        let write = TaskWrite::one(TaskAction::Delete(id.into()), Timestamp::EPOCH);
        let written = self.task_write(owner, write, WriteContext::system()).await?;
        Ok(written.is_some_and(|written| written.applied))
    }
}

#[async_trait]
impl<S: Store + ?Sized> TaskStore for S {}
