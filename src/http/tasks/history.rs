//! Handlers of the history of tasks, of the trash and of undoing.

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use serde::Serialize;
use serde_json::{Map, Value};

use super::preconditions;
use super::view::{self, TaskJson, TaskView};
use crate::auth::permission::{TasksRead, TasksWrite};
use crate::domain::author::Author;
use crate::domain::task::{
    Deletion, HistoryEntry, Merge, Task, TaskField, TaskHistory, TaskValue, Trashed,
};
use crate::domain::timestamp::Timestamp;
use crate::http::caller::Authenticated;
use crate::http::etag;
use crate::http::idempotency::{IdempotencyHeader, Reply};
use crate::http::param::{Faults, FlagParam, LimitParam, NumberParam, TaskIdParam};
use crate::http::payload::{Json, Rendered};
use crate::http::problem::Problem;
use crate::http::response_memory::Room;
use crate::http::{Api, Site};
use crate::service::{Error, Service, UndoInput, UndoReport};

/// Kind of a change of a task.
#[derive(Clone, Copy, Debug, Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum HistoryOp {
    /// The task was created.
    Created,
    /// Fields of the task were changed.
    Changed,
    /// The task was deleted.
    Deleted,
    /// The deleted task was restored.
    Restored,
}

/// Kind of credential or program that made a change.
#[derive(Clone, Copy, Debug, Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum AuthorKind {
    /// Session of a log-in.
    Session,
    /// Personal token.
    Token,
    /// Import by the operator.
    Import,
    /// Unknown: the change is older than the history.
    Unknown,
}

/// Credential or program that made a change.
#[derive(Debug, Object, Serialize)]
struct AuthorView {
    /// `session`, `token`, `import` for the operator, or `unknown`.
    kind: AuthorKind,
    /// Id of the session or of the personal token.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Name of the personal token at the time of the change.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl AuthorView {
    fn of(author: &Author) -> Self {
        let (kind, id, name) = match author {
            Author::Unknown => (AuthorKind::Unknown, None, None),
            Author::Import => (AuthorKind::Import, None, None),
            Author::Session(id) => (AuthorKind::Session, Some(id.to_string()), None),
            Author::Token(id, name) => {
                let name = Some(name.as_str().to_owned());
                (AuthorKind::Token, Some(id.to_string()), name)
            }
        };
        Self { kind, id, name }
    }
}

/// Change of a task.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
struct HistoryView {
    /// `created`, `changed`, `deleted` or `restored`.
    op: HistoryOp,
    /// Number of the change, to undo it alone.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<u64>,
    /// Number of the batch: all changes of one request, or of one import, have the same.
    batch: u64,
    /// Time of the change.
    at: Timestamp,
    /// Credential or program that made the change.
    by: AuthorView,
    /// Fields that changed. Empty unless `op` is `changed`.
    fields: Vec<FieldView>,
}

/// Change of a field.
#[derive(Debug, Object, Serialize)]
struct FieldView {
    /// Name of the field, as in a task.
    field: String,
    /// Value before the change.
    before: Value,
    /// Value after the change.
    after: Value,
}

impl Example for HistoryView {
    fn example() -> Self {
        Self {
            op: HistoryOp::Changed,
            change: Some(7),
            batch: 7,
            at: crate::http::example_time(),
            by: AuthorView { kind: AuthorKind::Import, id: None, name: None },
            fields: vec![FieldView {
                field: "priority".to_owned(),
                before: "low".into(),
                after: "high".into(),
            }],
        }
    }
}

/// Returns the members of a task that show a field.
const fn members(field: TaskField) -> &'static [&'static str] {
    match field {
        TaskField::Title => &["title"],
        TaskField::Description => &["description"],
        TaskField::Completed => &["completed", "completed_at"],
        TaskField::Due => &["due", "due_local"],
        TaskField::Priority => &["priority"],
        TaskField::Tags => &["tags"],
        TaskField::Position => &["position"],
        TaskField::Parent => &["parent_id"],
        TaskField::List => &["list_id"],
        TaskField::Recurrence => &["recurrence", "repeat_from"],
    }
}

/// Returns a task as JSON.
fn json(task: &Task) -> Map<String, Value> {
    match serde_json::to_value(TaskView::from(task.clone())) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// Lists members of fields that differ between two states of a task.
fn differences(before: &Task, after: &Task, fields: &[TaskField]) -> Vec<FieldView> {
    let [mut before, mut after] = [before, after].map(json);
    let names = fields.iter().flat_map(|field| members(*field));
    let field = |name: &&str| FieldView {
        field: (*name).to_owned(),
        before: before.remove(*name).unwrap_or_default(),
        after: after.remove(*name).unwrap_or_default(),
    };
    names.map(field).filter(|field| field.before != field.after).collect()
}

impl HistoryView {
    /// Converts the history of a task, the last change first.
    fn all(history: TaskHistory) -> Vec<Self> {
        let TaskHistory { task, deletion, entries, is_whole, .. } = history;
        let mut views = Vec::with_capacity(entries.len() + 2);
        if let Some(tombstone) = deletion {
            views.push(Self::deleted(&tombstone.into()));
        }
        let mut state = task;
        for entry in entries {
            let deletion = entry.deletion.as_ref().map(Self::deleted);
            views.push(Self::of(entry, &mut state));
            views.extend(deletion);
        }
        if is_whole {
            views.push(Self {
                op: HistoryOp::Created,
                change: None,
                batch: state.origin.unit,
                at: state.created_at,
                by: AuthorView::of(&state.origin.author),
                fields: Vec::new(),
            });
        }
        views
    }

    fn deleted(deletion: &Deletion) -> Self {
        Self {
            op: HistoryOp::Deleted,
            change: Some(deletion.seq),
            batch: deletion.unit,
            at: deletion.at,
            by: AuthorView::of(&deletion.author),
            fields: Vec::new(),
        }
    }

    /// Converts a change that led to a state of the task, and goes back to the state before.
    fn of(entry: HistoryEntry, state: &mut Task) -> Self {
        let is_restore = entry.is_restore();
        let HistoryEntry { seq, unit, at, author, was, .. } = entry;
        let names: Vec<TaskField> = was.iter().map(TaskValue::field).collect();
        let after = state.clone();
        for value in was {
            state.set(value);
        }
        let op = if is_restore { HistoryOp::Restored } else { HistoryOp::Changed };
        let fields = differences(state, &after, &names);
        let by = AuthorView::of(&author);
        Self { op, change: Some(seq), batch: unit, at, by, fields }
    }
}

/// Field that others have changed too.
#[derive(Debug, Object, Serialize)]
pub(super) struct ConflictView {
    /// Name of the field.
    field: String,
    /// Value that the request has.
    yours: Value,
    /// Value that the task has.
    theirs: Value,
    /// Value that the task had in revision `base`.
    base: Value,
}

impl ConflictView {
    /// Lists all conflicts of a change.
    pub(super) fn all(merge: &Merge) -> Vec<Self> {
        let Merge { fields, yours, theirs, base } = merge;
        let [yours, theirs, base] = [yours, theirs, base].map(json);
        let value = |task: &Map<String, Value>, name: &str| {
            task.get(name).cloned().unwrap_or_default()
        };
        let conflict = |field: &TaskField| {
            let name = field.name();
            Self {
                field: name.to_owned(),
                yours: value(&yours, name),
                theirs: value(&theirs, name),
                base: value(&base, name),
            }
        };
        fields.iter().map(conflict).collect()
    }
}

/// Deleted task that can be restored.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
struct TrashView {
    /// The task as it was deleted.
    task: TaskView,
    /// Time of the deletion.
    deleted_at: Timestamp,
    /// Number of the deletion among all changes.
    change: u64,
    /// Number of the batch: tasks that were deleted by one request have the same.
    batch: u64,
    /// Credential or program that deleted the task.
    by: AuthorView,
}

impl Example for TrashView {
    fn example() -> Self {
        Self {
            task: TaskView::example(),
            deleted_at: crate::http::example_time(),
            change: 9,
            batch: 9,
            by: AuthorView { kind: AuthorKind::Import, id: None, name: None },
        }
    }
}

impl From<Trashed> for TrashView {
    fn from(Trashed { tombstone, task }: Trashed) -> Self {
        Self {
            task: task.into(),
            deleted_at: tombstone.at,
            change: tombstone.seq,
            batch: tombstone.unit,
            by: AuthorView::of(&tombstone.author),
        }
    }
}

/// Changes to undo: `change`, `batch`, or `since` and `credential`.
#[derive(Debug, Object)]
#[oai(example, deny_unknown_fields)]
struct UndoBody {
    /// Number of one change, from the history of a task or from the trash.
    #[oai(validator(minimum(value = "1")))]
    change: Option<u64>,
    /// Number of a batch, from the history of a task or from the trash: all changes of one request or import.
    #[oai(validator(minimum(value = "1")))]
    batch: Option<u64>,
    /// Time since which all changes by `credential` are undone.
    since: Option<String>,
    /// Id of a session or of a personal token, from the history of a task.
    credential: Option<String>,
    /// If true, fields that have been edited since keep their values, and the rest is undone. If false, the default,
    /// nothing is undone if there are any.
    skip: Option<bool>,
}

impl Example for UndoBody {
    fn example() -> Self {
        Self {
            change: None,
            batch: Some(5),
            since: None,
            credential: None,
            skip: Some(true),
        }
    }
}

/// Task with fields that keep the values that they have got since.
#[derive(Debug, Object, Serialize)]
struct KeptView {
    /// Id of the task.
    id: u64,
    /// Names of the fields. `deleted`: the task was deleted since. `subtasks`: the task has got subtasks since. `history`:
    /// earlier changes of the task are forgotten.
    fields: Vec<String>,
}

/// Result of undoing.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
struct UndoView {
    /// Number of the batch of the new changes, by which they can be undone in turn. Null if nothing changed, or with
    /// `dry_run`.
    #[oai(nullable)]
    batch: Option<u64>,
    /// Number of tasks that have former values again.
    changed: u64,
    /// Number of deleted tasks that are restored.
    restored: u64,
    /// Number of created tasks that are deleted.
    deleted: u64,
    /// Tasks with fields that have been edited since, at most 100.
    kept: Vec<KeptView>,
    /// Number of all such tasks.
    kept_total: u64,
}

impl Example for UndoView {
    fn example() -> Self {
        let (batch, kept) = (Some(12), Vec::new());
        Self { batch, changed: 1, restored: 0, deleted: 0, kept, kept_total: 0 }
    }
}

impl From<UndoReport> for UndoView {
    fn from(report: UndoReport) -> Self {
        let UndoReport { batch, changed, restored, deleted, kept, kept_total } = report;
        let kept = kept.into_iter();
        let kept = kept.map(|it| KeptView { id: it.id.get(), fields: it.fields });
        Self { batch, changed, restored, deleted, kept: kept.collect(), kept_total }
    }
}

#[derive(ApiResponse)]
enum Trash {
    /// Deleted tasks, the last deletion first.
    #[oai(status = 200)]
    Listed(
        Rendered<Vec<TrashView>>,
        /// Number of deleted tasks in the whole trash.
        #[oai(header = "X-Total-Count")]
        u64,
        /// Next page ([RFC 8288](https://www.rfc-editor.org/rfc/rfc8288)).
        #[oai(header = "Link")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum Emptied {
    /// The tasks are deleted for good.
    #[oai(status = 204)]
    Emptied(
        /// Number of deleted tasks.
        #[oai(header = "X-Deleted-Count")]
        u64,
    ),
}

#[derive(ApiResponse)]
enum Purged {
    /// The task is deleted for good.
    #[oai(status = 204)]
    Purged,
}

#[derive(ApiResponse)]
enum Restored {
    /// The task; with `dry_run`, the task as it would be.
    #[oai(status = 200)]
    Restored(
        Json<TaskJson>,
        /// Revision of the task, in quotes.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Undone {
    /// The changes are undone; with `dry_run`, what would be.
    #[oai(status = 200)]
    Undone(Json<UndoView>),
}

impl Undone {
    fn of(report: UndoReport) -> Self {
        Self::Undone(Json(report.into()))
    }
}

impl Restored {
    fn of(task: Task) -> Self {
        let etag = etag::of(task.revision);
        Self::Restored(Json(TaskJson::new(task)), etag)
    }
}

/// Converts an error of undoing to a problem, with the tasks that were edited since.
fn undo_problem(error: Error) -> Problem {
    let Error::EditedSince(report) = &error else { return error.into() };
    let UndoView { kept, kept_total, .. } = report.clone().into();
    let kept = serde_json::to_value(kept).unwrap_or_default();
    Problem::from(error)
        .with_member("kept", kept)
        .with_member("kept_total", kept_total.into())
}

/// Handlers of the history, the trash and undoing.
pub(in crate::http) struct HistoryApi;

#[OpenApi(tag = "Api::History")]
impl HistoryApi {
    /// Show the history of a task
    ///
    /// Returns the changes of a task, also of a deleted one that can be restored, the last one first: at most 200, and
    /// those of the last `HISTORY_DAYS`. Fields are named as in a task.
    #[oai(path = "/tasks/:id/history", method = "get", operation_id = "task_history")]
    async fn history(
        &self,
        caller: Authenticated<TasksRead>,
        room: Room,
        service: Data<&Service>,
        /// Id of the task.
        id: Path<TaskIdParam>,
    ) -> Result<Rendered<Vec<HistoryView>>, Problem> {
        let history = service.task_history(&caller.0, id.0.parse()?).await?;
        let memory = history.entries.len().saturating_mul(2 * history.task.memory());
        let share = room.take(memory)?;
        let changes = HistoryView::all(history);
        room.render(Some(share), ["", ""], changes.into_iter()).await
    }

    /// Restore a deleted task
    ///
    /// The task has its id, its uid and its history again, and with it come the subtasks that were deleted by the same
    /// request. Without its former parent it is a top-level task, and without its former list it is in the default list.
    /// A task that is not deleted stays as it is.
    #[oai(path = "/tasks/:id/restore", method = "post", operation_id = "task_restore")]
    async fn restore(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        /// Id of the task.
        id: Path<TaskIdParam>,
        /// If true, validates the request and returns the result that it would have, without changing anything.
        dry_run: Query<Option<FlagParam>>,
        key: IdempotencyHeader,
    ) -> Result<Reply<Restored>, Problem> {
        let (id, dry_run) = Problem::both(id.0.parse(), preconditions::is_dry(&dry_run))?;
        let key = key.unless(dry_run).key();
        let work = |recorder| service.task_restore(&caller.0, id, dry_run, recorder);
        let task = service.once(&caller.0, key, work).await;
        Ok(Reply::of(task.map_err(view::problem)?, Restored::of))
    }

    /// List the trash
    ///
    /// Returns deleted tasks, the last deletion first, until they are `TRASH_DAYS` old. Follow `Link` for more.
    #[oai(path = "/trash", method = "get", operation_id = "trash_list")]
    async fn trash(
        &self,
        caller: Authenticated<TasksRead>,
        room: Room,
        service: Data<&Service>,
        site: Data<&Site>,
        /// Only deletions before the one with this number, as given in `Link`.
        before: Query<Option<NumberParam>>,
        /// Maximum number of tasks to return.
        limit: Query<Option<LimitParam>>,
    ) -> Result<Trash, Problem> {
        let mut faults = Faults::default();
        let limit = faults.take("limit", LimitParam::parse(limit.0.as_ref()));
        let before = faults.take("before", NumberParam::parse(before.0.as_ref()));
        let (Some(limit), Some(before)) = (limit, before) else {
            return Err(faults.into_problem());
        };
        let page = service.trash_list(&caller.0, before, limit.into()).await?;
        let last = page.tasks.last().filter(|_| page.more);
        let link = last.map(|last| {
            let (prefix, before) = (&site.api_prefix, last.tombstone.seq);
            format!("<{prefix}/trash?before={before}&limit={limit}>; rel=\"next\"")
        });
        let share = room.take(page.tasks.iter().map(|it| it.task.memory()).sum())?;
        let tasks = page.tasks.into_iter().map(TrashView::from);
        let tasks = room.render(Some(share), ["", ""], tasks).await?;
        Ok(Trash::Listed(tasks, page.total, link))
    }

    /// Empty the trash
    ///
    /// Deletes all deleted tasks for good, with their history.
    #[oai(path = "/trash", method = "delete", operation_id = "trash_empty")]
    async fn empty(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        key: IdempotencyHeader,
    ) -> Result<Reply<Emptied>, Problem> {
        let work = |recorder| service.trash_empty(&caller.0, recorder);
        let count = service.once(&caller.0, key.key(), work).await?;
        Ok(Reply::of(count, Emptied::Emptied))
    }

    /// Delete a task for good
    ///
    /// Removes a deleted task from the trash, with its history. It cannot be restored any more.
    #[oai(path = "/trash/:id", method = "delete", operation_id = "trash_delete")]
    async fn purge(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        /// Id of the deleted task.
        id: Path<TaskIdParam>,
        key: IdempotencyHeader,
    ) -> Result<Reply<Purged>, Problem> {
        let (id, key) = (id.0.parse()?, key.key());
        let work = |recorder| service.trash_delete(&caller.0, id, recorder);
        let done = service.once(&caller.0, key, work).await?;
        Ok(Reply::of(done, |()| Purged::Purged))
    }

    /// Undo changes
    ///
    /// Undoes one change, a batch, or all changes of tasks by a session or personal token since a time, as new changes.
    /// A field gets its former value if it still has the value that the change has set; a deleted task is restored, and a
    /// created one is deleted. Many tasks are undone in several steps: if the request is interrupted, send it again, and
    /// it goes on.
    #[oai(path = "/undo", method = "post", operation_id = "change_undo")]
    async fn undo(
        &self,
        caller: Authenticated<TasksWrite>,
        service: Data<&Service>,
        /// If true, returns the result that the request would have, without changing anything.
        dry_run: Query<Option<FlagParam>>,
        key: IdempotencyHeader,
        body: Json<UndoBody>,
    ) -> Result<Reply<Undone>, Problem> {
        let dry_run = preconditions::is_dry(&dry_run)?;
        let UndoBody { change, batch, since, credential, skip } = body.0;
        let skip = skip.unwrap_or(false);
        let input = UndoInput { change, batch, since, credential, skip };
        let key = key.unless(dry_run).key();
        let work = |recorder| service.undo(&caller.0, input, dry_run, recorder);
        let report = service.once(&caller.0, key, work).await;
        Ok(Reply::of(report.map_err(undo_problem)?, Undone::of))
    }
}
