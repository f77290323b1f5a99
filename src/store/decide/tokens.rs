//! Decisions about personal access tokens, and about the last use of credentials.

use std::net::IpAddr;

use super::{Change, Decision, Snapshot};
use crate::domain::access::Access;
use crate::domain::id::{TokenId, UserId};
use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::PersonalToken;
use crate::store::StoreError;

/// Creates a token. `None` if there is no such account or it is disabled, `false` if it has too
/// many.
///
/// # Errors
///
/// Errors of the database.
pub fn create(
    snapshot: &dyn Snapshot,
    new: PersonalToken,
) -> Result<Decision<Option<bool>>, StoreError> {
    if snapshot.credential(new.user)?.is_none_or(|found| found.user.disabled) {
        return Ok(Decision::unchanged(None));
    }
    if snapshot.tokens(new.user)?.len() >= PersonalToken::MAX_PER_USER {
        return Ok(Decision::unchanged(Some(false)));
    }
    Ok(Decision { result: Some(true), changes: vec![Change::TokenPut(new)] })
}

/// Deletes a token.
///
/// # Errors
///
/// Errors of the database.
pub fn delete(
    snapshot: &dyn Snapshot,
    user: UserId,
    id: TokenId,
) -> Result<Decision<bool>, StoreError> {
    Ok(match snapshot.token(user, id)? {
        Some(_) => {
            Decision { result: true, changes: vec![Change::TokenDelete(user, id)] }
        }
        None => Decision::unchanged(false),
    })
}

/// Records the last use of a session or token. An earlier or equal time is not written.
///
/// # Errors
///
/// Errors of the database.
pub fn touch(
    snapshot: &dyn Snapshot,
    user: UserId,
    access: Access,
    at: Timestamp,
    address: Option<IpAddr>,
) -> Result<Decision<()>, StoreError> {
    let change = match access {
        Access::Session(id) => snapshot
            .session(user, id)?
            .filter(|session| session.last_used_at < at)
            .map(|old| {
                let address = address.or(old.address);
                Change::SessionPut(Session { last_used_at: at, address, ..old })
            }),
        Access::Token(id) => snapshot
            .token(user, id)?
            .filter(|token| token.last_used_at < Some(at))
            .map(|old| Change::TokenPut(PersonalToken { last_used_at: Some(at), ..old })),
    };
    Ok(Decision { result: (), changes: change.into_iter().collect() })
}
