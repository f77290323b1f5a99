//! `tasks`

mod batch;
mod body;
mod filter;
mod terms;
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
use self::view::{TagView, TaskCountsView, TaskView};
use super::budget::{ReservedRoom, Room};
use super::caller::Authenticated;
use super::etag::{self, EntityTags};
use super::once::{Attempt, Reply};
use super::param::{
    CompletedParam, CursorParam, Faults, FlagParam, LimitParam, PriorityParam, SkipParam,
    SortParam, TaskIdParam, TextParam,
};
use super::payload::{Json, MergePatch, Rendered};
use super::problem::Problem;
use super::turn::Turn;
use super::{Api, Site, param};
use crate::auth::permission::{TasksRead, TasksWrite};
use crate::domain::id::TaskId;
use crate::domain::page::Page;
use crate::domain::task::Task;
use crate::service::{self, Done, Part, Service, TaskResults};

/// Handlers for tasks. Each parses, asks the service, and shapes the answer.
pub(super) struct TasksApi;

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
    /// What the new task would be: with `dry_run`, nothing is made.
    #[oai(status = 200)]
    Tried(Json<TaskView>),
}

impl Created {
    fn new(prefix: &str, task: Task, dry_run: bool) -> Self {
        if dry_run {
            return Self::Tried(Json(task.into()));
        }
        let location = format!("{prefix}/tasks/{}", task.id);
        let etag = etag::of(&task);
        Self::Created(Json(task.into()), location, etag)
    }
}

#[derive(ApiResponse)]
#[expect(clippy::large_enum_variant, reason = "most answers are the largest")]
enum Found {
    /// The task.
    #[oai(status = 200)]
    Found(
        Json<TaskView>,
        /// Names this state of the task.
        #[oai(header = "ETag")]
        String,
    ),
    /// The task is still what `If-None-Match` says.
    #[oai(status = 304)]
    NotModified(
        /// Names this state of the task.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Changed {
    /// The task as it is now, or with `dry_run` as it would be.
    #[oai(status = 200)]
    Changed(
        Json<TaskView>,
        /// Names this state of the task.
        #[oai(header = "ETag")]
        String,
        /// The task that keeps what was finished, if the task recurs and has moved on.
        #[oai(header = "X-Finished-Id")]
        Option<u64>,
    ),
}

impl Changed {
    fn of((task, finished): &(Task, Option<TaskId>)) -> Self {
        Self::new(task.clone(), *finished)
    }

    fn new(task: Task, finished: Option<TaskId>) -> Self {
        let etag = etag::of(&task);
        Self::Changed(Json(task.into()), etag, finished.map(TaskId::get))
    }
}

#[derive(ApiResponse)]
enum Listed {
    /// One page of tasks.
    #[oai(status = 200)]
    Listed(
        Rendered<Vec<TaskView>>,
        /// How many tasks there are on all pages.
        #[oai(header = "X-Total-Count")]
        u64,
        /// The next page, if there is one ([RFC 8288](https://www.rfc-editor.org/rfc/rfc8288)).
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
        /// How many tags there are.
        #[oai(header = "X-Total-Count")]
        u64,
    ),
}

#[derive(ApiResponse)]
enum Deleted {
    /// The task is gone, and with it all that were below it.
    #[oai(status = 204)]
    Deleted(
        /// How many tasks are gone, or with `dry_run` would be.
        #[oai(header = "X-Deleted-Count")]
        u64,
    ),
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
        /// Only try: check everything, answer what would be, and change nothing.
        dry_run: Query<Option<FlagParam>>,
        attempt: Attempt,
        body: Json<TaskCreate>,
    ) -> Result<Reply<Created>, Problem> {
        let (dry_run, draft) = (terms::is_dry(&dry_run)?, body.0.into());
        let prefix = Arc::clone(&site.api_prefix);
        let attempt = attempt.unless(dry_run);
        let answers =
            attempt.with(move |task: &Task| Created::new(&prefix, task.clone(), dry_run));
        let work = |doing| service.task_create(&caller.0, draft, dry_run, doing);
        Ok(answers.reply(service.once(&caller.0, answers.once(), work).await?))
    }

    /// List my tasks, newest first
    ///
    /// A task must meet all conditions. For long lists, or lists that change while they are read, ask with an empty `cursor`
    /// and follow `Link`: the pages that follow continue from a place, whatever is made and deleted meanwhile. What that
    /// means for tasks that change while you read stands at `cursor`.
    #[oai(path = "/", method = "get", operation_id = "task_list")]
    #[expect(clippy::too_many_arguments, reason = "there are as many parameters")]
    async fn list(
        &self,
        caller: Authenticated<TasksRead>,
        room: Room,
        _turn: Turn,
        service: Data<&Service>,
        site: Data<&Site>,
        /// How many tasks to pass over. With `cursor`, only 0.
        skip: Query<Option<SkipParam>>,
        /// Most tasks to return.
        limit: Query<Option<LimitParam>>,
        /// Where to go on: empty for the first page, then as in `Link`. It is a place in the order, between two tasks, and
        /// good for this list only. A task that keeps its place while the pages are read comes once, whatever is made,
        /// imported, changed or deleted around it. A task that is made or imported meanwhile comes if its place is still to
        /// come. One that gets another place comes twice if it moves from before the cursor to after it, and is missed if it
        /// moves the other way. Which changes move a task depends on `sort`:
        ///
        /// - `created_at`, `-created_at` and no `sort`: none.
        /// - `updated_at`: every change, to the end. A task that changes after it came comes again as it is then; none is
        ///   missed.
        /// - `-updated_at`: every change, to the beginning. A task that changes before it came is missed; none comes twice.
        /// - `due`, `priority`, `title`: a change of that field, and for `due` the completion of a task that recurs. It may
        ///   come twice or be missed.
        /// - `position`: to be moved, or a change of the field. It may come twice or be missed. The other tasks keep their
        ///   places.
        ///
        /// With conditions, a task that begins to fit or no longer fits while the pages are read comes only if it fits when
        /// its page is read. With `overdue` time alone changes that.
        cursor: Query<Option<CursorParam>>,
        /// Only those that are done (`true`) or open (`false`).
        completed: Query<Option<CompletedParam>>,
        /// Only those of this priority: `none`, `low`, `medium`, `high` or `urgent`.
        priority: Query<Option<PriorityParam>>,
        /// Only those with this tag. Given several times: with all of them.
        tag: Query<Vec<TextParam>>,
        /// Only those that are due before this day, `2026-12-01`, or moment, `2026-12-01T09:00:00Z`.
        due_before: Query<Option<TextParam>>,
        /// Only those that are due on this day or at this moment, or later.
        due_after: Query<Option<TextParam>>,
        /// Only open ones whose time has passed (`true`), or all others (`false`).
        overdue: Query<Option<FlagParam>>,
        /// Only those that have changed at this time or later. Ask with the latest `updated_at` that you have seen, and you
        /// get every task that was made or changed since, some of those that you have among them: no change is dated before
        /// one that was made earlier, even if the server's clock is set back. Deleted tasks are not listed, and what the
        /// operator imports keeps the times that it had.
        updated_since: Query<Option<TextParam>>,
        /// Only those directly in this task, or with `none` those in no task.
        parent_id: Query<Option<TextParam>>,
        /// Only those with all of these words in title or description, whatever the case and the accents. `gro*` finds
        /// words that begin so. A text without letters and digits finds nothing. The first 512 different words of a task are looked at, the title's first.
        q: Query<Option<TextParam>>,
        /// `created_at`, `updated_at`, `due`, `priority`, `position` or `title`; the greatest first after a `-`. Tasks
        /// without a due date come last. Without it, `-created_at`.
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
        let views = tasks.into_iter().map(TaskView::from);
        let tasks = room.render(Some(share), ["", ""], views).await?;
        Ok(Listed::Listed(tasks, total, link))
    }

    /// Count my tasks
    ///
    /// Open and done ones, those whose time has passed, and by tag; all of one moment.
    #[oai(path = "/counts", method = "get", operation_id = "task_counts")]
    async fn counts(
        &self,
        caller: Authenticated<TasksRead>,
        _turn: Turn,
        service: Data<&Service>,
    ) -> Result<Json<TaskCountsView>, Problem> {
        Ok(Json(service.task_summary(&caller.0).await?.into()))
    }

    /// Make several changes at once
    ///
    /// Makes, changes, completes, moves and deletes tasks in the order given, in one transaction. All or nothing by default: if
    /// one change cannot be made, none is, and the problem has an entry in `results` for each of them.
    #[oai(path = "/batch", method = "post", operation_id = "task_batch")]
    async fn batch(
        &self,
        caller: Authenticated<TasksWrite>,
        room: ReservedRoom,
        service: Data<&Service>,
        /// Only try: check everything, answer what would be, and change nothing.
        dry_run: Query<Option<FlagParam>>,
        attempt: Attempt,
        body: Json<TaskBatchBody>,
    ) -> Result<Reply<Rendered<TaskBatchResult>>, Problem> {
        let batch = body.0.into_batch(terms::is_dry(&dry_run)?);
        let (atomic, bytes) = (batch.atomic, batch::answer_bytes(&batch));
        let attempt = attempt.unless(batch.dry_run);
        let answers = attempt.with(|results: &TaskResults| Json(batch::answer(results)));
        let mut share = None;
        let work = async |doing| {
            share = Some(room.reserve(bytes)?);
            service.task_batch(&caller.0, batch, doing).await
        };
        match service.once(&caller.0, answers.once(), work).await? {
            Done::Now(results) => match batch::problem(&results, atomic) {
                Some(problem) => Err(problem),
                None => Ok(Reply::Fresh(batch::render(&room, share, &results).await?)),
            },
            Done::Before(recorded) => Ok(Reply::Replayed(recorded)),
        }
    }

    /// Show a task
    #[oai(path = "/:id", method = "get", operation_id = "task_get")]
    async fn get(
        &self,
        caller: Authenticated<TasksRead>,
        service: Data<&Service>,
        /// The task.
        id: Path<TaskIdParam>,
        /// The `ETag` of the task as you expect it: if it is another, the answer is 412.
        #[oai(name = "If-Match")]
        if_match: EntityTags,
        /// The `ETag` of the task as you have it: if it is still the same, the answer is 304 without a body.
        #[oai(name = "If-None-Match")]
        if_none_match: EntityTags,
    ) -> Result<Found, Problem> {
        let named = terms::named(&if_match, &if_none_match);
        let (id, (wanted, known)) = Problem::both(id.0.parse(), named)?;
        let task = service.task_get(&caller.0, id).await?;
        if wanted.is_some_and(|wanted| !wanted.names(&task)) {
            return Err(view::problem(service::Error::Changed(Box::new(task))));
        }
        let etag = etag::of(&task);
        Ok(if known.is_some_and(|known| known.names(&task)) {
            Found::NotModified(etag)
        } else {
            Found::Found(Json(task.into()), etag)
        })
    }

    /// Change a task
    ///
    /// The body is a JSON merge patch ([RFC 7396](https://www.rfc-editor.org/rfc/rfc7396)), also taken as
    /// `application/merge-patch+json`.
    #[oai(path = "/:id", method = "patch", operation_id = "task_patch")]
    #[expect(clippy::too_many_arguments, reason = "there are as many parameters")]
    async fn patch(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        /// The task.
        id: Path<TaskIdParam>,
        /// The `ETag` of the task as you have it: if it has changed since, the answer is 412 with the task as it is now.
        #[oai(name = "If-Match")]
        if_match: EntityTags,
        /// States of the task in which nothing is to be done: if it is in one of them, the answer is 412. `*` is every
        /// state.
        #[oai(name = "If-None-Match")]
        if_none_match: EntityTags,
        /// Only try: check everything, answer what would be, and change nothing.
        dry_run: Query<Option<FlagParam>>,
        attempt: Attempt,
        body: MergePatch<TaskPatch>,
    ) -> Result<Reply<Changed>, Problem> {
        let terms = terms::terms(&if_match, &if_none_match, &dry_run);
        let place = Problem::both(id.0.parse(), terms);
        let ((id, terms), patch) = Problem::both(place, body.0)?;
        let answers = attempt.unless(terms.dry_run).with(Changed::of);
        let (change, once) = (patch.into(), answers.once());
        let done = service.task_patch(&caller.0, id, change, terms, once).await;
        Ok(answers.reply(done.map_err(view::problem)?))
    }

    /// Complete a task
    ///
    /// The same as a change of `completed` to `true`, but safe to repeat with an `Idempotency-Key`.
    #[oai(path = "/:id/complete", method = "post", operation_id = "task_complete")]
    #[expect(clippy::too_many_arguments, reason = "there are as many parameters")]
    async fn complete(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        /// The task.
        id: Path<TaskIdParam>,
        /// The `ETag` of the task as you have it: if it has changed since, the answer is 412 with the task as it is now.
        #[oai(name = "If-Match")]
        if_match: EntityTags,
        /// States of the task in which nothing is to be done: if it is in one of them, the answer is 412. `*` is every
        /// state.
        #[oai(name = "If-None-Match")]
        if_none_match: EntityTags,
        /// Only try: check everything, answer what would be, and change nothing.
        dry_run: Query<Option<FlagParam>>,
        attempt: Attempt,
    ) -> Result<Reply<Changed>, Problem> {
        let terms = terms::terms(&if_match, &if_none_match, &dry_run);
        let (id, terms) = Problem::both(id.0.parse(), terms)?;
        let answers = attempt.unless(terms.dry_run).with(Changed::of);
        let work = |doing| service.task_complete(&caller.0, id, terms.clone(), doing);
        let done = service.once(&caller.0, answers.once(), work).await;
        Ok(answers.reply(done.map_err(view::problem)?))
    }

    /// Move a task
    ///
    /// Gives it another place in the order of all tasks (`sort=position`), and perhaps another parent.
    #[oai(path = "/:id/move", method = "post", operation_id = "task_move")]
    #[expect(clippy::too_many_arguments, reason = "there are as many parameters")]
    async fn relocate(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        /// The task.
        id: Path<TaskIdParam>,
        /// The `ETag` of the task as you have it: if it has changed since, the answer is 412 with the task as it is now.
        #[oai(name = "If-Match")]
        if_match: EntityTags,
        /// States of the task in which nothing is to be done: if it is in one of them, the answer is 412. `*` is every
        /// state.
        #[oai(name = "If-None-Match")]
        if_none_match: EntityTags,
        /// Only try: check everything, answer what would be, and change nothing.
        dry_run: Query<Option<FlagParam>>,
        attempt: Attempt,
        body: Json<TaskMoveBody>,
    ) -> Result<Reply<Changed>, Problem> {
        let terms = terms::terms(&if_match, &if_none_match, &dry_run);
        let place = Problem::both(id.0.parse(), terms);
        let to = body.0.check().map_err(Problem::invalid);
        let ((id, terms), to) = Problem::both(place, to)?;
        let attempt = attempt.unless(terms.dry_run);
        let answers = attempt.with(|task: &Task| Changed::new(task.clone(), None));
        let work = |doing| service.task_move(&caller.0, id, to, terms.clone(), doing);
        let done = service.once(&caller.0, answers.once(), work).await;
        Ok(answers.reply(done.map_err(view::problem)?))
    }

    /// Delete a task
    ///
    /// Also deletes all tasks below it.
    #[oai(path = "/:id", method = "delete", operation_id = "task_delete")]
    #[expect(clippy::too_many_arguments, reason = "there are as many parameters")]
    async fn delete(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        /// The task.
        id: Path<TaskIdParam>,
        /// The `ETag` of the task as you have it: if it has changed since, the answer is 412 with the task as it is now.
        #[oai(name = "If-Match")]
        if_match: EntityTags,
        /// States of the task in which nothing is to be done: if it is in one of them, the answer is 412. `*` is every
        /// state.
        #[oai(name = "If-None-Match")]
        if_none_match: EntityTags,
        /// Only try: check everything, answer what would be, and change nothing.
        dry_run: Query<Option<FlagParam>>,
        attempt: Attempt,
    ) -> Result<Reply<Deleted>, Problem> {
        let terms = terms::terms(&if_match, &if_none_match, &dry_run);
        let (id, terms) = Problem::both(id.0.parse(), terms)?;
        let attempt = attempt.unless(terms.dry_run);
        let answers = attempt.with(|count: &u64| Deleted::Deleted(*count));
        let work = |doing| service.task_delete(&caller.0, id, terms.clone(), doing);
        let done = service.once(&caller.0, answers.once(), work).await;
        Ok(answers.reply(done.map_err(view::problem)?))
    }
}

/// Handlers for tags.
pub(super) struct TagsApi;

#[OpenApi(prefix_path = "/tags", tag = "Api::Tasks")]
impl TagsApi {
    /// List my tags
    ///
    /// Each tag with its number of tasks. Not paged: there are at most 1000.
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
