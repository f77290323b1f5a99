//! Tasks, and what can be done with them, as data.

mod counts;
mod patch;
mod query;
pub(crate) mod rows;
mod text;
mod write;

use std::time::Duration;

pub use self::counts::{TagCounts, TaskCounts, TaskSummary};
pub use self::patch::{Fixed, Patched, TaskPatch};
pub use self::query::{
    Start, TaskFilter, TaskOrder, TaskPlace, TaskQuery, TaskSort, Within,
};
pub(crate) use self::query::{due_key, text_key};
pub use self::text::{Description, TextError, Title};
pub use self::write::{
    IfMatch, Neighbour, TaskAction, TaskDone, TaskMove, TaskOp, TaskRefused, TaskWrite,
    TaskWritten,
};
use super::due::Due;
use super::id::{TaskId, UserId};
use super::position::Position;
use super::priority::Priority;
use super::recurrence::{Recurrence, Rule};
use super::tag::Tags;
use super::timestamp::Timestamp;

/// Something one person wants to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Never changes.
    pub id: TaskId,
    /// Whose it is. Nobody else can find it.
    pub owner: UserId,
    /// What to do.
    pub title: Title,
    /// More about it.
    pub description: Option<Description>,
    /// When it was done. `None` as long as it is open.
    pub completed_at: Option<Timestamp>,
    /// When it is to be done.
    pub due: Option<Due>,
    /// How much it matters.
    pub priority: Priority,
    /// Words to find it by.
    pub tags: Tags,
    /// Its place in the order that its owner gave to all tasks.
    pub position: Position,
    /// The task that this one is a part of.
    pub parent: Option<TaskId>,
    /// When it comes round again. Only an open task with a due date has one.
    pub recurrence: Option<Recurrence>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed: no earlier than every change that its owner's tasks have had before, whatever the clock
    /// did. Only a task that is imported keeps the time that it comes with.
    pub updated_at: Timestamp,
    /// Number of writes, from 1 to [`Self::MAX_REVISION`], after which 1 comes again.
    pub revision: u64,
}

impl Task {
    /// The last revision: the last number that every JSON reader takes for a whole one (RFC 8259, section 6). An import
    /// can bring it, and a change after it is still to differ from what was before and to be written in an export.
    pub const MAX_REVISION: u64 = (1 << 53) - 1;

    /// The revision after the next change.
    pub const fn next_revision(&self) -> u64 {
        if self.revision >= Self::MAX_REVISION { 1 } else { self.revision + 1 }
    }

    /// How deep tasks may lie in one another: a task without a parent is on the first level.
    pub const MAX_DEPTH: usize = 8;

    /// Most tasks below one task that has no parent, so that a deletion is never a long one.
    pub const MAX_BELOW: usize = 1_000;

    /// Most different tags of one person.
    pub const MAX_TAGS: u64 = 1_000;

    /// Whether it is done.
    pub const fn is_completed(&self) -> bool {
        self.completed_at.is_some()
    }
}

/// A task before the store gives it an id and a place.
#[derive(Clone, Debug)]
pub struct NewTask {
    /// What to do.
    pub title: Title,
    /// More about it.
    pub description: Option<Description>,
    /// Whether it is done already.
    pub completed: bool,
    /// When it is to be done.
    pub due: Option<Due>,
    /// How much it matters.
    pub priority: Priority,
    /// Words to find it by.
    pub tags: Tags,
    /// Its place, or `None` for the last one.
    pub position: Option<Position>,
    /// The task that it is a part of.
    pub parent: Option<TaskId>,
    /// When it comes round again.
    pub recurrence: Option<Rule>,
    /// The time of creation.
    pub created_at: Timestamp,
}

/// How far behind the newest task a new one may be and still count as made after it.
const SIDE_BY_SIDE: Duration = Duration::from_secs(60);

impl NewTask {
    /// An open task with nothing but a title.
    pub fn new(title: Title, created_at: Timestamp) -> Self {
        Self {
            title,
            description: None,
            completed: false,
            due: None,
            priority: Priority::None,
            tags: Tags::default(),
            position: None,
            parent: None,
            recurrence: None,
            created_at,
        }
    }

    /// Moves the time of creation up to that of the owner's newest task if it is just behind.
    ///
    /// Requests that run side by side read the clock in one order and are written in another; without this,
    /// ids and times would sort differently. A clock that really was set back keeps its word.
    #[must_use]
    pub fn no_earlier_than(mut self, newest: Timestamp) -> Self {
        if newest <= self.created_at.plus(SIDE_BY_SIDE) {
            self.created_at = self.created_at.max(newest);
        }
        self
    }

    /// The task under the id that the store chose, and in its place.
    ///
    /// # Errors
    ///
    /// Why it cannot recur, if it is to.
    pub fn into_task(
        self,
        owner: UserId,
        id: TaskId,
        position: Position,
    ) -> Result<Task, TaskRefused> {
        let task = Task {
            id,
            owner,
            title: self.title,
            description: self.description,
            completed_at: self.completed.then_some(self.created_at),
            recurrence: patch::anchored(self.recurrence, self.due.as_ref())?,
            due: self.due,
            priority: self.priority,
            tags: self.tags,
            position,
            parent: self.parent,
            created_at: self.created_at,
            updated_at: self.created_at,
            revision: 1,
        };
        patch::check(task)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn task() -> Task {
        let title = Title::new("a".to_owned()).unwrap();
        NewTask::new(title, Timestamp::EPOCH)
            .into_task(UserId::new(1), TaskId::new(1), Position::of_number(1))
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
