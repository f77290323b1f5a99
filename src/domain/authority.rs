//! Authority of writes.
//!
//! A request is authorized before its body arrives, and a password may wait to be hashed: when its write is decided, its
//! credential may have ended. So the decision checks the credential again, in the same transaction, and a request from
//! before a log-out, a password change or a lost role has no effect after it.

use super::access::Access;
use super::id::UserId;
use super::permission::Need;
use super::scope::Scopes;
use super::timestamp::Timestamp;

/// Authority of a write.
#[derive(Clone, Copy, Debug)]
pub enum Authority {
    /// A client. The write is refused unless its credential is still valid and sufficient when the write is decided.
    Caller(Claim),
    /// The program itself, or a client that the service has just authenticated by a password or a token.
    System,
}

/// Credential of a caller, and the permission that it must still give.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Owner of the credential.
    pub user: UserId,
    /// Session or personal token.
    pub access: Access,
    /// Scopes of the credential.
    pub scopes: Scopes,
    /// Required permission.
    pub need: Need,
    /// Current time.
    pub at: Timestamp,
}
