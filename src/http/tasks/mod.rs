//! Handlers of `/tasks`.

mod batch;
mod batch_result;
pub(super) mod body;
mod changes;
mod events;
mod history;
pub(super) mod preconditions;
mod tags;
mod task;
mod view;

use std::fmt::Write as _;
use std::sync::Arc;

use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::{ApiResponse, OpenApi};

pub(super) use self::batch::Op;
use self::batch::TaskBatchBody;
use self::batch_result::TaskBatchResult;
use self::body::TaskCreate;
pub(super) use self::changes::ChangesApi;
pub(super) use self::events::EventsApi;
pub(super) use self::history::HistoryApi;
pub(super) use self::tags::TagsApi;
use self::tags::TaskCountsView;
pub(super) use self::task::TaskApi;
use self::view::TaskJson;
use super::caller::Authenticated;
use super::etag;
use super::idempotency::{IdempotencyHeader, Reply};
use super::param::{
    CompletedParam, CursorParam, Faults, FlagParam, LimitParam, ListIdParam,
    PriorityParam, SkipParam, SortParam, TextParam,
};
use super::payload::{Json, Rendered};
use super::problem::Problem;
use super::response_memory::{ReservedRoom, Room};
use super::turn::Turn;
use super::{Api, Site, param};
use crate::auth::permission::{TasksRead, TasksWrite};
use crate::domain::id::{ListId, TaskId};
use crate::domain::page::Page;
use crate::domain::priority::Priority;
use crate::domain::task::{Task, TaskOrder, TaskSort, Within};
use crate::service::{self, Made, Part, Service, TaskListing};

/// Handlers for all tasks. Each parses the request, calls the service and builds the response.
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
    /// The task that would be created with `dry_run`, or the task that has this uid. Nothing is stored.
    #[oai(status = 200)]
    Unchanged(
        Json<TaskJson>,
        /// `true` if a task has this uid.
        #[oai(header = "Uid-Known")]
        Option<String>,
        /// Revision of the task that has this uid, in quotes.
        #[oai(header = "ETag")]
        Option<String>,
    ),
}

impl Created {
    fn new(prefix: &str, made: Made, dry_run: bool) -> Self {
        match made {
            Made::New(task) if dry_run => {
                Self::Unchanged(Json(TaskJson::new(task)), None, None)
            }
            Made::New(task) => {
                let location = format!("{prefix}/tasks/{}", task.id);
                let etag = etag::of(task.revision);
                Self::Created(Json(TaskJson::new(task)), location, etag)
            }
            Made::Known(task) => {
                let (known, etag) =
                    (Some("true".to_owned()), Some(etag::of(task.revision)));
                Self::Unchanged(Json(TaskJson::new(task)), known, etag)
            }
        }
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

/// Filters and sort order, as text.
#[derive(Debug, Default)]
struct Asked {
    completed: Option<bool>,
    priorities: Vec<String>,
    tags: Vec<String>,
    any_tags: Vec<String>,
    no_tags: Vec<String>,
    has_due: Option<bool>,
    due_before: Option<String>,
    due_after: Option<String>,
    overdue: Option<bool>,
    updated_since: Option<String>,
    parent_id: Option<String>,
    lists: Vec<String>,
    q: Option<String>,
    sorts: Vec<String>,
}

impl Asked {
    /// Formats the parameters as a query string, each with a leading `&`.
    fn query(&self) -> String {
        let Self {
            completed,
            priorities,
            tags,
            any_tags,
            no_tags,
            has_due,
            due_before,
            due_after,
            overdue,
            updated_since,
            parent_id,
            lists,
            q,
            sorts,
        } = self;
        let mut query = String::new();
        let flag = |flag: Option<bool>| flag.map(|flag| flag.to_string());
        let (completed, overdue) = (flag(*completed), flag(*overdue));
        let has_due = flag(*has_due);
        let repeated = [
            ("priority", priorities),
            ("list", lists),
            ("sort", sorts),
            ("tag", tags),
            ("tag_any", any_tags),
            ("tag_none", no_tags),
        ];
        let repeated = repeated
            .into_iter()
            .flat_map(|(name, values)| values.iter().map(move |it| (name, Some(it))));
        let parts = [
            ("completed", completed.as_ref()),
            ("has_due", has_due.as_ref()),
            ("due_before", due_before.as_ref()),
            ("due_after", due_after.as_ref()),
            ("overdue", overdue.as_ref()),
            ("updated_since", updated_since.as_ref()),
            ("parent_id", parent_id.as_ref()),
            ("q", q.as_ref()),
        ];
        for (name, value) in parts.into_iter().chain(repeated) {
            if let Some(value) = value {
                // Writing to a string cannot fail.
                let _ = write!(query, "&{name}={}", param::escape(value));
            }
        }
        query
    }

    fn order(&self, faults: &mut Faults) -> Option<TaskOrder> {
        let key = |text: &String| {
            let (name, descending) = match text.strip_prefix('-') {
                Some(name) => (name, true),
                None => (text.as_str(), false),
            };
            let by = TaskSort::ALL.into_iter().find(|by| by.as_str() == name);
            by.map(|by| (by, descending)).ok_or_else(|| {
                let names = param::one_of(TaskSort::ALL.map(TaskSort::as_str));
                format!("must be {names}, optionally preceded by -; repeat sort for a second key")
            })
        };
        let keys = self.sorts.iter().map(key).collect::<Result<Vec<_>, _>>();
        let order = keys.and_then(|keys| match *keys.as_slice() {
            [] => Ok(TaskOrder::NEWEST),
            [(by, descending)] => Ok(TaskOrder::by(by, descending)),
            [(by, _), (then, _)] if by == then => {
                Err("must not have the same key twice".to_owned())
            }
            [(by, descending), then] => {
                Ok(TaskOrder { then: Some(then), ..TaskOrder::by(by, descending) })
            }
            _ => Err("must be given at most twice".to_owned()),
        });
        faults.take("sort", order)
    }

    fn listing(self, faults: &mut Faults) -> Option<TaskListing> {
        let priority = |name: &String| {
            Priority::from_name(name).ok_or_else(|| {
                format!("must be {}", param::one_of(Priority::ALL.map(Priority::as_str)))
            })
        };
        let priorities = self.priorities.iter().map(priority).collect();
        let priorities: Option<Vec<_>> = faults.take("priority", priorities);
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
        let list = |text: &String| {
            let id = param::whole_number(text).map(ListId::new);
            id.ok_or_else(|| "must be the id of a list".to_owned())
        };
        let lists = self.lists.iter().map(list).collect();
        let lists: Option<Vec<_>> = faults.take("list", lists);
        Some(TaskListing {
            completed: self.completed,
            priorities: priorities?,
            tags: self.tags,
            any_tags: self.any_tags,
            no_tags: self.no_tags,
            has_due: self.has_due,
            due_before: self.due_before,
            due_after: self.due_after,
            overdue: self.overdue,
            updated_since: updated_since?,
            parent: parent?,
            lists: lists?,
            words: self.q.unwrap_or_default(),
        })
    }
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
        let made = service.once(&caller.0, key.key(), work).await?;
        Ok(Reply::of(made, |made| Created::new(&prefix, made, dry_run)))
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
        /// - `completed_at`: completing and reopening it. The task may be returned twice or missed. A recurring task leaves
        ///   a completed copy.
        /// - two keys: a change that moves it by either.
        /// - `due`, `priority`, `title`: a change of that field, and for `due` the completion of a recurring task, and a
        ///   change of the time zone in your profile. The task may be returned twice or missed.
        /// - `position`: a move, or a change of the field. The task may be returned twice or missed. The other tasks
        ///   keep their places.
        ///
        /// With filters, a task that starts or stops matching while the pages are read is returned only if it matches
        /// when its page is read. With `overdue`, the passage of time alone can change that.
        cursor: Query<Option<CursorParam>>,
        /// Only completed tasks (`true`) or open tasks (`false`).
        completed: Query<Option<CompletedParam>>,
        /// Only tasks with this priority: `none`, `low`, `medium`, `high` or `urgent`. If repeated, tasks with one of the
        /// priorities.
        priority: Query<Vec<PriorityParam>>,
        /// Only tasks with this tag. If repeated, only tasks with all of the tags.
        tag: Query<Vec<TextParam>>,
        /// Only tasks with this tag. If repeated, tasks with at least one of the tags.
        tag_any: Query<Vec<TextParam>>,
        /// Only tasks without this tag. If repeated, tasks without any of the tags.
        tag_none: Query<Vec<TextParam>>,
        /// Only tasks with a due date (`true`), or without one (`false`).
        has_due: Query<Option<FlagParam>>,
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
        /// Only tasks in the list with this id. If repeated, tasks in one of the lists.
        list: Query<Vec<ListIdParam>>,
        /// Only tasks with all of these words in title or description, ignoring case and accents. `gro*` matches by
        /// prefix. Emoji and symbols are words. Chinese, Japanese, Thai, Lao, Khmer and Burmese text is found by any part
        /// of it. A text without words, such as `!!!`, matches nothing. The first 512 different words of a task are
        /// searched, the title's first; a character of these scripts counts as a word.
        q: Query<Option<TextParam>>,
        /// Sort key: `created_at`, `updated_at`, `completed_at`, `due`, `priority`, `position` or `title`; a leading `-`
        /// sorts in descending order. Tasks without a due date or a time of completion come last. A second `sort` orders
        /// the tasks that are equal by the first. Defaults to `-created_at`.
        sort: Query<Vec<SortParam>>,
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
        let has_due = faults.take("has_due", FlagParam::parse(has_due.0.as_ref()));
        let texts = |param: Query<Vec<TextParam>>| {
            param.0.into_iter().map(TextParam::into_string).collect()
        };
        let text = |param: Query<Option<TextParam>>| param.0.map(TextParam::into_string);
        let asked = Asked {
            completed: completed.flatten(),
            priorities: priority.0.into_iter().map(PriorityParam::into_string).collect(),
            tags: texts(tag),
            any_tags: texts(tag_any),
            no_tags: texts(tag_none),
            has_due: has_due.flatten(),
            due_before: text(due_before),
            due_after: text(due_after),
            overdue: overdue.flatten(),
            updated_since: text(updated_since),
            parent_id: text(parent_id),
            lists: list.0.into_iter().map(ListIdParam::into_string).collect(),
            q: text(q),
            sorts: sort.0.into_iter().map(SortParam::into_string).collect(),
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
        let tasks = tasks.into_iter().map(TaskJson::new);
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
        let (atomic, bytes) = (batch.atomic, batch_result::answer_bytes(&batch));
        let names = batch::names(&batch);
        let key = key.unless(batch.dry_run).key();
        let mut share = None;
        let work = async |recorder| {
            share = Some(room.reserve(bytes)?);
            service.task_batch(&caller.0, batch, recorder).await
        };
        let outcome = service.once(&caller.0, key, work).await?;
        if let Some(problem) = batch_result::problem(outcome.get(), atomic, &names) {
            return Err(problem);
        }
        // Results that are replayed are as long.
        let share = share.map_or_else(|| room.reserve(bytes), Ok)?;
        let body = batch_result::render(&room, Some(share), outcome.get()).await?;
        Ok(Reply::of(outcome, |_| body))
    }
}
