//! Reads of sessions.

use redb::ReadTransaction;

use super::key::{self, Table};
use super::view;
use super::{record, table, users};
use crate::domain::id::{SessionId, UserId};
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::store::StoreError;

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
