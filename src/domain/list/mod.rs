//! Lists of tasks, such as projects, and operations on them as data.

mod mark;
mod write;

pub use self::mark::{Colour, ColourError, Icon, IconError};
pub use self::write::{
    Emptied, ListAction, ListDone, ListPatch, ListRefused, ListWrite, NewList,
    TasksOfList,
};
use super::id::{ListId, UserId};
use super::label::Label;
use super::position::Position;
use super::task::TaskCounts;
use super::timestamp::Timestamp;

impl ListId {
    /// List that every account has. It holds the tasks that are in no other list.
    pub const DEFAULT: Self = Self::new(1);

    /// Whether it is the list that every account has.
    pub fn is_default(self) -> bool {
        self == Self::DEFAULT
    }
}

/// List of tasks of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskList {
    /// Identifier, unique in the account.
    pub id: ListId,
    /// Owner. No other account can find the list.
    pub owner: UserId,
    /// Name.
    pub name: Label,
    /// Colour.
    pub colour: Option<Colour>,
    /// Icon, such as an emoji.
    pub icon: Option<Icon>,
    /// Position in the owner's order of all lists.
    pub position: Position,
    /// Whether the list is put aside.
    pub archived: bool,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Number of writes, from 1 to [`Task::MAX_REVISION`](super::task::Task::MAX_REVISION).
    pub revision: u64,
    /// Number of the last change among all changes of the account. 0 for a default list that was never changed.
    pub seq: u64,
}

impl TaskList {
    /// Maximum number of lists of an account, with the default list.
    pub const MAX_PER_USER: usize = 200;

    /// Creates the default list of an account as it is before the first change.
    pub fn default_of(owner: UserId, created_at: Timestamp) -> Self {
        Self {
            id: ListId::DEFAULT,
            owner,
            name: Label::new_unchecked("Tasks".to_owned()),
            colour: None,
            icon: None,
            position: Position::of_number(0),
            archived: false,
            created_at,
            updated_at: created_at,
            revision: 1,
            seq: 0,
        }
    }

    /// Sorts lists by their positions.
    pub fn sort(lists: &mut [ListState]) {
        lists.sort_by(|a, b| {
            (&a.list.position, a.list.id).cmp(&(&b.list.position, b.list.id))
        });
    }
}

/// List, and the counts of its tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListState {
    /// List.
    pub list: TaskList,
    /// Counts of its tasks.
    pub counts: TaskCounts,
}
