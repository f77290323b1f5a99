//! Reasons that a task operation failed, as errors of a request.

use crate::domain::id::TaskId;
use crate::domain::quota::QuotaExceeded;
use crate::domain::task::{Merge, Neighbour, Task, TaskRef, TaskRefused};
use crate::service::{Error, FieldError};

/// Reason that an operation of a batch failed.
#[derive(Clone, Debug)]
pub enum TaskFailure {
    /// The task does not exist.
    Missing,
    /// The task with this uid was deleted. Holds its former id.
    Deleted(TaskId),
    /// The task does not match the precondition. Holds the current task.
    Changed(Box<Task>),
    /// The same, when an earlier result already holds the current task.
    ChangedAsTold,
    /// Others have changed the same fields.
    Conflict(Box<Merge>),
    /// The revision that the client knows is forgotten.
    BaseUnknown,
    /// Fields of the request were rejected. Names all of them.
    Invalid(Vec<FieldError>),
    /// Fields of the task were rejected. Names all of them.
    InvalidTask(Vec<FieldError>),
    /// The request does not name the revision of the task.
    IfMatchRequired,
    /// The account would exceed its quota.
    Quota(QuotaExceeded),
    /// Valid, but not applied because another operation of an atomic batch failed.
    NotApplied,
    /// Too much work, together with the operations before it.
    TooMuch,
    /// Not tried, because an earlier operation was too much.
    NotTried,
}

impl From<TaskFailure> for Error {
    fn from(failure: TaskFailure) -> Self {
        match failure {
            TaskFailure::Missing => super::NO_TASK,
            TaskFailure::Deleted(id) => Self::TaskDeleted(id),
            TaskFailure::Changed(task) => Self::Changed(task),
            TaskFailure::ChangedAsTold => Self::ChangedAsTold,
            TaskFailure::Conflict(merge) => Self::Conflict(merge),
            TaskFailure::BaseUnknown => Self::BaseUnknown,
            TaskFailure::Invalid(fields) | TaskFailure::InvalidTask(fields) => {
                Self::Invalid(fields)
            }
            TaskFailure::IfMatchRequired => Self::IfMatchRequired,
            TaskFailure::Quota(exceeded) => Self::Quota(exceeded),
            TaskFailure::NotApplied => Self::NotApplied,
            TaskFailure::TooMuch => Self::TooMuch,
            TaskFailure::NotTried => Self::NotTried,
        }
    }
}

impl TaskFailure {
    /// Converts a refusal of the task rules. `to` is the target, if the task was to be moved.
    pub(super) fn of(refused: TaskRefused, to: Option<&Neighbour>) -> Self {
        use TaskRefused as R;

        let field = match &refused {
            R::Missing => return Self::Missing,
            R::Deleted(id) => return Self::Deleted(*id),
            R::Quota(exceeded) => return Self::Quota(*exceeded),
            R::Changed(task) => return Self::Changed(task.clone()),
            R::ChangedAsTold => return Self::ChangedAsTold,
            R::Conflict(merge) => return Self::Conflict(merge.clone()),
            R::BaseUnknown => return Self::BaseUnknown,
            // Only undoing is refused like this, and no batch undoes.
            R::Edited(_) => return Self::NotApplied,
            R::Fixed(names) => {
                let fault = |name: &&str| FieldError::new(name, &refused);
                return Self::InvalidTask(names.iter().map(fault).collect());
            }
            R::NoParent | R::Cycle | R::TooDeep | R::TooManyBelow => "parent_id",
            R::NoParentUid => "parent_uid",
            R::NoList | R::ListOfParent => "list_id",
            R::UidTwice => "uid",
            R::NoNeighbour => match to {
                Some(Neighbour::Before(TaskRef::Id(_))) => "before",
                Some(Neighbour::Before(TaskRef::Uid(_))) => "before_uid",
                Some(Neighbour::After(TaskRef::Uid(_))) => "after_uid",
                _ => "after",
            },
            R::NoRoom => "position",
            R::Invisible(field) => field,
            R::SkipsNothing | R::SkipsLast => {
                return Self::Invalid(vec![FieldError::new("recurrence", refused)]);
            }
            R::RecursUndated | R::RecursCompleted | R::RecursNever | R::RecursEnded => {
                "recurrence"
            }
            R::RepeatsNothing => "repeat_from",
            R::DueLocal(_) => "due_local",
            R::TooManyTagsAdded => "tags_add",
            R::TooManyTags => "tags",
            R::TooMuch => return Self::TooMuch,
            R::NotTried => return Self::NotTried,
        };
        let faults = vec![FieldError::new(field, refused)];
        match to {
            Some(_) => Self::Invalid(faults),
            None => Self::InvalidTask(faults),
        }
    }
}
