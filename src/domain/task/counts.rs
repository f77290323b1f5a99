//! How many tasks there are.

use crate::domain::tag::Tag;

/// How many tasks one person has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskCounts {
    /// All of them.
    pub total: u64,
    /// Those not completed.
    pub open: u64,
}

impl TaskCounts {
    /// How many of them are open, completed, or either.
    pub const fn matching(self, completed: Option<bool>) -> u64 {
        match completed {
            None => self.total,
            Some(false) => self.open,
            Some(true) => self.total.saturating_sub(self.open),
        }
    }
}

/// How many tasks have a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagCounts {
    /// The tag.
    pub tag: Tag,
    /// The tasks.
    pub counts: TaskCounts,
}

/// What one person has, in numbers of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskSummary {
    /// All tasks.
    pub counts: TaskCounts,
    /// Open ones whose time has passed.
    pub overdue: u64,
    /// By tag, in the order of the tags; a task counts for each that it has.
    pub tags: Vec<TagCounts>,
}
