//! Results of several changes in one request.

use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::Serialize;

use super::batch::in_task;
use super::history::ConflictView;
use super::view::TaskView;
use crate::domain::id::TaskId;
use crate::domain::task::TaskDone;
use crate::http::payload::Rendered;
use crate::http::problem::{Entry, Problem, TOO_MUCH};
use crate::http::response_memory::Room;
use crate::http::shares::Share;
use crate::service::{
    Error, FieldError, TaskBatch, TaskCommand, TaskFailure, TaskInput, TaskRequest,
    TaskResults,
};

/// Result of one operation.
#[derive(Debug, Object, Serialize)]
pub(super) struct TaskResult {
    /// HTTP status that the operation would have as a separate request.
    status: u16,
    /// The current task, if it was created or changed. With status 412, the unchanged task; if several operations name
    /// the same task, only the first result has it.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<TaskView>,
    /// Id of the completed copy, if a recurring task advanced to its next occurrence.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_id: Option<u64>,
    /// Number of deleted tasks, including descendants.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<u64>,
    /// With code `edit_conflict`: the fields that others have changed.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    conflicts: Option<Vec<ConflictView>>,
    /// Former id of the task, if the task with this uid was deleted (status 410).
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<u64>,
    /// Machine-readable error code.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Human-readable explanation of the error.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// All rejected fields.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldFault>>,
}

/// Rejected field.
#[derive(Debug, Object, Serialize)]
struct FieldFault {
    /// Field path as sent by the client.
    field: String,
    /// Reason, phrased to follow the field's name.
    message: String,
}

/// Results of a batch.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub(super) struct TaskBatchResult {
    /// Result of each operation, in the order of the request.
    pub(super) results: Vec<TaskResult>,
}

impl Example for TaskBatchResult {
    fn example() -> Self {
        let created = TaskResult {
            status: 201,
            task: Some(TaskView::example()),
            finished_id: None,
            deleted: None,
            conflicts: None,
            task_id: None,
            code: None,
            detail: None,
            errors: None,
        };
        Self { results: vec![created] }
    }
}

impl TaskResult {
    fn new(status: u16) -> Self {
        Self {
            status,
            task: None,
            finished_id: None,
            deleted: None,
            conflicts: None,
            task_id: None,
            code: None,
            detail: None,
            errors: None,
        }
    }

    fn of(result: &Result<TaskDone, TaskFailure>) -> Self {
        match result {
            Ok(done) => Self::done(done.clone()),
            Err(failure) => Self::failed(failure.clone()),
        }
    }

    fn done(done: TaskDone) -> Self {
        match done {
            TaskDone::Created(task) => Self { task: Some(task.into()), ..Self::new(201) },
            TaskDone::Known(task) => Self { task: Some(task.into()), ..Self::new(200) },
            TaskDone::Changed { task, finished } => Self {
                task: Some(task.into()),
                finished_id: finished.map(TaskId::get),
                ..Self::new(200)
            },
            TaskDone::Deleted(count) => Self { deleted: Some(count), ..Self::new(204) },
            TaskDone::Restored { task, .. } => {
                Self { task: Some(task.into()), ..Self::new(200) }
            }
            TaskDone::Undone { .. } => Self::new(200),
        }
    }

    fn failed(failure: TaskFailure) -> Self {
        let task = match &failure {
            TaskFailure::Changed(task) => Some(TaskView::from((**task).clone())),
            _ => None,
        };
        let conflicts = match &failure {
            TaskFailure::Conflict(merge) => Some(ConflictView::all(merge)),
            _ => None,
        };
        let task_id = match &failure {
            TaskFailure::Deleted(id) => Some(id.get()),
            _ => None,
        };
        let failure = match failure {
            TaskFailure::InvalidTask(fields) => {
                TaskFailure::Invalid(fields.into_iter().map(in_task).collect())
            }
            failure => failure,
        };
        let problem = Problem::from(Error::from(failure));
        let Entry { status, code, detail, fields } = problem.into_entry();
        let faults = fields
            .into_iter()
            .map(|FieldError { field, message }| FieldFault { field, message });
        let faults: Vec<FieldFault> = faults.collect();
        Self {
            task,
            conflicts,
            task_id,
            code: Some(code.to_owned()),
            detail: Some(detail),
            errors: (!faults.is_empty()).then_some(faults),
            ..Self::new(status)
        }
    }
}

/// Returns an upper estimate of the size of a batch's results, in bytes. Changed tasks may be long.
pub(super) fn answer_bytes(batch: &TaskBatch) -> usize {
    let texts = |draft: &TaskInput| {
        draft.title.len() + draft.description.as_ref().map_or(0, String::len)
    };
    let of_one = |request: &Result<TaskRequest, _>| match request
        .as_ref()
        .map(|it| &it.ask)
    {
        // The uid may name a long task.
        Ok(TaskCommand::Create(draft)) if draft.uid.is_some() => 8 * 1024 + texts(draft),
        Ok(TaskCommand::Create(draft)) => 1024 + texts(draft),
        // A conflict shows three values of each field.
        Ok(TaskCommand::Patch(_, patch)) if patch.base.is_some() => 32 * 1024,
        Ok(TaskCommand::Delete(_)) | Err(_) => 1024,
        Ok(_) => 8 * 1024,
    };
    batch.requests.iter().map(of_one).sum()
}

/// Converts the results into the response body.
pub(super) fn answer(results: &TaskResults) -> TaskBatchResult {
    TaskBatchResult { results: results.iter().map(TaskResult::of).collect() }
}

/// Renders the response body as JSON.
pub(super) async fn render(
    room: &Room,
    share: Option<Share>,
    results: &TaskResults,
) -> Result<Rendered<TaskBatchResult>, Problem> {
    let around = ["{\"results\":", "}"];
    room.render(share, around, results.iter().map(TaskResult::of)).await
}

/// Returns the problem of an atomic batch that failed. `names`: see [`super::batch::names`].
pub(super) fn problem(
    results: &TaskResults,
    atomic: bool,
    names: &[&str],
) -> Option<Problem> {
    if !atomic || results.iter().all(Result::is_ok) {
        return None;
    }
    let TaskBatchResult { results } = answer(results);
    let failed = results.iter().filter(|it| it.status >= 400 && it.status != 424);
    let statuses: Vec<u16> = failed.map(|it| it.status).collect();
    if statuses.is_empty() {
        return None;
    }
    let is_too_much = |it: &TaskResult| it.code.as_deref() == Some(TOO_MUCH);
    let status =
        [412, 428, 410, 409, 403].into_iter().find(|status| statuses.contains(status));
    let problem = match status {
        _ if results.iter().any(is_too_much) => {
            Problem::from(Error::TooMuch).with_fields(faults(&results, names))
        }
        Some(status) => Problem::batch_failed(status, Vec::new()),
        None => Problem::batch_failed(422, faults(&results, names)),
    };
    let results = serde_json::to_value(&results).unwrap_or_default();
    Some(problem.with_member("results", results))
}

/// Returns all rejected fields, with their paths in the request body.
fn faults(results: &[TaskResult], names: &[&str]) -> Vec<FieldError> {
    let mut faults = Vec::new();
    for (number, (result, name)) in results.iter().zip(names).enumerate() {
        let at = format!("operations.{number}");
        for FieldFault { field, message } in result.errors.iter().flatten() {
            faults.push(FieldError::new(&format!("{at}.{field}"), message));
        }
        if result.code.as_deref() == Some(TOO_MUCH) {
            faults.push(FieldError::new(&at, "is too large for one request"));
        }
        if result.status == 404 {
            let fault = format!("must be the {name} of one of your tasks");
            faults.push(FieldError::new(&format!("{at}.{name}"), fault));
        }
    }
    faults
}
