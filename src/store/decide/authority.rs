//! Authority of writes.

use super::Snapshot;
use crate::domain::access::Access;
use crate::domain::authority::{Authority, Claim};
use crate::domain::user::User;
use crate::store::StoreError;

/// Checks that a write still has its authority.
///
/// # Errors
///
/// [`StoreError::Revoked`] if the credential of the caller has ended or no longer gives the permission.
pub fn authorize(
    snapshot: &dyn Snapshot,
    authority: &Authority,
) -> Result<(), StoreError> {
    let Authority::Caller(claim) = authority else { return Ok(()) };
    let Claim { user, access, scopes, need, at } = *claim;
    let owner = snapshot.credential(user)?.map(|found| found.user);
    let is_live = match access {
        Access::Session(id) => {
            snapshot.session(user, id)?.is_some_and(|session| !session.is_expired(at))
        }
        Access::Token(id) => {
            snapshot.token(user, id)?.is_some_and(|token| !token.is_expired(at))
        }
    };
    let is_granted = |owner: User| need.check(&owner, access, scopes).is_ok();
    if is_live && owner.is_some_and(is_granted) {
        Ok(())
    } else {
        Err(StoreError::Revoked)
    }
}
