//! `tasks`

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Serialize;

use super::caller::Authenticated;
use super::once::{Attempt, Reply};
use super::param::{Faults, FlagParam, LimitParam, SkipParam, TaskIdParam};
use super::payload::{Json, MergePatch};
use super::problem::Problem;
use super::{Api, Site, param};
use crate::auth::permission::{TasksRead, TasksWrite};
use crate::domain::page::TaskPage;
use crate::domain::task::{Description, Task, TaskFilter};
use crate::domain::timestamp::Timestamp;
use crate::service::{Service, TaskChange, TaskDraft};

/// Handlers for tasks. Each parses, asks the service, and shapes the answer.
pub(super) struct TasksApi;

/// What a client sends to make a task.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct TaskCreate {
    /// What to do. 1 to 255 characters, kept as typed.
    #[oai(validator(min_length = 1, max_length = 255))]
    title: String,
    /// More about it. Up to 2000 characters.
    #[oai(nullable, validator(max_length = 2000))]
    description: Option<String>,
    /// Whether it is done already.
    #[oai(default)]
    completed: bool,
}

impl Example for TaskCreate {
    fn example() -> Self {
        Self {
            title: "Ship portfolio".to_owned(),
            description: Some("Polish the README".to_owned()),
            completed: false,
        }
    }
}

/// What a client sends to change a task. What is absent stays as it is.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct TaskPatch {
    /// What to do. 1 to 255 characters.
    #[oai(validator(min_length = 1, max_length = 255))]
    title: MaybeUndefined<String>,
    /// More about it. Up to 2000 characters; null clears it.
    #[oai(nullable, validator(max_length = 2000))]
    description: MaybeUndefined<String>,
    /// Done, or open again.
    completed: MaybeUndefined<bool>,
}

impl Example for TaskPatch {
    fn example() -> Self {
        Self {
            title: MaybeUndefined::Undefined,
            description: MaybeUndefined::Undefined,
            completed: MaybeUndefined::Value(true),
        }
    }
}

/// A task, as its owner sees it.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
struct TaskView {
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
}

impl Example for TaskView {
    fn example() -> Self {
        Self {
            id: 1,
            title: "Ship portfolio".to_owned(),
            description: Some("Polish the README".to_owned()),
            completed: false,
            owner_id: 1,
            created_at: super::example_time(),
            updated_at: super::example_time(),
        }
    }
}

impl From<Task> for TaskView {
    fn from(task: Task) -> Self {
        Self {
            id: task.id.get(),
            title: task.title.into_string(),
            description: task.description.map(Description::into_string),
            completed: task.completed,
            owner_id: task.owner.get(),
            created_at: task.created_at,
            updated_at: task.updated_at,
        }
    }
}

#[derive(ApiResponse)]
enum Created {
    /// The new task.
    #[oai(status = 201)]
    Created(
        Json<TaskView>,
        /// Where the task is found from now on.
        #[oai(header = "Location")]
        String,
        /// Names this state of the task.
        #[oai(header = "ETag")]
        String,
    ),
}

impl Created {
    fn of(task: Task, prefix: &str) -> Self {
        let location = format!("{prefix}/tasks/{}", task.id);
        let etag = etag(&task);
        Self::Created(Json(task.into()), location, etag)
    }
}

#[derive(ApiResponse)]
enum Found {
    /// The task.
    #[oai(status = 200)]
    Found(
        Json<TaskView>,
        /// Names this state of the task.
        #[oai(header = "ETag")]
        String,
    ),
}

impl From<Task> for Found {
    fn from(task: Task) -> Self {
        let etag = etag(&task);
        Self::Found(Json(task.into()), etag)
    }
}

#[derive(ApiResponse)]
enum Listed {
    /// One page of tasks, newest first.
    #[oai(status = 200)]
    Listed(
        Json<Vec<TaskView>>,
        /// How many tasks there are on all pages.
        #[oai(header = "X-Total-Count")]
        u64,
        /// The next page, if there is one ([RFC 8288](https://www.rfc-editor.org/rfc/rfc8288)).
        #[oai(header = "Link")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum Deleted {
    /// The task is gone.
    #[oai(status = 204)]
    Deleted,
}

#[OpenApi(prefix_path = "/tasks", tag = "Api::Tasks")]
impl TasksApi {
    /// Make a task
    #[oai(path = "/", method = "post", operation_id = "task_create")]
    async fn create(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        site: Data<&Site>,
        attempt: Attempt,
        body: Json<TaskCreate>,
    ) -> Result<Reply<Created>, Problem> {
        let TaskCreate { title, description, completed } = body.0;
        let draft = TaskDraft { title, description, completed };
        let prefix = Arc::clone(&site.api_prefix);
        let answers = attempt.with(move |task: &Task| Created::of(task.clone(), &prefix));
        let work = |doing| service.task_create(&caller.0, draft, doing);
        Ok(answers.reply(service.once(&caller.0, answers.once(), work).await?))
    }

    /// List my tasks, newest first
    #[oai(path = "/", method = "get", operation_id = "task_list")]
    async fn list(
        &self,
        caller: Authenticated<TasksRead>,
        service: Data<&Service>,
        site: Data<&Site>,
        /// How many tasks to pass over.
        skip: Query<Option<SkipParam>>,
        /// Most tasks to return.
        limit: Query<Option<LimitParam>>,
        /// Only those that are done (`true`) or open (`false`).
        completed: Query<Option<FlagParam>>,
    ) -> Result<Listed, Problem> {
        let mut faults = Faults::default();
        let page = param::page(&mut faults, skip.0.as_ref(), limit.0.as_ref());
        let completed = faults.take("completed", FlagParam::parse(completed.0.as_ref()));
        let (Some(page), Some(completed)) = (page, completed) else {
            return Err(faults.into_problem());
        };
        let filter = TaskFilter { completed };
        let TaskPage { tasks, total } =
            service.task_list(&caller.0, filter, page).await?;
        let path = format!("{}/tasks", site.api_prefix);
        let query = completed.map(|completed| format!("&completed={completed}"));
        let link = param::next_page(&path, &query.unwrap_or_default(), page, total);
        let tasks = tasks.into_iter().map(TaskView::from).collect();
        Ok(Listed::Listed(Json(tasks), total, link))
    }

    /// Show a task
    #[oai(path = "/:id", method = "get", operation_id = "task_get")]
    async fn get(
        &self,
        caller: Authenticated<TasksRead>,
        service: Data<&Service>,
        /// The task.
        id: Path<TaskIdParam>,
    ) -> Result<Found, Problem> {
        let task = service.task_get(&caller.0, id.0.parse()?).await?;
        Ok(task.into())
    }

    /// Change a task
    ///
    /// The body is a JSON merge patch ([RFC 7396](https://www.rfc-editor.org/rfc/rfc7396)).
    #[oai(path = "/:id", method = "patch", operation_id = "task_patch")]
    async fn patch(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        /// The task.
        id: Path<TaskIdParam>,
        body: MergePatch<TaskPatch>,
    ) -> Result<Found, Problem> {
        let (id, patch) = Problem::both(id.0.parse(), body.0)?;
        let TaskPatch { title, description, completed } = patch;
        let change = TaskChange {
            title: title.take(),
            description: match description {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(text) => Some(Some(text)),
            },
            completed: completed.take(),
        };
        let task = service.task_patch(&caller.0, id, change).await?;
        Ok(task.into())
    }

    /// Delete a task
    #[oai(path = "/:id", method = "delete", operation_id = "task_delete")]
    async fn delete(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        /// The task.
        id: Path<TaskIdParam>,
    ) -> Result<Deleted, Problem> {
        service.task_delete(&caller.0, id.0.parse()?).await?;
        Ok(Deleted::Deleted)
    }
}

/// A strong validator ([RFC 9110, section 8.8.3](https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3)).
fn etag(task: &Task) -> String {
    format!("\"{}\"", task.revision)
}
