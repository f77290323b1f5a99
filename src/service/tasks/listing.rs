//! Lists of tasks.

use super::cursor::{self, CursorError, Scope};
use super::draft::Check;
use super::{home, query_bytes};
use crate::auth::Caller;
use crate::auth::permission::TasksRead;
use crate::domain::due::{Due, DueRange};
use crate::domain::page::TaskPage;
use crate::domain::priority::Priority;
use crate::domain::tag::Tag;
use crate::domain::task::{Start, Task, TaskFilter, TaskOrder, TaskQuery, Within};
use crate::domain::timestamp::Timestamp;
use crate::domain::words::Words;
use crate::service::{Error, Service};

/// Filter of a list, unchecked.
#[derive(Clone, Debug, Default)]
pub struct TaskListing {
    /// Completed tasks, or open ones.
    pub completed: Option<bool>,
    /// Tasks of this priority.
    pub priority: Option<Priority>,
    /// Tasks with all of these tags, each checked by [`Tag::new`].
    pub tags: Vec<String>,
    /// Tasks due before this time, checked by [`Due::parse`].
    pub due_before: Option<String>,
    /// Tasks due at this time or later, checked by [`Due::parse`].
    pub due_after: Option<String>,
    /// Open tasks past their due time, or all others.
    pub overdue: Option<bool>,
    /// Tasks changed at this time or later.
    pub updated_since: Option<Timestamp>,
    /// Tasks below a parent, or without one.
    pub parent: Option<Within>,
    /// Tasks with these words, checked by [`Words::parse`]. A text without words, such as `!!!`, matches nothing.
    pub words: String,
}

/// Start of a page.
#[derive(Clone, Debug)]
pub enum Part {
    /// After this number of tasks.
    Skip(u64),
    /// At a cursor; the empty cursor is the beginning.
    Cursor(String),
}

/// A page of tasks.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Tasks of this page.
    pub tasks: Vec<Task>,
    /// Number of tasks on all pages.
    pub total: u64,
    /// Reference to the next page, if any.
    pub next: Option<Next>,
}

/// Reference to the next page.
#[derive(Clone, Debug)]
pub enum Next {
    /// Skip the tasks of this page as well.
    Skip,
    /// Use this cursor.
    Cursor(String),
}

/// Maximum number of tags in a filter.
const MAX_TAGS: usize = 20;

impl Service {
    /// Lists tasks.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming everything that was rejected, including a cursor of another list; and store errors.
    pub async fn task_list(
        &self,
        caller: &Caller<TasksRead>,
        listing: TaskListing,
        order: TaskOrder,
        part: Part,
        limit: u16,
    ) -> Result<Listed, Error> {
        let scope = Scope::new(caller.user.id, query_bytes::encode(order, &listing));
        let mut check = Check::default();
        let filter = self.filter(caller, listing, &mut check);
        let sealer = &self.0.sealer;
        let (start, is_by_cursor) = match part {
            Part::Skip(skip) => (Some(Start::Skip(skip)), false),
            Part::Cursor(text) if text.is_empty() => (Some(Start::Skip(0)), true),
            Part::Cursor(text) => {
                let place = cursor::read(sealer, &scope, &text);
                if matches!(place, Err(CursorError::Outdated)) {
                    return Err(Error::CursorOutdated);
                }
                (check.take("cursor", place).map(Start::After), true)
            }
        };
        let query = start.map(|start| TaskQuery { filter, order, start, limit });
        let query = check.finish(query).map_err(Error::Invalid)?;
        let TaskPage { tasks, total, more } =
            self.0.store.task_list(caller.user.id, query).await?;
        let next = match tasks.last().filter(|_| more) {
            None => None,
            Some(_) if !is_by_cursor => Some(Next::Skip),
            Some(last) => {
                let place = order.place(&last.fields());
                Some(Next::Cursor(cursor::write(sealer, &scope, &place)))
            }
        };
        Ok(Listed { tasks, total, next })
    }

    fn filter(
        &self,
        caller: &Caller<TasksRead>,
        listing: TaskListing,
        check: &mut Check,
    ) -> TaskFilter {
        let home = home(&caller.user);
        let bound = |text: String| Due::parse(&text, &home);
        let before = check.maybe("due_before", listing.due_before, bound);
        let after = check.maybe("due_after", listing.due_after, bound);
        let mut due = match (before, after) {
            (None, None) => None,
            (before, after) => {
                let before =
                    before.map_or(DueRange::ALL, |it| DueRange::before(&it, &home));
                let after = after.map_or(DueRange::ALL, |it| DueRange::from(&it, &home));
                Some(before.intersect(&after))
            }
        };
        let (mut completed, mut not_overdue) = (listing.completed, None);
        let overdue = || DueRange::overdue(self.0.clock.now(), &home);
        match listing.overdue {
            Some(true) => {
                // A completed task is never overdue.
                let range =
                    if completed == Some(true) { DueRange::NONE } else { overdue() };
                completed = completed.or(Some(false));
                due = Some(due.unwrap_or(DueRange::ALL).intersect(&range));
            }
            Some(false) => not_overdue = Some(overdue()),
            None => {}
        }
        let mut tags = Vec::new();
        if listing.tags.len() > MAX_TAGS {
            check.take("tag", Err::<(), _>("must be given at most 20 times"));
        } else {
            for text in &listing.tags {
                tags.extend(check.take("tag", Tag::new(text)));
            }
        }
        tags.sort_unstable();
        tags.dedup();
        let words = check.take("q", Words::parse(&listing.words));
        let has_no_word = words.as_ref().is_some_and(Words::is_empty);
        if has_no_word && !listing.words.trim().is_empty() {
            // No task contains a word that is not one: `!!!` matches nothing, not everything.
            due = Some(DueRange::NONE);
        }
        TaskFilter {
            completed,
            priority: listing.priority,
            tags,
            due,
            not_overdue,
            updated_since: listing.updated_since,
            parent: listing.parent,
            words: words.unwrap_or(Words::NONE),
        }
    }
}
