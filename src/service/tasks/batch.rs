//! Several changes at once.

use std::sync::Arc;

use tracing::instrument;

use super::draft::{TaskChange, TaskDraft};
use super::refused::TaskFailure;
use super::{Terms, home};
use crate::auth::Caller;
use crate::auth::permission::TasksWrite;
use crate::domain::id::TaskId;
use crate::domain::task::{
    IfMatch, Neighbour, TaskAction, TaskDone, TaskMove, TaskOp, TaskPatch, TaskWrite,
    TaskWritten,
};
use crate::domain::time_zone::TimeZone;
use crate::domain::timestamp::Timestamp;
use crate::service::{Doing, Error, FieldError, Service};

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
    /// A single request.
    pub(super) fn one(ask: TaskAsk, terms: Terms) -> Self {
        let Terms { if_match, dry_run } = terms;
        Self { requests: vec![Ok(TaskRequest { ask, if_match })], atomic: true, dry_run }
    }
}

/// What became of a request before the store was asked.
#[derive(Clone, Debug)]
enum Checked {
    Asked(Option<Neighbour>),
    Invalid(Vec<FieldError>),
    InvalidTask(Vec<FieldError>),
    IfMatchRequired,
}

/// What came of each request.
pub type TaskResults = Vec<Result<TaskDone, TaskFailure>>;

/// A batch on its way to the store and back.
struct Plan {
    checked: Vec<Checked>,
    atomic: bool,
}

impl Plan {
    /// What to tell of each request.
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
                Some(Err(error)) => Err(TaskFailure::of(error, *to)),
                Some(Ok(_)) | None => Err(TaskFailure::NotApplied),
            },
        });
        results.collect()
    }
}

impl Service {
    /// Makes several changes in one transaction. What was done is durable when this returns.
    ///
    /// For each request there is what came of it. If all or nothing was to be done and something cannot be, what
    /// could have been is [`TaskFailure::NotApplied`].
    ///
    /// # Errors
    ///
    /// [`Error::BadToken`] if the account has just been deleted, and those of the store.
    #[instrument(skip_all, fields(user.id = %caller.user.id, requests = batch.requests.len()))]
    pub async fn task_batch(
        &self,
        caller: &Caller<TasksWrite>,
        batch: TaskBatch,
        doing: Doing<TaskResults>,
    ) -> Result<TaskResults, Error> {
        self.task_write(caller, batch, doing, Some).await
    }

    /// Does what is asked for. `answer` is what is kept of it for requests that come again.
    pub(super) async fn task_write<A: 'static>(
        &self,
        caller: &Caller<TasksWrite>,
        batch: TaskBatch,
        doing: Doing<A>,
        answer: impl FnOnce(TaskResults) -> Option<A> + Send + 'static,
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
        let write = TaskWrite { ops, atomic, dry_run, now };
        let written = self.0.store.task_write(caller.user.id, write);
        let kept = Arc::clone(&plan);
        let written = doing.record(written, move |written: &Option<TaskWritten>| {
            let written = written.as_ref().filter(|written| written.applied)?;
            answer(kept.results(written.clone()))
        });
        let written = self.write(caller, written).await?.ok_or(Error::BadToken)?;
        Ok(plan.results(written))
    }

    fn check(
        &self,
        request: Result<TaskRequest, Vec<FieldError>>,
        home: &TimeZone,
        now: Timestamp,
    ) -> Result<(TaskOp, Option<Neighbour>), Checked> {
        let TaskRequest { ask, if_match } = request.map_err(Checked::Invalid)?;
        let is_new = matches!(ask, TaskAsk::Create(_));
        let mut to = None;
        let action = match ask {
            TaskAsk::Create(draft) => {
                draft.check(home, now).map(|new| TaskAction::Create(Box::new(new)))
            }
            TaskAsk::Patch(id, change) => {
                change.check(home).map(|patch| TaskAction::Patch(id, Box::new(patch)))
            }
            TaskAsk::Complete(id) => {
                let patch = TaskPatch { completed: Some(true), ..TaskPatch::default() };
                Ok(TaskAction::Patch(id, Box::new(patch)))
            }
            TaskAsk::Move(id, place) => {
                to = Some(place.to);
                Ok(TaskAction::Move(id, place))
            }
            TaskAsk::Delete(id) => Ok(TaskAction::Delete(id)),
        };
        let action = action.map_err(Checked::InvalidTask)?;
        // `If-None-Match` alone says what the client does not have, not what it has.
        let is_said = !matches!(if_match, None | Some(IfMatch::NoneOf(_)));
        if self.0.require_if_match && !is_said && !is_new {
            return Err(Checked::IfMatchRequired);
        }
        Ok((TaskOp { action, if_match: if_match.unwrap_or(IfMatch::Any) }, to))
    }
}
