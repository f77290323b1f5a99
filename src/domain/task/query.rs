//! Which tasks are looked for, and in which order.
//!
//! Everything that has an order has one for all tasks: no two tasks are in the same place, so a place in a list
//! stays a place whatever is made, changed or deleted around it.

use std::collections::BTreeSet;

use super::{Description, Task};
use crate::domain::due::{Due, DueRange};
use crate::domain::fold;
use crate::domain::id::TaskId;
use crate::domain::page::Page;
use crate::domain::priority::Priority;
use crate::domain::tag::Tag;
use crate::domain::timestamp::Timestamp;
use crate::domain::words::{self, Words};

/// Which of one person's tasks are meant: those that fit all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Only those that are done (`true`) or open (`false`).
    pub completed: Option<bool>,
    /// Only those of this priority.
    pub priority: Option<Priority>,
    /// Only those that have all of these.
    pub tags: Vec<Tag>,
    /// Only those that are due then.
    pub due: Option<DueRange>,
    /// None that are open and due then.
    pub not_overdue: Option<DueRange>,
    /// Only those that have changed at this time or later.
    pub updated_since: Option<Timestamp>,
    /// Only those in another one, or in none.
    pub parent: Option<Within>,
    /// Only those with all of these words in title or description.
    pub words: Words,
}

/// What tasks are a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// Of nothing.
    Top,
    /// Directly of this task.
    Task(TaskId),
}

impl TaskFilter {
    /// Every task.
    pub const ALL: Self = Self::completed(None);

    /// All that are done, open, or either.
    pub const fn completed(completed: Option<bool>) -> Self {
        Self {
            completed,
            priority: None,
            tags: Vec::new(),
            due: None,
            not_overdue: None,
            updated_since: None,
            parent: None,
            words: Words::NONE,
        }
    }

    /// Whether a task fits.
    pub fn fits(&self, task: &Task) -> bool {
        let within = |parent: Within| match parent {
            Within::Top => task.parent.is_none(),
            Within::Task(id) => task.parent == Some(id),
        };
        let due_in =
            |range: &DueRange| task.due.as_ref().is_some_and(|it| range.contains(it));
        self.completed.is_none_or(|it| it == task.is_completed())
            && self.priority.is_none_or(|it| it == task.priority)
            && self.tags.iter().all(|tag| task.tags.contains(tag))
            && self.due.as_ref().is_none_or(due_in)
            && (task.is_completed() || !self.not_overdue.as_ref().is_some_and(due_in))
            && self.updated_since.is_none_or(|since| task.updated_at >= since)
            && self.parent.is_none_or(within)
            && (self.words.is_empty() || self.words.matches(&task.words()))
    }
}

impl Task {
    /// Most different words by which a task is found, so that one task cannot make thousands of index entries.
    pub const MAX_WORDS: usize = 512;

    /// The words by which it is found: the first [`Self::MAX_WORDS`] different ones of its title and then of its
    /// description.
    pub fn words(&self) -> BTreeSet<String> {
        self.first_words(Self::MAX_WORDS)
    }

    /// All words of its title and its description, by which it was found in files of format 3.
    pub fn all_words(&self) -> BTreeSet<String> {
        self.first_words(usize::MAX)
    }

    fn first_words(&self, most: usize) -> BTreeSet<String> {
        let description = self.description.as_ref().map(Description::as_str);
        words::first_words([self.title.as_str()].into_iter().chain(description), most)
    }
}

/// What tasks are sorted by. Those alike are sorted by their time of creation (those of one priority) and their id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TaskSort {
    /// When they were made.
    #[default]
    Created,
    /// When they last changed.
    Updated,
    /// When they are due. Those without a date come last in either direction.
    Due,
    /// How much they matter.
    Priority,
    /// The order that their owner gave them.
    Position,
    /// Their titles, as people sort them: whatever the case and the accents.
    Title,
}

/// An order of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TaskOrder {
    /// What they are sorted by.
    pub by: TaskSort,
    /// Whether the greatest comes first.
    pub descending: bool,
}

impl TaskOrder {
    /// Newest first.
    pub const NEWEST: Self = Self { by: TaskSort::Created, descending: true };

    /// Where a task stands.
    pub fn place(self, task: &Task) -> TaskPlace {
        let by_time = |time: Timestamp| time.as_millis().to_be_bytes().to_vec();
        let mut last = 0;
        let mut key = match self.by {
            TaskSort::Created => by_time(task.created_at),
            TaskSort::Updated => by_time(task.updated_at),
            TaskSort::Due => match &task.due {
                Some(due) => due_key(due).to_vec(),
                None => {
                    last = 1;
                    by_time(task.created_at)
                }
            },
            TaskSort::Priority => {
                let created = by_time(task.created_at);
                [&[task.priority.code()], created.as_slice()].concat()
            }
            TaskSort::Position => text_key(task.position.as_str()),
            TaskSort::Title => text_key(&fold::sort_key(task.title.as_str())),
        };
        key.extend(task.id.to_bytes());
        TaskPlace { last, key }
    }
}

/// When something is due, as bytes that sort like it.
pub(crate) fn due_key(due: &Due) -> [u8; 9] {
    let (millis, shape) = due.sort_key();
    let mut key = [shape; 9];
    for (to, from) in key.iter_mut().zip(millis.to_be_bytes()) {
        *to = from;
    }
    key
}

/// A text without a zero byte, as bytes that sort like it, whatever follows.
pub(crate) fn text_key(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}

/// A place in an order, where a task stands or once stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskPlace {
    /// 1 for those that come last in either direction.
    pub last: u8,
    /// Sorts byte by byte. Ends with the id.
    pub key: Vec<u8>,
}

impl TaskPlace {
    /// How two places follow one another in an order.
    pub fn compare(&self, other: &Self, order: TaskOrder) -> std::cmp::Ordering {
        let keys = self.key.cmp(&other.key);
        self.last.cmp(&other.last).then(if order.descending {
            keys.reverse()
        } else {
            keys
        })
    }
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// After so many.
    Skip(u64),
    /// After a place.
    After(TaskPlace),
}

/// A page of tasks to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskQuery {
    /// Which tasks.
    pub filter: TaskFilter,
    /// In which order.
    pub order: TaskOrder,
    /// From where.
    pub start: Start,
    /// How many at most: 1 to [`Page::MAX_LIMIT`].
    pub limit: u16,
}

impl TaskQuery {
    /// A part of the list that is newest first.
    pub const fn newest(filter: TaskFilter, page: Page) -> Self {
        let start = Start::Skip(page.skip);
        Self { filter, order: TaskOrder::NEWEST, start, limit: page.limit }
    }
}
