//! On whose behalf something is written.
//!
//! A request is let in before its body has come, and a password may wait to be hashed: when its write is decided,
//! the credential it came with may have ended. So the decision looks at the credential again, in the same
//! transaction, and what was begun before a log-out, a changed password or a lost role does nothing after it.

use crate::domain::access::Access;
use crate::domain::id::UserId;
use crate::domain::timestamp::Timestamp;

/// A credential that must still be good.
#[derive(Clone, Copy, Debug)]
pub struct Behalf {
    /// Whose it is.
    pub user: UserId,
    /// What it is.
    pub access: Access,
    /// Whether its owner must be an administrator.
    pub admin: bool,
    /// Whether it is enough that the password is one that must be changed.
    pub before_password_change: bool,
    /// The time now.
    pub at: Timestamp,
}

tokio::task_local! {
    static BEHALF: Behalf;
}

/// Writes on behalf of a credential. Every write within fails with [`super::StoreError::Revoked`], and changes
/// nothing, unless the credential is good when it is decided.
pub async fn on_behalf<T>(behalf: Behalf, write: impl Future<Output = T>) -> T {
    BEHALF.scope(behalf, write).await
}

/// On whose behalf this task writes; nobody's, if the program itself does.
pub(super) fn current() -> Option<Behalf> {
    BEHALF.try_with(|behalf| *behalf).ok()
}
