//! The address where the server exposes its metrics.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use super::CommandError;
use crate::config::{Config, Listen};
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

/// Binds that address, if the settings name one.
pub(super) async fn listen(config: &Config) -> Result<Option<Listener>, CommandError> {
    let Some(address) = &config.metrics_listen else { return Ok(None) };
    let failed = |cause| {
        CommandError::io(format!("cannot listen for metrics on {address}"))(cause)
    };
    let listener = match Listener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => return Err(failed(error)),
    };
    if let Listen::Unix(path) = address {
        // Open to the own group at most, whatever the umask.
        std::fs::set_permissions(path, Permissions::from_mode(0o660)).map_err(failed)?;
    }
    Ok(Some(listener))
}

/// Reports the address, and whether it is open to others.
pub(super) fn tell(listener: &Listener) -> Result<(), CommandError> {
    let unknown = CommandError::io("could not determine the metrics address");
    let address = listener.local_addr().map_err(unknown)?.to_string();
    let address = address.trim_start_matches("socket://");
    tracing::info!(address, "serving metrics at /metrics");
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
            "other machines can read the metrics without logging in: set METRICS_LISTEN to a loopback address, unless you intend this"
        );
    }
    Ok(())
}
