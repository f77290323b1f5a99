//! Turns of networks among lists and counts of tasks.
//!
//! A list that reads much waits for one of few permits, which accounts share (`store/redb/long_reads.rs`). One network
//! may have many accounts, and has at most [`AT_ONCE`] of these requests being answered: so there is always a permit
//! that others wait for alone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use poem::{FromRequest, Request, RequestBody};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::address::ClientAddress;
use super::problem::Problem;
use crate::domain::network::Block;

/// Requests of one network that are answered at once: one fewer than long reads in all.
const AT_ONCE: usize = 3;

/// Time that a request waits for its turn. A longer wait ends in 503.
const PATIENCE: Duration = Duration::from_secs(5);

/// Gives turns to networks: IPv4 addresses, or the /48 of IPv6 addresses. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<Block, Network>>>);

#[derive(Debug)]
struct Network {
    permits: Arc<Semaphore>,
    /// Requests that have a turn or wait for one: at most the connections of the network, and their HTTP/2 streams.
    asking: usize,
}

/// A turn of a list or of counts. An argument of its handler, after the caller. Ends with the handler.
pub(super) struct Turn {
    _permit: OwnedSemaphorePermit,
    _asking: Asking,
}

/// Counts one request of a network until it is dropped.
struct Asking {
    turns: Turns,
    network: Block,
}

impl Turns {
    async fn take(&self, address: IpAddr, patience: Duration) -> Option<Turn> {
        let (permits, asking) = self.ask(Block::site(address));
        let permit = match Arc::clone(&permits).try_acquire_owned() {
            Ok(permit) => permit,
            // Never closed.
            Err(_) => timeout(patience, permits.acquire_owned()).await.ok()?.ok()?,
        };
        Some(Turn { _permit: permit, _asking: asking })
    }

    fn ask(&self, network: Block) -> (Arc<Semaphore>, Asking) {
        let mut networks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = networks.entry(network).or_insert_with(|| Network {
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            asking: 0,
        });
        entry.asking += 1;
        (Arc::clone(&entry.permits), Asking { turns: self.clone(), network })
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut networks = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = networks.get_mut(&self.network) {
            entry.asking -= 1;
            if entry.asking == 0 {
                networks.remove(&self.network);
            }
        }
    }
}

impl<'a> FromRequest<'a> for Turn {
    async fn from_request(
        req: &'a Request,
        _body: &mut RequestBody,
    ) -> poem::Result<Self> {
        let turns = req.data::<Turns>().ok_or_else(Problem::internal)?;
        let turn = turns.take(ClientAddress::of(req).0, PATIENCE).await;
        Ok(turn.ok_or_else(Problem::too_many_requests_at_once)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn take(turns: &Turns, address: &str) -> Option<Turn> {
        turns.take(address.parse().unwrap(), Duration::ZERO).await
    }

    #[tokio::test]
    async fn a_network_has_three_turns_and_others_have_theirs() {
        let turns = Turns::default();
        let mut held = Vec::new();
        for number in 1..=AT_ONCE {
            let customer = format!("2001:db8:0:{number}::1");
            held.push(take(&turns, &customer).await.unwrap());
        }

        assert!(take(&turns, "2001:db8:0:ff::1").await.is_none());
        assert!(take(&turns, "2001:db8:1::1").await.is_some());
        assert!(take(&turns, "192.0.2.1").await.is_some());
        held.pop();
        assert!(take(&turns, "2001:db8:0:ff::1").await.is_some());
        drop(held);
        assert!(turns.0.lock().unwrap().is_empty());
    }
}
