//! Usage of accounts.

use std::cmp::Reverse;

use redb::ReadTransaction;

use crate::domain::id::UserId;
use crate::domain::page::{Page, UserPage};
use crate::domain::quota::{Quota, Usage};
use crate::domain::user::Account;
use crate::store::StoreError;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::record;
use crate::store::redb::format::record::Stats;
use crate::store::redb::format::table::Snapshot;
use crate::store::redb::format::{codec, table};
use crate::store::redb::{RedbStore, tasks, users};

/// Size that accounts are sorted by.
type Size = fn(&Usage) -> u64;

impl RedbStore {
    /// Returns the limits of accounts that have none of their own.
    pub const fn quota(&self) -> Quota {
        self.quota
    }

    /// Lists the usage of accounts, by id or largest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the file cannot be read.
    pub async fn usage_list(
        &self,
        largest_by: Option<Size>,
    ) -> Result<Vec<(UserId, Usage)>, StoreError> {
        self.read_admin(move |txn| {
            let mut all = list(txn, None)?;
            if let Some(size) = largest_by {
                all.sort_by_key(|(_, usage)| Reverse(size(usage)));
            }
            Ok(all)
        })
        .await
    }
}

impl From<Stats> for Usage {
    fn from(stats: Stats) -> Self {
        Self { tasks: stats.counts().total, bytes: stats.bytes, own: stats.own }
    }
}

/// Reads the usage of an account.
pub(super) fn usage(owned: &Snapshot, id: UserId) -> Result<Option<Usage>, StoreError> {
    Ok(tasks::stats(owned, id)?.map(Usage::from))
}

/// Lists the largest accounts first, and the newest first among accounts of the same size. Reads the stats of every
/// account, and keeps a few numbers of each.
pub(super) fn page(
    txn: &ReadTransaction,
    containing: Option<&str>,
    size: Size,
    page: Page,
) -> Result<UserPage, StoreError> {
    let mut all = list(txn, containing)?;
    all.sort_by_key(|(id, usage)| Reverse((size(usage), *id)));
    let total = u64::try_from(all.len()).unwrap_or(u64::MAX);
    let skip = usize::try_from(page.skip).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for (id, usage) in all.into_iter().skip(skip).take(page.limit.into()) {
        if let Some(user) = users::owner(txn, id)? {
            found.push(Account { user, usage });
        }
    }
    Ok(UserPage { users: found, total })
}

/// Lists all accounts by id, optionally only those whose canonical email contains a text.
fn list(
    txn: &ReadTransaction,
    containing: Option<&str>,
) -> Result<Vec<(UserId, Usage)>, StoreError> {
    let users = table::open(txn, Table::Users)?;
    let owned = table::open(txn, Table::Owned)?;
    let mut all = Vec::new();
    for entry in table::all(&users)? {
        let (key, value) = entry?;
        let id = codec::user_id(Table::Users, key.value())?;
        if let Some(text) = containing {
            let user = record::decode_account(id, value.value())?;
            if !user.email.contains(text) {
                continue;
            }
        }
        all.extend(usage(&owned, id)?.map(|usage| (id, usage)));
    }
    Ok(all)
}
