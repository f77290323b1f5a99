//! Decisions about sessions.

use super::{Change, Decision, Snapshot};
use crate::domain::id::{SessionId, UserId};
use crate::domain::network::Network;
use crate::domain::password::PasswordHash;
use crate::domain::session::{Refreshed, Refreshing, Renewed, Session};
use crate::store::StoreError;

/// Adds a session and removes expired and surplus ones.
///
/// # Errors
///
/// Errors of the database.
pub fn create(
    snapshot: &dyn Snapshot,
    new: Session,
    expected: Option<&PasswordHash>,
) -> Result<Decision<bool>, StoreError> {
    let welcome = snapshot.credential(new.user)?.filter(|found| {
        !found.user.disabled && expected.is_none_or(|hash| *hash == found.password)
    });
    let Some(owner) = welcome else { return Ok(Decision::unchanged(false)) };
    let mut others = snapshot.sessions(new.user)?;
    others.retain(|session| session.id != new.id);
    let now = new.created_at;
    Session::sort_by_use(&mut others, now);
    let expired = others.partition_point(|it| it.is_expired(now));
    let surplus = (others.len() + 1).saturating_sub(Session::MAX_PER_USER);
    let mut changes: Vec<Change> = others
        .into_iter()
        .take(expired.max(surplus))
        .map(|session| Change::SessionDelete(session.user, session.id))
        .collect();
    let network = new.address.map(Network::of);
    if let Some(seen) = network.and_then(|network| owner.seen_at(network)) {
        changes.push(Change::UserReplace { old: owner, new: seen });
    }
    changes.push(Change::SessionPut(new));
    Ok(Decision { result: true, changes })
}

/// Exchanges a refresh token, or ends the session if the token was used before.
///
/// # Errors
///
/// Errors of the database.
pub fn refresh(
    snapshot: &dyn Snapshot,
    user: UserId,
    id: SessionId,
    refreshing: &Refreshing,
) -> Result<Decision<Renewed>, StoreError> {
    let found = (snapshot.credential(user)?, snapshot.session(user, id)?);
    let (Some(credential), Some(old)) = found else {
        return Ok(Decision::unchanged(Refreshed::Unknown));
    };
    if credential.user.disabled {
        return Ok(Decision::unchanged(Refreshed::Unknown));
    }
    Ok(match old.refresh(refreshing) {
        Refreshed::Renewed(new) => {
            let changes = vec![Change::SessionPut(new.clone())];
            Decision { result: Refreshed::Renewed((credential.user, new)), changes }
        }
        Refreshed::Reused => Decision {
            result: Refreshed::Reused,
            changes: vec![Change::SessionDelete(user, id)],
        },
        Refreshed::Unknown => Decision::unchanged(Refreshed::Unknown),
    })
}

/// Ends a session.
///
/// # Errors
///
/// Errors of the database.
pub fn delete(
    snapshot: &dyn Snapshot,
    user: UserId,
    id: SessionId,
) -> Result<Decision<bool>, StoreError> {
    Ok(match snapshot.session(user, id)? {
        Some(_) => {
            Decision { result: true, changes: vec![Change::SessionDelete(user, id)] }
        }
        None => Decision::unchanged(false),
    })
}
