//! Reads of personal access tokens.

use redb::ReadTransaction;

use crate::domain::id::{TokenId, UserId};
use crate::domain::token::PersonalToken;
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
    id: TokenId,
) -> Result<Option<(User, PersonalToken)>, StoreError> {
    let owned = table::open(txn, Table::Owned)?;
    let Some(value) = owned.get(key::token(user, id).as_slice())? else {
        return Ok(None);
    };
    let token = record::decode_token(user, id, value.value())?;
    Ok(users::owner(txn, user)?.map(|owner| (owner, token)))
}

pub(super) fn list(
    txn: &ReadTransaction,
    user: UserId,
) -> Result<Vec<PersonalToken>, StoreError> {
    view::tokens(&table::open(txn, Table::Owned)?, user)
}
