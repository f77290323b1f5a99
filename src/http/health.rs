//! Liveness and readiness of the server.

use std::time::Duration;

use poem::web::Data;
use poem_openapi::{Enum, Object, OpenApi};
use serde::Serialize;

use super::payload::Json;
use super::problem::Problem;
use super::{Api, Site, example_time};
use crate::domain::timestamp::Timestamp;
use crate::service::Service;
use crate::service::backups::{BackupHealth, BackupResult, BackupState};

/// Health checks at the root, for monitoring.
pub(super) struct RootHealth;

/// The first of these checks, repeated under the base path of the API.
pub(super) struct BaseHealth;

/// Name and version of the server.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
struct Health {
    /// Always `ok`: an unhealthy server would not respond.
    status: Status,
    /// Name of this installation, as configured.
    environment: String,
    /// Version of the program.
    version: String,
}

impl poem_openapi::types::Example for Health {
    fn example() -> Self {
        Self {
            status: Status::Ok,
            environment: "development".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Response to a probe.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
struct Probe {
    /// Always `ok`: any other state is an error response.
    status: Status,
}

impl poem_openapi::types::Example for Probe {
    fn example() -> Self {
        Self { status: Status::Ok }
    }
}

#[derive(Debug, Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
}

/// Response to the readiness probe.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
struct Readiness {
    /// `ok`, or `degraded`: requests are served, and an operator should check the backups.
    status: ReadyStatus,
    /// Status of scheduled backups; absent if there are none.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    backup: Option<Backup>,
}

impl poem_openapi::types::Example for Readiness {
    fn example() -> Self {
        let verified_at = Some(example_time());
        let state = BackupState { verified_at, result: BackupResult::Verified };
        let age = Some(Duration::from_secs(3600));
        BackupHealth { state, age, is_degraded: false }.into()
    }
}

#[derive(Debug, Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum ReadyStatus {
    Ok,
    Degraded,
}

/// Status of scheduled backups.
#[derive(Debug, Object, Serialize)]
struct Backup {
    /// Result of the last attempt: `verified`, `failed`, or `none` if there was no attempt yet.
    result: Outcome,
    /// Time of the newest verified backup; null if there is none.
    #[oai(nullable)]
    verified_at: Option<Timestamp>,
    /// Age of that backup, in seconds; null if there is none.
    #[oai(nullable)]
    age_seconds: Option<u64>,
}

#[derive(Debug, Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum Outcome {
    None,
    Verified,
    Failed,
}

impl From<BackupHealth> for Readiness {
    fn from(health: BackupHealth) -> Self {
        let BackupHealth { state, age, is_degraded } = health;
        Self {
            status: if is_degraded { ReadyStatus::Degraded } else { ReadyStatus::Ok },
            backup: Some(Backup {
                result: match state.result {
                    BackupResult::None => Outcome::None,
                    BackupResult::Verified => Outcome::Verified,
                    BackupResult::Failed => Outcome::Failed,
                },
                verified_at: state.verified_at,
                age_seconds: age.map(|age| age.as_secs()),
            }),
        }
    }
}

impl Health {
    fn of(site: &Site) -> Self {
        Self {
            status: Status::Ok,
            environment: site.environment.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

#[OpenApi]
impl RootHealth {
    /// Show the name and version of the server
    #[oai(
        path = "/health",
        method = "get",
        operation_id = "health_get",
        tag = "Api::Health"
    )]
    async fn get(&self, site: Data<&Site>) -> Result<Json<Health>, Problem> {
        Ok(Json(Health::of(site.0)))
    }

    /// Check that the process runs
    ///
    /// For a supervisor: restart the process if it does not respond.
    #[oai(
        path = "/health/live",
        method = "get",
        operation_id = "health_live",
        tag = "Api::Health"
    )]
    async fn live(&self) -> Result<Json<Probe>, Problem> {
        Ok(Json(Probe { status: Status::Ok }))
    }

    /// Check that requests can be served
    ///
    /// For a load balancer: reads the store and checks that its writer is alive. Responds with 503 while the
    /// server stops. The status is `degraded` if a backup failed or is overdue: the server works, and an operator
    /// should check the backups.
    #[oai(
        path = "/health/ready",
        method = "get",
        operation_id = "health_ready",
        tag = "Api::Health"
    )]
    async fn ready(
        &self,
        service: Data<&Service>,
        site: Data<&Site>,
    ) -> Result<Json<Readiness>, Problem> {
        if site.stopping.is_cancelled() {
            return Err(Problem::stopping());
        }
        let backup = service.ready().await?;
        let ready = Readiness { status: ReadyStatus::Ok, backup: None };
        Ok(Json(backup.map_or(ready, Readiness::from)))
    }
}

#[OpenApi]
impl BaseHealth {
    /// Show the name and version of the server
    #[oai(
        path = "/health",
        method = "get",
        operation_id = "api_health_get",
        tag = "Api::Health"
    )]
    async fn get(&self, site: Data<&Site>) -> Result<Json<Health>, Problem> {
        Ok(Json(Health::of(site.0)))
    }
}
