//! Queries for tasks, their orders, and the fields by which they select and sort.
//!
//! Every order is total: no two tasks share a place, so a place stays valid whatever is created, changed or deleted
//! around it.

use std::collections::BTreeSet;

use super::{Description, Task};
use crate::domain::due::{Due, DueRange, moment_of};
use crate::domain::fold;
use crate::domain::id::{ListId, TaskId};
use crate::domain::page::Page;
use crate::domain::priority::Priority;
use crate::domain::tag::Tag;
use crate::domain::time_zone::TimeZone;
use crate::domain::timestamp::Timestamp;
use crate::domain::words::{self, Search, Words};

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
    /// Time of completion.
    pub completed_at: Option<Timestamp>,
    /// Due date or time as [`Due::stored_key`].
    pub due: Option<(i64, u8)>,
    /// Priority.
    pub priority: Priority,
    /// Tags.
    pub tags: Vec<&'a str>,
    /// Position in the owner's order.
    pub position: &'a str,
    /// Parent task.
    pub parent: Option<TaskId>,
    /// List.
    pub list: ListId,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
}

/// Filter of one account's tasks. All conditions must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Completed (`true`) or open (`false`) tasks.
    pub completed: Option<bool>,
    /// Tasks of one of these different priorities; of any if there are none.
    pub priorities: Vec<Priority>,
    /// Tasks with all of these tags.
    pub tags: Vec<Tag>,
    /// Tasks with one of these tags, if there are any.
    pub any_tags: Vec<Tag>,
    /// Tasks without any of these tags.
    pub no_tags: Vec<Tag>,
    /// Tasks with a due date, or without one.
    pub has_due: Option<bool>,
    /// Tasks due in this range.
    pub due: Option<DueRange>,
    /// Tasks that are completed or not due in this range.
    pub not_overdue: Option<DueRange>,
    /// Tasks changed at this time or later.
    pub updated_since: Option<Timestamp>,
    /// Tasks with this parent, or without one.
    pub parent: Option<Within>,
    /// Tasks in one of these lists; in any if there are none.
    pub lists: Vec<ListId>,
    /// Tasks with all of these words in title or description.
    pub words: Words,
}

/// Parent of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// No parent.
    Top,
    /// Direct parent.
    Task(TaskId),
}

impl TaskFilter {
    /// Filter that matches every task.
    pub const ALL: Self = Self::completed(None);

    /// Creates a filter for completed tasks, open tasks, or both.
    pub const fn completed(completed: Option<bool>) -> Self {
        Self {
            completed,
            priorities: Vec::new(),
            tags: Vec::new(),
            any_tags: Vec::new(),
            no_tags: Vec::new(),
            has_due: None,
            due: None,
            not_overdue: None,
            updated_since: None,
            parent: None,
            lists: Vec::new(),
            words: Words::NONE,
        }
    }

    /// Whether the filter has no condition but the state and the priority.
    pub fn is_by_state(&self) -> bool {
        let priorities = self.priorities.clone();
        *self == Self { priorities, ..Self::completed(self.completed) }
    }

    /// Whether the filter has no condition but the state and the list.
    pub fn is_by_list(&self) -> bool {
        let lists = self.lists.clone();
        *self == Self { lists, ..Self::completed(self.completed) }
    }

    /// Whether tasks of a priority may match.
    pub fn has_priority(&self, priority: Priority) -> bool {
        self.priorities.is_empty() || self.priorities.contains(&priority)
    }

    /// Returns all tags that the filter names.
    pub fn tags_mut(&mut self) -> impl Iterator<Item = &mut Tag> {
        self.tags.iter_mut().chain(&mut self.any_tags).chain(&mut self.no_tags)
    }

    /// Returns whether a task matches, and the work of the search in its texts, which are read last.
    pub fn search(&self, task: &TaskFields<'_>) -> Search {
        let Self {
            completed,
            priorities,
            tags,
            any_tags,
            no_tags,
            has_due,
            due,
            not_overdue,
            updated_since,
            parent,
            lists,
            words,
        } = self;
        let has = |tag: &Tag| task.tags.contains(&tag.as_str());
        let within = |parent: Within| match parent {
            Within::Top => task.parent.is_none(),
            Within::Task(id) => task.parent == Some(id),
        };
        let due_in =
            |range: &DueRange| task.due.is_some_and(|due| range.contains_key(due));
        let is_fit = completed.is_none_or(|it| it == task.completed)
            && (priorities.is_empty() || priorities.contains(&task.priority))
            && tags.iter().all(has)
            && (any_tags.is_empty() || any_tags.iter().any(has))
            && !no_tags.iter().any(has)
            && has_due.is_none_or(|it| it == task.due.is_some())
            && due.as_ref().is_none_or(due_in)
            && (task.completed || !not_overdue.as_ref().is_some_and(due_in))
            && updated_since.is_none_or(|since| task.updated_at >= since)
            && parent.is_none_or(within)
            && (lists.is_empty() || lists.contains(&task.list));
        if is_fit {
            words.search(task.title, task.description, Task::MAX_WORDS)
        } else {
            Search::free(false)
        }
    }
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
            uid: _,
            title,
            description,
            completed_at,
            due,
            priority,
            tags,
            position,
            parent,
            list,
            recurrence: _,
            created_at,
            updated_at,
            revision: _,
            seq: _,
            origin: _,
        } = self;
        TaskFields {
            id: *id,
            title: title.as_str(),
            description: description.as_ref().map(Description::as_str),
            completed: completed_at.is_some(),
            completed_at: *completed_at,
            due: due.as_ref().map(Due::stored_key),
            priority: *priority,
            tags: tags.iter().map(Tag::as_str).collect(),
            position: position.as_str(),
            parent: *parent,
            list: *list,
            created_at: *created_at,
            updated_at: *updated_at,
        }
    }

    /// Maximum number of different indexed words of a task, so that it cannot create thousands of entries.
    pub const MAX_WORDS: usize = 512;

    /// Returns the indexed words: the first [`Self::MAX_WORDS`] different ones of the title and then of the
    /// description.
    pub fn words(&self) -> BTreeSet<Vec<u8>> {
        words::first_words(self.texts(), Self::MAX_WORDS)
    }

    /// Returns the words that files of formats 4 to 6 index.
    pub(crate) fn former_words(&self) -> BTreeSet<String> {
        words::former::first_words(self.texts(), Self::MAX_WORDS)
    }

    /// Returns the words that files of format 3 index: all of them.
    pub(crate) fn all_former_words(&self) -> BTreeSet<String> {
        words::former::first_words(self.texts(), usize::MAX)
    }

    /// Returns the title and the description.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let description = self.description.as_ref().map(Description::as_str);
        [self.title.as_str()].into_iter().chain(description)
    }
}

/// Sort key of tasks. Ties are sorted by time of creation (within a priority) and id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TaskSort {
    /// Time of creation.
    #[default]
    Created,
    /// Time of the last change.
    Updated,
    /// Time of completion. Open tasks come last in either direction.
    Completed,
    /// Due date or time. Tasks without one come last in either direction.
    Due,
    /// Priority.
    Priority,
    /// Position in the owner's order.
    Position,
    /// Title, in the root order of the [Unicode Collation Algorithm](https://www.unicode.org/reports/tr10/), ignoring
    /// case and accents.
    Title,
}

impl TaskSort {
    /// All sort keys.
    pub const ALL: [Self; 7] = [
        Self::Created,
        Self::Updated,
        Self::Completed,
        Self::Due,
        Self::Priority,
        Self::Position,
        Self::Title,
    ];

    /// Returns the name of the sort key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created_at",
            Self::Updated => "updated_at",
            Self::Completed => "completed_at",
            Self::Due => "due",
            Self::Priority => "priority",
            Self::Position => "position",
            Self::Title => "title",
        }
    }
}

/// Order of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TaskOrder {
    /// Sort key.
    pub by: TaskSort,
    /// Whether the order is descending.
    pub descending: bool,
    /// Second sort key, for tasks that are equal by the first, and whether it is descending.
    pub then: Option<(TaskSort, bool)>,
}

impl TaskOrder {
    /// Newest tasks first.
    pub const NEWEST: Self = Self::by(TaskSort::Created, true);

    /// Creates an order by one sort key.
    pub const fn by(by: TaskSort, descending: bool) -> Self {
        Self { by, descending, then: None }
    }

    /// Returns the place of a task. Dates without a time begin in the `home` zone.
    pub fn place(self, task: &TaskFields<'_>, home: &TimeZone) -> TaskPlace {
        let SortKey { last, mut key, ties } = SortKey::of(task, self.by, home);
        match self.then {
            None => {
                key.extend(ties);
                key.extend(task.id.to_bytes());
            }
            Some((by, descending)) => {
                let SortKey { last, key: second, ties } = SortKey::of(task, by, home);
                // The place is compared in the direction of the first key.
                let turned = |turns: bool| if turns { 0xFF } else { 0 };
                key.push(last ^ turned(self.descending));
                let turn = turned(descending != self.descending);
                let rest = second.iter().chain(&ties).copied().chain(task.id.to_bytes());
                key.extend(rest.map(|byte| byte ^ turn));
            }
        }
        TaskPlace { last, key }
    }
}

/// Key of a task in one order, as bytes that sort like it, whatever follows.
struct SortKey {
    /// 1 for tasks that come last in either direction, otherwise 0.
    last: u8,
    key: Vec<u8>,
    /// Key of tasks that are equal so far.
    ties: Vec<u8>,
}

impl SortKey {
    fn of(task: &TaskFields<'_>, by: TaskSort, home: &TimeZone) -> Self {
        let by_time = |time: Timestamp| time.as_millis().to_be_bytes().to_vec();
        let created = by_time(task.created_at);
        let of = |key: Vec<u8>| Self { last: 0, key, ties: Vec::new() };
        let last = || Self { last: 1, key: Vec::new(), ties: created.clone() };
        match by {
            TaskSort::Created => of(created),
            TaskSort::Updated => of(by_time(task.updated_at)),
            TaskSort::Completed => {
                task.completed_at.map_or_else(last, |time| of(by_time(time)))
            }
            TaskSort::Due => {
                task.due.map_or_else(last, |due| of(due_key(due, moment_of(due, home))))
            }
            TaskSort::Priority => {
                Self { last: 0, key: vec![task.priority.code()], ties: created }
            }
            TaskSort::Position => of(text_key(task.position.as_bytes())),
            TaskSort::Title => of(text_key(&fold::sort_key(task.title))),
        }
    }
}

/// Encodes a due date or time as bytes that sort like it: by the moment, then dates before times. Some zones have skipped
/// days, so that two begin at one moment; the earlier one is first.
///
/// ```text
/// moment ms 8 | shape 1 | number 8, of `Due::stored_key`
/// ```
pub(crate) fn due_key((number, shape): (i64, u8), moment: i64) -> Vec<u8> {
    let mut key = Vec::with_capacity(25);
    key.extend(moment.to_be_bytes());
    key.push(shape);
    key.extend(number.to_be_bytes());
    key
}

/// Encodes a text without a zero byte as bytes that sort like it, whatever follows.
pub(crate) fn text_key(text: &[u8]) -> Vec<u8> {
    [text, &[0]].concat()
}

/// Place in an order, of a task that exists or once existed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskPlace {
    /// 1 for tasks that come last in either direction, otherwise 0.
    pub last: u8,
    /// Sort key, compared byte by byte. Ends with the id.
    pub key: Vec<u8>,
}

impl TaskPlace {
    /// Returns the place of the same task in the time zone of its owner, which may have changed since.
    #[must_use]
    pub fn at_home(mut self, order: TaskOrder, home: &TimeZone) -> Self {
        if order.by != TaskSort::Due || self.last != 0 {
            return self;
        }
        let due = self.key.get(8..17).and_then(<[u8]>::split_first);
        if let Some((shape, number)) = due
            && let Ok(number) = number.try_into()
        {
            let moment = moment_of((i64::from_be_bytes(number), *shape), home);
            for (to, from) in self.key.iter_mut().zip(moment.to_be_bytes()) {
                *to = from;
            }
        }
        self
    }

    /// Compares two places in an order.
    pub fn compare(&self, other: &Self, order: TaskOrder) -> std::cmp::Ordering {
        let keys = self.key.cmp(&other.key);
        self.last.cmp(&other.last).then(if order.descending {
            keys.reverse()
        } else {
            keys
        })
    }
}

/// Start of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Number of tasks to skip.
    Skip(u64),
    /// Place after which the page starts.
    After(TaskPlace),
}

impl Start {
    /// Returns the number of tasks to skip, from the first or after the place.
    pub const fn skip(&self) -> u64 {
        match self {
            Self::Skip(skip) => *skip,
            Self::After(_) => 0,
        }
    }
}

/// Query for a page of tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskQuery {
    /// Filter.
    pub filter: TaskFilter,
    /// Order.
    pub order: TaskOrder,
    /// Time zone of the owner, in which dates without a time begin.
    pub home: TimeZone,
    /// Start of the page.
    pub start: Start,
    /// Maximum number of tasks: 1 to [`Page::MAX_LIMIT`].
    pub limit: u16,
}

impl TaskQuery {
    /// Creates a query for a page of tasks, newest first.
    pub fn newest(filter: TaskFilter, page: Page) -> Self {
        let start = Start::Skip(page.skip);
        let (order, home) = (TaskOrder::NEWEST, TimeZone::utc());
        Self { filter, order, home, start, limit: page.limit }
    }
}
