//! Ending all access of accounts, for an operator whose signing key was stolen.

use std::io;
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::instrument;

use super::{Error, Service};
use crate::domain::id::UserId;
use crate::domain::user::{Ending, Refused};
use crate::store::{StoreError, WriteContext};

/// Accounts whose access is ended concurrently: as many as fit into the operator's share of the writer. Each is a write
/// of its own, so no commit grows with their number.
const AT_ONCE: usize = 8;

/// Maximum tries of a write while the store is busy; with the waits between, they take four seconds.
const TRIES: u32 = 10;

/// Wait before the second try. Each further wait is twice as long, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// Longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Counts of ended access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllEnded {
    /// Accounts.
    pub accounts: u64,
    /// Sessions.
    pub sessions: u64,
    /// Personal tokens.
    pub tokens: u64,
    /// Kept answers.
    pub answers: u64,
}

/// Accounts whose access could not be ended.
#[derive(Debug)]
pub struct Left {
    /// Number of accounts.
    pub accounts: u64,
    /// Error of the last of them.
    pub why: Error,
}

impl AllEnded {
    const fn plus(self, other: Self) -> Self {
        Self {
            accounts: self.accounts + other.accounts,
            sessions: self.sessions + other.sessions,
            tokens: self.tokens + other.tokens,
            answers: self.answers + other.answers,
        }
    }
}

impl Service {
    /// Ends the sessions and personal tokens of an account, and removes its kept answers.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and store errors. Work done before an error stays done; the call can be repeated.
    #[instrument(skip_all)]
    pub async fn access_end(&self, email: &str) -> Result<AllEnded, Error> {
        let user = self.user_by_email(email).await?;
        self.access_end_of(user.id).await
    }

    /// Ends the access of every account. An account that fails does not stop the others. Returns the counts of ended
    /// access, and the accounts that failed, if any.
    ///
    /// # Errors
    ///
    /// A store error if accounts cannot be listed. Work done before an error stays done; the call can be repeated.
    #[instrument(skip_all)]
    pub async fn access_end_all(&self) -> Result<(AllEnded, Option<Left>), Error> {
        let (mut after, mut all, mut left) = (None, AllEnded::default(), None);
        loop {
            let users = self.0.store.user_list(after, AT_ONCE).await?;
            let Some(last) = users.last() else { return Ok((all, left)) };
            after = Some(last.id);
            let service = self.clone();
            let end = move |user| {
                let service = service.clone();
                async move { service.access_end_of(user).await }
            };
            let users = users.iter().map(|user| user.id);
            end_each(users, end, &mut all, &mut left).await;
        }
    }

    async fn access_end_of(&self, user: UserId) -> Result<AllEnded, Error> {
        let (store, by) = (&self.0.store, Some(self.operator()));
        let end =
            || store.access_end(user, Ending::Everything, by, WriteContext::system());
        let ended = match patiently(FIRST_WAIT, end).await? {
            Ok(ended) => ended,
            // The account was deleted meanwhile, with all access to it.
            Err(Refused::Missing) => return Ok(AllEnded::default()),
            Err(why) => return Err(why.into()),
        };
        let mut answers = 0;
        loop {
            match patiently(FIRST_WAIT, || store.idempotency_forget(user)).await? {
                0 => break,
                removed => answers += removed,
            }
        }
        let (sessions, tokens) = (ended.sessions, ended.tokens);
        Ok(AllEnded { accounts: 1, sessions, tokens, answers })
    }
}

/// Ends the access of these accounts concurrently, and adds up the results.
async fn end_each<F>(
    users: impl Iterator<Item = UserId>,
    end: impl Fn(UserId) -> F,
    all: &mut AllEnded,
    left: &mut Option<Left>,
) where
    F: Future<Output = Result<AllEnded, Error>> + Send + 'static,
{
    let mut ending: JoinSet<_> = users.map(end).collect();
    while let Some(outcome) = ending.join_next().await {
        match outcome.map_err(io::Error::other).map_err(Error::from).flatten() {
            Ok(ended) => *all = all.plus(ended),
            Err(why) => {
                let accounts = left.as_ref().map_or(0, |left| left.accounts) + 1;
                *left = Some(Left { accounts, why });
            }
        }
    }
}

/// Retries a write while the store is busy: the operator has to get through to a server under load.
async fn patiently<T, F>(
    first_wait: Duration,
    mut write: impl FnMut() -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut wait = first_wait;
    for _ in 1..TRIES {
        match write().await {
            Err(StoreError::Busy | StoreError::AccountBusy) => {
                tokio::time::sleep(wait).await;
                wait = (2 * wait).min(LONGEST_WAIT);
            }
            outcome => return outcome,
        }
    }
    write().await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Retries a write that finds the store busy so many times. Returns the outcome and the number of tries.
    async fn tried(busy: u32, answer: &StoreError) -> (Result<(), StoreError>, u32) {
        let mut tries = 0;
        let outcome = patiently(Duration::ZERO, || {
            tries += 1;
            let outcome = if tries <= busy { Err(answer.clone()) } else { Ok(()) };
            async { outcome }
        });
        let outcome = outcome.await;
        (outcome, tries)
    }

    #[tokio::test]
    async fn a_busy_store_is_asked_again_a_bounded_number_of_times() {
        for busy in [StoreError::Busy, StoreError::AccountBusy] {
            assert!(matches!(tried(0, &busy).await, (Ok(()), 1)));
            assert!(matches!(tried(TRIES - 1, &busy).await, (Ok(()), TRIES)));
            assert!(matches!(tried(u32::MAX, &busy).await, (Err(_), TRIES)));
        }
        let full = tried(1, &StoreError::DiskFull).await;
        assert!(matches!(full, (Err(StoreError::DiskFull), 1)));
    }

    #[tokio::test]
    async fn one_account_that_cannot_be_ended_does_not_keep_the_others() {
        static ASKED: AtomicU32 = AtomicU32::new(0);
        let end = |user: UserId| async move {
            ASKED.fetch_add(1, Ordering::Relaxed);
            match user.get() {
                2 | 3 => Err(Error::Busy),
                _ => Ok(AllEnded { accounts: 1, sessions: 2, ..AllEnded::default() }),
            }
        };
        let (mut all, mut left) = (AllEnded::default(), None);
        for page in [1..=4, 5..=6] {
            end_each(page.map(UserId::new), end, &mut all, &mut left).await;
        }
        let Left { accounts, why } = left.unwrap();
        assert_eq!((all.accounts, all.sessions, accounts), (4, 8, 2));
        assert!(matches!(why, Error::Busy));
        assert_eq!(ASKED.load(Ordering::Relaxed), 6);
    }
}
