//! Query parameters of the task list.

use std::fmt::Write as _;

use super::super::param::{self, Faults};
use crate::domain::id::TaskId;
use crate::domain::priority::Priority;
use crate::domain::task::{TaskOrder, TaskSort, Within};
use crate::service::TaskListing;

/// Filters and sort order, as text.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) completed: Option<bool>,
    pub(super) priority: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) due_before: Option<String>,
    pub(super) due_after: Option<String>,
    pub(super) overdue: Option<bool>,
    pub(super) updated_since: Option<String>,
    pub(super) parent_id: Option<String>,
    pub(super) q: Option<String>,
    pub(super) sort: Option<String>,
}

impl Asked {
    /// Formats the parameters as a query string, each with a leading `&`.
    pub(super) fn query(&self) -> String {
        let Self {
            completed,
            priority,
            tags,
            due_before,
            due_after,
            overdue,
            updated_since,
            parent_id,
            q,
            sort,
        } = self;
        let mut query = String::new();
        let flag = |flag: Option<bool>| flag.map(|flag| flag.to_string());
        let (completed, overdue) = (flag(*completed), flag(*overdue));
        let tags = tags.iter().map(|tag| ("tag", Some(tag)));
        let parts = [
            ("completed", completed.as_ref()),
            ("priority", priority.as_ref()),
            ("due_before", due_before.as_ref()),
            ("due_after", due_after.as_ref()),
            ("overdue", overdue.as_ref()),
            ("updated_since", updated_since.as_ref()),
            ("parent_id", parent_id.as_ref()),
            ("q", q.as_ref()),
            ("sort", sort.as_ref()),
        ];
        for (name, value) in parts.into_iter().chain(tags) {
            if let Some(value) = value {
                // Writing to a string cannot fail.
                let _ = write!(query, "&{name}={}", param::escape(value));
            }
        }
        query
    }

    pub(super) fn order(&self, faults: &mut Faults) -> Option<TaskOrder> {
        let Some(text) = &self.sort else { return Some(TaskOrder::NEWEST) };
        let (name, descending) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text.as_str(), false),
        };
        let by = TaskSort::ALL.into_iter().find(|by| by.as_str() == name);
        let order = by.map(|by| TaskOrder { by, descending }).ok_or_else(|| {
            let names = param::one_of(TaskSort::ALL.map(TaskSort::as_str));
            format!("must be {names}, optionally preceded by -")
        });
        faults.take("sort", order)
    }

    pub(super) fn listing(self, faults: &mut Faults) -> Option<TaskListing> {
        let priority = self.priority.map(|name| {
            Priority::from_name(&name).ok_or_else(|| {
                format!("must be {}", param::one_of(Priority::ALL.map(Priority::as_str)))
            })
        });
        let priority = faults.take("priority", priority.transpose());
        let since = self.updated_since.map(|text| {
            text.parse()
                .map_err(|_| "must be a time such as 2030-05-01T12:00:00Z".to_owned())
        });
        let updated_since = faults.take("updated_since", since.transpose());
        let parent = self.parent_id.map(|text| match text.as_str() {
            "none" => Ok(Within::Top),
            text => param::whole_number(text)
                .map(|id| Within::Task(TaskId::new(id)))
                .ok_or_else(|| "must be the id of a task, or none".to_owned()),
        });
        let parent = faults.take("parent_id", parent.transpose());
        Some(TaskListing {
            completed: self.completed,
            priority: priority?,
            tags: self.tags,
            due_before: self.due_before,
            due_after: self.due_after,
            overdue: self.overdue,
            updated_since: updated_since?,
            parent: parent?,
            words: self.q.unwrap_or_default(),
        })
    }
}
