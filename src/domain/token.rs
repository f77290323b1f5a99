//! Personal access tokens: long-lived credentials for scripts.

use super::digest::SecretDigest;
use super::id::{TokenId, UserId};
use super::label::Label;
use super::scope::Scopes;
use super::timestamp::Timestamp;

/// Stored form of a personal access token. The token itself is shown once and never stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalToken {
    /// Identifier, unique per account.
    pub id: TokenId,
    /// Account.
    pub user: UserId,
    /// Name given by the owner.
    pub name: Label,
    /// Scopes.
    pub scopes: Scopes,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Expiry time; `None` for no expiry.
    pub expires_at: Option<Timestamp>,
    /// Time of the last use, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Digest of the whole token.
    pub digest: SecretDigest,
}

impl PersonalToken {
    /// Maximum number of tokens of an account. Expired ones count until they are deleted.
    pub const MAX_PER_USER: usize = 100;

    /// Whether the token is expired.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}
