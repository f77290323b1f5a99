//! Turns of networks for lists and counts of tasks.
//!
//! A list that reads much waits for one of few permits, which accounts share (`store/redb/engine/long_reads.rs`). One network
//! may have many accounts, but at most [`AT_ONCE`] of its requests run at once: so one permit always remains for other
//! networks.

use std::net::IpAddr;
use std::time::Duration;

use poem::{FromRequest, Request, RequestBody};
use tokio::time::Instant;

use super::address::ClientAddress;
use super::middleware::Shared;
use super::problem::Problem;
use crate::domain::network::Block;
use crate::permits::{Permit, Permits};

/// Maximum number of concurrent requests of one network: one fewer than long reads in all.
const AT_ONCE: usize = 3;

/// Maximum time that a request waits for its turn, before it is refused with 503.
const PATIENCE: Duration = Duration::from_secs(5);

/// Turns by network: an IPv4 address, or the /48 of an IPv6 address. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Turns(Permits<Block>);

/// Turn of a list or of counts, which ends with the handler. Handlers take it as an argument, after the caller.
pub(super) struct Turn {
    _permit: Permit<Block>,
}

impl Default for Turns {
    /// Sets no limit on waiting requests: connections and HTTP/2 streams of a network limit them.
    fn default() -> Self {
        Self(Permits::new(AT_ONCE, usize::MAX))
    }
}

impl Turns {
    async fn take(&self, address: IpAddr, patience: Duration) -> Option<Turn> {
        let until = Instant::now() + patience;
        let permit = self.0.acquire(Block::site(address), until).await?;
        Some(Turn { _permit: permit })
    }
}

impl<'a> FromRequest<'a> for Turn {
    async fn from_request(
        req: &'a Request,
        _body: &mut RequestBody,
    ) -> poem::Result<Self> {
        let turns = &Shared::of(req)?.turns;
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
        assert!(turns.0.is_empty());
    }
}
