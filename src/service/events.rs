//! Log lines about failed log-ins and similar events, for the operator and for programs that block networks.
//!
//! A flood does not fill the log: each event is logged at most [`MOST`] times a minute, and at most [`MOST_OF_ONE`]
//! times for one customer's network. Omitted lines are counted, and the next line reports their number.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::auth::throttle::Throttled;
use crate::domain::id::UserId;
use crate::domain::network::{Block, LogNetworks, Network};

/// Maximum lines of an event a minute.
const MOST: usize = 60;

/// Maximum of these about one IPv4 address or IPv6 /48.
const MOST_OF_ONE: usize = 10;

const MINUTE: Duration = Duration::from_secs(60);

/// Writer of log lines about events.
#[derive(Debug)]
pub struct Events {
    networks: LogNetworks,
    failed: Mutex<Minute>,
    throttled: Mutex<Minute>,
    reused: Mutex<Minute>,
}

impl Events {
    /// Creates a writer without counts.
    pub const fn new(networks: LogNetworks) -> Self {
        Self {
            networks,
            failed: Mutex::new(Minute::NEW),
            throttled: Mutex::new(Minute::NEW),
            reused: Mutex::new(Minute::NEW),
        }
    }

    /// Logs a log-in with a wrong password or an unknown email.
    pub(super) fn login_failed(&self, network: Network, user: Option<UserId>) {
        if let Some(left_out) = admit(&self.failed, network) {
            tracing::info!(
                event = "login_failed",
                client.network = self.networks.text(network),
                user.id = user.map(UserId::get),
                left_out,
                "log-in failed: wrong password or unknown account"
            );
        }
    }

    /// Logs an attempt that was throttled.
    pub(super) fn throttled(
        &self,
        network: Network,
        user: Option<UserId>,
        throttled: Throttled,
    ) {
        if let Some(left_out) = admit(&self.throttled, network) {
            tracing::warn!(
                event = "throttled",
                client.network = self.networks.text(network),
                user.id = user.map(UserId::get),
                policy = throttled.policy.name,
                left_out,
                "throttled a client after too many attempts"
            );
        }
    }

    /// Logs a refresh token that was used a second time.
    pub(super) fn refresh_reused(&self, network: Network, user: UserId) {
        if let Some(left_out) = admit(&self.reused, network) {
            tracing::warn!(
                event = "refresh_reused",
                client.network = self.networks.text(network),
                user.id = user.get(),
                left_out,
                "a refresh token was reused: its session has ended"
            );
        }
    }
}

fn admit(minute: &Mutex<Minute>, network: Network) -> Option<u64> {
    let mut minute = minute.lock().unwrap_or_else(PoisonError::into_inner);
    minute.admit(Block::site(network.address()), Instant::now())
}

/// Lines of one event in the current minute.
#[derive(Debug)]
struct Minute {
    began: Option<Instant>,
    /// Networks that the lines were about.
    told: Vec<Block>,
    left_out: u64,
}

impl Minute {
    const NEW: Self = Self { began: None, told: Vec::new(), left_out: 0 };

    /// Returns the number of lines omitted since the last one, or `None` if this line is omitted too.
    fn admit(&mut self, about: Block, now: Instant) -> Option<u64> {
        if self.began.is_none_or(|began| now.duration_since(began) >= MINUTE) {
            self.began = Some(now);
            self.told.clear();
        }
        let of_one = self.told.iter().filter(|told| **told == about).count();
        if self.told.len() >= MOST || of_one >= MOST_OF_ONE {
            self.left_out += 1;
            return None;
        }
        self.told.push(about);
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(number: u32) -> Block {
        Block::site(std::net::Ipv4Addr::from(number).into())
    }

    #[test]
    fn a_flood_is_sampled_and_counted() {
        let (mut minute, start) = (Minute::NEW, Instant::now());
        let mut told = |number, second| {
            let now = start + Duration::from_secs(second);
            (0..100).filter_map(|_| minute.admit(block(number), now)).collect::<Vec<_>>()
        };

        assert_eq!(told(1, 0), [0; 10]);
        assert_eq!(told(2, 1), [&[90][..], &[0; 9]].concat());
        for number in 3..7 {
            assert_eq!(told(number, 2).len(), 10);
        }
        assert_eq!(told(7, 59), [0; 0], "all lines of the minute are used up");
        assert_eq!(told(1, 60), [&[190][..], &[0; 9]].concat());
        assert_eq!(minute.told.len(), 10);
    }
}
