//! Everybody who uses the server while it is killed.

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

/// Longest time that enough writes may take to be acknowledged.
const PATIENCE: Duration = Duration::from_secs(60);

/// The people whose tasks are written, those who log in, and what is known of both.
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

    /// Lets all loose, and returns when this many writes have been acknowledged.
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

    /// How many writes of tasks were acknowledged so far.
    pub(super) fn acknowledged(&self) -> u64 {
        self.oracle.acknowledged.load(Ordering::Relaxed)
    }

    /// Compares what the server has with what it must have, and goes on from there.
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

/// What has been looked for and found, over all cycles.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Sessions of acknowledged log-ins, counted again after each kill.
    pub(super) sessions: usize,
    /// Accounts.
    pub(super) registered: usize,
}
