//! The address where the server shows its numbers.

use super::CommandError;
use crate::config::Config;
use crate::http::metrics::Build;
use crate::http::server::Listener;

/// Version of this program.
pub(super) const BUILD: Build = Build {
    version: env!("CARGO_PKG_VERSION"),
    revision: match option_env!("GIT_SHA") {
        Some(commit) => commit,
        None => "",
    },
};

/// Listens there, if the settings name one.
pub(super) async fn listen(config: &Config) -> Result<Option<Listener>, CommandError> {
    let Some(address) = &config.metrics_listen else { return Ok(None) };
    let failed = CommandError::io(format!("cannot listen for metrics on {address}"));
    Listener::bind(address).await.map(Some).map_err(failed)
}

/// Says where that is, and whether others may come.
pub(super) fn tell(listener: &Listener) -> Result<(), CommandError> {
    let unknown = CommandError::io("the address of the metrics is unknown");
    let address = listener.local_addr().map_err(unknown)?.to_string();
    let address = address.trim_start_matches("socket://");
    tracing::info!(address, "metrics are at /metrics");
    let is_reached_by_others = match listener {
        Listener::Tcp(listener) => {
            let bound = listener.local_addr();
            bound.is_ok_and(|it| !it.ip().to_canonical().is_loopback())
        }
        Listener::Unix(..) => false,
    };
    if is_reached_by_others {
        tracing::warn!(
            address,
            "other machines may read the metrics, and nobody has to log in to: set METRICS_LISTEN to a loopback address, unless that is meant"
        );
    }
    Ok(())
}
