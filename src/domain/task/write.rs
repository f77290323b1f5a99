//! Writes to tasks as data: what is asked for, and what came of it.

use super::{NewTask, Task, TaskPatch};
use crate::domain::id::TaskId;
use crate::domain::quota::QuotaExceeded;
use crate::domain::timestamp::Timestamp;
use crate::domain::visible::INVISIBLE;

/// Several changes to one person's tasks, made one after the other at one moment.
#[derive(Clone, Debug)]
pub struct TaskWrite {
    /// What is to be done. Each sees what those before it did.
    pub ops: Vec<TaskOp>,
    /// Whether all of it is done or nothing; otherwise, whatever can be.
    pub atomic: bool,
    /// Whether it is only tried: all is checked and answered, and nothing is changed.
    pub dry_run: bool,
    /// The time.
    pub now: Timestamp,
}

impl TaskWrite {
    /// Most tasks that one write may touch, those that a deletion takes along included, so that nobody waits long
    /// for it.
    pub const MAX_TOUCHED: usize = 2_000;

    /// Most tasks that one write may look at to see how tasks lie in one another, for the same reason.
    pub const MAX_LOOKED_AT: usize = 50_000;

    /// Most rows that one write may touch: records of tasks, their index entries and their indexed words. Enough for 500
    /// new tasks with 20 tags each, or for 1,000 tasks below one.
    pub const MAX_ROWS: u64 = 20_000;

    /// A single change.
    pub fn one(action: TaskAction, now: Timestamp) -> Self {
        let op = TaskOp { action, if_match: IfMatch::Any };
        Self { ops: vec![op], atomic: true, dry_run: false, now }
    }
}

/// One change, if the task is still as it was last seen.
#[derive(Clone, Debug)]
pub struct TaskOp {
    /// The change.
    pub action: TaskAction,
    /// What the task must look like.
    pub if_match: IfMatch,
}

/// Which revisions of a task a change is meant for ([RFC 9110, section 13.1.1](https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// Whatever it is.
    Any,
    /// One of these.
    OneOf(Vec<u64>),
    /// None of these, as `If-None-Match` says.
    NoneOf(Vec<u64>),
}

impl IfMatch {
    /// Whether a task is meant.
    pub fn fits(&self, task: &Task) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(revisions) => revisions.contains(&task.revision),
            Self::NoneOf(revisions) => !revisions.contains(&task.revision),
        }
    }

    /// The same without some revisions.
    #[must_use]
    pub fn but(self, revisions: Vec<u64>) -> Self {
        match self {
            Self::Any => Self::NoneOf(revisions),
            Self::OneOf(mut wanted) => {
                wanted.retain(|revision| !revisions.contains(revision));
                Self::OneOf(wanted)
            }
            Self::NoneOf(unwanted) => Self::NoneOf([unwanted, revisions].concat()),
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum TaskAction {
    /// Make a task.
    Create(Box<NewTask>),
    /// Change a task.
    Patch(TaskId, Box<TaskPatch>),
    /// Move a task in the order of all tasks.
    Move(TaskId, TaskMove),
    /// Delete a task and all below it.
    Delete(TaskId),
}

/// Where a task goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskMove {
    /// Its new place.
    pub to: Neighbour,
    /// The task that it becomes a part of, `Some(None)` for none.
    pub parent: Option<Option<TaskId>>,
}

/// A place beside something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbour {
    /// Before all others.
    First,
    /// After all others.
    Last,
    /// Right before another task.
    Before(TaskId),
    /// Right after another task.
    After(TaskId),
}

/// What a change did, or would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskDone {
    /// This task was made.
    Created(Task),
    /// A task was changed, or was so already.
    Changed {
        /// As it is now.
        task: Task,
        /// The task that keeps what was finished, if the task recurs and has moved on.
        finished: Option<TaskId>,
    },
    /// So many tasks are gone: the task and those below it.
    Deleted(u64),
}

/// Why a change was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskRefused {
    /// There is no such task.
    #[error("no such task")]
    Missing,
    /// The task has changed: this is what it is now.
    #[error("the task has changed since")]
    Changed(Box<Task>),
    /// The same, and what it is was said with a change before this one: 500 changes of one long task must not make
    /// 500 copies of it.
    #[error("the task has changed since, as said before")]
    ChangedAsTold,
    /// Members that cannot be changed, by their names.
    #[error("cannot be changed")]
    Fixed(Vec<&'static str>),
    /// Nothing can be seen in a new text of this field.
    #[error("{INVISIBLE}")]
    Invisible(&'static str),
    /// What was to become the parent is not there.
    #[error("must be the id of a task of yours")]
    NoParent,
    /// A task cannot be a part of itself.
    #[error("must not be the task itself, or one below it")]
    Cycle,
    /// Tasks lie too deep in one another.
    #[error("lies too deep: at most 8 levels are possible")]
    TooDeep,
    /// There are too many tasks in one.
    #[error("has too many tasks: at most 1000 are possible below one")]
    TooManyBelow,
    /// The neighbour is not there, or is the task itself.
    #[error("must be the id of another task of yours")]
    NoNeighbour,
    /// There is no room for one more place in between.
    #[error("has no room left: move another task first")]
    NoRoom,
    /// What comes round again must have a date.
    #[error("is only for tasks with a due date")]
    RecursUndated,
    /// What comes round again is not done.
    #[error("is only for tasks that are not completed")]
    RecursCompleted,
    /// One person may have only so many tags.
    #[error("are too many: at most 1000 different ones are possible")]
    TooManyTags,
    /// The account would hold more than it may.
    #[error(transparent)]
    Quota(QuotaExceeded),
    /// The write touches too much.
    #[error(
        "too much for one request: at most 2000 tasks, those below a deleted one included, and 20000 index entries: \
         send less at once"
    )]
    TooMuch,
    /// A change before this one was too much.
    #[error("not tried, because a change before it was too much for one request")]
    NotTried,
}

/// What came of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskWritten {
    /// For each change, in the same order.
    pub results: Vec<Result<TaskDone, TaskRefused>>,
    /// Whether what the results say has been done.
    pub applied: bool,
}

impl TaskWritten {
    /// The task that the only change made or changed, if it was done.
    pub fn into_task(self) -> Option<Task> {
        let done = self.results.into_iter().next().filter(|_| self.applied)?.ok()?;
        match done {
            TaskDone::Created(task) | TaskDone::Changed { task, .. } => Some(task),
            TaskDone::Deleted(_) => None,
        }
    }
}
