//! Fields of a task by which lists select and sort.

use super::{Description, Task};
use crate::domain::due::Due;
use crate::domain::id::TaskId;
use crate::domain::priority::Priority;
use crate::domain::tag::Tag;
use crate::domain::timestamp::Timestamp;

/// Fields of a task by which lists select and sort, borrowed from the task or from its stored record.
#[derive(Clone, Debug)]
pub struct TaskFields<'a> {
    /// Id.
    pub id: TaskId,
    /// Title.
    pub title: &'a str,
    /// Description.
    pub description: Option<&'a str>,
    /// Whether the task is completed.
    pub completed: bool,
    /// Due date or time as [`Due::sort_key`].
    pub due: Option<(i64, u8)>,
    /// Priority.
    pub priority: Priority,
    /// Tags.
    pub tags: Vec<&'a str>,
    /// Position in the owner's order.
    pub position: &'a str,
    /// Parent task.
    pub parent: Option<TaskId>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
}

impl Task {
    /// Borrows the fields by which lists select and sort.
    #[expect(
        clippy::unneeded_field_pattern,
        reason = "a new field must be considered for filters and sorts"
    )]
    pub fn fields(&self) -> TaskFields<'_> {
        let Self {
            id,
            owner: _,
            title,
            description,
            completed_at,
            due,
            priority,
            tags,
            position,
            parent,
            recurrence: _,
            created_at,
            updated_at,
            revision: _,
        } = self;
        TaskFields {
            id: *id,
            title: title.as_str(),
            description: description.as_ref().map(Description::as_str),
            completed: completed_at.is_some(),
            due: due.as_ref().map(Due::sort_key),
            priority: *priority,
            tags: tags.iter().map(Tag::as_str).collect(),
            position: position.as_str(),
            parent: *parent,
            created_at: *created_at,
            updated_at: *updated_at,
        }
    }
}
