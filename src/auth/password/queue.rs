//! The two queues of the hashing threads.
//!
//! | queue | who waits in it | places | share of an account | share of a network |
//! |---|---|---|---|---|
//! | first | log-ins from a network that the account knows; passwords that logged-in users enter (own password, email, leaving; accounts that administrators make); the operator | `HASH_QUEUE` | a quarter | half |
//! | strangers | all other log-ins, registrations, and a turn of each log-in from a network that the account knows, which ends when its password is right | `HASH_QUEUE` | - | half |
//!
//! A network is an IPv4 address or an IPv6 /48 here; no share limits the operator. A request that finds no place gets
//! [`HashError::Busy`](super::HashError::Busy): 503 with `Retry-After`. The quotas of the throttle come first (429 with
//! `Retry-After`). The first queue is served first, and strangers never have the last free thread.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::domain::id::UserId;
use crate::domain::network::{Block, Network};
use crate::metrics::Counter;

/// Divisor of the places in a queue for the share of one account.
const ACCOUNT_PART: usize = 4;

/// Divisor of the places in a queue for the share of one network.
const NETWORK_PART: usize = 2;

/// Origin of a password to be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The operator of the server.
    Operator,
    /// A user who is logged in, or logs in from a network that the account knows.
    Known(UserId, Network),
    /// Any other client.
    Stranger(Network),
}

impl Whose {
    const fn is_stranger(self) -> bool {
        matches!(self, Self::Stranger(_))
    }

    fn account(self) -> Option<UserId> {
        match self {
            Self::Known(user, _) => Some(user),
            Self::Operator | Self::Stranger(_) => None,
        }
    }

    fn network(self) -> Option<Block> {
        match self {
            Self::Operator => None,
            Self::Known(_, network) | Self::Stranger(network) => {
                Some(Block::site(network.address()))
            }
        }
    }
}

/// Reason that a job was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// All places, or the share of this account or network, are taken.
    Full,
    /// The threads are ending.
    Closed,
}

/// Waiting jobs, and the number of strangers' jobs in progress.
pub(super) struct Queues<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
    places: usize,
    /// Maximum concurrent jobs of strangers.
    strangers_at_once: usize,
    refused: Counter,
}

struct State<J> {
    first: VecDeque<(Whose, J)>,
    strangers: VecDeque<(Whose, J)>,
    strangers_running: usize,
    running: usize,
    closed: bool,
}

/// Numbers of passwords in the two queues and their threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HashMetrics {
    /// Passwords waiting in the first queue.
    pub first: u64,
    /// Passwords waiting in the strangers' queue.
    pub strangers: u64,
    /// Passwords being hashed.
    pub running: u64,
    /// Passwords refused so far because no place was free.
    pub refused: u64,
}

impl<J> Queues<J> {
    /// Creates two empty queues with this number of places each.
    pub(super) fn new(places: usize, strangers_at_once: usize) -> Self {
        let state = State {
            first: VecDeque::new(),
            strangers: VecDeque::new(),
            strangers_running: 0,
            running: 0,
            closed: false,
        };
        let (state, changed) = (Mutex::new(state), Condvar::new());
        Self { state, changed, places, strangers_at_once, refused: Counter::default() }
    }

    /// Appends a job to its queue.
    pub(super) fn push(&self, whose: Whose, job: J) -> Result<(), NoPlace> {
        let mut state = self.lock();
        if state.closed {
            return Err(NoPlace::Closed);
        }
        let State { first, strangers, .. } = &mut *state;
        let queue = if whose.is_stranger() { strangers } else { first };
        let share = |part: usize| (self.places / part).max(1);
        let of_account = queue.iter().filter(|it| it.0.account() == whose.account());
        let of_network = queue.iter().filter(|it| it.0.network() == whose.network());
        if queue.len() >= self.places
            || (whose.account().is_some() && of_account.count() >= share(ACCOUNT_PART))
            || (whose.network().is_some() && of_network.count() >= share(NETWORK_PART))
        {
            self.refused.add(1);
            return Err(NoPlace::Full);
        }
        queue.push_back((whose, job));
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for the next job; call [`Self::done`] after it. `None` when the queues are closed and empty.
    pub(super) fn next(&self) -> Option<(Whose, J)> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.first.pop_front() {
                state.running += 1;
                return Some(job);
            }
            if state.strangers_running < self.strangers_at_once
                && let Some(job) = state.strangers.pop_front()
            {
                state.strangers_running += 1;
                state.running += 1;
                return Some(job);
            }
            if state.closed && state.strangers.is_empty() {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Marks a job as done.
    pub(super) fn done(&self, whose: Whose) {
        let mut state = self.lock();
        state.running -= 1;
        if whose.is_stranger() {
            state.strangers_running -= 1;
            drop(state);
            self.changed.notify_one();
        }
    }

    /// Returns the current numbers of jobs, and the number refused so far.
    pub(super) fn metrics(&self) -> HashMetrics {
        let state = self.lock();
        let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
        HashMetrics {
            first: number(state.first.len()),
            strangers: number(state.strangers.len()),
            running: number(state.running),
            refused: self.refused.get(),
        }
    }

    /// Closes the queues for new jobs.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::of(text.parse().unwrap())
    }

    fn known(user: u64, at: &str) -> Whose {
        Whose::Known(UserId::new(user), network(at))
    }

    fn stranger(at: &str) -> Whose {
        Whose::Stranger(network(at))
    }

    #[test]
    fn owners_go_before_strangers_and_strangers_leave_a_thread_free() {
        let queues = Queues::new(8, 1);
        for job in 0..4 {
            queues.push(stranger("2001:db8::1"), job).unwrap();
        }
        assert_eq!(queues.push(stranger("2001:db8:0:ff::1"), 4), Err(NoPlace::Full));
        queues.push(known(1, "192.0.2.1"), 10).unwrap();

        assert_eq!(queues.next(), Some((known(1, "192.0.2.1"), 10)));
        let (whose, job) = queues.next().unwrap();
        assert_eq!(job, 0);
        // A stranger is being served: the other thread is for the owner alone.
        queues.push(known(1, "192.0.2.1"), 11).unwrap();
        assert_eq!(queues.next(), Some((known(1, "192.0.2.1"), 11)));
        assert!(queues.lock().strangers_running >= queues.strangers_at_once);
        queues.done(whose);
        assert_eq!(queues.next().map(|it| it.1), Some(1));
    }

    #[test]
    fn no_account_and_no_network_takes_all_places() {
        let queues = Queues::new(8, 1);
        let granted = |whose: &dyn Fn(u64) -> Whose| {
            (0..20).filter(|n| queues.push(whose(*n), 0).is_ok()).count()
        };
        assert_eq!(granted(&|_| known(1, "192.0.2.1")), 2, "an account");
        let many = |n: u64| known(100 + n, &format!("2001:db8:0:{n}::1"));
        assert_eq!(granted(&many), 4, "many accounts of one customer");
        assert_eq!(queues.push(known(2, "192.0.2.2"), 0), Ok(()));
        let many = |n: u64| stranger(&format!("2001:db8:0:{n}::1"));
        assert_eq!(granted(&many), 4, "many networks of one customer");
        assert_eq!(granted(&|_| stranger("192.0.2.3")), 4);
        assert_eq!(queues.push(Whose::Operator, 0), Ok(()));
    }

    #[test]
    fn passwords_are_counted_where_they_are() {
        let queues = Queues::new(2, 1);
        for job in 0..2 {
            queues.push(stranger(&format!("192.0.2.{job}")), job).unwrap();
        }
        queues.push(known(1, "192.0.2.1"), 2).unwrap();
        assert!(queues.push(stranger("192.0.2.9"), 3).is_err());
        let (whose, _) = queues.next().unwrap();
        let running = HashMetrics { first: 0, strangers: 2, running: 1, refused: 1 };
        assert_eq!(queues.metrics(), running);

        queues.done(whose);

        assert_eq!(queues.metrics(), HashMetrics { running: 0, ..running });
    }

    #[test]
    fn what_waits_is_done_before_the_end() {
        let queues = Queues::new(8, 1);
        queues.push(stranger("192.0.2.1"), 1).unwrap();
        queues.close();
        assert_eq!(queues.push(Whose::Operator, 2), Err(NoPlace::Closed));
        let (whose, _) = queues.next().unwrap();
        queues.done(whose);
        assert_eq!(queues.next(), None);
    }
}
