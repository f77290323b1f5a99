//! History of tasks: the values that changes have replaced, and deleted tasks.

use std::time::Duration;

use super::{Description, Task, Title, Tombstone};
use crate::domain::access::Access;
use crate::domain::author::Author;
use crate::domain::due::Due;
use crate::domain::id::{ListId, TaskId, UserId};
use crate::domain::position::Position;
use crate::domain::priority::Priority;
use crate::domain::recurrence::Recurrence;
use crate::domain::tag::Tags;
use crate::domain::timestamp::Timestamp;

/// Field of a task that its owner can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskField {
    /// Title.
    Title,
    /// Description.
    Description,
    /// Time of completion.
    Completed,
    /// Due date or time.
    Due,
    /// Priority.
    Priority,
    /// Tags.
    Tags,
    /// Position.
    Position,
    /// Parent task.
    Parent,
    /// List.
    List,
    /// Recurrence.
    Recurrence,
}

impl TaskField {
    /// All fields.
    pub const ALL: [Self; 10] = [
        Self::Title,
        Self::Description,
        Self::Completed,
        Self::Due,
        Self::Priority,
        Self::Tags,
        Self::Position,
        Self::Parent,
        Self::List,
        Self::Recurrence,
    ];

    /// Returns the name of the field in requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Description => "description",
            Self::Completed => "completed",
            Self::Due => "due",
            Self::Priority => "priority",
            Self::Tags => "tags",
            Self::Position => "position",
            Self::Parent => "parent_id",
            Self::List => "list_id",
            Self::Recurrence => "recurrence",
        }
    }
}

/// Value of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskValue {
    /// Title.
    Title(Title),
    /// Description.
    Description(Option<Description>),
    /// Time of completion.
    Completed(Option<Timestamp>),
    /// Due date or time.
    Due(Option<Due>),
    /// Priority.
    Priority(Priority),
    /// Tags.
    Tags(Tags),
    /// Position.
    Position(Position),
    /// Parent task.
    Parent(Option<TaskId>),
    /// List.
    List(ListId),
    /// Recurrence.
    Recurrence(Option<Recurrence>),
}

impl TaskValue {
    /// Returns the field.
    pub const fn field(&self) -> TaskField {
        match self {
            Self::Title(_) => TaskField::Title,
            Self::Description(_) => TaskField::Description,
            Self::Completed(_) => TaskField::Completed,
            Self::Due(_) => TaskField::Due,
            Self::Priority(_) => TaskField::Priority,
            Self::Tags(_) => TaskField::Tags,
            Self::Position(_) => TaskField::Position,
            Self::Parent(_) => TaskField::Parent,
            Self::List(_) => TaskField::List,
            Self::Recurrence(_) => TaskField::Recurrence,
        }
    }
}

impl Task {
    /// Returns the value of a field.
    pub fn value(&self, field: TaskField) -> TaskValue {
        match field {
            TaskField::Title => TaskValue::Title(self.title.clone()),
            TaskField::Description => TaskValue::Description(self.description.clone()),
            TaskField::Completed => TaskValue::Completed(self.completed_at),
            TaskField::Due => TaskValue::Due(self.due.clone()),
            TaskField::Priority => TaskValue::Priority(self.priority),
            TaskField::Tags => TaskValue::Tags(self.tags.clone()),
            TaskField::Position => TaskValue::Position(self.position.clone()),
            TaskField::Parent => TaskValue::Parent(self.parent),
            TaskField::List => TaskValue::List(self.list),
            TaskField::Recurrence => TaskValue::Recurrence(self.recurrence.clone()),
        }
    }

    /// Replaces the value of a field.
    pub fn set(&mut self, value: TaskValue) {
        match value {
            TaskValue::Title(value) => self.title = value,
            TaskValue::Description(value) => self.description = value,
            TaskValue::Completed(value) => self.completed_at = value,
            TaskValue::Due(value) => self.due = value,
            TaskValue::Priority(value) => self.priority = value,
            TaskValue::Tags(value) => self.tags = value,
            TaskValue::Position(value) => self.position = value,
            TaskValue::Parent(value) => self.parent = value,
            TaskValue::List(value) => self.list = value,
            TaskValue::Recurrence(value) => self.recurrence = value,
        }
    }

    /// Whether a field has the same value in another state of the task.
    pub fn has_same(&self, field: TaskField, other: &Self) -> bool {
        match field {
            TaskField::Title => self.title == other.title,
            TaskField::Description => self.description == other.description,
            TaskField::Completed => self.completed_at == other.completed_at,
            TaskField::Due => self.due == other.due,
            TaskField::Priority => self.priority == other.priority,
            TaskField::Tags => self.tags == other.tags,
            TaskField::Position => self.position == other.position,
            TaskField::Parent => self.parent == other.parent,
            TaskField::List => self.list == other.list,
            TaskField::Recurrence => self.recurrence == other.recurrence,
        }
    }

    /// Returns this state of the task as the one after another, with its time and revision.
    #[must_use]
    pub(crate) fn changed_from(mut self, old: &Self, now: Timestamp) -> Self {
        self.revision = old.revision;
        self.updated_at = old.updated_at;
        self.seq = old.seq;
        self.count_change(old, now.max(old.updated_at));
        self
    }

    /// Returns this state of the task as the one in which it is restored after its deletion.
    #[must_use]
    pub(crate) fn restored_from(mut self, was: &Self, now: Timestamp) -> Self {
        self.revision = was.next_revision();
        self.updated_at = now.max(was.updated_at);
        self
    }

    /// Returns the fields that differ from another state of the task.
    pub fn differences(&self, other: &Self) -> Vec<TaskField> {
        let mut fields = TaskField::ALL.to_vec();
        fields.retain(|field| !self.has_same(*field, other));
        fields
    }
}

/// Record of a change of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Owner.
    pub owner: UserId,
    /// Task.
    pub task: TaskId,
    /// Number of the change among all changes of the account.
    pub seq: u64,
    /// Number of the first change of the same batch.
    pub unit: u64,
    /// Time of the change.
    pub at: Timestamp,
    /// Author of the change.
    pub author: Author,
    /// Number of the previous change of the task.
    pub before_seq: u64,
    /// Revision of the task before the change.
    pub before_revision: u64,
    /// Number of this entry among those of the task, from 1.
    pub number: u32,
    /// Values of the fields that the change has replaced.
    pub was: Vec<TaskValue>,
    /// Deletion, if the change restored the task.
    pub deletion: Option<Deletion>,
}

impl HistoryEntry {
    /// Number of entries of a task that are kept.
    pub const KEPT_PER_TASK: u32 = 200;

    /// Number of entries of a task at which it loses the oldest, down to [`Self::KEPT_PER_TASK`].
    pub const MOST_PER_TASK: u32 = 256;

    /// Whether the change restored a deleted task.
    pub const fn is_restore(&self) -> bool {
        self.deletion.is_some()
    }
}

/// Deletion of a task that is restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Number of the deletion among all changes of the account.
    pub seq: u64,
    /// Number of the first change of the same batch.
    pub unit: u64,
    /// Time of the deletion.
    pub at: Timestamp,
    /// Author of the deletion.
    pub author: Author,
}

impl From<Tombstone> for Deletion {
    fn from(Tombstone { seq, unit, at, author, .. }: Tombstone) -> Self {
        Self { seq, unit, at, author }
    }
}

/// Deleted task that can be restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trashed {
    /// Trace of the deletion.
    pub tombstone: Tombstone,
    /// Task at its deletion.
    pub task: Task,
}

/// Part of the trash of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrashPage {
    /// Deleted tasks, the last deletion first.
    pub tasks: Vec<Trashed>,
    /// Number of deleted tasks in the whole trash.
    pub total: u64,
    /// Whether there are earlier deletions.
    pub more: bool,
}

/// Last changes of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskHistory {
    /// Task, as it is or as it was deleted.
    pub task: Task,
    /// Trace of the deletion, if the task is deleted.
    pub deletion: Option<Tombstone>,
    /// Changes, the last one first.
    pub entries: Vec<HistoryEntry>,
    /// Whether there are earlier changes.
    pub more: bool,
    /// Whether the entries reach back to the creation of the task.
    pub is_whole: bool,
}

/// Changes that a person wants to undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndoScope {
    /// Change with this number.
    Change(u64),
    /// All changes of the batch with this number.
    Batch(u64),
    /// Changes by a credential since a time.
    Since(Timestamp, Access),
}

/// Tasks that an undoing concerns, in an order in which they can be undone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UndoPlan {
    /// Tasks and their changes.
    pub tasks: Vec<(TaskId, UndoOfTask)>,
    /// Whether there are more than [`Self::MAX_TASKS`].
    pub is_too_much: bool,
}

impl UndoPlan {
    /// Maximum number of tasks of one undoing.
    pub const MAX_TASKS: usize = 100_000;
}

/// Changes to a task that are to be undone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UndoOfTask {
    /// Numbers of changes, ascending.
    pub changes: Vec<u64>,
    /// Whether the creation of the task is one of the changes.
    pub creation: bool,
    /// Whether fields that were edited since keep their values. Otherwise, nothing is undone if there are any.
    pub skip: bool,
}

/// Time for which changes and deleted tasks are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryRetention {
    /// Of changes.
    pub changes: Duration,
    /// Of deleted tasks, at most as long as their tombstones.
    pub trash: Duration,
}

/// Result of undoing the changes of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undone {
    /// The task stays as it is.
    Nothing,
    /// The task has former values again.
    Changed,
    /// The task was deleted and is restored.
    Restored,
    /// The task was created and is deleted.
    Deleted,
}

/// Change to fields that others have changed since the client read the task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// Fields that both have changed.
    pub fields: Vec<TaskField>,
    /// Task as the client wants it.
    pub yours: Task,
    /// Task as it is.
    pub theirs: Task,
    /// Task as the client knows it.
    pub base: Task,
}
