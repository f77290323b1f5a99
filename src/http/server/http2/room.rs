//! Memory limits for HTTP/2 requests.
//!
//! A connection always has a place for one request. Further concurrent requests use memory that all connections share,
//! by network. When none is left, a few wait for the place of their connection, and the rest are refused so that
//! clients can retry them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use hyper::body::Body as _;
use hyper::header::{CONTENT_LENGTH, HeaderMap};
use hyper::{Request, body::Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::shares::{Holder, Limits, Most, Share, Shares};

/// Memory of a request besides its header and body, in bytes: its task, and a response short enough not to be counted.
const EACH: usize = 12 * 1024;

/// Memory of a body short enough not to be counted, in bytes.
const BODY: usize = 16 * 1024;

/// Maximum requests that wait for the place of their connection. Each holds a header.
const WAITING: usize = 3;

/// About 500 requests per network and 2,000 in total.
const LIMITS: Limits = Limits {
    little: 1 << 20,
    account: 8 << 20,
    network: Most { much: 8 << 20, all: 8 << 20 },
    total: Most { much: 24 << 20, all: 32 << 20 },
};

/// Memory that all connections share. Clones share it.
#[derive(Clone)]
pub(super) struct SharedRoom(Shares);

/// Room of one connection.
pub(super) struct Room {
    place: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    shared: SharedRoom,
    holder: Holder,
}

/// Room that a request holds until its response is sent.
pub(super) struct Held {
    _place: Option<OwnedSemaphorePermit>,
    _memory: Option<Share>,
}

/// Memory or a place for a request.
pub(super) enum Found {
    Now(Held),
    /// May wait for the place of its connection.
    Later(Turn),
}

/// Waiting request.
pub(super) struct Turn {
    place: Arc<Semaphore>,
    _waiting: OwnedSemaphorePermit,
}

impl Default for SharedRoom {
    fn default() -> Self {
        Self(Shares::new(LIMITS))
    }
}

impl SharedRoom {
    /// Returns the room of a connection from this address.
    pub(super) fn of_connection(&self, peer: Option<IpAddr>) -> Room {
        let address = peer.unwrap_or_else(|| Ipv4Addr::LOCALHOST.into());
        Room {
            place: Arc::new(Semaphore::new(1)),
            waiting: Arc::new(Semaphore::new(WAITING)),
            shared: self.clone(),
            holder: Holder::new(None, address),
        }
    }
}

impl Room {
    /// Finds room for a request of this many bytes. `None` if it is refused.
    pub(super) fn find(&self, bytes: usize) -> Option<Found> {
        if let Ok(place) = Arc::clone(&self.place).try_acquire_owned() {
            return Some(Found::Now(Held { _place: Some(place), _memory: None }));
        }
        if let Ok(share) = self.shared.0.take(self.holder, bytes) {
            return Some(Found::Now(Held { _place: None, _memory: Some(share) }));
        }
        let waiting = Arc::clone(&self.waiting).try_acquire_owned().ok()?;
        Some(Found::Later(Turn { place: Arc::clone(&self.place), _waiting: waiting }))
    }
}

impl Found {
    pub(super) async fn wait(self) -> Option<Held> {
        match self {
            Self::Now(held) => Some(held),
            Self::Later(turn) => {
                // Never closed.
                let place = turn.place.acquire_owned().await.ok()?;
                Some(Held { _place: Some(place), _memory: None })
            }
        }
    }
}

/// Returns the memory that a request may use, in bytes.
pub(super) fn memory(request: &Request<Incoming>) -> usize {
    let length = |headers: &HeaderMap| {
        let length = headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse::<usize>().ok();
        length.map(|length| length.min(BODY))
    };
    let body = if request.body().is_end_stream() {
        0
    } else {
        length(request.headers()).unwrap_or(BODY)
    };
    let line = request.uri().path().len() + request.uri().query().map_or(0, str::len);
    // The header size that RFC 9113, section 10.5.1 defines.
    let fields = request.headers().iter();
    let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + 32);
    EACH + body + line + fields.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(room: &Room, bytes: usize) -> Option<Held> {
        match room.find(bytes)? {
            Found::Now(held) => Some(held),
            Found::Later(_) => None,
        }
    }

    /// Fills the room with requests of `bytes` that are served at once, at most `most`.
    fn fill(room: &Room, bytes: usize, most: usize) -> Vec<Held> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(held) = now(room, bytes)
        {
            taken.push(held);
        }
        taken
    }

    #[tokio::test]
    async fn each_connection_has_a_place_and_a_few_wait_for_it_whatever_others_hold() {
        let shared = SharedRoom::default();
        let greedy = shared.of_connection(Some([192, 0, 2, 1].into()));
        let taken = fill(&greedy, EACH, usize::MAX);
        assert_eq!(taken.len(), 1 + LIMITS.account / EACH);

        let modest = shared.of_connection(Some([192, 0, 2, 1].into()));
        let own = now(&modest, EACH).unwrap();
        let waiting: Vec<_> = std::iter::from_fn(|| modest.find(EACH)).collect();
        assert_eq!(waiting.len(), WAITING);
        drop(own);
        let mut waiting = waiting.into_iter();
        assert!(waiting.next().unwrap().wait().await.is_some());

        let other = shared.of_connection(Some([192, 0, 2, 2].into()));
        assert_eq!(fill(&other, EACH, 100).len(), 100);
        drop(taken);
        assert_eq!(fill(&modest, EACH, 100).len(), 100);
    }

    #[test]
    fn many_networks_leave_room_for_some_requests_of_another() {
        let shared = SharedRoom::default();
        let mut taken = Vec::new();
        for network in 1..=20 {
            let greedy = shared.of_connection(Some([192, 0, 2, network].into()));
            taken.extend(fill(&greedy, 2 * LIMITS.little, usize::MAX));
        }
        let modest = shared.of_connection(Some([192, 0, 3, 1].into()));
        assert_eq!(fill(&modest, EACH, 50).len(), 50);
    }
}
