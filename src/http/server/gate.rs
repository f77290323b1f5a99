//! How many connections there may be, in all and from one network.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::listener::Peer;
use crate::domain::network::Network;
use crate::http::address::TrustedProxies;

/// Counts connections.
pub(super) struct Gate {
    places: Arc<Semaphore>,
    per_network: usize,
    trusted: TrustedProxies,
    networks: Arc<Mutex<HashMap<Network, usize>>>,
}

/// A place among all connections.
pub(super) type Place = Option<OwnedSemaphorePermit>;

/// A connection that was let in; counted until this is dropped.
pub(super) struct Ticket {
    _place: Place,
    network: Option<Network>,
    networks: Arc<Mutex<HashMap<Network, usize>>>,
}

impl Gate {
    pub(super) fn new(
        connections: usize,
        per_network: usize,
        trusted: TrustedProxies,
    ) -> Self {
        let places = Arc::new(Semaphore::new(connections));
        Self { places, per_network, trusted, networks: Arc::default() }
    }

    /// Waits for a place.
    pub(super) async fn place(&self) -> Place {
        // The semaphore is never closed.
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// Lets a connection in, unless its network has as many as it may. One trusted proxy stands for many
    /// clients, and so does a Unix socket.
    pub(super) fn enter(&self, place: Place, peer: &Peer) -> Option<Ticket> {
        let network = peer.ip().filter(|ip| !self.trusted.include(*ip)).map(Network::of);
        if let Some(network) = network {
            let mut networks =
                self.networks.lock().unwrap_or_else(PoisonError::into_inner);
            let count = networks.entry(network).or_insert(0);
            if *count >= self.per_network {
                return None;
            }
            *count += 1;
        }
        Some(Ticket { _place: place, network, networks: Arc::clone(&self.networks) })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Some(network) = self.network else { return };
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = networks.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                networks.remove(&network);
            }
        }
    }
}
