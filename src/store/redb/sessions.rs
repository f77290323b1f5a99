//! Sessions: reads and decisions.

use redb::ReadTransaction;

use super::change::Change;
use super::key::{self, Table};
use super::view::{self, View};
use super::write::Decision;
use super::{record, table, users};
use crate::domain::id::{SessionId, UserId};
use crate::domain::network::Network;
use crate::domain::password::PasswordHash;
use crate::domain::session::{Refreshed, Refreshing, Renewed, Session};
use crate::domain::user::User;
use crate::store::StoreError;

pub(super) fn create(
    view: &View<'_, '_>,
    new: Session,
    expected: Option<&PasswordHash>,
) -> Result<Decision<bool>, StoreError> {
    let welcome = view.credential(new.user)?.filter(|found| {
        !found.user.disabled && expected.is_none_or(|hash| *hash == found.password)
    });
    let Some(owner) = welcome else { return Ok(Decision::unchanged(false)) };
    let mut others = view.sessions(new.user)?;
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

pub(super) fn refresh(
    view: &View<'_, '_>,
    user: UserId,
    id: SessionId,
    refreshing: &Refreshing,
) -> Result<Decision<Renewed>, StoreError> {
    let found = (view.credential(user)?, view.session(user, id)?);
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

pub(super) fn delete(
    view: &View<'_, '_>,
    user: UserId,
    id: SessionId,
) -> Result<Decision<bool>, StoreError> {
    Ok(match view.session(user, id)? {
        Some(_) => {
            Decision { result: true, changes: vec![Change::SessionDelete(user, id)] }
        }
        None => Decision::unchanged(false),
    })
}

pub(super) fn get(
    txn: &ReadTransaction,
    user: UserId,
    id: SessionId,
) -> Result<Option<(User, Session)>, StoreError> {
    let owned = table::open(txn, Table::Owned)?;
    let Some(value) = owned.get(key::session(user, id).as_slice())? else {
        return Ok(None);
    };
    let session = record::decode_session(user, id, value.value())?;
    Ok(users::owner(txn, user)?.map(|owner| (owner, session)))
}

pub(super) fn list(
    txn: &ReadTransaction,
    user: UserId,
) -> Result<Vec<Session>, StoreError> {
    view::sessions(&table::open(txn, Table::Owned)?, user)
}
