//! Ending all access that was given out, for the operator whose signing key got into wrong hands.

use std::io;

use tokio::task::JoinSet;
use tracing::instrument;

use super::{Error, Service};
use crate::domain::id::UserId;
use crate::domain::user::{Ending, Refused};

/// Accounts whose access is ended at once, so many as fit into the operator's share of the writer. Each is a write of its
/// own, so no commit grows with their number.
const AT_ONCE: usize = 8;

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
    /// Ends the sessions and personal tokens of an account, and removes the answers kept for it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and those of the store. What was done before an error stays, and can be done again.
    #[instrument(skip_all)]
    pub async fn access_end(&self, email: &str) -> Result<AllEnded, Error> {
        let user = self.user_by_email(email).await?;
        self.access_end_of(user.id).await
    }

    /// The same for every account.
    ///
    /// # Errors
    ///
    /// Those of the store. What was done before an error stays, and can be done again.
    #[instrument(skip_all)]
    pub async fn access_end_all(&self) -> Result<AllEnded, Error> {
        let (mut after, mut all) = (None, AllEnded::default());
        loop {
            let users = self.0.store.user_list(after, AT_ONCE).await?;
            let Some(last) = users.last() else { return Ok(all) };
            after = Some(last.id);
            let mut ending = JoinSet::new();
            for user in users {
                let service = self.clone();
                ending.spawn(async move { service.access_end_of(user.id).await });
            }
            while let Some(ended) = ending.join_next().await {
                all = all.plus(ended.map_err(io::Error::other)??);
            }
        }
    }

    async fn access_end_of(&self, user: UserId) -> Result<AllEnded, Error> {
        let by = Some(self.operator());
        let ended = match self.0.store.access_end(user, Ending::Everything, by).await? {
            Ok(ended) => ended,
            // It was deleted meanwhile, with all access to it.
            Err(Refused::Missing) => return Ok(AllEnded::default()),
            Err(why) => return Err(why.into()),
        };
        let mut answers = 0;
        loop {
            match self.0.store.answer_forget(user).await? {
                0 => break,
                removed => answers += removed,
            }
        }
        let (sessions, tokens) = (ended.sessions, ended.tokens);
        Ok(AllEnded { accounts: 1, sessions, tokens, answers })
    }
}
