//! Handlers of `/tags`, and counts of tasks in responses.

use poem::web::Data;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Serialize;

use crate::auth::permission::TasksRead;
use crate::domain::tag::Tag;
use crate::domain::task::{TagCounts, TaskSummary};
use crate::http::Api;
use crate::http::caller::Authenticated;
use crate::http::payload::Json;
use crate::http::problem::Problem;
use crate::http::response_memory::Room;
use crate::http::turn::Turn;
use crate::service::Service;

/// Number of tasks with a tag.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
struct TagView {
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

fn tags(tags: Vec<TagCounts>) -> Vec<TagView> {
    let view = |it: TagCounts| TagView {
        tag: Tag::as_str(&it.tag).to_owned(),
        count: it.counts.total,
        open: it.counts.open,
        done: it.counts.matching(Some(true)),
    };
    tags.into_iter().map(view).collect()
}

#[derive(ApiResponse)]
enum Tags {
    /// All tags, sorted.
    #[oai(status = 200)]
    Tags(
        Json<Vec<TagView>>,
        /// Number of tags.
        #[oai(header = "X-Total-Count")]
        u64,
    ),
}

/// Handlers for tags.
pub(in crate::http) struct TagsApi;

#[OpenApi(prefix_path = "/tags", tag = "Api::Tasks")]
impl TagsApi {
    /// List my tags
    ///
    /// Returns each tag with its number of tasks. Not paginated: an account has at most 1000 tags.
    #[oai(path = "/", method = "get", operation_id = "tag_list")]
    async fn list(
        &self,
        caller: Authenticated<TasksRead>,
        _room: Room,
        _turn: Turn,
        service: Data<&Service>,
    ) -> Result<Tags, Problem> {
        let tags = tags(service.task_summary(&caller.0).await?.tags);
        let total = u64::try_from(tags.len()).unwrap_or(u64::MAX);
        Ok(Tags::Tags(Json(tags), total))
    }
}
