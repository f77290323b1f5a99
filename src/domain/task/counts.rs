//! Task counts.

use crate::domain::tag::Tag;

/// Task counts of one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskCounts {
    /// Number of tasks.
    pub total: u64,
    /// Number of open tasks.
    pub open: u64,
}

impl TaskCounts {
    /// Returns the number of open tasks, completed tasks, or both.
    pub const fn matching(self, completed: Option<bool>) -> u64 {
        match completed {
            None => self.total,
            Some(false) => self.open,
            Some(true) => self.total.saturating_sub(self.open),
        }
    }

    /// Adds other tasks.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            total: self.total.saturating_add(other.total),
            open: self.open.saturating_add(other.open),
        }
    }

    /// Leaves out some of the tasks.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self {
            total: self.total.saturating_sub(other.total),
            open: self.open.saturating_sub(other.open),
        }
    }
}

/// Task counts of one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagCounts {
    /// Tag.
    pub tag: Tag,
    /// Counts.
    pub counts: TaskCounts,
}

/// Task counts of one account, from one snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskSummary {
    /// Counts of all tasks.
    pub counts: TaskCounts,
    /// Number of overdue open tasks.
    pub overdue: u64,
    /// Counts by tag, in the order of the tags. A task counts for each of its tags.
    pub tags: Vec<TagCounts>,
}
