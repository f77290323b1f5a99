//! `GET /tasks/changes`

use std::time::Duration;

use poem::Request;
use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::types::Example;
use poem_openapi::{Enum, Object, OpenApi};
use serde::Serialize;

use super::view::TaskView;
use crate::auth::permission::TasksRead;
use crate::domain::task::{Changed, Gone, Tombstone};
use crate::domain::timestamp::Timestamp;
use crate::http::caller::Authenticated;
use crate::http::lists::ListView;
use crate::http::param::{ChangeLimitParam, CursorParam, Faults, KindParam, WaitParam};
use crate::http::payload::Rendered;
use crate::http::problem::Problem;
use crate::http::response_memory::Room;
use crate::http::server::ConnectionTurn;
use crate::http::users::UserView;
use crate::http::{Api, Site};
use crate::service::{Changes, ChangesAsked, Service};

/// Handler for changes.
pub(in crate::http) struct ChangesApi;

/// Type of a change.
#[derive(Clone, Copy, Debug, Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum ChangeOp {
    /// The object was created or changed. The change holds all of it.
    Put,
    /// The object was deleted.
    Delete,
}

/// Last change of an object.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub(super) struct ChangeView {
    /// `put` or `delete`.
    op: ChangeOp,
    /// Kind of object: `task`, `list` or `account`. Ignore changes of other kinds.
    kind: String,
    /// The task, for `put`.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<TaskView>,
    /// The list, for `put`, without the counts of its tasks: a change of a task is no change of its list.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<ListView>,
    /// The account, for `put`.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<UserView>,
    /// Id of the deleted object.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    /// Uid of the deleted task.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<String>,
    /// Time of the deletion.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
}

impl ChangeView {
    /// Returns `put` or `delete`.
    pub(super) const fn op_name(&self) -> &'static str {
        match self.op {
            ChangeOp::Put => "put",
            ChangeOp::Delete => "delete",
        }
    }

    fn of(op: ChangeOp, kind: &str) -> Self {
        let kind = kind.to_owned();
        Self {
            op,
            kind,
            task: None,
            list: None,
            account: None,
            id: None,
            uid: None,
            at: None,
        }
    }
}

impl Example for ChangeView {
    fn example() -> Self {
        Self { task: Some(TaskView::example()), ..Self::of(ChangeOp::Put, "task") }
    }
}

impl From<Changed> for ChangeView {
    fn from(changed: Changed) -> Self {
        match changed {
            Changed::Task(task) => {
                Self { task: Some(task.into()), ..Self::of(ChangeOp::Put, "task") }
            }
            Changed::Account(user) => {
                Self { account: Some(user.into()), ..Self::of(ChangeOp::Put, "account") }
            }
            Changed::List(list) => {
                Self { list: Some(list.into()), ..Self::of(ChangeOp::Put, "list") }
            }
            Changed::Deleted(Tombstone { of, at, .. }) => {
                let (kind, id, uid) = match of {
                    Gone::Task(id, uid) => {
                        ("task", id.get(), Some(uid.as_str().to_owned()))
                    }
                    Gone::List(id) => ("list", id.get(), None),
                };
                let (id, at) = (Some(id), Some(at));
                Self { id, uid, at, ..Self::of(ChangeOp::Delete, kind) }
            }
        }
    }
}

/// Changes, in their order.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
struct ChangesView {
    /// Changes. An object occurs once, as of its last change.
    changes: Vec<ChangeView>,
    /// Cursor to pass as `since` in the next request.
    cursor: String,
    /// Whether there are more changes: ask again at once.
    more: bool,
}

impl Example for ChangesView {
    fn example() -> Self {
        let cursor = "c1.9cCqtkVJ8wXQ".to_owned();
        Self { changes: vec![ChangeView::example()], cursor, more: false }
    }
}

#[OpenApi(prefix_path = "/tasks", tag = "Api::Tasks")]
impl ChangesApi {
    /// List changes since a cursor
    ///
    /// For clients that keep a copy of the tasks. Begin without `since`: the responses have everything, lists first. Apply
    /// each change to the copy, keep `cursor` with it, and ask again with `since`. Changes come in their order, none is
    /// left out, and each change is in the response to the first request after it. A task that changes while you read
    /// comes again.
    ///
    /// With 410 `resync_required`, drop the copy and begin without `since`: the cursor is older than the deletions that the
    /// server remembers, it was read with other `kinds`, or the data were restored from a backup.
    #[oai(path = "/changes", method = "get", operation_id = "task_changes")]
    #[expect(clippy::too_many_arguments, reason = "there are as many parameters")]
    async fn list(
        &self,
        caller: Authenticated<TasksRead>,
        room: Room,
        service: Data<&Service>,
        site: Data<&Site>,
        request: &Request,
        /// `cursor` of the last response. Without it, the response begins with the oldest change of every object.
        since: Query<Option<CursorParam>>,
        /// Maximum number of changes to return.
        limit: Query<Option<ChangeLimitParam>>,
        /// Seconds to wait for a change if there is none.
        wait: Query<Option<WaitParam>>,
        /// Only changes of objects of this kind: `task`, `list` or `account`. If repeated, of these kinds.
        kinds: Query<Vec<KindParam>>,
    ) -> Result<Rendered<ChangesView>, Problem> {
        let mut faults = Faults::default();
        let limit = faults.take("limit", ChangeLimitParam::parse(limit.0.as_ref()));
        let wait = faults.take("wait", WaitParam::parse(wait.0.as_ref()));
        let kinds = faults.take("kinds", KindParam::parse(&kinds.0));
        let (Some(limit), Some(wait), Some(kinds)) = (limit, wait, kinds) else {
            return Err(faults.into_problem());
        };
        let since = since.0.map(CursorParam::into_string);
        let wait = Duration::from_secs(wait.into());
        let asked = ChangesAsked { since, limit, wait, kinds };
        let ended = async {
            if let Some(turn) = request.data::<ConnectionTurn>() {
                turn.give_back();
            }
            site.stopping.cancelled().await;
        };
        let Changes { changes, cursor, more } =
            service.change_list(&caller.0, asked, ended).await?;
        let share = room.take(changes.iter().map(Changed::memory).sum())?;
        let end = format!(",\"cursor\":\"{cursor}\",\"more\":{more}}}");
        let changes = changes.into_iter().map(ChangeView::from);
        room.render(Some(share), ["{\"changes\":", &end], changes).await
    }
}
