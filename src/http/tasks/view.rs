//! Tasks, tags and counts in responses.

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

/// A task.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub(super) struct TaskView {
    /// Id. Never changes and is never reused.
    id: u64,
    /// Title.
    title: String,
    /// Description.
    #[oai(nullable)]
    description: Option<String>,
    /// Whether the task is completed.
    completed: bool,
    /// Id of the owner's account.
    owner_id: u64,
    /// Creation time.
    created_at: Timestamp,
    /// Time of the last change.
    updated_at: Timestamp,
    /// Completion time.
    #[oai(nullable)]
    completed_at: Option<Timestamp>,
    /// Due date: a day, or a time with its time zone ([RFC 9557](https://www.rfc-editor.org/rfc/rfc9557)).
    #[oai(nullable)]
    due: Option<String>,
    /// Priority: `none`, `low`, `medium`, `high` or `urgent`.
    priority: Priority,
    /// Tags, sorted.
    tags: Vec<String>,
    /// Position among all tasks. Positions compare byte by byte; a new position fits between any two.
    position: String,
    /// Id of the parent task.
    #[oai(nullable)]
    parent_id: Option<u64>,
    /// Recurrence rule ([RFC 5545](https://www.rfc-editor.org/rfc/rfc5545#section-3.3.10)).
    #[oai(nullable)]
    recurrence: Option<String>,
    /// Revision: 1 for a new task, incremented by each write. The `ETag` is this number in quotes.
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

/// Converts an error to a problem; one of a failed precondition includes the current task.
pub(super) fn problem(error: Error) -> Problem {
    let Error::Changed(task) = &error else { return error.into() };
    let (etag, view) = (etag::of(task), TaskView::from((**task).clone()));
    let view = serde_json::to_value(&view).unwrap_or_default();
    Problem::from(error).with_etag(&etag).with_member("task", view)
}

/// Number of tasks with a tag.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub(super) struct TagView {
    /// The tag.
    tag: String,
    /// Number of tasks with the tag.
    count: u64,
    /// Number of open tasks.
    open: u64,
    /// Number of completed tasks.
    done: u64,
}

impl Example for TagView {
    fn example() -> Self {
        Self { tag: "work".to_owned(), count: 4, open: 3, done: 1 }
    }
}

/// Numbers of tasks.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub(super) struct TaskCountsView {
    /// Number of all tasks.
    total: u64,
    /// Number of open tasks.
    open: u64,
    /// Number of completed tasks.
    done: u64,
    /// Number of open tasks past their due date. A day is past when it has ended in the time zone of your profile, or
    /// in UTC if none is set.
    overdue: u64,
    /// Counts by tag, sorted. A task counts towards each of its tags.
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
