//! Several changes in one request.

use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{Enum, Object};
use serde_json::Value;

use super::body::{TaskCreate, TaskPatch, UidText, clearable};
use super::preconditions;
use crate::domain::id::TaskId;
use crate::domain::task::{Neighbour, TaskMove, TaskRef};
use crate::http::etag::Named;
use crate::http::payload::{self, Unchecked};
use crate::http::problem::Problem;
use crate::service::{FieldError, TaskBatch, TaskCommand, TaskRequest};

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
    /// Restore a deleted task and its descendants: takes `id`.
    Restore,
}

/// Members of an operation besides `op`.
pub(in crate::http) struct Takes {
    /// Value of `op`.
    pub(in crate::http) op: &'static str,
    pub(in crate::http) required: &'static [&'static str],
    pub(in crate::http) possible: &'static [&'static str],
}

impl Op {
    pub(in crate::http) const ALL: [Self; 7] = [
        Self::Create,
        Self::Patch,
        Self::Complete,
        Self::Skip,
        Self::Move,
        Self::Delete,
        Self::Restore,
    ];

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
            Self::Restore => ("restore", &["id"], &[]),
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
            // The uid of a deleted task does not name it.
            Op::Restore => TaskCommand::Restore(TaskId::new(id.unwrap_or_default())),
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

pub(super) fn in_task(error: FieldError) -> FieldError {
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
