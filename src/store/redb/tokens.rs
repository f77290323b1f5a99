//! Personal access tokens: reads and decisions.

use std::net::IpAddr;

use redb::ReadTransaction;

use super::change::Change;
use super::key::{self, Table};
use super::view::{self, View};
use super::write::Decision;
use super::{record, table, users};
use crate::domain::access::Access;
use crate::domain::id::{TokenId, UserId};
use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::PersonalToken;
use crate::domain::user::User;
use crate::store::StoreError;

/// Creates a token. `None` if there is no such account or it is disabled, `false` if it has too
/// many.
pub(super) fn create(
    view: &View<'_, '_>,
    new: PersonalToken,
) -> Result<Decision<Option<bool>>, StoreError> {
    if view.credential(new.user)?.is_none_or(|found| found.user.disabled) {
        return Ok(Decision::unchanged(None));
    }
    if view.tokens(new.user)?.len() >= PersonalToken::MAX_PER_USER {
        return Ok(Decision::unchanged(Some(false)));
    }
    Ok(Decision { result: Some(true), changes: vec![Change::TokenPut(new)] })
}

pub(super) fn delete(
    view: &View<'_, '_>,
    user: UserId,
    id: TokenId,
) -> Result<Decision<bool>, StoreError> {
    Ok(match view.token(user, id)? {
        Some(_) => {
            Decision { result: true, changes: vec![Change::TokenDelete(user, id)] }
        }
        None => Decision::unchanged(false),
    })
}

/// Records the last use of a session or token. An earlier or equal time is not written.
pub(super) fn touch(
    view: &View<'_, '_>,
    user: UserId,
    access: Access,
    at: Timestamp,
    address: Option<IpAddr>,
) -> Result<Decision<()>, StoreError> {
    let change = match access {
        Access::Session(id) => view
            .session(user, id)?
            .filter(|session| session.last_used_at < at)
            .map(|old| {
                let address = address.or(old.address);
                Change::SessionPut(Session { last_used_at: at, address, ..old })
            }),
        Access::Token(id) => view
            .token(user, id)?
            .filter(|token| token.last_used_at < Some(at))
            .map(|old| Change::TokenPut(PersonalToken { last_used_at: Some(at), ..old })),
    };
    Ok(Decision { result: (), changes: change.into_iter().collect() })
}

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
