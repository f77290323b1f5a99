//! Sessions: reads and decisions.

use redb::ReadTransaction;

use super::change::Change;
use super::key::{self, Table};
use super::view::View;
use super::write::Verdict;
use super::{record, table, users};
use crate::domain::id::{SessionId, UserId};
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::store::StoreError;

pub(super) fn create(
    view: &View<'_, '_>,
    new: Session,
) -> Result<Verdict<bool>, StoreError> {
    if view.stats(new.user)?.is_none() {
        return Ok(Verdict::unchanged(false));
    }
    let mut others = view.sessions(new.user)?;
    others.retain(|session| session.id != new.id);
    // Expired ones first, then the oldest.
    others.sort_by_key(|session| {
        (session.expires_at > new.created_at, session.created_at, session.id)
    });
    let expired = others.partition_point(|session| session.expires_at <= new.created_at);
    let surplus = (others.len() + 1).saturating_sub(Session::MAX_PER_USER);
    let mut changes: Vec<Change> = others
        .into_iter()
        .take(expired.max(surplus))
        .map(|session| Change::SessionDelete(session.user, session.id))
        .collect();
    changes.push(Change::SessionCreate(new));
    Ok(Verdict { answer: true, changes })
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
    Ok(users::get(txn, user)?.map(|credential| (credential.user, session)))
}
