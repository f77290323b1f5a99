//! Keeping tasks.
//!
//! Every method takes the [`Caller`] and asks the store for that person's tasks only: somebody else's are
//! not found.

mod again;
mod batch;
mod cursor;
mod draft;
mod listing;
mod query_bytes;
mod refused;

use tracing::instrument;

pub use self::batch::{TaskAsk, TaskBatch, TaskRequest, TaskResults};
pub use self::draft::{TaskChange, TaskDraft};
pub use self::listing::{Listed, Next, Part, TaskListing};
pub use self::refused::TaskFailure;
use super::{Doing, Error, Service};
use crate::auth::Caller;
use crate::auth::permission::{TasksRead, TasksWrite};
use crate::domain::due::DueRange;
use crate::domain::id::TaskId;
use crate::domain::task::{IfMatch, Task, TaskDone, TaskMove, TaskSummary};
use crate::domain::time_zone::TimeZone;
use crate::domain::user::User;

const NO_TASK: Error = Error::NotFound { what: "task" };

/// A task that was changed, and the one that keeps what was finished, if the task has moved on.
pub type Moved = (Task, Option<TaskId>);

/// How a change is made.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Which revisions of the task are meant; `None` if nobody said.
    pub if_match: Option<IfMatch>,
    /// Whether the change is only tried.
    pub dry_run: bool,
}

impl Service {
    /// Makes a task. It is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with every field that was refused, [`Error::BadToken`] if the account has just
    /// been deleted, and those of the store.
    #[instrument(skip_all, fields(user.id = %caller.user.id))]
    pub async fn task_create(
        &self,
        caller: &Caller<TasksWrite>,
        draft: TaskDraft,
        dry_run: bool,
        doing: Doing<Task>,
    ) -> Result<Task, Error> {
        let terms = Terms { if_match: None, dry_run };
        let ask = TaskAsk::Create(Box::new(draft));
        let made = self.task_write_one(caller, ask, terms, doing, |it| it.0).await;
        made.map(|(task, _)| task)
    }

    /// Finds a task.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and those of the store.
    pub async fn task_get(
        &self,
        caller: &Caller<TasksRead>,
        id: TaskId,
    ) -> Result<Task, Error> {
        self.0.store.task_get(caller.user.id, id).await?.ok_or(NO_TASK)
    }

    /// What [`Self::task_patch`] does, whatever was done before.
    pub(super) async fn task_change(
        &self,
        caller: &Caller<TasksWrite>,
        id: TaskId,
        change: TaskChange,
        terms: Terms,
        doing: Doing<Moved>,
    ) -> Result<Moved, Error> {
        let ask = TaskAsk::Patch(id, Box::new(change));
        self.task_write_one(caller, ask, terms, doing, |it| it).await
    }

    /// Completes a task, as [`Self::task_patch`] would.
    ///
    /// # Errors
    ///
    /// As there.
    #[instrument(skip_all, fields(user.id = %caller.user.id, task.id = %id))]
    pub async fn task_complete(
        &self,
        caller: &Caller<TasksWrite>,
        id: TaskId,
        terms: Terms,
        doing: Doing<Moved>,
    ) -> Result<Moved, Error> {
        self.task_write_one(caller, TaskAsk::Complete(id), terms, doing, |it| it).await
    }

    /// Moves a task beside another, perhaps below another.
    ///
    /// # Errors
    ///
    /// As of [`Self::task_patch`].
    #[instrument(skip_all, fields(user.id = %caller.user.id, task.id = %id))]
    pub async fn task_move(
        &self,
        caller: &Caller<TasksWrite>,
        id: TaskId,
        to: TaskMove,
        terms: Terms,
        doing: Doing<Task>,
    ) -> Result<Task, Error> {
        let ask = TaskAsk::Move(id, to);
        let moved = self.task_write_one(caller, ask, terms, doing, |it| it.0).await;
        moved.map(|(task, _)| task)
    }

    /// Deletes a task and all below it, durably. Says how many.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Changed`], [`Error::IfMatchRequired`], and those of the store.
    #[instrument(skip_all, fields(user.id = %caller.user.id, task.id = %id))]
    pub async fn task_delete(
        &self,
        caller: &Caller<TasksWrite>,
        id: TaskId,
        terms: Terms,
        doing: Doing<u64>,
    ) -> Result<u64, Error> {
        let batch = TaskBatch::one(TaskAsk::Delete(id), terms);
        let kept = |results| first(results).and_then(deleted).ok();
        first(self.task_write(caller, batch, doing, kept).await?).and_then(deleted)
    }

    /// Counts tasks: open and done, overdue, and by tag.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn task_summary(
        &self,
        caller: &Caller<TasksRead>,
    ) -> Result<TaskSummary, Error> {
        let overdue = DueRange::overdue(self.0.clock.now(), &home(&caller.user));
        Ok(self.0.store.task_summary(caller.user.id, overdue).await?)
    }

    async fn task_write_one<A: 'static>(
        &self,
        caller: &Caller<TasksWrite>,
        ask: TaskAsk,
        terms: Terms,
        doing: Doing<A>,
        answer: fn(Moved) -> A,
    ) -> Result<Moved, Error> {
        let kept = move |results| first(results).and_then(task).ok().map(answer);
        let batch = TaskBatch::one(ask, terms);
        first(self.task_write(caller, batch, doing, kept).await?).and_then(task)
    }
}

/// What came of the only request.
fn first(results: TaskResults) -> Result<TaskDone, Error> {
    results.into_iter().next().unwrap_or(Err(TaskFailure::Missing)).map_err(Error::from)
}

/// The task that was made or changed, and the one that keeps what was finished.
fn task(done: TaskDone) -> Result<Moved, Error> {
    match done {
        TaskDone::Created(task) => Ok((task, None)),
        TaskDone::Changed { task, finished } => Ok((task, finished)),
        TaskDone::Deleted(_) => Err(NO_TASK),
    }
}

/// How many tasks are gone.
fn deleted(done: TaskDone) -> Result<u64, Error> {
    match done {
        TaskDone::Deleted(count) => Ok(count),
        TaskDone::Created(_) | TaskDone::Changed { .. } => Err(NO_TASK),
    }
}

/// The time zone that a person's days are counted in.
fn home(user: &User) -> TimeZone {
    user.time_zone.clone().unwrap_or_else(TimeZone::utc)
}
