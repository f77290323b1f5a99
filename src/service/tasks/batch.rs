//! Several changes at once.

use super::draft::{TaskChange, TaskDraft};
use super::refused::refused;
use super::home;
use crate::auth::Caller;
use crate::auth::permission::TasksWrite;
use crate::domain::id::TaskId;
use crate::domain::task::{
    IfMatch, Neighbour, TaskAction, TaskDone, TaskMove, TaskOp, TaskPatch, TaskWrite,
};
use crate::domain::time_zone::TimeZone;
use crate::domain::timestamp::Timestamp;
use crate::service::{Error, FieldError, Service};

/// One thing that is asked for.
#[derive(Clone, Debug)]
pub struct TaskRequest {
    /// What is to be done.
    pub ask: TaskAsk,
    /// Which revisions of the task are meant; `None` if nobody said.
    pub if_match: Option<IfMatch>,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum TaskAsk {
    /// Make a task.
    Create(Box<TaskDraft>),
    /// Change a task.
    Patch(TaskId, Box<TaskChange>),
    /// Complete a task.
    Complete(TaskId),
    /// Move a task.
    Move(TaskId, TaskMove),
    /// Delete a task and all below it.
    Delete(TaskId),
}

/// Several requests, to be done one after the other at one moment.
#[derive(Clone, Debug)]
pub struct TaskBatch {
    /// The requests, or what is wrong with each in itself.
    pub requests: Vec<Result<TaskRequest, Vec<FieldError>>>,
    /// Whether all of it is done or nothing.
    pub atomic: bool,
    /// Whether it is only tried.
    pub dry_run: bool,
}

impl TaskBatch {
    /// Most requests in one batch.
    pub const MAX: usize = 500;
}

/// What the store is asked, for those requests that can be asked.
enum Checked {
    Asked(TaskOp),
    Refused(Error),
}

impl Service {
    /// Makes several changes in one transaction. What was done is durable when this returns.
    ///
    /// For each request there is what came of it. If all or nothing was to be done and something cannot be, what
    /// could have been is [`Error::NotApplied`].
    ///
    /// # Errors
    ///
    /// [`Error::BadToken`] if the account has just been deleted, and those of the store.
    pub async fn task_batch(
        &self,
        caller: &Caller<TasksWrite>,
        batch: TaskBatch,
    ) -> Result<Vec<Result<TaskDone, Error>>, Error> {
        let (now, home) = (self.0.clock.now(), home(&caller.user));
        let mut places = Vec::with_capacity(batch.requests.len());
        let (mut ops, mut results) = (Vec::new(), Vec::new());
        for request in batch.requests {
            match self.checked(request, &home, now) {
                Checked::Asked(op) => {
                    places.push(results.len());
                    results.push(Err(Error::NotApplied));
                    ops.push(op);
                }
                Checked::Refused(error) => results.push(Err(error)),
            }
        }
        let is_whole = places.len() == results.len();
        let dry_run = batch.dry_run || (batch.atomic && !is_whole);
        let neighbour = |op: &TaskOp| match op.action {
            TaskAction::Move(_, to) => Some(to.to),
            TaskAction::Create(_) | TaskAction::Patch(..) | TaskAction::Delete(_) => None,
        };
        let neighbours: Vec<Option<Neighbour>> = ops.iter().map(neighbour).collect();
        let write = TaskWrite { ops, atomic: batch.atomic, dry_run, now };
        let written = self.0.store.task_write(caller.user.id, write);
        let written = self.write(caller, written).await?.ok_or(Error::BadToken)?;
        let failed = !is_whole || written.results.iter().any(Result::is_err);
        let decided = written.results.into_iter().zip(neighbours);
        for (place, (result, to)) in places.into_iter().zip(decided) {
            let result = match result {
                Ok(_) if batch.atomic && failed => Err(Error::NotApplied),
                Ok(done) => Ok(done),
                Err(error) => Err(refused(error, to)),
            };
            if let Some(entry) = results.get_mut(place) {
                *entry = result;
            }
        }
        Ok(results)
    }

    fn checked(
        &self,
        request: Result<TaskRequest, Vec<FieldError>>,
        home: &TimeZone,
        now: Timestamp,
    ) -> Checked {
        let TaskRequest { ask, if_match } = match request {
            Ok(request) => request,
            Err(fields) => return Checked::Refused(Error::Invalid(fields)),
        };
        let is_new = matches!(ask, TaskAsk::Create(_));
        let action = match ask {
            TaskAsk::Create(draft) => {
                draft.check(home, now).map(|new| TaskAction::Create(Box::new(new)))
            }
            TaskAsk::Patch(id, change) => change
                .check(home)
                .map(|patch| TaskAction::Patch(id, Box::new(patch))),
            TaskAsk::Complete(id) => {
                let patch = TaskPatch { completed: Some(true), ..TaskPatch::default() };
                Ok(TaskAction::Patch(id, Box::new(patch)))
            }
            TaskAsk::Move(id, to) => Ok(TaskAction::Move(id, to)),
            TaskAsk::Delete(id) => Ok(TaskAction::Delete(id)),
        };
        match action {
            Err(fields) => Checked::Refused(Error::Invalid(fields)),
            Ok(_) if self.0.require_if_match && if_match.is_none() && !is_new => {
                Checked::Refused(Error::IfMatchRequired)
            }
            Ok(action) => {
                let if_match = if_match.unwrap_or(IfMatch::Any);
                Checked::Asked(TaskOp { action, if_match })
            }
        }
    }
}
