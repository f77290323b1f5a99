//! List writes as data: requests and results.

use super::{Colour, Icon, ListState, TaskList};
use crate::domain::access::Access;
use crate::domain::id::ListId;
use crate::domain::label::Label;
use crate::domain::position::Position;
use crate::domain::quota::QuotaExceeded;
use crate::domain::task::{IfMatch, Task};
use crate::domain::timestamp::Timestamp;
use crate::domain::visible::{INVISIBLE, is_visible};

/// Change to the lists of one account.
#[derive(Clone, Debug)]
pub struct ListWrite {
    /// Change.
    pub action: ListAction,
    /// Whether it is a dry run: everything is checked and answered, and nothing is changed.
    pub dry_run: bool,
    /// Current time.
    pub now: Timestamp,
    /// Credential of the client; `None` for the program itself.
    pub access: Option<Access>,
    /// Number of the batch that this write continues; `None` for a batch of its own.
    pub unit: Option<u64>,
}

/// Kind of change.
#[derive(Clone, Debug)]
pub enum ListAction {
    /// Creates a list.
    Create(NewList),
    /// Changes a list.
    Patch(ListId, ListPatch, IfMatch),
    /// Empties a list, a part at a time, and deletes it once it is empty.
    Delete(ListId, TasksOfList, IfMatch),
}

/// Fate of the tasks of a list that is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TasksOfList {
    /// They move to the default list.
    Move,
    /// They are deleted.
    Delete,
}

/// List before the store assigns an id and a position.
#[derive(Clone, Debug)]
pub struct NewList {
    /// Name.
    pub name: Label,
    /// Colour.
    pub colour: Option<Colour>,
    /// Icon.
    pub icon: Option<Icon>,
    /// Position; `None` for the last one.
    pub position: Option<Position>,
}

/// Change to a list. `None` keeps a field.
#[derive(Clone, Debug, Default)]
pub struct ListPatch {
    /// New name.
    pub name: Option<Label>,
    /// New colour; `Some(None)` removes it.
    pub colour: Option<Option<Colour>>,
    /// New icon; `Some(None)` removes it.
    pub icon: Option<Option<Icon>>,
    /// New position.
    pub position: Option<Position>,
    /// Whether the list is put aside.
    pub archived: Option<bool>,
    /// Identifier, as the client sent it. It cannot be changed.
    pub id: Option<ListId>,
    /// Time of creation, as the client sent it. It cannot be changed.
    pub created_at: Option<Timestamp>,
}

impl ListPatch {
    /// Applies the change at a time. A change without effect keeps `updated_at` and `revision`.
    ///
    /// # Errors
    ///
    /// [`ListRefused::Fixed`], [`ListRefused::Invisible`] and [`ListRefused::DefaultArchived`].
    pub fn apply(self, old: &TaskList, now: Timestamp) -> Result<TaskList, ListRefused> {
        let same = [
            ("id", self.id.is_none_or(|id| id == old.id)),
            ("created_at", self.created_at.is_none_or(|at| at == old.created_at)),
        ];
        let other: Vec<&str> =
            same.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect();
        if !other.is_empty() {
            return Err(ListRefused::Fixed(other));
        }
        if let Some(name) = &self.name
            && *name != old.name
            && !is_visible(name.as_str())
        {
            return Err(ListRefused::Invisible);
        }
        let mut new = TaskList {
            name: self.name.unwrap_or_else(|| old.name.clone()),
            colour: self.colour.unwrap_or(old.colour),
            icon: self.icon.unwrap_or_else(|| old.icon.clone()),
            position: self.position.unwrap_or_else(|| old.position.clone()),
            archived: self.archived.unwrap_or(old.archived),
            ..old.clone()
        };
        if new.archived && new.id.is_default() {
            return Err(ListRefused::DefaultArchived);
        }
        if new != *old {
            new.updated_at = now.max(old.updated_at);
            new.revision = Task::revision_after(old.revision);
        }
        Ok(new)
    }
}

/// Result of a change, or of its dry run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListDone {
    /// List that was created or changed, or already matched the change.
    Put(ListState),
    /// The list was emptied, at least in part.
    Emptied(Emptied),
}

/// Progress of the deletion of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emptied {
    /// Number of tasks that were moved or deleted.
    pub tasks: u64,
    /// Whether the list was empty then, and is deleted.
    pub is_deleted: bool,
    /// Number of the batch.
    pub unit: u64,
}

/// Reason that a change was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListRefused {
    /// The list does not exist.
    #[error("no such list")]
    Missing,
    /// The list has changed; holds its current state.
    #[error("the list has changed")]
    Changed(Box<ListState>),
    /// Names of fields that cannot be changed.
    #[error("cannot be changed")]
    Fixed(Vec<&'static str>),
    /// The new name has no visible character.
    #[error("{INVISIBLE}")]
    Invisible,
    /// The default list is archived.
    #[error("must be false for the default list")]
    DefaultArchived,
    /// The default list is deleted.
    #[error("must not be that of the default list, which every account has")]
    DefaultDeleted,
    /// The account has too many lists.
    #[error("there are too many lists")]
    TooMany,
    /// No position is left behind the last list.
    #[error("has no room behind the last list: move another list first")]
    NoRoom,
    /// The account would exceed its quota.
    #[error(transparent)]
    Quota(QuotaExceeded),
}
