//! Credentials on whose behalf writes are made.
//!
//! A request is admitted before its body arrives, and a password may wait to be hashed: when its write is
//! decided, its credential may have ended. So the decision checks the credential again, in the same transaction,
//! and a request from before a log-out, a password change or a lost role has no effect after it.

use crate::domain::access::Access;
use crate::domain::id::UserId;
use crate::domain::timestamp::Timestamp;

/// Credential that must still be valid.
#[derive(Clone, Copy, Debug)]
pub struct Behalf {
    /// Owner of the credential.
    pub user: UserId,
    /// Session or personal token.
    pub access: Access,
    /// Whether its owner must be an administrator.
    pub admin: bool,
    /// Whether a password that must be changed is sufficient.
    pub before_password_change: bool,
    /// Current time.
    pub at: Timestamp,
}

tokio::task_local! {
    static BEHALF: Behalf;
}

/// Writes on behalf of a credential. Every write within fails with [`super::StoreError::Revoked`], and changes
/// nothing, unless the credential is valid when it is decided.
pub async fn on_behalf<T>(behalf: Behalf, write: impl Future<Output = T>) -> T {
    BEHALF.scope(behalf, write).await
}

/// Returns the credential on whose behalf this task writes; `None` for the program itself.
pub(super) fn current() -> Option<Behalf> {
    BEHALF.try_with(|behalf| *behalf).ok()
}
