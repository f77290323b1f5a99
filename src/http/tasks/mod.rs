//! Handlers of `/tasks` and `/tags`.

mod batch;
mod body;
mod filter;
mod json;
mod preconditions;
mod text;
mod view;

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::{ApiResponse, OpenApi};

pub(super) use self::batch::Op;
use self::batch::{TaskBatchBody, TaskBatchResult, TaskMoveBody};
use self::body::{TaskCreate, TaskPatch};
use self::filter::Asked;
use self::json::TaskJson;
use self::view::{TagView, TaskCountsView};
use super::caller::Authenticated;
use super::etag::{self, EntityTags};
use super::idempotency::{IdempotencyHeader, Reply};
use super::param::{
    CompletedParam, CursorParam, Faults, FlagParam, LimitParam, PriorityParam, SkipParam,
    SortParam, TaskIdParam, TextParam,
};
use super::payload::{Json, MergePatch, Rendered};
use super::problem::Problem;
use super::response_memory::{ReservedRoom, Room};
use super::turn::Turn;
use super::{Api, Site, param};
use crate::auth::permission::{TasksRead, TasksWrite};
use crate::domain::id::TaskId;
use crate::domain::page::Page;
use crate::domain::task::Task;
use crate::service::{self, Part, Service};

/// Handlers for tasks. Each parses the request, calls the service and builds the response.
pub(super) struct TasksApi;

#[derive(ApiResponse)]
enum Created {
    /// The new task.
    #[oai(status = 201)]
    Created(
        Json<TaskJson>,
        /// Path of the new task.
        #[oai(header = "Location")]
        String,
        /// Revision of the task, in quotes.
        #[oai(header = "ETag")]
        String,
    ),
    /// The task that would be created. With `dry_run`, nothing is stored.
    #[oai(status = 200)]
    Tried(Json<TaskJson>),
}

impl Created {
    fn new(prefix: &str, task: Task, dry_run: bool) -> Self {
        if dry_run {
            return Self::Tried(Json(TaskJson(task)));
        }
        let location = format!("{prefix}/tasks/{}", task.id);
        let etag = etag::of(&task);
        Self::Created(Json(TaskJson(task)), location, etag)
    }
}

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
        let etag = etag::of(&task);
        Self::Changed(Json(TaskJson(task)), etag, finished.map(TaskId::get))
    }
}

#[derive(ApiResponse)]
enum Listed {
    /// One page of tasks.
    #[oai(status = 200)]
    Listed(
        Rendered<Vec<TaskJson>>,
        /// Number of tasks on all pages.
        #[oai(header = "X-Total-Count")]
        u64,
        /// Link to the next page, if there is one ([RFC 8288](https://www.rfc-editor.org/rfc/rfc8288)).
        #[oai(header = "Link")]
        Option<String>,
    ),
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
impl TasksApi {
    /// Create a task
    #[oai(path = "/", method = "post", operation_id = "task_create")]
    async fn create(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        site: Data<&Site>,
        /// If true, validates the request and returns the result that it would have, without changing anything.
        dry_run: Query<Option<FlagParam>>,
        key: IdempotencyHeader,
        body: Json<TaskCreate>,
    ) -> Result<Reply<Created>, Problem> {
        let (dry_run, draft) = (preconditions::is_dry(&dry_run)?, body.0.into());
        let prefix = Arc::clone(&site.api_prefix);
        let key = key.unless(dry_run);
        let work = |recorder| service.task_create(&caller.0, draft, dry_run, recorder);
        let task = service.once(&caller.0, key.key(), work).await?;
        Ok(Reply::of(task, |task| Created::new(&prefix, task, dry_run)))
    }

    /// List my tasks, newest first
    ///
    /// A task must match all filters. For long lists, or lists that change while they are read, start with an empty
    /// `cursor` and follow `Link`: each page continues where the last one ended, whatever is created and deleted
    /// meanwhile. See `cursor` for tasks that change while you read.
    #[oai(path = "/", method = "get", operation_id = "task_list")]
    #[expect(clippy::too_many_arguments, reason = "there are as many parameters")]
    async fn list(
        &self,
        caller: Authenticated<TasksRead>,
        room: Room,
        _turn: Turn,
        service: Data<&Service>,
        site: Data<&Site>,
        /// Number of tasks to skip. Must be 0 with `cursor`.
        skip: Query<Option<SkipParam>>,
        /// Maximum number of tasks to return.
        limit: Query<Option<LimitParam>>,
        /// Cursor: empty for the first page, then as given in `Link`. It marks a place between two tasks in the sort
        /// order and is valid for this list only. A task that keeps its place while the pages are read is returned
        /// once, whatever is created, imported, changed or deleted around it. A task created or imported meanwhile is
        /// returned if its place is after the cursor. A task that moves from before the cursor to after it is returned
        /// twice; one that moves the other way is missed. The changes that move a task depend on `sort`:
        ///
        /// - `created_at`, `-created_at` and no `sort`: none.
        /// - `updated_at`: every change, to the end. A task that changes after it was returned is returned again with
        ///   the change; none is missed.
        /// - `-updated_at`: every change, to the beginning. A task that changes before it was returned is missed; none
        ///   is returned twice.
        /// - `due`, `priority`, `title`: a change of that field, and for `due` the completion of a recurring task. The
        ///   task may be returned twice or missed.
        /// - `position`: a move, or a change of the field. The task may be returned twice or missed. The other tasks
        ///   keep their places.
        ///
        /// With filters, a task that starts or stops matching while the pages are read is returned only if it matches
        /// when its page is read. With `overdue`, the passage of time alone can change that.
        cursor: Query<Option<CursorParam>>,
        /// Only completed tasks (`true`) or open tasks (`false`).
        completed: Query<Option<CompletedParam>>,
        /// Only tasks with this priority: `none`, `low`, `medium`, `high` or `urgent`.
        priority: Query<Option<PriorityParam>>,
        /// Only tasks with this tag. If repeated, only tasks with all of the tags.
        tag: Query<Vec<TextParam>>,
        /// Only tasks due before this day, `2026-12-01`, or time, `2026-12-01T09:00:00Z`.
        due_before: Query<Option<TextParam>>,
        /// Only tasks due on this day or at this time, or later.
        due_after: Query<Option<TextParam>>,
        /// Only open tasks past their due date (`true`), or all other tasks (`false`).
        overdue: Query<Option<FlagParam>>,
        /// Only tasks changed at this time or later. Pass the latest `updated_at` that you have seen to get every task
        /// created or changed since, and some that you already have. A change is never dated before an earlier change,
        /// even if the server's clock is set back. Deleted tasks are not listed, and tasks that the operator imports
        /// keep their original times.
        updated_since: Query<Option<TextParam>>,
        /// Only direct children of this task, or with `none` tasks without a parent.
        parent_id: Query<Option<TextParam>>,
        /// Only tasks with all of these words in title or description, ignoring case and accents. `gro*` matches by
        /// prefix. A text without letters and digits matches nothing. The first 512 different words of a task are
        /// searched, the title's first.
        q: Query<Option<TextParam>>,
        /// Sort key: `created_at`, `updated_at`, `due`, `priority`, `position` or `title`; a leading `-` sorts in
        /// descending order. Tasks without a due date come last. Defaults to `-created_at`.
        sort: Query<Option<SortParam>>,
    ) -> Result<Listed, Problem> {
        let mut faults = Faults::default();
        let page = param::page(&mut faults, skip.0.as_ref(), limit.0.as_ref());
        if page.is_some_and(|page| page.skip > 0) && cursor.0.is_some() {
            let fault = "must be 0 together with cursor".to_owned();
            faults.take("skip", Err::<(), _>(fault));
        }
        let completed =
            faults.take("completed", CompletedParam::parse(completed.0.as_ref()));
        let overdue = faults.take("overdue", FlagParam::parse(overdue.0.as_ref()));
        let text = |param: Query<Option<TextParam>>| param.0.map(TextParam::into_string);
        let asked = Asked {
            completed: completed.flatten(),
            priority: priority.0.map(PriorityParam::into_string),
            tags: tag.0.into_iter().map(TextParam::into_string).collect(),
            due_before: text(due_before),
            due_after: text(due_after),
            overdue: overdue.flatten(),
            updated_since: text(updated_since),
            parent_id: text(parent_id),
            q: text(q),
            sort: sort.0.map(SortParam::into_string),
        };
        let query = asked.query();
        let (order, listing) = (asked.order(&mut faults), asked.listing(&mut faults));
        let (Some(page), Some(order), Some(listing), true) =
            (page, order, listing, faults.is_empty())
        else {
            return Err(faults.into_problem());
        };
        let Page { skip, limit } = page;
        let part = cursor.0.map_or(Part::Skip(skip), |it| Part::Cursor(it.into_string()));
        let listed = service.task_list(&caller.0, listing, order, part, limit).await?;
        let service::Listed { tasks, total, next } = listed;
        let path = format!("{}/tasks", site.api_prefix);
        let link = match next {
            Some(service::Next::Cursor(cursor)) => Some(format!(
                "<{path}?cursor={cursor}&limit={limit}{query}>; rel=\"next\""
            )),
            Some(service::Next::Skip) => param::next_page(&path, &query, page, total),
            None => None,
        };
        let share = room.take(tasks.iter().map(Task::memory).sum())?;
        let tasks = tasks.into_iter().map(TaskJson);
        let tasks = room.render(Some(share), ["", ""], tasks).await?;
        Ok(Listed::Listed(tasks, total, link))
    }

    /// Count my tasks
    ///
    /// Counts open, completed and overdue tasks, and tasks by tag, in one consistent snapshot.
    #[oai(path = "/counts", method = "get", operation_id = "task_counts")]
    async fn counts(
        &self,
        caller: Authenticated<TasksRead>,
        _turn: Turn,
        service: Data<&Service>,
    ) -> Result<Json<TaskCountsView>, Problem> {
        Ok(Json(service.task_summary(&caller.0).await?.into()))
    }

    /// Apply several operations in one request
    ///
    /// Creates, changes, completes, moves and deletes tasks in the order given, in one transaction. All or nothing by
    /// default: if one operation fails, none is applied, and `results` in the problem has the result of each.
    #[oai(path = "/batch", method = "post", operation_id = "task_batch")]
    async fn batch(
        &self,
        caller: Authenticated<TasksWrite>,
        room: ReservedRoom,
        service: Data<&Service>,
        /// If true, validates the request and returns the result that it would have, without changing anything.
        dry_run: Query<Option<FlagParam>>,
        key: IdempotencyHeader,
        body: Json<TaskBatchBody>,
    ) -> Result<Reply<Rendered<TaskBatchResult>>, Problem> {
        let batch = body.0.into_batch(preconditions::is_dry(&dry_run)?);
        let (atomic, bytes) = (batch.atomic, batch::answer_bytes(&batch));
        let key = key.unless(batch.dry_run).key();
        let mut share = None;
        let work = async |recorder| {
            share = Some(room.reserve(bytes)?);
            service.task_batch(&caller.0, batch, recorder).await
        };
        let outcome = service.once(&caller.0, key, work).await?;
        if let Some(problem) = batch::problem(outcome.get(), atomic) {
            return Err(problem);
        }
        // Results that are replayed are as long.
        let share = share.map_or_else(|| room.reserve(bytes), Ok)?;
        let body = batch::render(&room, Some(share), outcome.get()).await?;
        Ok(Reply::of(outcome, |_| body))
    }

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
        if wanted.is_some_and(|wanted| !wanted.names(&task)) {
            return Err(view::problem(service::Error::Changed(Box::new(task))));
        }
        let etag = etag::of(&task);
        Ok(if known.is_some_and(|known| known.names(&task)) {
            Found::NotModified(etag)
        } else {
            Found::Found(Json(TaskJson(task)), etag)
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
    /// Same as setting `completed` to `true`, but safe to repeat with an `Idempotency-Key`.
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
    ) -> Result<Reply<Changed>, Problem> {
        let preconditions =
            preconditions::preconditions(&if_match, &if_none_match, &dry_run);
        let (id, preconditions) = Problem::both(id.0.parse(), preconditions)?;
        let key = key.unless(preconditions.dry_run).key();
        let work =
            |recorder| service.task_complete(&caller.0, id, preconditions, recorder);
        let moved = service.once(&caller.0, key, work).await;
        Ok(Reply::of(moved.map_err(view::problem)?, Changed::of))
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

/// Handlers for tags.
pub(super) struct TagsApi;

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
        let tags = view::tags(service.task_summary(&caller.0).await?.tags);
        let total = u64::try_from(tags.len()).unwrap_or(u64::MAX);
        Ok(Tags::Tags(Json(tags), total))
    }
}
