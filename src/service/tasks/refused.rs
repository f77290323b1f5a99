//! Why a change was not made, said as an error of a request.

use crate::domain::quota::QuotaExceeded;
use crate::domain::task::{Neighbour, Task, TaskRefused};
use crate::service::{Error, FieldError};

/// Why one of several changes was not made.
#[derive(Clone, Debug)]
pub enum TaskFailure {
    /// There is no such task.
    Missing,
    /// The task is not what the change was meant for. This is what it is.
    Changed(Box<Task>),
    /// The same, and what the task is has been told with a change before this one.
    ChangedAsTold,
    /// Fields of the request were refused. Names all of them.
    Invalid(Vec<FieldError>),
    /// Fields of the task were refused. Names all of them.
    InvalidTask(Vec<FieldError>),
    /// The request does not say which revision of the task it is meant for.
    IfMatchRequired,
    /// The account would hold more than it may.
    Quota(QuotaExceeded),
    /// Possible, but part of something that is done as a whole or not at all.
    NotApplied,
    /// It touches too much, together with what was done before it.
    TooMuch,
    /// Something before it was too much.
    NotTried,
}

impl From<TaskFailure> for Error {
    fn from(failure: TaskFailure) -> Self {
        match failure {
            TaskFailure::Missing => super::NO_TASK,
            TaskFailure::Changed(task) => Self::Changed(task),
            TaskFailure::ChangedAsTold => Self::ChangedAsTold,
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
    /// What the rules of tasks refuse. `to` is where the task was to go, if it was to be moved.
    pub(super) fn of(refused: TaskRefused, to: Option<Neighbour>) -> Self {
        use TaskRefused as R;

        let field = match &refused {
            R::Missing => return Self::Missing,
            R::Quota(exceeded) => return Self::Quota(*exceeded),
            R::Changed(task) => return Self::Changed(task.clone()),
            R::ChangedAsTold => return Self::ChangedAsTold,
            R::Fixed(names) => {
                let fault = |name: &&str| FieldError::new(name, &refused);
                return Self::InvalidTask(names.iter().map(fault).collect());
            }
            R::NoParent | R::Cycle | R::TooDeep | R::TooManyBelow => "parent_id",
            R::NoNeighbour if matches!(to, Some(Neighbour::Before(_))) => "before",
            R::NoNeighbour => "after",
            R::NoRoom => "position",
            R::Invisible(field) => field,
            R::RecursUndated | R::RecursCompleted => "recurrence",
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
