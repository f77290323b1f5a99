//! Personal access tokens: long-lived credentials for scripts.

use super::digest::SecretDigest;
use super::id::{TokenId, UserId};
use super::label::Label;
use super::scope::Scopes;
use super::timestamp::Timestamp;

/// What is kept of a personal access token. The token itself is shown once and never kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalToken {
    /// Names it among those of its owner.
    pub id: TokenId,
    /// Whose it is.
    pub user: UserId,
    /// What its owner calls it.
    pub name: Label,
    /// What it may be used for.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is worth nothing, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Of the whole token.
    pub digest: SecretDigest,
}

impl PersonalToken {
    /// Most tokens one person can have. Expired ones count until they are deleted.
    pub const MAX_PER_USER: usize = 100;

    /// Whether it is worth nothing any more.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}
