//! Accounts: reads and decisions.

use std::ops::Bound;

use redb::ReadTransaction;

use super::change::Change;
use super::key::Table;
use super::view::View;
use super::write::Verdict;
use super::{codec, record, table};
use crate::domain::email::CanonicalEmail;
use crate::domain::id::UserId;
use crate::domain::password::PasswordHash;
use crate::domain::user::{Credential, NewUser, User};
use crate::plant::{self, Bug};
use crate::store::StoreError;

pub(super) fn create(
    view: &View<'_, '_>,
    new: NewUser,
) -> Result<Verdict<Option<User>>, StoreError> {
    if view.user_id(&new.email.canonical())?.is_some() {
        return Ok(Verdict::unchanged(None));
    }
    let NewUser { email, password, role, created_at } = new;
    let user = User { id: view.next_user_id(), email, role, created_at };
    let answer = Some(user.clone());
    Ok(Verdict {
        answer,
        changes: vec![Change::UserCreate(Credential { user, password })],
    })
}

pub(super) fn set_password(
    view: &View<'_, '_>,
    id: UserId,
    password: PasswordHash,
) -> Result<Verdict<bool>, StoreError> {
    let Some(old) = view.credential(id)? else { return Ok(Verdict::unchanged(false)) };
    let mut changes = vec![Change::UserReplace(Credential { password, ..old })];
    if plant::is(Bug::SessionsOutliveThePassword) {
        return Ok(Verdict { answer: true, changes });
    }
    for session in view.sessions(id)? {
        changes.push(Change::SessionDelete(id, session.id));
    }
    Ok(Verdict { answer: true, changes })
}

pub(super) fn rehash(
    view: &View<'_, '_>,
    id: UserId,
    expected: &PasswordHash,
    password: PasswordHash,
) -> Result<Verdict<bool>, StoreError> {
    match view.credential(id)? {
        Some(old) if old.password == *expected => {
            let changes = vec![Change::UserReplace(Credential { password, ..old })];
            Ok(Verdict { answer: true, changes })
        }
        _ => Ok(Verdict::unchanged(false)),
    }
}

pub(super) fn delete(
    view: &View<'_, '_>,
    id: UserId,
) -> Result<Verdict<bool>, StoreError> {
    Ok(match view.credential(id)? {
        Some(old) => Verdict { answer: true, changes: vec![Change::UserDelete(old)] },
        None => Verdict::unchanged(false),
    })
}

pub(super) fn get(
    txn: &ReadTransaction,
    id: UserId,
) -> Result<Option<Credential>, StoreError> {
    let users = table::open(txn, Table::Users)?;
    let value = users.get(id.to_bytes().as_slice())?;
    value.map(|value| record::decode_user(id, value.value())).transpose()
}

pub(super) fn by_email(
    txn: &ReadTransaction,
    email: &CanonicalEmail,
) -> Result<Option<Credential>, StoreError> {
    let index = table::open(txn, Table::UserByEmail)?;
    let key = email.as_str().as_bytes();
    let Some(value) = index.get(key)? else { return Ok(None) };
    let id = UserId::new(record::decode_number(Table::UserByEmail, key, value.value())?);
    match get(txn, id)? {
        Some(found) if found.user.email.canonical() == *email => Ok(Some(found)),
        _ => Err(codec::damaged(Table::UserByEmail, key, &"names another account")),
    }
}

pub(super) fn list(
    txn: &ReadTransaction,
    after: Option<UserId>,
    limit: usize,
) -> Result<Vec<User>, StoreError> {
    let users = table::open(txn, Table::Users)?;
    let after = after.map(UserId::to_bytes);
    let start =
        after.as_ref().map_or(Bound::Unbounded, |key| Bound::Excluded(key.as_slice()));
    let mut page = Vec::new();
    for entry in users.range::<&[u8]>((start, Bound::Unbounded))?.take(limit) {
        let (key, value) = entry?;
        let id = codec::user_id(Table::Users, key.value())?;
        page.push(record::decode_user(id, value.value())?.user);
    }
    Ok(page)
}
