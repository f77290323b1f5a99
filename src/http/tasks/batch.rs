//! Several changes in one request.

use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{Enum, Object};
use serde::Serialize;
use serde_json::Value;

use super::body::{TaskCreate, TaskPatch, UidText, clearable};
use super::preconditions;
use super::view::TaskView;
use crate::domain::id::TaskId;
use crate::domain::task::{Neighbour, TaskDone, TaskMove, TaskRef};
use crate::http::etag::Named;
use crate::http::payload::{self, Rendered, Unchecked};
use crate::http::problem::{Entry, Problem, TOO_MUCH};
use crate::http::response_memory::Room;
use crate::http::shares::Share;
use crate::service::{
    Error, FieldError, TaskBatch, TaskCommand, TaskFailure, TaskInput, TaskRequest,
    TaskResults,
};

/// Operations to apply in this order, in one transaction.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
pub(super) struct TaskBatchBody {
    /// 1 to 500 operations, each an object with `op` and its members.
    #[oai(validator(min_items = 1, max_items = 500))]
    pub(super) operations: Vec<Unchecked<TaskOperation>>,
    /// If true, the default, all operations are applied or none. If false, each succeeds or fails on its own.
    atomic: Option<bool>,
}

/// Type of operation.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "lowercase")]
pub(in crate::http) enum Op {
    /// Create a task: takes `task`.
    Create,
    /// Change a task: takes `id` or `uid`, `task` and optionally `if_match`.
    Patch,
    /// Complete a task: takes `id` or `uid` and optionally `catch_up` and `if_match`.
    Complete,
    /// Skip an occurrence of a recurring task: takes `id` or `uid` and optionally `catch_up` and `if_match`.
    Skip,
    /// Move a task: takes `id` or `uid`, exactly one of `to`, `before`, `after`, `before_uid` and `after_uid`, and
    /// optionally `parent_id` or `parent_uid` and `if_match`.
    Move,
    /// Delete a task and its descendants: takes `id` or `uid` and optionally `if_match`.
    Delete,
}

/// Members of an operation besides `op`.
pub(in crate::http) struct Takes {
    /// Value of `op`.
    pub(in crate::http) op: &'static str,
    pub(in crate::http) required: &'static [&'static str],
    pub(in crate::http) possible: &'static [&'static str],
}

impl Op {
    pub(in crate::http) const ALL: [Self; 6] =
        [Self::Create, Self::Patch, Self::Complete, Self::Skip, Self::Move, Self::Delete];

    pub(in crate::http) const fn takes(self) -> Takes {
        let (op, required, possible): (_, &[_], &[_]) = match self {
            Self::Create => ("create", &["task"], &[]),
            Self::Patch => ("patch", &["task"], &["id", "uid", "if_match"]),
            Self::Complete => ("complete", &[], &["id", "uid", "catch_up", "if_match"]),
            Self::Skip => ("skip", &[], &["id", "uid", "catch_up", "if_match"]),
            Self::Move => (
                "move",
                &[],
                &[
                    "id",
                    "uid",
                    "to",
                    "before",
                    "after",
                    "before_uid",
                    "after_uid",
                    "parent_id",
                    "parent_uid",
                    "if_match",
                ],
            ),
            Self::Delete => ("delete", &[], &["id", "uid", "if_match"]),
        };
        Takes { op, required, possible }
    }
}

/// First or last position among all tasks.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "lowercase")]
enum End {
    /// Before all other tasks.
    First,
    /// After all other tasks.
    Last,
}

/// One operation of a batch.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
pub(super) struct TaskOperation {
    /// Type of operation.
    op: Op,
    /// Id of the task, except for `create`.
    #[oai(validator(minimum(value = "0")))]
    id: Option<u64>,
    /// Uid of the task, instead of `id`. It may be that of a task that an earlier operation creates.
    uid: Option<UidText>,
    /// Fields of the task: a `TaskCreate` for `create`, a `TaskPatch` for `patch`.
    task: Option<Unchecked<TaskPatch>>,
    /// Value in the format of the `If-Match` header: the operation is applied only if the task still has this `ETag`.
    if_match: Option<String>,
    /// For `complete` and `skip`: as in `TaskAdvance`.
    catch_up: Option<bool>,
    /// For `move`: the first or the last position.
    to: Option<End>,
    /// For `move`: id of the task to place this task directly before.
    before: Option<u64>,
    /// For `move`: id of the task to place this task directly after.
    after: Option<u64>,
    /// For `move`: uid of the task to place this task directly before.
    before_uid: Option<UidText>,
    /// For `move`: uid of the task to place this task directly after.
    after_uid: Option<UidText>,
    /// For `move`: id of the new parent; null for none. If absent, the parent is kept.
    #[oai(nullable)]
    parent_id: MaybeUndefined<u64>,
    /// For `move`: uid of the new parent, instead of `parent_id`.
    parent_uid: Option<UidText>,
}

impl Example for TaskOperation {
    fn example() -> Self {
        Self {
            op: Op::Delete,
            id: Some(8),
            uid: None,
            task: None,
            if_match: Some("\"3\"".to_owned()),
            catch_up: None,
            to: None,
            before: None,
            after: None,
            before_uid: None,
            after_uid: None,
            parent_id: MaybeUndefined::Undefined,
            parent_uid: None,
        }
    }
}

impl Example for TaskBatchBody {
    fn example() -> Self {
        // Other operations would need ids of the reader's own tasks.
        let create =
            |title| serde_json::json!({ "op": "create", "task": { "title": title } });
        let operations =
            ["Buy milk", "Bake bread"].map(|title| Unchecked::new(create(title)));
        Self { operations: operations.into(), atomic: Some(true) }
    }
}

/// New position of a task: exactly one of `to`, `before`, `after`, `before_uid` and `after_uid`.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
pub(super) struct TaskMoveBody {
    /// First or last position.
    to: Option<End>,
    /// Id of the task to place this task directly before.
    before: Option<u64>,
    /// Id of the task to place this task directly after.
    after: Option<u64>,
    /// Uid of the task to place this task directly before, instead of `before`.
    before_uid: Option<UidText>,
    /// Uid of the task to place this task directly after, instead of `after`.
    after_uid: Option<UidText>,
    /// Id of the new parent; null for none. If absent, the parent is kept.
    #[oai(nullable)]
    parent_id: MaybeUndefined<u64>,
    /// Uid of the new parent, instead of `parent_id`.
    parent_uid: Option<UidText>,
}

impl Example for TaskMoveBody {
    fn example() -> Self {
        Self {
            to: Some(End::First),
            before: None,
            after: None,
            before_uid: None,
            after_uid: None,
            parent_id: MaybeUndefined::Undefined,
            parent_uid: None,
        }
    }
}

impl TaskMoveBody {
    pub(super) fn check(self) -> Result<TaskMove, Vec<FieldError>> {
        let mut faults = Vec::new();
        let neighbours = [
            self.to.map(|end| match end {
                End::First => Neighbour::First,
                End::Last => Neighbour::Last,
            }),
            self.before.map(|id| Neighbour::Before(TaskId::new(id).into())),
            self.after.map(|id| Neighbour::After(TaskId::new(id).into())),
            self.before_uid.map(|uid| Neighbour::Before(uid.into())),
            self.after_uid.map(|uid| Neighbour::After(uid.into())),
        ];
        let mut neighbours = neighbours.into_iter().flatten();
        let (first, second) = (neighbours.next(), neighbours.next());
        if first.is_none() || second.is_some() {
            let fault = "is mutually exclusive with before, after, before_uid and after_uid; exactly one is required";
            faults.push(FieldError::new("to", fault));
        }
        let id = clearable(self.parent_id).map(|id| id.map(|id| TaskId::new(id).into()));
        if id.is_some() && self.parent_uid.is_some() {
            let fault = "must not be combined with parent_id";
            faults.push(FieldError::new("parent_uid", fault));
        }
        let uid = self.parent_uid.map(|uid| Some(uid.into()));
        match first {
            Some(to) if faults.is_empty() => Ok(TaskMove { to, parent: id.or(uid) }),
            _ => Err(faults),
        }
    }
}

impl TaskOperation {
    fn check(self) -> Result<TaskRequest, Vec<FieldError>> {
        let Self {
            op,
            id,
            uid,
            task,
            if_match,
            catch_up,
            to,
            before,
            after,
            before_uid,
            after_uid,
            parent_id,
            parent_uid,
        } = self;
        let takes = op.takes();
        let mut faults = Vec::new();
        for (name, is_there) in [
            ("id", id.is_some()),
            ("uid", uid.is_some()),
            ("task", task.is_some()),
            ("if_match", if_match.is_some()),
            ("catch_up", catch_up.is_some()),
            ("to", to.is_some()),
            ("before", before.is_some()),
            ("after", after.is_some()),
            ("before_uid", before_uid.is_some()),
            ("after_uid", after_uid.is_some()),
            ("parent_id", !parent_id.is_undefined()),
            ("parent_uid", parent_uid.is_some()),
        ] {
            let is_required = takes.required.contains(&name);
            if is_there && !is_required && !takes.possible.contains(&name) {
                faults.push(FieldError::new(name, "is not allowed for this op"));
            } else if !is_there && is_required {
                faults.push(FieldError::new(name, "is required"));
            }
        }
        let if_match = if_match.map(|text| Named::parse(text.as_bytes())).transpose();
        let if_match = if_match
            .map(|named| named.map(preconditions::if_match))
            .map_err(|error| faults.push(FieldError::new("if_match", error)))
            .unwrap_or_default();
        let named = match (id, uid) {
            (Some(_), Some(_)) if faults.is_empty() => {
                faults.push(FieldError::new("uid", "must not be combined with id"));
                None
            }
            (Some(id), _) => Some(TaskId::new(id).into()),
            (None, Some(uid)) => Some(uid.into()),
            (None, None) if !matches!(op, Op::Create) => {
                faults.push(FieldError::new("id", "must be present if uid is not"));
                None
            }
            (None, None) => None,
        };
        if !faults.is_empty() {
            return Err(faults);
        }
        // Only a creation names no task.
        let named = named.unwrap_or_else(|| TaskId::new(0).into());
        let task = task.unwrap_or_else(|| Unchecked::new(Value::Null));
        let ask = match op {
            Op::Create => {
                let task: TaskCreate = task.check().map_err(of_task)?;
                TaskCommand::Create(Box::new(task.into()))
            }
            Op::Patch => {
                let task: TaskPatch = task.check().map_err(of_task)?;
                TaskCommand::Patch(named, Box::new(task.into()))
            }
            Op::Complete => TaskCommand::Complete(named, catch_up),
            Op::Skip => TaskCommand::Skip(named, catch_up),
            Op::Delete => TaskCommand::Delete(named),
            Op::Move => {
                let to = TaskMoveBody {
                    to,
                    before,
                    after,
                    before_uid,
                    after_uid,
                    parent_id,
                    parent_uid,
                };
                TaskCommand::Move(named, to.check()?)
            }
        };
        Ok(TaskRequest { ask, if_match })
    }
}

/// Prefixes the fields of a problem with `task`.
fn of_task(problem: Problem) -> Vec<FieldError> {
    problem.into_fields().into_iter().map(in_task).collect()
}

fn in_task(error: FieldError) -> FieldError {
    let field = match error.field.as_str() {
        payload::BODY => "task".to_owned(),
        field => format!("task.{field}"),
    };
    FieldError { field, ..error }
}

impl TaskBatchBody {
    pub(super) fn into_batch(self, dry_run: bool) -> TaskBatch {
        let check = |operation: Unchecked<TaskOperation>| {
            let operation: TaskOperation =
                operation.check().map_err(Problem::into_fields)?;
            operation.check()
        };
        let requests = self.operations.into_iter().map(check).collect();
        TaskBatch { requests, atomic: self.atomic.unwrap_or(true), dry_run }
    }
}

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
        }
    }

    fn failed(failure: TaskFailure) -> Self {
        let task = match &failure {
            TaskFailure::Changed(task) => Some(TaskView::from((**task).clone())),
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

/// Returns the members by which the operations of a batch name their tasks.
pub(super) fn names(batch: &TaskBatch) -> Vec<&'static str> {
    let name = |request: &Result<TaskRequest, _>| match request.as_ref().map(|it| &it.ask)
    {
        Ok(
            TaskCommand::Patch(named, _)
            | TaskCommand::Complete(named, _)
            | TaskCommand::Skip(named, _)
            | TaskCommand::Move(named, _)
            | TaskCommand::Delete(named),
        ) if matches!(named, TaskRef::Uid(_)) => "uid",
        _ => "id",
    };
    batch.requests.iter().map(name).collect()
}

/// Returns the problem of an atomic batch that failed. `names`: see [`names`].
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
