//! `admin/audit`

use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Serialize;

use super::caller::Authenticated;
use super::param::{Faults, LimitParam, SkipParam};
use super::payload::Json;
use super::problem::Problem;
use super::{Api, Site, param};
use crate::auth::permission::Admin;
use crate::domain::audit::{Actor, AuditRecord};
use crate::domain::id::UserId;
use crate::domain::page::AuditPage;
use crate::domain::timestamp::Timestamp;
use crate::service::Service;

/// Handlers for audit records.
pub(super) struct AuditApi;

/// An administrative action, with its actor, target and time.
#[derive(Object, Serialize)]
#[oai(example)]
struct AuditView {
    /// Identifier; increases with each record.
    id: u64,
    /// Time of the action.
    at: Timestamp,
    /// Id of the administrator who acted; null for the operator of the server.
    #[oai(nullable)]
    actor_id: Option<u64>,
    /// Name of the action. Later versions may add more.
    action: String,
    /// Id of the affected account; null if none. The account may have been deleted since.
    #[oai(nullable)]
    target_id: Option<u64>,
}

impl Example for AuditView {
    fn example() -> Self {
        Self {
            id: 1,
            at: super::example_time(),
            actor_id: Some(1),
            action: "user_disabled".to_owned(),
            target_id: Some(2),
        }
    }
}

impl From<AuditRecord> for AuditView {
    fn from(record: AuditRecord) -> Self {
        Self {
            id: record.id,
            at: record.act.at,
            actor_id: match record.act.actor {
                Actor::Operator => None,
                Actor::Admin(id) => Some(id.get()),
            },
            action: record.action.as_str().to_owned(),
            target_id: record.target.map(UserId::get),
        }
    }
}

#[derive(ApiResponse)]
enum Listed {
    /// One page of records, newest first.
    #[oai(status = 200)]
    Listed(
        Json<Vec<AuditView>>,
        /// Number of records on all pages.
        #[oai(header = "X-Total-Count")]
        u64,
        /// Link to the next page, if there is one ([RFC 8288](https://www.rfc-editor.org/rfc/rfc8288)).
        #[oai(header = "Link")]
        Option<String>,
    ),
}

#[OpenApi(prefix_path = "/admin/audit", tag = "Api::Admin")]
impl AuditApi {
    /// List actions of administrators and the operator, newest first
    ///
    /// The latest 100,000 records are kept.
    #[oai(path = "/", method = "get", operation_id = "audit_list")]
    async fn list(
        &self,
        caller: Authenticated<Admin>,
        service: Data<&Service>,
        site: Data<&Site>,
        /// Number of records to skip.
        skip: Query<Option<SkipParam>>,
        /// Maximum number of records to return.
        limit: Query<Option<LimitParam>>,
    ) -> Result<Listed, Problem> {
        let mut faults = Faults::default();
        let page = param::page(&mut faults, skip.0.as_ref(), limit.0.as_ref());
        let Some(page) = page else { return Err(faults.into_problem()) };
        let AuditPage { records, total } = service.audit_list(&caller.0, page).await?;
        let path = format!("{}/admin/audit", site.api_prefix);
        let link = param::next_page(&path, "", page, total);
        let records = records.into_iter().map(AuditView::from).collect();
        Ok(Listed::Listed(Json(records), total, link))
    }
}
