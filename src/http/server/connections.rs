//! The connections of a server, for the server that takes them in and for those who watch it.

use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;

use super::gate::{ConnectionMetrics, Gate};
use crate::config::Limits;
use crate::domain::network::LogNetworks;
use crate::http::address::TrustedProxies;

/// All connections of a server. Clones share them.
#[derive(Clone)]
pub struct Connections(pub(super) Arc<Gate>);

impl Connections {
    /// None yet. Those of trusted proxies stand for many clients.
    pub fn new(limits: &Limits, trusted: &[IpNet], networks: LogNetworks) -> Self {
        let trusted = TrustedProxies(trusted.to_vec());
        Self(Arc::new(Gate::new(limits, trusted, networks)))
    }

    /// Connections at this moment, and what became of those before.
    pub fn metrics(&self) -> ConnectionMetrics {
        self.0.metrics()
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}
