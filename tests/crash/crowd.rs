//! Clients that use the server while it is killed.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::oracle::Oracle;
use super::visitor::Visitor;
use super::writer::Writer;
use super::{USERS, VISITORS, WRITERS};
use crate::harness::Client;

/// Longest wait until enough writes are acknowledged.
const PATIENCE: Duration = Duration::from_secs(60);

/// Accounts whose tasks are written, accounts that log in, and the known state of both.
pub(super) struct Crowd {
    tokens: Vec<String>,
    shared: Vec<u64>,
    visitors: Vec<Arc<Visitor>>,
    oracle: Arc<Oracle>,
}

impl Crowd {
    pub(super) async fn gather(client: &Client) -> Self {
        let (mut tokens, mut shared) = (Vec::new(), Vec::new());
        for user in 0..USERS {
            let client = client.registered(&format!("writer{user}@example.com")).await;
            shared.push(client.given_task("shared").await);
            tokens.push(client.token().to_owned());
        }
        let mut visitors = Vec::new();
        for number in 0..VISITORS {
            visitors.push(Visitor::register(client, number).await);
        }
        let oracle = Oracle {
            shared: Mutex::new(vec![(1, "shared".to_owned()); USERS]),
            ..Oracle::default()
        };
        Self { tokens, shared, visitors, oracle: Arc::new(oracle) }
    }

    /// Starts all clients, and returns when this many writes have been acknowledged.
    pub(super) async fn write(
        &self,
        client: &Client,
        cycle: u64,
        writes: u64,
    ) -> JoinSet<()> {
        let goal = self.acknowledged() + writes;
        let mut busy = JoinSet::new();
        for (number, user) in (0..WRITERS).zip((0..USERS).cycle()) {
            let writer = Writer {
                number,
                cycle,
                user,
                client: client.with_token(&self.tokens[user]),
                shared: self.shared[user],
                oracle: Arc::clone(&self.oracle),
            };
            busy.spawn(writer.run());
        }
        for visitor in &self.visitors {
            busy.spawn(Arc::clone(visitor).run(client.clone(), cycle));
        }
        let deadline = Instant::now() + PATIENCE;
        while self.acknowledged() < goal {
            assert!(Instant::now() < deadline, "too few writes in {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        busy
    }

    /// Number of acknowledged task writes so far.
    pub(super) fn acknowledged(&self) -> u64 {
        self.oracle.acknowledged.load(Ordering::Relaxed)
    }

    /// Compares the data of the server with the expected state, and continues from there.
    pub(super) async fn verify(&self, client: &Client, seen: &mut Seen) {
        let users: Vec<_> =
            self.tokens.iter().map(|token| client.with_token(token)).collect();
        self.oracle.verify(&users, &self.shared).await;
        for visitor in &self.visitors {
            let (sessions, registered) = visitor.verify(client).await;
            seen.sessions += sessions;
            seen.registered += registered;
        }
    }
}

/// Counts of checked items, over all cycles.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Number of sessions of acknowledged log-ins, counted again after each kill.
    pub(super) sessions: usize,
    /// Number of registered accounts.
    pub(super) registered: usize,
}
