//! Tasks, and changes to tasks as data.

use std::time::Duration;

use super::id::{TaskId, UserId};
use super::timestamp::Timestamp;

/// A task's title: 1 to [`Self::MAX_CHARS`] characters, kept as typed.
///
/// ```
/// use duly::domain::task::{TextError, Title};
/// assert_eq!(Title::new("Buy milk".to_owned())?.as_str(), "Buy milk");
/// assert_eq!(Title::new(String::new()), Err(TextError::Empty));
/// # Ok::<(), TextError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title(String);

/// What a task is about: up to [`Self::MAX_CHARS`] characters, possibly none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description(String);

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// There must be something.
    #[error("must not be empty")]
    Empty,
    /// More characters than allowed.
    #[error("must have at most {max} characters")]
    TooLong {
        /// How many are allowed.
        max: usize,
    },
}

impl Title {
    /// Most characters (not bytes).
    pub const MAX_CHARS: usize = 255;

    /// Checks a title.
    ///
    /// # Errors
    ///
    /// Every variant of [`TextError`].
    pub fn new(text: String) -> Result<Self, TextError> {
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        at_most(Self::MAX_CHARS, text).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, given away.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl Description {
    /// Most characters (not bytes).
    pub const MAX_CHARS: usize = 2000;

    /// Checks a description.
    ///
    /// # Errors
    ///
    /// [`TextError::TooLong`].
    pub fn new(text: String) -> Result<Self, TextError> {
        at_most(Self::MAX_CHARS, text).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, given away.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Counts only texts whose bytes do not already settle it.
fn at_most(max: usize, text: String) -> Result<String, TextError> {
    if text.len() > max && text.chars().count() > max {
        return Err(TextError::TooLong { max });
    }
    Ok(text)
}

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
    /// Whether it is done.
    pub completed: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// How often it has been written, from 1.
    pub revision: u64,
}

/// A task before the store gives it an id.
#[derive(Clone, Debug)]
pub struct NewTask {
    /// What to do.
    pub title: Title,
    /// More about it.
    pub description: Option<Description>,
    /// Whether it is done already.
    pub completed: bool,
    /// The time of creation.
    pub created_at: Timestamp,
}

/// How far behind the newest task a new one may be and still count as made after it.
const SIDE_BY_SIDE: Duration = Duration::from_secs(60);

impl NewTask {
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

    /// The task under the id that the store chose.
    #[must_use]
    pub fn into_task(self, owner: UserId, id: TaskId) -> Task {
        Task {
            id,
            owner,
            title: self.title,
            description: self.description,
            completed: self.completed,
            created_at: self.created_at,
            updated_at: self.created_at,
            revision: 1,
        }
    }
}

/// A change to a task. What is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskPatch {
    /// The new title.
    pub title: Option<Title>,
    /// The new description, or `Some(None)` to clear it.
    pub description: Option<Option<Description>>,
    /// Done, or open again.
    pub completed: Option<bool>,
}

impl TaskPatch {
    /// The task after this change at this time.
    ///
    /// A change that changes nothing leaves `updated_at` and `revision` alone. `updated_at` never goes
    /// back, whatever the clock does.
    #[must_use]
    pub fn apply(self, old: &Task, now: Timestamp) -> Task {
        let mut new = old.clone();
        if let Some(title) = self.title {
            new.title = title;
        }
        if let Some(description) = self.description {
            new.description = description;
        }
        if let Some(completed) = self.completed {
            new.completed = completed;
        }
        if new != *old {
            new.updated_at = now.max(old.updated_at);
            new.revision = old.revision.saturating_add(1);
        }
        new
    }
}

/// Which of one person's tasks are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Only those that are done (`true`) or open (`false`).
    pub completed: Option<bool>,
}

/// How many tasks one person has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskCounts {
    /// All of them.
    pub total: u64,
    /// Those not completed.
    pub open: u64,
}

impl TaskCounts {
    /// How many a filter lets through.
    pub const fn matching(self, filter: TaskFilter) -> u64 {
        match filter.completed {
            None => self.total,
            Some(false) => self.open,
            Some(true) => self.total.saturating_sub(self.open),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> Task {
        let title = Title::new("a".to_owned()).unwrap();
        NewTask {
            title,
            description: None,
            completed: false,
            created_at: Timestamp::EPOCH,
        }
        .into_task(UserId::new(1), TaskId::new(1))
    }

    #[test]
    fn limits_count_characters_not_bytes() {
        assert!(Title::new("ü".repeat(255)).is_ok());
        assert_eq!(Title::new("a".repeat(256)), Err(TextError::TooLong { max: 255 }));
        assert!(Description::new("😀".repeat(2000)).is_ok());
        assert!(Description::new("a".repeat(2001)).is_err());
    }

    #[test]
    fn a_patch_that_changes_nothing_keeps_time_and_revision() {
        let patch = TaskPatch { completed: Some(false), ..TaskPatch::default() };
        assert_eq!(patch.apply(&task(), Timestamp::MAX), task());
    }

    #[test]
    fn tasks_made_side_by_side_are_in_the_order_of_their_ids() {
        let at = |millis| Timestamp::from_millis(millis).unwrap();
        let created = |millis, newest| {
            let title = Title::new("a".to_owned()).unwrap();
            let created_at = at(millis);
            let new = NewTask { title, description: None, completed: false, created_at };
            new.no_earlier_than(at(newest)).created_at
        };
        assert_eq!(created(1_000_000, 1_000_005), at(1_000_005));
        assert_eq!(created(1_000_000, 999_000), at(1_000_000));
        assert_eq!(
            created(1_000_000, 1_060_001),
            at(1_000_000),
            "the clock was set back"
        );
    }

    #[test]
    fn updated_at_never_goes_back() {
        let old = Task { updated_at: Timestamp::MAX, ..task() };
        let patch = TaskPatch { completed: Some(true), ..TaskPatch::default() };
        let new = patch.apply(&old, Timestamp::EPOCH);
        assert_eq!((new.updated_at, new.revision), (Timestamp::MAX, 2));
    }
}
