//! Handlers of `/tasks/{id}`.

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::{ApiResponse, OpenApi};

use super::batch::TaskMoveBody;
use super::body::{TaskAdvance, TaskPatch};
use super::view::TaskJson;
use super::{preconditions, view};
use crate::auth::permission::{TasksRead, TasksWrite};
use crate::domain::id::TaskId;
use crate::domain::task::Task;
use crate::http::Api;
use crate::http::caller::Authenticated;
use crate::http::etag::{self, EntityTags};
use crate::http::idempotency::{IdempotencyHeader, Reply};
use crate::http::param::{FlagParam, TaskIdParam};
use crate::http::payload::{Json, MergePatch, OptionalJson};
use crate::http::problem::Problem;
use crate::service::{self, Service};

/// Handlers for one task.
pub(in crate::http) struct TaskApi;

#[derive(ApiResponse)]
#[expect(clippy::large_enum_variant, reason = "most answers are the largest")]
enum Found {
    /// The task.
    #[oai(status = 200)]
    Found(
        Json<TaskJson>,
        /// Revision of the task, in quotes.
        #[oai(header = "ETag")]
        String,
    ),
    /// The task still matches `If-None-Match`.
    #[oai(status = 304)]
    NotModified(
        /// Revision of the task, in quotes.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Changed {
    /// The task after the change; with `dry_run`, the task as it would be.
    #[oai(status = 200)]
    Changed(
        Json<TaskJson>,
        /// Revision of the task, in quotes.
        #[oai(header = "ETag")]
        String,
        /// Id of the completed copy, if a recurring task advanced to its next occurrence.
        #[oai(header = "X-Finished-Id")]
        Option<u64>,
    ),
}

impl Changed {
    fn of((task, finished): (Task, Option<TaskId>)) -> Self {
        Self::new(task, finished)
    }

    fn new(task: Task, finished: Option<TaskId>) -> Self {
        let etag = etag::of(task.revision);
        let task = TaskJson::new(task).with_finished(finished);
        Self::Changed(Json(task), etag, finished.map(TaskId::get))
    }
}

#[derive(ApiResponse)]
enum Skipped {
    /// The task at its next occurrence; with `dry_run`, the task as it would be.
    #[oai(status = 200)]
    Skipped(
        Json<TaskJson>,
        /// Revision of the task, in quotes.
        #[oai(header = "ETag")]
        String,
    ),
}

impl Skipped {
    fn of(task: Task) -> Self {
        let etag = etag::of(task.revision);
        Self::Skipped(Json(TaskJson::new(task)), etag)
    }
}

/// Returns the choice of a request that completes or skips an occurrence.
fn catch_up(body: Option<TaskAdvance>) -> Option<bool> {
    body.and_then(|body| body.catch_up)
}

#[derive(ApiResponse)]
enum Deleted {
    /// The task and its descendants are deleted.
    #[oai(status = 204)]
    Deleted(
        /// Number of deleted tasks; with `dry_run`, the number that would be deleted.
        #[oai(header = "X-Deleted-Count")]
        u64,
    ),
}

#[OpenApi(prefix_path = "/tasks", tag = "Api::Tasks")]
impl TaskApi {
    /// Show a task
    #[oai(path = "/:id", method = "get", operation_id = "task_get")]
    async fn get(
        &self,
        caller: Authenticated<TasksRead>,
        service: Data<&Service>,
        /// Id of the task.
        id: Path<TaskIdParam>,
        /// Expected `ETag` of the task. If the task has another one, the response is 412.
        #[oai(name = "If-Match")]
        if_match: EntityTags,
        /// `ETag` of your copy of the task. If the task has not changed, the response is 304 without a body.
        #[oai(name = "If-None-Match")]
        if_none_match: EntityTags,
    ) -> Result<Found, Problem> {
        let named = preconditions::named(&if_match, &if_none_match);
        let (id, (wanted, known)) = Problem::both(id.0.parse(), named)?;
        let task = service.task_get(&caller.0, id).await?;
        if wanted.is_some_and(|wanted| !wanted.names(task.revision)) {
            return Err(view::problem(service::Error::Changed(Box::new(task))));
        }
        let etag = etag::of(task.revision);
        Ok(if known.is_some_and(|known| known.names(task.revision)) {
            Found::NotModified(etag)
        } else {
            Found::Found(Json(TaskJson::new(task)), etag)
        })
    }

    /// Change a task
    ///
    /// The body is a JSON merge patch ([RFC 7396](https://www.rfc-editor.org/rfc/rfc7396)), also accepted as
    /// `application/merge-patch+json`.
    #[oai(path = "/:id", method = "patch", operation_id = "task_patch")]
    #[expect(clippy::too_many_arguments, reason = "there are as many parameters")]
    async fn patch(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        /// Id of the task.
        id: Path<TaskIdParam>,
        /// `ETag` of your copy of the task. If the task has changed since, the response is 412 with the current task.
        #[oai(name = "If-Match")]
        if_match: EntityTags,
        /// `ETag` values that the task must not have: if it has one of them, the response is 412. `*` matches every
        /// revision.
        #[oai(name = "If-None-Match")]
        if_none_match: EntityTags,
        /// If true, validates the request and returns the result that it would have, without changing anything.
        dry_run: Query<Option<FlagParam>>,
        key: IdempotencyHeader,
        body: MergePatch<TaskPatch>,
    ) -> Result<Reply<Changed>, Problem> {
        let preconditions =
            preconditions::preconditions(&if_match, &if_none_match, &dry_run);
        let place = Problem::both(id.0.parse(), preconditions);
        let ((id, preconditions), patch) = Problem::both(place, body.0)?;
        let key = key.unless(preconditions.dry_run).key();
        let moved =
            service.task_patch(&caller.0, id, patch.into(), preconditions, key).await;
        Ok(Reply::of(moved.map_err(view::problem)?, Changed::of))
    }

    /// Complete a task
    ///
    /// Same as setting `completed` to `true`, but safe to repeat with an `Idempotency-Key`. The body is optional.
    ///
    /// A recurring task moves on to its next occurrence and stays open; `finished_id` in the response is the id of the
    /// completed copy. Its subtasks are opened again, and their due dates move by the same number of days; copies of
    /// the completed ones stay below the completed copy. The last occurrence completes the task itself.
    #[oai(path = "/:id/complete", method = "post", operation_id = "task_complete")]
    #[expect(clippy::too_many_arguments, reason = "there are as many parameters")]
    async fn complete(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        /// Id of the task.
        id: Path<TaskIdParam>,
        /// `ETag` of your copy of the task. If the task has changed since, the response is 412 with the current task.
        #[oai(name = "If-Match")]
        if_match: EntityTags,
        /// `ETag` values that the task must not have: if it has one of them, the response is 412. `*` matches every
        /// revision.
        #[oai(name = "If-None-Match")]
        if_none_match: EntityTags,
        /// If true, validates the request and returns the result that it would have, without changing anything.
        dry_run: Query<Option<FlagParam>>,
        key: IdempotencyHeader,
        body: OptionalJson<TaskAdvance>,
    ) -> Result<Reply<Changed>, Problem> {
        let preconditions =
            preconditions::preconditions(&if_match, &if_none_match, &dry_run);
        let place = Problem::both(id.0.parse(), preconditions);
        let ((id, preconditions), body) = Problem::both(place, body.0)?;
        let (catch_up, key) = (catch_up(body), key.unless(preconditions.dry_run).key());
        let work = |recorder| {
            service.task_complete(&caller.0, id, catch_up, preconditions, recorder)
        };
        let moved = service.once(&caller.0, key, work).await;
        Ok(Reply::of(moved.map_err(view::problem)?, Changed::of))
    }

    /// Skip an occurrence
    ///
    /// Moves a recurring task on to its next occurrence, like completing it, but keeps no completed copy. The body is
    /// optional. The last occurrence cannot be skipped.
    #[oai(path = "/:id/skip", method = "post", operation_id = "task_skip")]
    #[expect(clippy::too_many_arguments, reason = "there are as many parameters")]
    async fn skip(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        /// Id of the task.
        id: Path<TaskIdParam>,
        /// `ETag` of your copy of the task. If the task has changed since, the response is 412 with the current task.
        #[oai(name = "If-Match")]
        if_match: EntityTags,
        /// `ETag` values that the task must not have: if it has one of them, the response is 412. `*` matches every
        /// revision.
        #[oai(name = "If-None-Match")]
        if_none_match: EntityTags,
        /// If true, validates the request and returns the result that it would have, without changing anything.
        dry_run: Query<Option<FlagParam>>,
        key: IdempotencyHeader,
        body: OptionalJson<TaskAdvance>,
    ) -> Result<Reply<Skipped>, Problem> {
        let preconditions =
            preconditions::preconditions(&if_match, &if_none_match, &dry_run);
        let place = Problem::both(id.0.parse(), preconditions);
        let ((id, preconditions), body) = Problem::both(place, body.0)?;
        let (catch_up, key) = (catch_up(body), key.unless(preconditions.dry_run).key());
        let work = |recorder| {
            service.task_skip(&caller.0, id, catch_up, preconditions, recorder)
        };
        let task = service.once(&caller.0, key, work).await;
        Ok(Reply::of(task.map_err(view::problem)?, Skipped::of))
    }

    /// Move a task
    ///
    /// Changes its position among all tasks (`sort=position`), and optionally its parent.
    #[oai(path = "/:id/move", method = "post", operation_id = "task_move")]
    #[expect(clippy::too_many_arguments, reason = "there are as many parameters")]
    async fn relocate(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        /// Id of the task.
        id: Path<TaskIdParam>,
        /// `ETag` of your copy of the task. If the task has changed since, the response is 412 with the current task.
        #[oai(name = "If-Match")]
        if_match: EntityTags,
        /// `ETag` values that the task must not have: if it has one of them, the response is 412. `*` matches every
        /// revision.
        #[oai(name = "If-None-Match")]
        if_none_match: EntityTags,
        /// If true, validates the request and returns the result that it would have, without changing anything.
        dry_run: Query<Option<FlagParam>>,
        key: IdempotencyHeader,
        body: Json<TaskMoveBody>,
    ) -> Result<Reply<Changed>, Problem> {
        let preconditions =
            preconditions::preconditions(&if_match, &if_none_match, &dry_run);
        let place = Problem::both(id.0.parse(), preconditions);
        let to = body.0.check().map_err(Problem::invalid);
        let ((id, preconditions), to) = Problem::both(place, to)?;
        let key = key.unless(preconditions.dry_run).key();
        let work =
            |recorder| service.task_move(&caller.0, id, to, preconditions, recorder);
        let task = service.once(&caller.0, key, work).await;
        Ok(Reply::of(task.map_err(view::problem)?, |task| Changed::new(task, None)))
    }

    /// Delete a task
    ///
    /// Also deletes its descendants.
    #[oai(path = "/:id", method = "delete", operation_id = "task_delete")]
    #[expect(clippy::too_many_arguments, reason = "there are as many parameters")]
    async fn delete(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        /// Id of the task.
        id: Path<TaskIdParam>,
        /// `ETag` of your copy of the task. If the task has changed since, the response is 412 with the current task.
        #[oai(name = "If-Match")]
        if_match: EntityTags,
        /// `ETag` values that the task must not have: if it has one of them, the response is 412. `*` matches every
        /// revision.
        #[oai(name = "If-None-Match")]
        if_none_match: EntityTags,
        /// If true, validates the request and returns the result that it would have, without changing anything.
        dry_run: Query<Option<FlagParam>>,
        key: IdempotencyHeader,
    ) -> Result<Reply<Deleted>, Problem> {
        let preconditions =
            preconditions::preconditions(&if_match, &if_none_match, &dry_run);
        let (id, preconditions) = Problem::both(id.0.parse(), preconditions)?;
        let key = key.unless(preconditions.dry_run).key();
        let work = |recorder| service.task_delete(&caller.0, id, preconditions, recorder);
        let count = service.once(&caller.0, key, work).await;
        Ok(Reply::of(count.map_err(view::problem)?, Deleted::Deleted))
    }
}
