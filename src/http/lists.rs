//! Handlers of `/lists`.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::registry::MetaSchema;
use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Serialize;

use super::caller::Authenticated;
use super::etag::{self, EntityTags};
use super::idempotency::{IdempotencyHeader, Reply};
use super::ignored::Ignored;
use super::label::LabelText;
use super::param::{Faults, FlagParam, ListIdParam, ListTasksParam};
use super::payload::{Json, MergePatch};
use super::problem::Problem;
use super::response_memory::Room;
use super::tasks::body::{PositionText, clearable};
use super::tasks::preconditions;
use super::wire::text_type;
use super::{Api, Site, format};
use crate::auth::permission::{TasksRead, TasksWrite};
use crate::domain::id::ListId;
use crate::domain::list::{Icon, ListState, TaskList};
use crate::domain::task::TaskCounts;
use crate::domain::timestamp::Timestamp;
use crate::service::{Error, ListGone, ListInput, ListPatchInput, Service};

text_type!(
    /// Colour of a list. Checked by [`Colour::parse`](crate::domain::list::Colour::parse).
    ColourText,
    "string_colour",
    MetaSchema {
        pattern: Some("^#[0-9A-Fa-f]{6}$".to_owned()),
        ..MetaSchema::new_with_format("string", format::COLOUR)
    }
);

text_type!(
    /// Icon of a list. Checked by [`Icon::new`].
    IconText,
    "string_icon",
    MetaSchema {
        min_length: Some(1),
        max_length: Some(Icon::MAX_BYTES),
        ..MetaSchema::new_with_format("string", format::ICON)
    }
);

/// Body of a request that creates a list.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct ListCreate {
    /// Name: 1 to 100 characters, at least one of them visible. White space around it is removed.
    name: LabelText,
    /// Colour, such as `#3366cc`.
    #[oai(nullable)]
    colour: Option<ColourText>,
    /// Icon, such as an emoji: 1 to 32 bytes.
    #[oai(nullable)]
    icon: Option<IconText>,
    /// Position among all lists, in the format of `position` in a list. Defaults to the last.
    #[oai(nullable)]
    position: Option<PositionText>,
}

impl Example for ListCreate {
    fn example() -> Self {
        Self {
            name: LabelText("Household".to_owned()),
            colour: Some(ColourText("#3366cc".to_owned())),
            icon: None,
            position: None,
        }
    }
}

impl From<ListCreate> for ListInput {
    fn from(list: ListCreate) -> Self {
        Self {
            name: list.name.0,
            colour: list.colour.map(|it| it.0),
            icon: list.icon.map(|it| it.0),
            position: list.position.map(|it| it.0),
        }
    }
}

/// Body of a request that changes a list. Absent fields keep their values.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct ListPatch {
    /// Name: 1 to 100 characters, at least one of them visible.
    name: MaybeUndefined<LabelText>,
    /// Colour; null clears it.
    #[oai(nullable)]
    colour: MaybeUndefined<ColourText>,
    /// Icon; null clears it.
    #[oai(nullable)]
    icon: MaybeUndefined<IconText>,
    /// Position among all lists.
    position: MaybeUndefined<PositionText>,
    /// Whether the list is put aside. The default list cannot be.
    archived: MaybeUndefined<bool>,
    /// Read-only: accepted if it equals the current value, so that a whole list can be sent back.
    id: Option<u64>,
    /// Read-only, like `id`.
    created_at: Option<Timestamp>,
    /// Ignored; follows from `id`.
    is_default: Option<Ignored>,
    /// Ignored; set by the server.
    updated_at: Option<Ignored>,
    /// Ignored; follows from the tasks.
    tasks: Option<Ignored>,
    /// Ignored; follows from the tasks.
    open: Option<Ignored>,
    /// Ignored; set by the server. To change only this revision of the list, send its `ETag` in `If-Match`.
    rev: Option<Ignored>,
}

impl Example for ListPatch {
    fn example() -> Self {
        Self {
            name: MaybeUndefined::Value(LabelText("Home".to_owned())),
            colour: MaybeUndefined::Undefined,
            icon: MaybeUndefined::Undefined,
            position: MaybeUndefined::Undefined,
            archived: MaybeUndefined::Undefined,
            id: None,
            created_at: None,
            is_default: None,
            updated_at: None,
            tasks: None,
            open: None,
            rev: None,
        }
    }
}

impl From<ListPatch> for ListPatchInput {
    fn from(patch: ListPatch) -> Self {
        Self {
            name: patch.name.take().map(|it| it.0),
            colour: clearable(patch.colour).map(|colour| colour.map(|it| it.0)),
            icon: clearable(patch.icon).map(|icon| icon.map(|it| it.0)),
            position: patch.position.take().map(|it| it.0),
            archived: patch.archived.take(),
            id: patch.id.map(ListId::new),
            created_at: patch.created_at,
        }
    }
}

/// A list of tasks.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub(super) struct ListView {
    /// Id. Never changes and is never reused in the account. The default list has 1.
    id: u64,
    /// Name.
    name: String,
    /// Colour, such as `#3366cc`.
    #[oai(nullable)]
    colour: Option<String>,
    /// Icon, such as an emoji.
    #[oai(nullable)]
    icon: Option<String>,
    /// Position among all lists. Positions compare byte by byte; a new position fits between any two.
    position: String,
    /// Whether the list is put aside.
    archived: bool,
    /// Whether it is the list of all tasks that are in no other list.
    is_default: bool,
    /// Number of tasks. Absent in `GET /tasks/changes`.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    tasks: Option<u64>,
    /// Number of open tasks. Absent in `GET /tasks/changes`.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<u64>,
    /// Creation time; that of the account for the default list.
    created_at: Timestamp,
    /// Time of the last change of the list itself.
    updated_at: Timestamp,
    /// Revision: 1 for a new list, incremented by each write. The `ETag` is this number in quotes.
    rev: u64,
}

impl Example for ListView {
    fn example() -> Self {
        Self {
            id: 2,
            name: "Household".to_owned(),
            colour: Some("#3366cc".to_owned()),
            icon: None,
            position: "a1".to_owned(),
            archived: false,
            is_default: false,
            tasks: Some(3),
            open: Some(2),
            created_at: super::example_time(),
            updated_at: super::example_time(),
            rev: 1,
        }
    }
}

impl From<TaskList> for ListView {
    fn from(list: TaskList) -> Self {
        Self {
            id: list.id.get(),
            is_default: list.id.is_default(),
            name: list.name.into_string(),
            colour: list.colour.map(|colour| colour.to_string()),
            icon: list.icon.map(|icon| icon.as_str().to_owned()),
            position: list.position.as_str().to_owned(),
            archived: list.archived,
            tasks: None,
            open: None,
            created_at: list.created_at,
            updated_at: list.updated_at,
            rev: list.revision,
        }
    }
}

impl From<ListState> for ListView {
    fn from(ListState { list, counts }: ListState) -> Self {
        let TaskCounts { total, open } = counts;
        Self { tasks: Some(total), open: Some(open), ..Self::from(list) }
    }
}

/// Fate of the tasks of a deleted list.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
struct ListDeleted {
    /// Number of tasks that moved to the default list.
    moved: u64,
    /// Number of tasks that were deleted.
    deleted: u64,
}

impl Example for ListDeleted {
    fn example() -> Self {
        Self { moved: 3, deleted: 0 }
    }
}

#[derive(ApiResponse)]
enum Listed {
    /// All lists, by position.
    #[oai(status = 200)]
    Listed(
        Json<Vec<ListView>>,
        /// Number of lists.
        #[oai(header = "X-Total-Count")]
        u64,
    ),
}

#[derive(ApiResponse)]
enum Created {
    /// The new list.
    #[oai(status = 201)]
    Created(
        Json<ListView>,
        /// Path of the new list.
        #[oai(header = "Location")]
        String,
        /// Revision of the list, in quotes.
        #[oai(header = "ETag")]
        String,
    ),
    /// The list that would be created with `dry_run`. Nothing is stored.
    #[oai(status = 200)]
    Tried(Json<ListView>),
}

impl Created {
    fn new(prefix: &str, state: ListState, dry_run: bool) -> Self {
        if dry_run {
            return Self::Tried(Json(state.into()));
        }
        let location = format!("{prefix}/lists/{}", state.list.id);
        let etag = etag::of(state.list.revision);
        Self::Created(Json(state.into()), location, etag)
    }
}

#[derive(ApiResponse)]
enum Found {
    /// The list.
    #[oai(status = 200)]
    Found(
        Json<ListView>,
        /// Revision of the list, in quotes.
        #[oai(header = "ETag")]
        String,
    ),
    /// The list still matches `If-None-Match`.
    #[oai(status = 304)]
    NotModified(
        /// Revision of the list, in quotes.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Changed {
    /// The list after the change; with `dry_run`, the list as it would be.
    #[oai(status = 200)]
    Changed(
        Json<ListView>,
        /// Revision of the list, in quotes.
        #[oai(header = "ETag")]
        String,
    ),
}

impl Changed {
    fn of(state: ListState) -> Self {
        let etag = etag::of(state.list.revision);
        Self::Changed(Json(state.into()), etag)
    }
}

#[derive(ApiResponse)]
enum Deleted {
    /// The list is deleted, and its tasks are moved or deleted; with `dry_run`, their numbers.
    #[oai(status = 200)]
    Deleted(Json<ListDeleted>),
}

impl Deleted {
    fn of(ListGone { moved, deleted }: ListGone) -> Self {
        Self::Deleted(Json(ListDeleted { moved, deleted }))
    }
}

/// Converts an error to a problem; one of a failed precondition includes the current list.
fn problem(error: Error) -> Problem {
    let Error::ListChanged(state) = &error else { return error.into() };
    let etag = etag::of(state.list.revision);
    let view = serde_json::to_value(ListView::from((**state).clone()));
    let view = view.unwrap_or_default();
    Problem::from(error).with_etag(&etag).with_member("list", view)
}

/// Handlers for lists.
pub(super) struct ListsApi;

#[OpenApi(prefix_path = "/lists", tag = "Api::Lists")]
impl ListsApi {
    /// Create a list
    #[oai(path = "/", method = "post", operation_id = "list_create")]
    async fn create(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        site: Data<&Site>,
        /// If true, validates the request and returns the result that it would have, without changing anything.
        dry_run: Query<Option<FlagParam>>,
        key: IdempotencyHeader,
        body: Json<ListCreate>,
    ) -> Result<Reply<Created>, Problem> {
        let (dry_run, draft) = (preconditions::is_dry(&dry_run)?, body.0.into());
        let prefix = Arc::clone(&site.api_prefix);
        let key = key.unless(dry_run).key();
        let work = |recorder| service.list_create(&caller.0, draft, dry_run, recorder);
        let made = service.once(&caller.0, key, work).await?;
        Ok(Reply::of(made, |made| Created::new(&prefix, made, dry_run)))
    }

    /// List my lists
    ///
    /// Returns all lists with the counts of their tasks, by position. Not paginated: an account has at most 200 lists.
    #[oai(path = "/", method = "get", operation_id = "list_list")]
    async fn list(
        &self,
        caller: Authenticated<TasksRead>,
        _room: Room,
        service: Data<&Service>,
    ) -> Result<Listed, Problem> {
        let lists = service.list_list(&caller.0).await?;
        let total = u64::try_from(lists.len()).unwrap_or(u64::MAX);
        let lists = lists.into_iter().map(ListView::from).collect();
        Ok(Listed::Listed(Json(lists), total))
    }

    /// Show a list
    #[oai(path = "/:id", method = "get", operation_id = "list_get")]
    async fn get(
        &self,
        caller: Authenticated<TasksRead>,
        service: Data<&Service>,
        /// Id of the list.
        id: Path<ListIdParam>,
        /// Expected `ETag` of the list. If the list has another one, the response is 412.
        #[oai(name = "If-Match")]
        if_match: EntityTags,
        /// `ETag` of your copy of the list. If the list has not changed, the response is 304 without a body. Changes of its
        /// tasks do not change it.
        #[oai(name = "If-None-Match")]
        if_none_match: EntityTags,
    ) -> Result<Found, Problem> {
        let named = preconditions::named(&if_match, &if_none_match);
        let (id, (wanted, known)) = Problem::both(id.0.parse(), named)?;
        let state = service.list_get(&caller.0, id).await?;
        let revision = state.list.revision;
        if wanted.is_some_and(|wanted| !wanted.names(revision)) {
            return Err(problem(Error::ListChanged(Box::new(state))));
        }
        let etag = etag::of(revision);
        Ok(if known.is_some_and(|known| known.names(revision)) {
            Found::NotModified(etag)
        } else {
            Found::Found(Json(state.into()), etag)
        })
    }

    /// Change a list
    ///
    /// The body is a JSON merge patch ([RFC 7396](https://www.rfc-editor.org/rfc/rfc7396)), also accepted as
    /// `application/merge-patch+json`.
    #[oai(path = "/:id", method = "patch", operation_id = "list_patch")]
    #[expect(clippy::too_many_arguments, reason = "there are as many parameters")]
    async fn patch(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        /// Id of the list.
        id: Path<ListIdParam>,
        /// `ETag` of your copy of the list. If the list has changed since, the response is 412 with the current list.
        #[oai(name = "If-Match")]
        if_match: EntityTags,
        /// `ETag` values that the list must not have: if it has one of them, the response is 412. `*` matches every
        /// revision.
        #[oai(name = "If-None-Match")]
        if_none_match: EntityTags,
        /// If true, validates the request and returns the result that it would have, without changing anything.
        dry_run: Query<Option<FlagParam>>,
        key: IdempotencyHeader,
        body: MergePatch<ListPatch>,
    ) -> Result<Reply<Changed>, Problem> {
        let preconditions =
            preconditions::preconditions(&if_match, &if_none_match, &dry_run);
        let place = Problem::both(id.0.parse(), preconditions);
        let ((id, preconditions), patch) = Problem::both(place, body.0)?;
        let key = key.unless(preconditions.dry_run).key();
        let work = |recorder| {
            service.list_patch(&caller.0, id, patch.into(), preconditions, recorder)
        };
        let state = service.once(&caller.0, key, work).await;
        Ok(Reply::of(state.map_err(problem)?, Changed::of))
    }

    /// Delete a list
    ///
    /// Moves its tasks to the default list, or deletes them. A list with many tasks is emptied in several steps: if the
    /// request is interrupted, send it again, and it goes on where it stopped. The default list cannot be deleted.
    #[oai(path = "/:id", method = "delete", operation_id = "list_delete")]
    #[expect(clippy::too_many_arguments, reason = "there are as many parameters")]
    async fn delete(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        /// Id of the list.
        id: Path<ListIdParam>,
        /// Required: what becomes of the tasks of the list. `move` moves them to the default list, `delete` deletes them.
        tasks: Query<Option<ListTasksParam>>,
        /// `ETag` of your copy of the list. If the list has changed since, the response is 412 with the current list.
        #[oai(name = "If-Match")]
        if_match: EntityTags,
        /// `ETag` values that the list must not have: if it has one of them, the response is 412. `*` matches every
        /// revision.
        #[oai(name = "If-None-Match")]
        if_none_match: EntityTags,
        /// If true, validates the request and returns the result that it would have, without changing anything.
        dry_run: Query<Option<FlagParam>>,
        key: IdempotencyHeader,
    ) -> Result<Reply<Deleted>, Problem> {
        let preconditions =
            preconditions::preconditions(&if_match, &if_none_match, &dry_run);
        let place = Problem::both(id.0.parse(), preconditions);
        let mut faults = Faults::default();
        let tasks = faults.take("tasks", ListTasksParam::parse(tasks.0.as_ref()));
        let tasks = tasks.ok_or_else(|| faults.into_problem());
        let ((id, preconditions), tasks) = Problem::both(place, tasks)?;
        let key = key.unless(preconditions.dry_run).key();
        let work =
            |recorder| service.list_delete(&caller.0, id, tasks, preconditions, recorder);
        let gone = service.once(&caller.0, key, work).await;
        Ok(Reply::of(gone.map_err(problem)?, Deleted::of))
    }
}
