//! Limits on connections and on requests through proxies, in total and per network.

mod alarm;
mod book;
mod events;
mod slab;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use poem::http::HeaderMap;
use tokio::sync::Notify;

use self::alarm::{Alarm, Counts};
use self::book::{Book, Entry, Key};
pub use self::events::ConnectionMetrics;
use self::events::Events;
use super::listener::Peer;
use crate::config::Limits;
use crate::domain::network::{Block, LogNetworks};
use crate::http::address::TrustedProxies;

/// Allocator of places for connections; also counts requests through trusted proxies by client.
pub(super) struct ConnectionLimiter {
    trusted: TrustedProxies,
    connections: Mutex<(Book<Arc<Notify>>, Alarm)>,
    requests: Arc<Mutex<(Book<()>, Alarm)>>,
    /// Notified when a waiting connection may try again.
    changed: Notify,
    events: Events,
}

/// Outcome for a new connection.
pub(super) enum Admission {
    /// Admitted.
    In(Arc<Seat>),
    /// Refused, since its network is at its limit.
    Refused,
    /// Not admitted yet; may wait for a place.
    Full,
}

impl ConnectionLimiter {
    pub(super) fn new(
        limits: &Limits,
        trusted: TrustedProxies,
        networks: LogNetworks,
    ) -> Self {
        let (places, share) = (limits.connections, limits.connections_per_network);
        Self {
            trusted,
            connections: Mutex::new((Book::new(places, share), Alarm::new(networks))),
            requests: Arc::new(Mutex::new((
                Book::new(places, share),
                Alarm::new(networks),
            ))),
            changed: Notify::new(),
            events: Events::default(),
        }
    }

    /// Returns the numbers of open connections and the totals of past ones.
    pub(super) fn metrics(&self) -> ConnectionMetrics {
        let (taken, waiting, places) = {
            let book = &lock(&self.connections).0;
            (book.taken(), book.idle(), book.places())
        };
        self.events.metrics(taken, waiting, places)
    }

    /// Admits a connection if a place is free or can be freed. A trusted proxy or a Unix socket stands for many
    /// clients, so each of its connections counts as a separate network. `again` marks a retry after waiting.
    pub(super) fn enter(self: &Arc<Self>, peer: Peer, again: bool) -> Admission {
        let client = peer.ip().filter(|ip| !self.trusted.include(*ip));
        let blocks = client.map(Block::around).unwrap_or_default();
        let closing = Arc::new(Notify::new());
        let mut connections = lock(&self.connections);
        let (book, alarm) = &mut *connections;
        let mut counts = Counts::default();
        let admission = match book.enter(&blocks, Arc::clone(&closing)) {
            Entry::In(key, evicted) => {
                counts.evicted = close(&evicted);
                Admission::In(Arc::new(Seat::new(Arc::clone(self), key, closing)))
            }
            Entry::Refused(evicted) => {
                counts.evicted = close(&evicted);
                counts.refused = 1;
                Admission::Refused
            }
            Entry::Full => {
                counts.waiting = usize::from(!again);
                Admission::Full
            }
        };
        self.events.add(&admission, counts);
        if let Some(counts) = alarm.count(counts, Instant::now()) {
            alarm.warn("connections", book.taken(), counts, book.busiest());
        }
        admission
    }

    /// Waits until a retry may succeed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Counts a request through a trusted proxy until the returned guard is dropped. `None` if its client has too many.
    pub(super) fn request(&self, peer: Peer, headers: &HeaderMap) -> Option<Request> {
        let counted = |key| Request { key, requests: Arc::clone(&self.requests) };
        let Some(client) = self.trusted.client_of_proxy(peer.ip(), headers) else {
            return Some(counted(None));
        };
        let mut requests = lock(&self.requests);
        let (book, alarm) = &mut *requests;
        let blocks = Block::around(client);
        let mut counts = Counts::default();
        let key = match book.enter(&blocks, ()) {
            // No owner ever waits here.
            Entry::In(key, _) => Some(key).filter(|key| book.is_served(*key)),
            Entry::Refused(_) | Entry::Full => None,
        };
        counts.refused = usize::from(key.is_none());
        if let Some(counts) = alarm.count(counts, Instant::now()) {
            alarm.warn("requests through proxies", book.taken(), counts, book.busiest());
        }
        key.map(|key| counted(Some(key)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Guard of a request; counts it, if it came through a trusted proxy, until dropped.
pub(super) struct Request {
    key: Option<Key>,
    requests: Arc<Mutex<(Book<()>, Alarm)>>,
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            lock(&self.requests).0.leave(key);
        }
    }
}

/// Guard of a connection's place; released when dropped.
pub(super) struct Seat {
    limiter: Arc<ConnectionLimiter>,
    key: Key,
    closing: Arc<Notify>,
    /// Number of requests whose responses are not sent.
    requests: AtomicUsize,
    waits: AtomicBool,
}

impl Seat {
    const fn new(
        limiter: Arc<ConnectionLimiter>,
        key: Key,
        closing: Arc<Notify>,
    ) -> Self {
        Self {
            limiter,
            key,
            closing,
            requests: AtomicUsize::new(0),
            waits: AtomicBool::new(true),
        }
    }

    /// Waits until the place is lost to another connection.
    pub(super) async fn lost(&self) {
        self.closing.notified().await;
    }

    /// Marks the place as serving a request until the returned guard is dropped. `None` if the place is lost.
    pub(super) fn serve(self: &Arc<Self>) -> Option<Serving> {
        if self.requests.fetch_add(1, Ordering::AcqRel) == 0 {
            self.waits.store(false, Ordering::Release);
        }
        let serving = Serving(Arc::clone(self));
        lock(&self.limiter.connections).0.is_served(self.key).then_some(serving)
    }

    /// Reports that all written data is flushed.
    pub(super) fn is_flushed(&self) {
        if self.requests.load(Ordering::Acquire) == 0
            && !self.waits.swap(true, Ordering::AcqRel)
        {
            let mut connections = lock(&self.limiter.connections);
            connections.0.waits(self.key);
            self.limiter.tell(&connections.0);
        }
    }
}

impl ConnectionLimiter {
    /// Lets a waiting connection try again, after a place was released or became evictable.
    fn tell(&self, book: &Book<Arc<Notify>>) {
        if book.is_full() {
            self.changed.notify_one();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut connections = lock(&self.limiter.connections);
        self.limiter.tell(&connections.0);
        connections.0.leave(self.key);
    }
}

/// Guard of a request that is being served.
pub(super) struct Serving(Arc<Seat>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Notifies connections that have lost their places, and returns their number.
fn close(evicted: &[Arc<Notify>]) -> usize {
    for closing in evicted {
        closing.notify_one();
    }
    evicted.len()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limiter(connections: usize) -> Arc<ConnectionLimiter> {
        let limits = Limits {
            connections,
            connections_per_network: connections,
            header_timeout: Duration::from_secs(1),
            body_timeout: Duration::from_secs(1),
            request_timeout: Duration::from_secs(1),
            shutdown: Duration::from_secs(1),
            header_bytes: 1024,
            body_bytes: 1024,
        };
        Arc::new(ConnectionLimiter::new(
            &limits,
            TrustedProxies(Vec::new()),
            LogNetworks::Off,
        ))
    }

    fn enter(limiter: &Arc<ConnectionLimiter>, network: u8) -> Admission {
        limiter.enter(Peer(Some(([10, network, 0, 1], 4711).into())), false)
    }

    #[test]
    fn an_answer_makes_no_room_until_the_last_of_it_has_left() {
        let limiter = limiter(1);
        let Admission::In(seat) = enter(&limiter, 1) else { panic!("no place") };
        let (first, second) = (seat.serve().unwrap(), seat.serve().unwrap());

        seat.is_flushed();
        assert!(matches!(enter(&limiter, 2), Admission::Full));
        drop(first);
        seat.is_flushed();
        assert!(matches!(enter(&limiter, 2), Admission::Full));
        drop(second);
        assert!(matches!(enter(&limiter, 2), Admission::Full));
        seat.is_flushed();

        let Admission::In(_other) = enter(&limiter, 2) else { panic!("no place") };
        assert!(seat.serve().is_none());
    }
}
