//! Tasks.
//!
//! Every method takes the [`Caller`] and reads the tasks of that account only: other accounts' tasks are not found.

mod again;
mod batch;
mod cursor;
mod draft;
mod list;
mod listing;
mod refused;

use tracing::instrument;

pub use self::batch::{TaskBatch, TaskCommand, TaskRequest, TaskResults};
pub(super) use self::draft::Check;
pub use self::draft::{TaskInput, TaskPatchInput};
pub use self::list::{Listed, Next, Part};
pub use self::listing::TaskListing;
pub use self::refused::TaskFailure;
use super::{Error, Recorder, Replayable, Service};
use crate::auth::Caller;
use crate::auth::permission::{TasksRead, TasksWrite};
use crate::domain::due::DueRange;
use crate::domain::id::TaskId;
use crate::domain::task::{IfMatch, Task, TaskDone, TaskMove, TaskSummary};
use crate::domain::time_zone::TimeZone;
use crate::domain::user::User;

const NO_TASK: Error = Error::NotFound { what: "task" };

/// A changed task, and the id of the task that keeps the finished occurrence, if the task advanced.
pub type Moved = (Task, Option<TaskId>);

/// Result of a creation.
#[derive(Clone, Debug)]
pub enum Made {
    /// Task that was created.
    New(Task),
    /// Task that an earlier request has created under the same uid.
    Known(Task),
}

/// Preconditions and options of a task write.
#[derive(Clone, Debug, Default)]
pub struct Preconditions {
    /// Precondition on the task's revision; `None` if the client gave none.
    pub if_match: Option<IfMatch>,
    /// Whether nothing is written (dry run).
    pub dry_run: bool,
}

impl Service {
    /// Creates a task, unless the account has one with this uid. It is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming every rejected field, [`Error::TaskDeleted`] if the task with this uid was deleted,
    /// [`Error::BadToken`] if the account has just been deleted, and store errors.
    #[instrument(level = "debug", skip_all, fields(user.id = %caller.user.id))]
    pub async fn task_create(
        &self,
        caller: &Caller<TasksWrite>,
        draft: TaskInput,
        dry_run: bool,
        recorder: Recorder<Made>,
    ) -> Result<Made, Error> {
        let preconditions = Preconditions { if_match: None, dry_run };
        let ask = TaskCommand::Create(Box::new(draft));
        let batch = TaskBatch::one(ask, preconditions);
        let kept = |results| match first(results) {
            Ok(TaskDone::Created(task)) => Some(Made::New(task)),
            _ => None,
        };
        match first(self.task_write(caller, batch, recorder, kept).await?)? {
            TaskDone::Created(task) => Ok(Made::New(task)),
            TaskDone::Known(task) => Ok(Made::Known(task)),
            TaskDone::Changed { .. }
            | TaskDone::Deleted(_)
            | TaskDone::Restored { .. }
            | TaskDone::Undone { .. } => Err(NO_TASK),
        }
    }

    /// Returns a task.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and store errors.
    pub async fn task_get(
        &self,
        caller: &Caller<TasksRead>,
        id: TaskId,
    ) -> Result<Task, Error> {
        self.0.store.task_get(caller.user.id, id).await?.ok_or(NO_TASK)
    }

    /// Does the work of [`Self::task_patch`], without regard to earlier requests.
    pub(super) async fn task_change(
        &self,
        caller: &Caller<TasksWrite>,
        id: TaskId,
        change: TaskPatchInput,
        preconditions: Preconditions,
        recorder: Recorder<Moved>,
    ) -> Result<Moved, Error> {
        let ask = TaskCommand::Patch(id.into(), Box::new(change));
        self.task_write_one(caller, ask, preconditions, recorder, |it| it).await
    }

    /// Completes a task, like [`Self::task_patch`]. `catch_up` says whether a recurring task moves on to its first
    /// occurrence after now, and not only after its due date; `None` for yes.
    ///
    /// # Errors
    ///
    /// The errors of [`Self::task_patch`].
    #[instrument(level = "debug", skip_all, fields(user.id = %caller.user.id, task.id = %id))]
    pub async fn task_complete(
        &self,
        caller: &Caller<TasksWrite>,
        id: TaskId,
        catch_up: Option<bool>,
        preconditions: Preconditions,
        recorder: Recorder<Moved>,
    ) -> Result<Moved, Error> {
        let ask = TaskCommand::Complete(id.into(), catch_up);
        self.task_write_one(caller, ask, preconditions, recorder, |it| it).await
    }

    /// Moves a recurring task on to its next occurrence, without a record of the current one.
    ///
    /// # Errors
    ///
    /// The errors of [`Self::task_patch`].
    #[instrument(level = "debug", skip_all, fields(user.id = %caller.user.id, task.id = %id))]
    pub async fn task_skip(
        &self,
        caller: &Caller<TasksWrite>,
        id: TaskId,
        catch_up: Option<bool>,
        preconditions: Preconditions,
        recorder: Recorder<Task>,
    ) -> Result<Task, Error> {
        let ask = TaskCommand::Skip(id.into(), catch_up);
        let skipped =
            self.task_write_one(caller, ask, preconditions, recorder, |it| it.0).await;
        skipped.map(|(task, _)| task)
    }

    /// Moves a task next to another, possibly below a new parent.
    ///
    /// # Errors
    ///
    /// The errors of [`Self::task_patch`].
    #[instrument(level = "debug", skip_all, fields(user.id = %caller.user.id, task.id = %id))]
    pub async fn task_move(
        &self,
        caller: &Caller<TasksWrite>,
        id: TaskId,
        to: TaskMove,
        preconditions: Preconditions,
        recorder: Recorder<Task>,
    ) -> Result<Task, Error> {
        let ask = TaskCommand::Move(id.into(), to);
        let moved =
            self.task_write_one(caller, ask, preconditions, recorder, |it| it.0).await;
        moved.map(|(task, _)| task)
    }

    /// Deletes a task and its subtasks, durably. Returns their number.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Changed`], [`Error::IfMatchRequired`], and store errors.
    #[instrument(level = "debug", skip_all, fields(user.id = %caller.user.id, task.id = %id))]
    pub async fn task_delete(
        &self,
        caller: &Caller<TasksWrite>,
        id: TaskId,
        preconditions: Preconditions,
        recorder: Recorder<u64>,
    ) -> Result<u64, Error> {
        let batch = TaskBatch::one(TaskCommand::Delete(id.into()), preconditions);
        let kept = |results| first(results).and_then(deleted).ok();
        first(self.task_write(caller, batch, recorder, kept).await?).and_then(deleted)
    }

    /// Restores a deleted task, with its subtasks that were deleted together with it. A task that is not deleted stays as
    /// it is.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the task is not in the trash, [`Error::Quota`], and store errors.
    #[instrument(level = "debug", skip_all, fields(user.id = %caller.user.id, task.id = %id))]
    pub async fn task_restore(
        &self,
        caller: &Caller<TasksWrite>,
        id: TaskId,
        dry_run: bool,
        recorder: Recorder<Task>,
    ) -> Result<Task, Error> {
        let preconditions = Preconditions { if_match: None, dry_run };
        let ask = TaskCommand::Restore(id);
        let restored =
            self.task_write_one(caller, ask, preconditions, recorder, |it| it.0).await;
        restored.map(|(task, _)| task)
    }

    /// Counts tasks: open, completed, overdue, and by tag.
    ///
    /// # Errors
    ///
    /// Store errors.
    pub async fn task_summary(
        &self,
        caller: &Caller<TasksRead>,
    ) -> Result<TaskSummary, Error> {
        let overdue = DueRange::overdue(self.0.clock.now(), &home(&caller.user));
        Ok(self.0.store.task_summary(caller.user.id, overdue).await?)
    }

    async fn task_write_one<A: Replayable>(
        &self,
        caller: &Caller<TasksWrite>,
        ask: TaskCommand,
        preconditions: Preconditions,
        recorder: Recorder<A>,
        outcome: fn(Moved) -> A,
    ) -> Result<Moved, Error> {
        let kept = move |results| first(results).and_then(task).ok().map(outcome);
        let batch = TaskBatch::one(ask, preconditions);
        first(self.task_write(caller, batch, recorder, kept).await?).and_then(task)
    }
}

/// Returns the result of the only operation.
fn first(results: TaskResults) -> Result<TaskDone, Error> {
    results.into_iter().next().unwrap_or(Err(TaskFailure::Missing)).map_err(Error::from)
}

/// Returns the created or changed task, and the id of the task that keeps the finished occurrence, if any.
fn task(done: TaskDone) -> Result<Moved, Error> {
    match done {
        TaskDone::Created(task) | TaskDone::Known(task) => Ok((task, None)),
        TaskDone::Changed { task, finished } => Ok((task, finished)),
        TaskDone::Restored { task, .. } => Ok((task, None)),
        TaskDone::Deleted(_) | TaskDone::Undone { .. } => Err(NO_TASK),
    }
}

/// Returns the number of deleted tasks.
fn deleted(done: TaskDone) -> Result<u64, Error> {
    match done {
        TaskDone::Deleted(count) => Ok(count),
        TaskDone::Created(_)
        | TaskDone::Known(_)
        | TaskDone::Changed { .. }
        | TaskDone::Restored { .. }
        | TaskDone::Undone { .. } => Err(NO_TASK),
    }
}

/// Returns the time zone of the user's days.
fn home(user: &User) -> TimeZone {
    user.time_zone.clone().unwrap_or_else(TimeZone::utc)
}
