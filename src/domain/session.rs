//! Sessions: one log-in of one person on one client.

use std::fmt;

use super::id::{SessionId, UserId};
use super::timestamp::Timestamp;

/// One log-in. Access lasts as long as this is in the store and has not expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Named by the access token.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// When the person logged in.
    pub created_at: Timestamp,
    /// From when on it is as good as gone.
    pub expires_at: Timestamp,
    /// What is kept of the refresh token.
    pub refresh: RefreshDigest,
}

impl Session {
    /// Most sessions one person can have; the oldest gives way to a new one.
    pub const MAX_PER_USER: usize = 20;
}

/// SHA-256 of a refresh token. The token itself is never kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RefreshDigest(pub [u8; 32]);

impl fmt::Debug for RefreshDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshDigest(..)")
    }
}
