//! Batches of task operations.

use std::sync::Arc;

use tracing::instrument;

use super::draft::{TaskInput, TaskPatchInput};
use super::refused::TaskFailure;
use super::{Preconditions, home};
use crate::auth::Caller;
use crate::auth::permission::TasksWrite;
use crate::domain::id::TaskId;
use crate::domain::task::{
    IfMatch, Neighbour, Skip, TaskAction, TaskDone, TaskMove, TaskOp, TaskPatch, TaskRef,
    TaskWrite, TaskWritten,
};
use crate::domain::time_zone::TimeZone;
use crate::domain::timestamp::Timestamp;
use crate::service::{Error, FieldError, Recorder, Replayable, Service};

/// One operation of a batch.
#[derive(Clone, Debug)]
pub struct TaskRequest {
    /// Operation to perform.
    pub ask: TaskCommand,
    /// Precondition on the task's revision; `None` if the client gave none.
    pub if_match: Option<IfMatch>,
}

/// A task operation.
#[derive(Clone, Debug)]
pub enum TaskCommand {
    /// Creates a task.
    Create(Box<TaskInput>),
    /// Changes a task.
    Patch(TaskRef, Box<TaskPatchInput>),
    /// Completes a task, and says whether a recurring one catches up with the present; `None` for yes.
    Complete(TaskRef, Option<bool>),
    /// Skips an occurrence of a recurring task, like `Complete`.
    Skip(TaskRef, Option<bool>),
    /// Moves a task.
    Move(TaskRef, TaskMove),
    /// Deletes a task and its subtasks.
    Delete(TaskRef),
    /// Restores a deleted task and its subtasks.
    Restore(TaskId),
}

/// Operations performed in order, in one transaction.
#[derive(Clone, Debug)]
pub struct TaskBatch {
    /// Operations, or the errors of those that are invalid in themselves.
    pub requests: Vec<Result<TaskRequest, Vec<FieldError>>>,
    /// Whether all operations are applied or none.
    pub atomic: bool,
    /// Whether nothing is written (dry run).
    pub dry_run: bool,
}

impl TaskBatch {
    /// Creates a batch of one operation.
    pub(super) fn one(ask: TaskCommand, preconditions: Preconditions) -> Self {
        let Preconditions { if_match, dry_run } = preconditions;
        Self { requests: vec![Ok(TaskRequest { ask, if_match })], atomic: true, dry_run }
    }
}

/// Result of validating an operation before the store is called.
#[derive(Clone, Debug)]
enum Checked {
    Asked(Option<Neighbour>),
    Invalid(Vec<FieldError>),
    InvalidTask(Vec<FieldError>),
    IfMatchRequired,
}

/// Result of each operation.
pub type TaskResults = Vec<Result<TaskDone, TaskFailure>>;

/// A batch in the store.
struct Plan {
    checked: Vec<Checked>,
    atomic: bool,
}

impl Plan {
    /// Returns the result of each operation.
    fn results(&self, written: TaskWritten) -> TaskResults {
        let is_whole = |it: &Checked| matches!(it, Checked::Asked(_));
        let failed = !self.checked.iter().all(is_whole)
            || written.results.iter().any(Result::is_err);
        let mut decided = written.results.into_iter();
        let results = self.checked.iter().map(|checked| match checked {
            Checked::Invalid(fields) => Err(TaskFailure::Invalid(fields.clone())),
            Checked::InvalidTask(fields) => Err(TaskFailure::InvalidTask(fields.clone())),
            Checked::IfMatchRequired => Err(TaskFailure::IfMatchRequired),
            Checked::Asked(to) => match decided.next() {
                Some(Ok(done)) if !(self.atomic && failed) => Ok(done),
                Some(Err(error)) => Err(TaskFailure::of(error, to.as_ref())),
                Some(Ok(_)) | None => Err(TaskFailure::NotApplied),
            },
        });
        results.collect()
    }
}

impl Service {
    /// Applies a batch in one transaction. Its changes are durable when this returns.
    ///
    /// Returns a result for each operation. If an atomic batch fails, the operations that were possible are
    /// [`TaskFailure::NotApplied`].
    ///
    /// # Errors
    ///
    /// [`Error::BadToken`] if the account has just been deleted, and store errors.
    #[instrument(level = "debug", skip_all, fields(user.id = %caller.user.id, requests = batch.requests.len()))]
    pub async fn task_batch(
        &self,
        caller: &Caller<TasksWrite>,
        batch: TaskBatch,
        recorder: Recorder<TaskResults>,
    ) -> Result<TaskResults, Error> {
        self.task_write(caller, batch, recorder, Some).await
    }

    /// Applies a batch. `outcome` converts the results to the outcome that is replayed.
    pub(super) async fn task_write<A: Replayable>(
        &self,
        caller: &Caller<TasksWrite>,
        batch: TaskBatch,
        recorder: Recorder<A>,
        mut outcome: impl FnMut(TaskResults) -> Option<A> + Send + 'static,
    ) -> Result<TaskResults, Error> {
        let (now, home) = (self.0.clock.now(), home(&caller.user));
        let TaskBatch { requests, atomic, dry_run } = batch;
        let (mut checked, mut ops) = (Vec::with_capacity(requests.len()), Vec::new());
        for request in requests {
            checked.push(match self.check(request, &home, now) {
                Ok((op, to)) => {
                    ops.push(op);
                    Checked::Asked(to)
                }
                Err(checked) => checked,
            });
        }
        let dry_run = dry_run || (atomic && ops.len() < checked.len());
        let plan = Arc::new(Plan { checked, atomic });
        let (access, salt) = (Some(caller.access), u64::from_be_bytes(self.random()?));
        let unit = None;
        let write = TaskWrite { ops, atomic, dry_run, now, home, access, salt, unit };
        let recorded = Arc::clone(&plan);
        let applied = move |written: &Option<TaskWritten>| {
            let written = written.as_ref().filter(|written| written.applied)?;
            outcome(recorded.results(written.clone()))
        };
        let context = recorder.context(self.authority(caller), applied);
        let written = self.0.store.task_write(caller.user.id, write, context).await?;
        Ok(plan.results(written.ok_or(Error::BadToken)?))
    }

    fn check(
        &self,
        request: Result<TaskRequest, Vec<FieldError>>,
        home: &TimeZone,
        now: Timestamp,
    ) -> Result<(TaskOp, Option<Neighbour>), Checked> {
        let TaskRequest { ask, if_match } = request.map_err(Checked::Invalid)?;
        let is_new = matches!(ask, TaskCommand::Create(_) | TaskCommand::Restore(_));
        let mut to = None;
        let action = match ask {
            TaskCommand::Create(draft) => {
                draft.check(home, now).map(|new| TaskAction::Create(Box::new(new)))
            }
            TaskCommand::Patch(id, change) => {
                change.check(home).map(|patch| TaskAction::Patch(id, Box::new(patch)))
            }
            TaskCommand::Complete(id, catch_up) => {
                let completed = Some(true);
                let patch = TaskPatch { completed, catch_up, ..TaskPatch::default() };
                Ok(TaskAction::Patch(id, Box::new(patch)))
            }
            TaskCommand::Skip(id, catch_up) => {
                Ok(TaskAction::Skip(id, Skip { catch_up: catch_up.unwrap_or(true) }))
            }
            TaskCommand::Move(id, place) => {
                to = Some(place.to.clone());
                Ok(TaskAction::Move(id, place))
            }
            TaskCommand::Delete(id) => Ok(TaskAction::Delete(id)),
            TaskCommand::Restore(id) => Ok(TaskAction::Restore(id)),
        };
        let action = action.map_err(Checked::InvalidTask)?;
        // `If-None-Match` alone names what the client lacks, not what it has.
        let is_said = !matches!(if_match, None | Some(IfMatch::NoneOf(_)));
        if self.0.require_if_match && !is_said && !is_new {
            return Err(Checked::IfMatchRequired);
        }
        Ok((TaskOp { action, if_match: if_match.unwrap_or(IfMatch::Any) }, to))
    }
}
