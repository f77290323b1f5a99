//! Tables of the file, opened for reading and for writing.
//!
//! Keys and values are plain bytes: redb's own tuple and `Option` types are never used, so the format
//! depends on this program alone. [`crate::store::redb::format::key`] describes the bytes.

use std::ops::Bound;

use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable, TableDefinition, WriteTransaction,
};

use crate::store::StoreError;
use crate::store::redb::format::key::{KeyRange, Table};
use crate::store::redb::format::{codec, record};

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;

pub(in crate::store::redb) const fn definition(table: Table) -> Definition {
    TableDefinition::new(table.name())
}

/// Table of a snapshot.
pub(in crate::store::redb) type Snapshot = ReadOnlyTable<&'static [u8], &'static [u8]>;

pub(in crate::store::redb) fn open(
    txn: &ReadTransaction,
    table: Table,
) -> Result<Snapshot, StoreError> {
    Ok(txn.open_table(definition(table))?)
}

/// Table of a write transaction.
pub(in crate::store::redb) type Writable<'txn> =
    redb::Table<'txn, &'static [u8], &'static [u8]>;

/// All tables of one transaction, each opened once.
pub(in crate::store::redb) struct TableSet<T> {
    pub(in crate::store::redb) meta: T,
    pub(in crate::store::redb) users: T,
    pub(in crate::store::redb) user_by_email: T,
    pub(in crate::store::redb) admins: T,
    pub(in crate::store::redb) owned: T,
    pub(in crate::store::redb) invitations: T,
    pub(in crate::store::redb) audit: T,
    pub(in crate::store::redb) purge: T,
}

/// All tables of one write transaction.
pub(in crate::store::redb) type Tables<'txn> = TableSet<Writable<'txn>>;

/// All tables of one snapshot.
pub(in crate::store::redb) type SnapshotTables = TableSet<Snapshot>;

impl<T> TableSet<T> {
    fn of(open: impl Fn(Table) -> Result<T, StoreError>) -> Result<Self, StoreError> {
        Ok(Self {
            meta: open(Table::Meta)?,
            users: open(Table::Users)?,
            user_by_email: open(Table::UserByEmail)?,
            admins: open(Table::Admins)?,
            owned: open(Table::Owned)?,
            invitations: open(Table::Invitations)?,
            audit: open(Table::Audit)?,
            purge: open(Table::Purge)?,
        })
    }

    pub(in crate::store::redb) const fn get(&self, table: Table) -> &T {
        match table {
            Table::Meta => &self.meta,
            Table::Users => &self.users,
            Table::UserByEmail => &self.user_by_email,
            Table::Admins => &self.admins,
            Table::Owned => &self.owned,
            Table::Invitations => &self.invitations,
            Table::Audit => &self.audit,
            Table::Purge => &self.purge,
        }
    }

    pub(in crate::store::redb) const fn get_mut(&mut self, table: Table) -> &mut T {
        match table {
            Table::Meta => &mut self.meta,
            Table::Users => &mut self.users,
            Table::UserByEmail => &mut self.user_by_email,
            Table::Admins => &mut self.admins,
            Table::Owned => &mut self.owned,
            Table::Invitations => &mut self.invitations,
            Table::Audit => &mut self.audit,
            Table::Purge => &mut self.purge,
        }
    }
}

impl<'txn> Tables<'txn> {
    /// Opens all tables, creating missing ones.
    pub(in crate::store::redb) fn open(
        txn: &'txn WriteTransaction,
    ) -> Result<Self, StoreError> {
        Self::of(|table| Ok(txn.open_table(definition(table))?))
    }
}

impl SnapshotTables {
    pub(in crate::store::redb) fn open(
        txn: &ReadTransaction,
    ) -> Result<Self, StoreError> {
        Self::of(|table| open(txn, table))
    }
}

/// Borrowed value.
pub(in crate::store::redb) type Value<'a> = redb::AccessGuard<'a, &'static [u8]>;

/// Iterator over entries, in key order.
pub(in crate::store::redb) type Range<'a> = redb::Range<'a, &'static [u8], &'static [u8]>;

/// Returns the entries of a range, in key order.
pub(in crate::store::redb) fn range<'a>(
    table: &'a impl ReadableTable<&'static [u8], &'static [u8]>,
    range: &KeyRange,
) -> Result<redb::Range<'a, &'static [u8], &'static [u8]>, StoreError> {
    Ok(table.range::<&[u8]>(range.start().as_slice()..=range.end().as_slice())?)
}

/// Borrowed key and value.
pub(in crate::store::redb) type Found<'a> =
    (redb::AccessGuard<'a, &'static [u8]>, redb::AccessGuard<'a, &'static [u8]>);

/// Owned key and value.
pub(in crate::store::redb) type Entry = (Vec<u8>, Vec<u8>);

/// Returns the first entry with a greater key. The table can be written between two calls.
pub(in crate::store::redb) fn next_after(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    after: &[u8],
) -> Result<Option<Entry>, StoreError> {
    let rest = (Bound::Excluded(after), Bound::Unbounded);
    let next = table.range::<&[u8]>(rest)?.next().transpose()?;
    Ok(next.map(|(key, value)| (key.value().to_vec(), value.value().to_vec())))
}

/// Returns all entries of a table of a snapshot, in key order.
pub(in crate::store::redb) fn all(
    table: &Snapshot,
) -> Result<redb::Range<'static, &'static [u8], &'static [u8]>, StoreError> {
    Ok(table.range::<&[u8]>(..)?)
}

/// Reads a number of `meta`, which every sound file has.
pub(in crate::store::redb) fn number(
    meta: &impl ReadableTable<&'static [u8], &'static [u8]>,
    name: &'static [u8],
) -> Result<u64, StoreError> {
    match meta.get(name)? {
        Some(value) => record::decode_number(Table::Meta, name, value.value()),
        None => Err(codec::damaged(Table::Meta, name, &"missing")),
    }
}
