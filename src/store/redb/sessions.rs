//! Reads of sessions.

use redb::ReadTransaction;

use crate::domain::id::{SessionId, UserId};
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::store::StoreError;
use crate::store::redb::engine::view;
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::{record, table};
use crate::store::redb::users;

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
