//! Byte counts of rows, updated as they change.

use std::collections::BTreeMap;

use redb::ReadableTable as _;

use crate::domain::id::UserId;
use crate::store::StoreError;
use crate::store::redb::engine::batch::Op;
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::table::Writable;

/// Growth of the rows of accounts, in bytes. Rows of stats do not count, since they hold the sizes of the others.
#[derive(Default)]
pub(in crate::store::redb) struct Sizes(Vec<(UserId, i64)>);

impl Sizes {
    pub(in crate::store::redb) fn put(
        &mut self,
        key: &[u8],
        old: Option<usize>,
        new: usize,
    ) {
        match old {
            Some(old) => self.add(key, signed(new) - signed(old)),
            None => self.add(key, signed(key.len() + new)),
        }
    }

    pub(in crate::store::redb) fn delete(&mut self, key: &[u8], old: usize) {
        self.add(key, -signed(key.len() + old));
    }

    fn add(&mut self, key: &[u8], grown: i64) {
        let Some(owner) = owner(key) else { return };
        match self.0.iter_mut().find(|(of, _)| *of == owner) {
            Some((_, sum)) => *sum += grown,
            None => self.0.push((owner, grown)),
        }
    }

    /// Returns the growth of each account.
    pub(in crate::store::redb) fn all(self) -> Vec<(UserId, i64)> {
        self.0
    }
}

/// Returns the growth of the rows of an account by steps that are not executed yet, in bytes.
pub(in crate::store::redb) fn growth(
    owned: &Writable<'_>,
    account: UserId,
    ops: &[Op],
) -> Result<i64, StoreError> {
    let mut sizes = Sizes::default();
    // Values that the steps so far have written or removed.
    let mut written: BTreeMap<&[u8], Option<usize>> = BTreeMap::new();
    for op in ops {
        let (key, new) = match op {
            Op::Put(Table::Owned, key, value) => (key.as_slice(), Some(value.len())),
            Op::Delete(Table::Owned, key) => (key.as_slice(), None),
            _ => continue,
        };
        if owner(key) != Some(account) {
            continue;
        }
        let old = match written.insert(key, new) {
            Some(old) => old,
            None => owned.get(key)?.map(|value| value.value().len()),
        };
        match (old, new) {
            (old, Some(new)) => sizes.put(key, old, new),
            (Some(old), None) => sizes.delete(key, old),
            (None, None) => {}
        }
    }
    Ok(sizes.0.first().map_or(0, |(_, grown)| *grown))
}

/// Returns the account that a row counts towards.
fn owner(key: &[u8]) -> Option<UserId> {
    let owner = key::owner(key)?;
    (key != key::stats(owner)).then_some(owner)
}

/// Converts a length for addition and subtraction.
pub(in crate::store::redb) fn signed(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
