//! Reads of accounts.

use std::ops::Bound;

use redb::{ReadTransaction, ReadableTableMetadata as _};

use crate::domain::email::Email;
use crate::domain::id::UserId;
use crate::domain::page::{Page, UserOrder, UserPage};
use crate::domain::password::PasswordHash;
use crate::domain::user::{Account, Credential, User};
use crate::store::StoreError;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::{codec, record, table};
use crate::store::redb::quota;

pub(super) fn get(
    txn: &ReadTransaction,
    id: UserId,
) -> Result<Option<Credential>, StoreError> {
    let users = table::open(txn, Table::Users)?;
    let value = users.get(id.to_bytes().as_slice())?;
    value.map(|value| record::decode_user(id, value.value())).transpose()
}

/// Finds an account like [`get`], without its password hash.
pub(super) fn owner(
    txn: &ReadTransaction,
    id: UserId,
) -> Result<Option<User>, StoreError> {
    let users = table::open(txn, Table::Users)?;
    let value = users.get(id.to_bytes().as_slice())?;
    value.map(|value| record::decode_account(id, value.value())).transpose()
}

pub(super) fn by_email(
    txn: &ReadTransaction,
    email: &Email,
) -> Result<Option<Credential>, StoreError> {
    let index = table::open(txn, Table::UserByEmail)?;
    for key in email.spellings() {
        let key = key.as_bytes();
        let Some(value) = index.get(key)? else { continue };
        let id = record::decode_number(Table::UserByEmail, key, value.value())?;
        return match get(txn, UserId::new(id))? {
            Some(found) if found.user.email.canonical() == email.canonical() => {
                Ok(Some(found))
            }
            _ => Err(codec::damaged(Table::UserByEmail, key, &"names another account")),
        };
    }
    Ok(None)
}

pub(super) fn list(
    txn: &ReadTransaction,
    after: Option<UserId>,
    limit: usize,
) -> Result<Vec<User>, StoreError> {
    each_after(txn, after, limit, record::decode_account)
}

/// Lists password hashes, by account.
pub(super) fn passwords(
    txn: &ReadTransaction,
    after: Option<UserId>,
    limit: usize,
) -> Result<Vec<(UserId, PasswordHash)>, StoreError> {
    each_after(txn, after, limit, |id, value| {
        record::decode_user(id, value).map(|found| (id, found.password))
    })
}

/// Decodes each account by id, at most `limit`, starting after `after`.
fn each_after<T>(
    txn: &ReadTransaction,
    after: Option<UserId>,
    limit: usize,
    decode: impl Fn(UserId, &[u8]) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let users = table::open(txn, Table::Users)?;
    let after = after.map(UserId::to_bytes);
    let start =
        after.as_ref().map_or(Bound::Unbounded, |key| Bound::Excluded(key.as_slice()));
    let mut page = Vec::new();
    for entry in users.range::<&[u8]>((start, Bound::Unbounded))?.take(limit) {
        let (key, value) = entry?;
        let id = codec::user_id(Table::Users, key.value())?;
        page.push(decode(id, value.value())?);
    }
    Ok(page)
}

/// Lists accounts in an order.
pub(super) fn page(
    txn: &ReadTransaction,
    containing: Option<&str>,
    order: UserOrder,
    page: Page,
) -> Result<UserPage, StoreError> {
    match order {
        UserOrder::Newest => newest(txn, containing, page),
        UserOrder::Bytes => quota::page(txn, containing, |usage| usage.bytes, page),
        UserOrder::Tasks => quota::page(txn, containing, |usage| usage.tasks, page),
    }
}

/// Lists accounts, newest first. A search reads every account; a plain list only skipped and returned ones.
fn newest(
    txn: &ReadTransaction,
    containing: Option<&str>,
    page: Page,
) -> Result<UserPage, StoreError> {
    let table = table::open(txn, Table::Users)?;
    let owned = table::open(txn, Table::Owned)?;
    let (mut users, mut found) = (Vec::new(), 0);
    let end = page.skip.saturating_add(u64::from(page.limit));
    for entry in table::all(&table)?.rev() {
        if containing.is_none() && found >= end {
            break;
        }
        let (key, value) = entry?;
        if containing.is_none() && found < page.skip {
            found += 1;
            continue;
        }
        let id = codec::user_id(Table::Users, key.value())?;
        let user = record::decode_account(id, value.value())?;
        if containing.is_some_and(|text| !user.email.contains(text)) {
            continue;
        }
        if (page.skip..end).contains(&found) {
            let usage = quota::usage(&owned, id)?.unwrap_or_default();
            users.push(Account { user, usage });
        }
        found += 1;
    }
    let total = if containing.is_none() { table.len()? } else { found };
    Ok(UserPage { users, total })
}
