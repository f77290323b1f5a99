//! Task writes as data: requests and results.

use super::{Merge, NewTask, Task, TaskPatch, UndoOfTask, Undone};
use crate::domain::access::Access;
use crate::domain::due::LocalError;
use crate::domain::id::TaskId;
use crate::domain::quota::QuotaExceeded;
use crate::domain::time_zone::TimeZone;
use crate::domain::timestamp::Timestamp;
use crate::domain::uid::Uid;
use crate::domain::visible::INVISIBLE;

/// Changes to one account's tasks, made in sequence at one time.
#[derive(Clone, Debug)]
pub struct TaskWrite {
    /// Changes. Each sees the effects of the changes before it.
    pub ops: Vec<TaskOp>,
    /// Whether all changes are made or none; otherwise, each that can be.
    pub atomic: bool,
    /// Whether it is a dry run: everything is checked and answered, and nothing is changed.
    pub dry_run: bool,
    /// Current time.
    pub now: Timestamp,
    /// Time zone of the owner, in which days begin.
    pub home: TimeZone,
    /// Credential of the client; `None` for the program itself.
    pub access: Option<Access>,
    /// Random number, for the uids of new tasks.
    pub salt: u64,
    /// Number of the batch that this write continues; `None` for a batch of its own.
    pub unit: Option<u64>,
}

impl TaskWrite {
    /// Maximum number of tasks that one write may touch, including tasks below a task that is deleted or that comes
    /// back, so that no client waits long. Twice a task with all its descendants: they and their finished copies.
    pub const MAX_TOUCHED: usize = 2 * (1 + Task::MAX_DESCENDANTS);

    /// Maximum number of tasks that one write may read to examine the task hierarchy, for the same reason.
    pub const MAX_LOOKED_AT: usize = 50_000;

    /// Maximum number of rows that one write may touch: task records, index entries and indexed words. Enough for
    /// 500 new tasks with 20 tags each, or for 1,000 tasks below one.
    pub const MAX_ROWS: u64 = 22_000;

    /// Creates a write with a single change, by the program itself.
    pub fn one(action: TaskAction, now: Timestamp) -> Self {
        let op = TaskOp { action, if_match: IfMatch::Any };
        let (home, access) = (TimeZone::utc(), None);
        let (atomic, dry_run, salt, unit) = (true, false, 0, None);
        Self { ops: vec![op], atomic, dry_run, now, home, access, salt, unit }
    }
}

/// Change with its precondition.
#[derive(Clone, Debug)]
pub struct TaskOp {
    /// Change.
    pub action: TaskAction,
    /// Precondition.
    pub if_match: IfMatch,
}

/// Expected revision of a task or a list ([RFC 9110, section 13.1.1](https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// Any revision.
    Any,
    /// One of these revisions.
    OneOf(Vec<u64>),
    /// None of these revisions, as in `If-None-Match`.
    NoneOf(Vec<u64>),
}

impl IfMatch {
    /// Whether a revision meets the precondition.
    pub fn fits(&self, revision: u64) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(revisions) => revisions.contains(&revision),
            Self::NoneOf(revisions) => !revisions.contains(&revision),
        }
    }

    /// Excludes revisions.
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

/// Kind of change.
#[derive(Clone, Debug)]
pub enum TaskAction {
    /// Creates a task.
    Create(Box<NewTask>),
    /// Changes a task.
    Patch(TaskRef, Box<TaskPatch>),
    /// Moves a recurring task on to its next occurrence.
    Skip(TaskRef, Skip),
    /// Moves a task in the order of all tasks.
    Move(TaskRef, TaskMove),
    /// Deletes a task and all tasks below it.
    Delete(TaskRef),
    /// Restores a deleted task, with the tasks below it that were deleted in the same batch.
    Restore(TaskId),
    /// Undoes changes of a task.
    Undo(TaskId, UndoOfTask),
}

/// Reference to a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskRef {
    /// By its id.
    Id(TaskId),
    /// By its uid, also to a task that an earlier operation creates.
    Uid(Uid),
}

impl From<TaskId> for TaskRef {
    fn from(id: TaskId) -> Self {
        Self::Id(id)
    }
}

/// Skipped occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skip {
    /// Whether the next occurrence is the first after now, and not only after the due date.
    pub catch_up: bool,
}

/// Destination of a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskMove {
    /// New place.
    pub to: Neighbour,
    /// New parent; `Some(None)` for none.
    pub parent: Option<Option<TaskRef>>,
}

/// Place relative to other tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Neighbour {
    /// Before all other tasks.
    First,
    /// After all other tasks.
    Last,
    /// Right before another task.
    Before(TaskRef),
    /// Right after another task.
    After(TaskRef),
}

/// Result of a change, or of its dry run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskDone {
    /// Task that was created.
    Created(Task),
    /// Task that has the uid of the task that was to be created.
    Known(Task),
    /// The task was changed, or already matched the change.
    Changed {
        /// Task after the change.
        task: Task,
        /// Task with the completed occurrence, if a recurring task advanced.
        finished: Option<TaskId>,
    },
    /// Number of deleted tasks: the task and all below it.
    Deleted(u64),
    /// The task was restored, or was not deleted.
    Restored {
        /// Task after the change.
        task: Task,
        /// Number of restored tasks: the task and those below it.
        count: u64,
    },
    /// Changes of the task were undone.
    Undone {
        /// Effect on the task.
        outcome: Undone,
        /// Names of fields that keep the values that they have got since.
        edited: Vec<&'static str>,
    },
}

/// Reason that a change was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskRefused {
    /// The task does not exist.
    #[error("no such task")]
    Missing,
    /// The task with this uid was deleted; holds its former id.
    #[error("the task with this uid was deleted")]
    Deleted(TaskId),
    /// An earlier change of this write creates a task with this uid.
    #[error("is the uid of another task of this request")]
    UidTwice,
    /// The task has changed; holds its current state.
    #[error("the task has changed")]
    Changed(Box<Task>),
    /// The task has changed, and an earlier result holds its current state: 500 changes to one long task must not
    /// make 500 copies of it.
    #[error("the task has changed; an earlier result includes its current state")]
    ChangedAsTold,
    /// The client knows an earlier revision, and others have changed the same fields since.
    #[error("others have changed the same fields since that revision")]
    Conflict(Box<Merge>),
    /// The history no longer has the revision that the client knows.
    #[error("is not a revision that the history of the task has: read the task again")]
    BaseUnknown,
    /// The changes to be undone have been overwritten; names of fields.
    #[error("has been edited since")]
    Edited(Vec<&'static str>),
    /// Names of fields that cannot be changed.
    #[error("cannot be changed")]
    Fixed(Vec<&'static str>),
    /// The new text of this field has no visible character.
    #[error("{INVISIBLE}")]
    Invisible(&'static str),
    /// The new parent does not exist.
    #[error("must be the id of one of your tasks")]
    NoParent,
    /// The new parent, named by its uid, does not exist.
    #[error("must be the uid of one of your tasks")]
    NoParentUid,
    /// The list does not exist.
    #[error("must be the id of one of your lists")]
    NoList,
    /// A subtask cannot be in another list than its parent.
    #[error("must be that of the parent task: move the top-level task instead")]
    ListOfParent,
    /// A task cannot be below itself.
    #[error("must not be the task itself or a task below it")]
    Cycle,
    /// The task hierarchy would be too deep.
    #[error("exceeds the maximum depth of 8")]
    TooDeep,
    /// There would be too many tasks below one.
    #[error("exceeds the maximum of 1000 tasks below one task")]
    TooManyBelow,
    /// The neighbour does not exist, or is the task itself.
    #[error("must be the id of another of your tasks")]
    NoNeighbour,
    /// No position is left in between.
    #[error("has no room between its neighbours: move another task first")]
    NoRoom,
    /// A recurring task must have a due date.
    #[error("is only for tasks with a due date")]
    RecursUndated,
    /// A completed task gets no new rule.
    #[error("is only for tasks that are not completed")]
    RecursCompleted,
    /// No day matches the rule.
    #[error("has no occurrence after the due date, before the year 10000")]
    RecursNever,
    /// The rule ends before the due date.
    #[error("ends before the due date: UNTIL must not be earlier")]
    RecursEnded,
    /// The date from which a rule repeats, without a rule.
    #[error("is only for tasks with a recurrence")]
    RepeatsNothing,
    /// An occurrence of a task that does not recur, or is completed.
    #[error("must be set, and the task open: otherwise there is no occurrence to skip")]
    SkipsNothing,
    /// The last occurrence cannot be skipped.
    #[error("has no later occurrence: complete or delete the task instead")]
    SkipsLast,
    /// The local time does not fit the due date or time.
    #[error(transparent)]
    DueLocal(LocalError),
    /// The task would have too many tags.
    #[error("would give the task more than 20 tags")]
    TooManyTagsAdded,
    /// The account has too many different tags.
    #[error("exceed the maximum of 1000 different tags")]
    TooManyTags,
    /// The account would exceed its quota.
    #[error(transparent)]
    Quota(QuotaExceeded),
    /// The write exceeds a limit of [`TaskWrite`].
    #[error(
        "the request changes too much: at most 2002 tasks, including those below a task that is deleted or comes \
         back, and 22000 index entries: send fewer changes at once"
    )]
    TooMuch,
    /// A change before this one exceeded a limit.
    #[error(
        "not attempted, because an earlier operation exceeded the limits of one request"
    )]
    NotTried,
}

/// Result of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskWritten {
    /// Result of each change, in the same order.
    pub results: Vec<Result<TaskDone, TaskRefused>>,
    /// Whether the results were applied.
    pub applied: bool,
    /// Number of the batch: of the first change of this write, or of the write that it continues.
    pub unit: u64,
}

impl TaskWritten {
    /// Returns the task that the only change created or changed, if it was applied.
    pub fn into_task(self) -> Option<Task> {
        let done = self.results.into_iter().next().filter(|_| self.applied)?.ok()?;
        match done {
            TaskDone::Created(task)
            | TaskDone::Known(task)
            | TaskDone::Changed { task, .. }
            | TaskDone::Restored { task, .. } => Some(task),
            TaskDone::Deleted(_) | TaskDone::Undone { .. } => None,
        }
    }
}
