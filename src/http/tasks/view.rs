//! Tasks as their owners see them.

use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::Serialize;

use super::body::Priority;
use crate::domain::due::Due;
use crate::domain::id::TaskId;
use crate::domain::tag::Tag;
use crate::domain::task::{Description, Task, TaskSummary};
use crate::domain::timestamp::Timestamp;
use crate::http::etag;
use crate::http::problem::Problem;
use crate::service::Error;

/// A task, as its owner sees it.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub(super) struct TaskView {
    /// Never changes, and never names another task.
    id: u64,
    /// What to do.
    title: String,
    /// More about it.
    #[oai(nullable)]
    description: Option<String>,
    /// Whether it is done.
    completed: bool,
    /// Whose it is.
    owner_id: u64,
    /// When it was made.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
    /// When it was done.
    #[oai(nullable)]
    completed_at: Option<Timestamp>,
    /// When it is to be done: a day, or a moment with the time zone that it is meant in
    /// ([RFC 9557](https://www.rfc-editor.org/rfc/rfc9557)).
    #[oai(nullable)]
    due: Option<String>,
    /// How much it matters: `none`, `low`, `medium`, `high` or `urgent`.
    priority: Priority,
    /// Words to find it by, sorted.
    tags: Vec<String>,
    /// Its place among all tasks. Sorts byte by byte; there is room between any two.
    position: String,
    /// The task that it is a part of.
    #[oai(nullable)]
    parent_id: Option<u64>,
    /// When it comes round again ([RFC 5545](https://www.rfc-editor.org/rfc/rfc5545#section-3.3.10)).
    #[oai(nullable)]
    recurrence: Option<String>,
    /// How often it has been written, from 1. The `ETag` is the same in quotes.
    rev: u64,
}

impl Example for TaskView {
    fn example() -> Self {
        Self {
            id: 1,
            title: "Ship portfolio".to_owned(),
            description: Some("Polish the README".to_owned()),
            completed: false,
            owner_id: 1,
            created_at: crate::http::example_time(),
            updated_at: crate::http::example_time(),
            completed_at: None,
            due: Some("2026-12-01".to_owned()),
            priority: Priority::High,
            tags: vec!["work".to_owned()],
            position: "a1".to_owned(),
            parent_id: None,
            recurrence: None,
            rev: 1,
        }
    }
}

impl From<Task> for TaskView {
    fn from(task: Task) -> Self {
        Self {
            id: task.id.get(),
            completed: task.is_completed(),
            title: task.title.into_string(),
            description: task.description.map(Description::into_string),
            owner_id: task.owner.get(),
            created_at: task.created_at,
            updated_at: task.updated_at,
            completed_at: task.completed_at,
            due: task.due.as_ref().map(Due::to_string),
            priority: task.priority.into(),
            tags: task.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
            position: task.position.as_str().to_owned(),
            parent_id: task.parent.map(TaskId::get),
            recurrence: task.recurrence.as_ref().map(|it| it.rule().to_string()),
            rev: task.revision,
        }
    }
}

/// With the task as it is now, if that is what is wrong.
pub(super) fn problem(error: Error) -> Problem {
    let Error::Changed(task) = &error else { return error.into() };
    let (etag, view) = (etag::of(task), TaskView::from((**task).clone()));
    let view = serde_json::to_value(&view).unwrap_or_default();
    Problem::from(error).with_etag(&etag).with_member("task", view)
}

/// How many tasks have a tag.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub(super) struct TagView {
    /// The tag.
    tag: String,
    /// All tasks with it.
    count: u64,
    /// Those that are open.
    open: u64,
    /// Those that are done.
    done: u64,
}

impl Example for TagView {
    fn example() -> Self {
        Self { tag: "work".to_owned(), count: 4, open: 3, done: 1 }
    }
}

/// How many tasks there are.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub(super) struct TaskCountsView {
    /// All of them.
    total: u64,
    /// Those that are open.
    open: u64,
    /// Those that are done.
    done: u64,
    /// Open ones whose time has passed. A day has passed when it is over in the time zone of your profile, else in UTC.
    overdue: u64,
    /// By tag, sorted. A task counts for each tag that it has.
    tags: Vec<TagView>,
}

impl Example for TaskCountsView {
    fn example() -> Self {
        Self { total: 4, open: 3, done: 1, overdue: 0, tags: vec![TagView::example()] }
    }
}

impl From<TaskSummary> for TaskCountsView {
    fn from(summary: TaskSummary) -> Self {
        let counts = summary.counts;
        Self {
            total: counts.total,
            open: counts.open,
            done: counts.matching(Some(true)),
            overdue: summary.overdue,
            tags: tags(summary.tags),
        }
    }
}

pub(super) fn tags(tags: Vec<crate::domain::task::TagCounts>) -> Vec<TagView> {
    let view = |it: crate::domain::task::TagCounts| TagView {
        tag: Tag::as_str(&it.tag).to_owned(),
        count: it.counts.total,
        open: it.counts.open,
        done: it.counts.matching(Some(true)),
    };
    tags.into_iter().map(view).collect()
}
