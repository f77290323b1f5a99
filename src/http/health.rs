//! Whether the server runs, and whether it can serve.

use poem::web::Data;
use poem_openapi::{Enum, Object, OpenApi};
use serde::Serialize;

use super::payload::Json;
use super::problem::Problem;
use super::{Api, Site};
use crate::service::Service;

/// At the root, for those who watch the server.
pub(super) struct RootHealth;

/// The first of them again under the base path of the API.
pub(super) struct BaseHealth;

/// Says which server this is.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
struct Health {
    /// Always `ok`: a server that is not would not answer.
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

/// An answer to a probe.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
struct Probe {
    /// Always `ok`: anything else is an error answer.
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
    /// Say which server this is
    #[oai(
        path = "/health",
        method = "get",
        operation_id = "health_get",
        tag = "Api::Health"
    )]
    async fn get(&self, site: Data<&Site>) -> Result<Json<Health>, Problem> {
        Ok(Json(Health::of(site.0)))
    }

    /// Say that the process runs
    ///
    /// For a supervisor: if there is no answer, the process has to be started again.
    #[oai(
        path = "/health/live",
        method = "get",
        operation_id = "health_live",
        tag = "Api::Health"
    )]
    async fn live(&self) -> Result<Json<Probe>, Problem> {
        Ok(Json(Probe { status: Status::Ok }))
    }

    /// Say whether requests can be served
    ///
    /// For a load balancer: reads the store and sees that its writer is alive. 503 while the server stops.
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
    ) -> Result<Json<Probe>, Problem> {
        if site.stopping.is_set() {
            return Err(Problem::stopping());
        }
        service.ready().await?;
        Ok(Json(Probe { status: Status::Ok }))
    }
}

#[OpenApi]
impl BaseHealth {
    /// Say which server this is
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
