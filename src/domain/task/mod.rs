//! Tasks, and operations on them as data.

mod change;
mod counts;
mod due;
mod history;
mod occurrence;
mod patch;
mod query;
pub(crate) mod rows;
mod text;
mod write;

use std::time::Duration;

pub use self::change::{ChangeKinds, ChangePage, ChangeQuery, Changed, Gone, Tombstone};
pub use self::counts::{TagCounts, TaskCounts, TaskSummary};
pub use self::history::{
    Deletion, HistoryEntry, HistoryRetention, Merge, TaskField, TaskHistory, TaskValue,
    TrashPage, Trashed, UndoOfTask, UndoPlan, UndoScope, Undone,
};
pub use self::occurrence::{Advanced, Patched};
pub use self::patch::{Fixed, TaskPatch};
pub use self::query::{
    Start, TaskFields, TaskFilter, TaskOrder, TaskPlace, TaskQuery, TaskSort, Within,
};
pub(crate) use self::query::{due_key, text_key};
pub use self::text::{Description, TextError, Title};
pub use self::write::{
    IfMatch, Neighbour, Skip, TaskAction, TaskDone, TaskMove, TaskOp, TaskRef,
    TaskRefused, TaskWrite, TaskWritten,
};
use super::author::Author;
use super::due::Due;
use super::id::{ListId, TaskId, UserId};
use super::position::Position;
use super::priority::Priority;
use super::recurrence::Recurrence;
use super::tag::Tags;
use super::timestamp::Timestamp;
use super::uid::Uid;

/// Task of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Identifier, which never changes.
    pub id: TaskId,
    /// Owner. No other account can find the task.
    pub owner: UserId,
    /// Unique name in the account, which never changes.
    pub uid: Uid,
    /// Title.
    pub title: Title,
    /// Description.
    pub description: Option<Description>,
    /// Time of completion; `None` while the task is open.
    pub completed_at: Option<Timestamp>,
    /// Due date or time.
    pub due: Option<Due>,
    /// Priority.
    pub priority: Priority,
    /// Tags.
    pub tags: Tags,
    /// Position in the owner's order of all tasks.
    pub position: Position,
    /// Parent task.
    pub parent: Option<TaskId>,
    /// List. A subtask is in the list of its parent.
    pub list: ListId,
    /// Recurrence. Only a task with a due date has one. A completed task keeps it for when the task is reopened.
    pub recurrence: Option<Recurrence>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of the last change: no earlier than any previous change to the owner's tasks, even if the clock was set
    /// back. An imported task keeps its own time.
    pub updated_at: Timestamp,
    /// Number of writes, from 1 to [`Self::MAX_REVISION`], after which it restarts at 1.
    pub revision: u64,
    /// Number of the last change among all changes of the account.
    pub seq: u64,
    /// Origin.
    pub origin: Origin,
}

/// Origin of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Author of the creation.
    pub author: Author,
    /// Number of the first change of the request that created the task. 0 if it is unknown.
    pub unit: u64,
}

impl Origin {
    /// Origin of tasks that are older than format 8 of the data file.
    pub const UNKNOWN: Self = Self { author: Author::Unknown, unit: 0 };
}

impl Task {
    /// Greatest revision: the last integer that every JSON reader represents exactly (RFC 8259, section 6). An
    /// import may contain it; the next change must still have a different number, which an export can hold.
    pub const MAX_REVISION: u64 = (1 << 53) - 1;

    /// Returns the revision after the next change.
    pub const fn next_revision(&self) -> u64 {
        Self::revision_after(self.revision)
    }

    /// Returns the revision after another one.
    pub(crate) const fn revision_after(revision: u64) -> u64 {
        if revision >= Self::MAX_REVISION { 1 } else { revision + 1 }
    }

    /// Maximum depth of the task hierarchy; a task without a parent is on the first level.
    pub const MAX_DEPTH: usize = 8;

    /// Maximum number of tasks below one top-level task, so that no deletion takes long.
    pub const MAX_DESCENDANTS: usize = 1_000;

    /// Maximum number of different tags of one account.
    pub const MAX_TAGS: u64 = 1_000;

    /// Whether the task is completed.
    pub const fn is_completed(&self) -> bool {
        self.completed_at.is_some()
    }
}

/// Task before the store assigns an id and a position.
#[derive(Clone, Debug)]
pub struct NewTask {
    /// Unique name; `None` for one made by the server.
    pub uid: Option<Uid>,
    /// Title.
    pub title: Title,
    /// Description.
    pub description: Option<Description>,
    /// Whether the task is already completed.
    pub completed: bool,
    /// Time of completion; `None` for the time of creation.
    pub completed_at: Option<Timestamp>,
    /// Due date or time.
    pub due: Option<Due>,
    /// Priority.
    pub priority: Priority,
    /// Tags.
    pub tags: Tags,
    /// Position; `None` for the last one.
    pub position: Option<Position>,
    /// Parent task.
    pub parent: Option<TaskId>,
    /// Uid of the parent task, instead of its id.
    pub parent_uid: Option<Uid>,
    /// List; `None` for that of the parent task, or for the default list.
    pub list: Option<ListId>,
    /// Recurrence.
    pub recurrence: Option<Recurrence>,
    /// Time of creation.
    pub created_at: Timestamp,
}

/// Maximum lag behind the newest task at which a new task still counts as made after it.
const SIDE_BY_SIDE: Duration = Duration::from_secs(60);

impl NewTask {
    /// Creates an open task with only a title.
    pub fn new(title: Title, created_at: Timestamp) -> Self {
        Self {
            uid: None,
            title,
            description: None,
            completed: false,
            completed_at: None,
            due: None,
            priority: Priority::None,
            tags: Tags::default(),
            position: None,
            parent: None,
            parent_uid: None,
            list: None,
            recurrence: None,
            created_at,
        }
    }

    /// Moves the time of creation up to that of the owner's newest task if it lags slightly.
    ///
    /// Concurrent requests may read the clock in one order and be written in another; without this, ids and times
    /// would sort differently. A larger lag, from a clock that was set back, is kept.
    #[must_use]
    pub fn no_earlier_than(mut self, newest: Timestamp) -> Self {
        if newest <= self.created_at.plus(SIDE_BY_SIDE) {
            self.created_at = self.created_at.max(newest);
        }
        self
    }

    /// Creates the task with the values that the store assigned.
    ///
    /// # Errors
    ///
    /// The errors of [`Recurrence::check`], [`TaskRefused::RecursUndated`] and [`TaskRefused::RecursCompleted`].
    pub fn into_task(
        self,
        owner: UserId,
        id: TaskId,
        uid: Uid,
        position: Position,
    ) -> Result<Task, TaskRefused> {
        let completed_at = self.completed_at.unwrap_or(self.created_at);
        let task = Task {
            id,
            owner,
            uid,
            title: self.title,
            description: self.description,
            completed_at: self.completed.then_some(completed_at),
            recurrence: self.recurrence,
            due: self.due,
            priority: self.priority,
            tags: self.tags,
            position,
            parent: self.parent,
            list: self.list.unwrap_or(ListId::DEFAULT),
            created_at: self.created_at,
            updated_at: self.created_at,
            revision: 1,
            seq: 0,
            origin: Origin::UNKNOWN,
        };
        occurrence::check_recurrence(&task)?;
        Ok(task)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn task() -> Task {
        let title = Title::new("a".to_owned()).unwrap();
        let (owner, id) = (UserId::new(1), TaskId::new(1));
        NewTask::new(title, Timestamp::EPOCH)
            .into_task(owner, id, Uid::made(id, 0), Position::of_number(1))
            .unwrap()
    }

    #[test]
    fn tasks_made_side_by_side_are_in_the_order_of_their_ids() {
        let at = |millis| Timestamp::from_millis(millis).unwrap();
        let created = |millis, newest| {
            let title = Title::new("a".to_owned()).unwrap();
            NewTask::new(title, at(millis)).no_earlier_than(at(newest)).created_at
        };
        assert_eq!(created(1_000_000, 1_000_005), at(1_000_005));
        assert_eq!(created(1_000_000, 999_000), at(1_000_000));
        assert_eq!(
            created(1_000_000, 1_060_001),
            at(1_000_000),
            "the clock was set back"
        );
    }
}
