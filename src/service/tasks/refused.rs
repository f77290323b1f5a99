//! What the rules of tasks refuse, said as errors of requests.

use super::NO_TASK;
use crate::domain::task::{Neighbour, TaskRefused};
use crate::service::Error;

/// `to` is where the task was to go, if it was to be moved.
pub(super) fn refused(refused: TaskRefused, to: Option<Neighbour>) -> Error {
    use TaskRefused as R;

    let field = match &refused {
        R::Missing => return NO_TASK,
        R::Changed(task) => return Error::Changed(task.clone()),
        R::NoParent | R::Cycle | R::TooDeep | R::TooManyBelow => "parent_id",
        R::NoNeighbour if matches!(to, Some(Neighbour::Before(_))) => "before",
        R::NoNeighbour => "after",
        R::NoRoom => "position",
        R::RecursUndated | R::RecursCompleted => "recurrence",
        R::TooManyTags => "tags",
        R::TooMuch => "operations",
    };
    Error::field(field, refused)
}
