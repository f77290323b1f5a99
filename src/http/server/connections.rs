//! Connections of a server, shared by the server that accepts them and the metrics.

use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;

use super::connection_limiter::{ConnectionLimiter, ConnectionMetrics};
use crate::config::Limits;
use crate::domain::network::LogNetworks;
use crate::http::address::TrustedProxies;

/// All connections of a server. Clones share state.
#[derive(Clone)]
pub struct Connections(pub(super) Arc<ConnectionLimiter>);

impl Connections {
    /// Returns an empty set. Connections of trusted proxies count as many clients.
    pub fn new(limits: &Limits, trusted: &[IpNet], networks: LogNetworks) -> Self {
        let trusted = TrustedProxies(trusted.to_vec());
        Self(Arc::new(ConnectionLimiter::new(limits, trusted, networks)))
    }

    /// Returns the numbers of open connections and the totals of past ones.
    pub fn metrics(&self) -> ConnectionMetrics {
        self.0.metrics()
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}
