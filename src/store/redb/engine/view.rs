//! Data that a write may read while it decides: all earlier writes, also of its own batch.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use redb::ReadableTable;

use crate::domain::id::{ListId, SessionId, TaskId, TokenId, UserId};
use crate::domain::invitation::Invitation;
use crate::domain::list::TaskList;
use crate::domain::position::Position;
use crate::domain::session::Session;
use crate::domain::task::{TaskFields, Tombstone};
use crate::domain::token::PersonalToken;
use crate::store::StoreError;
use crate::store::redb::engine::batch::Batch;
use crate::store::redb::engine::work::Work;
use crate::store::redb::format::key;
use crate::store::redb::format::key::{KeyRange, Owned, Table};
use crate::store::redb::format::record;
use crate::store::redb::format::record::Stats;
use crate::store::redb::format::table::{
    Range, Snapshot, SnapshotTables, Value, Writable,
};
use crate::store::redb::format::{codec, table};
use crate::store::redb::tasks::fields;

/// Future state of the file, or a snapshot of it. Read-only.
pub(in crate::store::redb) struct View<'a, 'txn> {
    source: Source<'a, 'txn>,
    read: Cell<Work>,
    /// Statistics of the last account that was read.
    stats: RefCell<Option<(UserId, Option<Rc<Stats>>)>>,
    /// Outlines of all tasks of the last account that was scanned.
    outlines: RefCell<Option<(UserId, Rc<[TaskOutline]>)>>,
}

/// Place of a task among the others.
#[derive(Debug)]
pub(in crate::store::redb) struct TaskOutline {
    pub(in crate::store::redb) id: TaskId,
    pub(in crate::store::redb) parent: Option<TaskId>,
    pub(in crate::store::redb) list: ListId,
    pub(in crate::store::redb) position: Position,
}

/// Source of the rows.
#[derive(Clone, Copy)]
enum Source<'a, 'txn> {
    /// Write transaction, with all earlier writes.
    Batch(&'a Batch<'txn>),
    /// Snapshot, to try a decision whose changes are not made.
    Snapshot(&'a SnapshotTables),
}

/// Table of either source.
#[derive(Clone, Copy)]
pub(in crate::store::redb) enum Rows<'a, 'txn> {
    Batch(&'a Writable<'txn>),
    Snapshot(&'a Snapshot),
}

/// Reads a table of either source with the same expression.
macro_rules! read {
    ($rows:expr, $table:ident => $read:expr) => {
        match $rows {
            Rows::Batch($table) => $read,
            Rows::Snapshot($table) => $read,
        }
    };
}

pub(in crate::store::redb) use read;

impl<'a, 'txn> View<'a, 'txn> {
    pub(in crate::store::redb) const fn of(batch: &'a Batch<'txn>) -> Self {
        Self::new(Source::Batch(batch))
    }

    pub(in crate::store::redb) const fn of_snapshot(tables: &'a SnapshotTables) -> Self {
        Self::new(Source::Snapshot(tables))
    }

    const fn new(source: Source<'a, 'txn>) -> Self {
        Self {
            source,
            read: Cell::new(Work::new(0, 0)),
            stats: RefCell::new(None),
            outlines: RefCell::new(None),
        }
    }

    /// Returns the approximate number of rows read so far, with the bytes of single values and of answers.
    pub(in crate::store::redb) const fn read(&self) -> Work {
        self.read.get()
    }

    pub(in crate::store::redb) fn count(&self, more: Work) {
        let mut read = self.read.get();
        read.add(more);
        self.read.set(read);
    }

    pub(in crate::store::redb) fn rows(&self, table: Table) -> Rows<'a, 'txn> {
        self.count(Work::new(1, 0));
        match self.source {
            Source::Batch(batch) => Rows::Batch(batch.tables.get(table)),
            Source::Snapshot(tables) => Rows::Snapshot(tables.get(table)),
        }
    }

    pub(in crate::store::redb) fn get(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<Value<'a>>, StoreError> {
        let value = read!(self.rows(table), table => table.get(key)?);
        let length = value.as_ref().map_or(0, |value| value.value().len());
        self.count(Work::new(0, u64::try_from(length).unwrap_or(u64::MAX)));
        Ok(value)
    }

    pub(in crate::store::redb) fn range(
        &self,
        table: Table,
        range: &KeyRange,
    ) -> Result<Range<'a>, StoreError> {
        read!(self.rows(table), table => table::range(table, range))
    }

    /// Whether an account with so many rows is deleted in one transaction.
    pub(in crate::store::redb) fn is_deleted_at_once(&self, rows: u64) -> bool {
        match self.source {
            Source::Batch(batch) => {
                rows.saturating_add(batch.rows_deleted) <= batch.delete_at_once
            }
            Source::Snapshot(_) => true,
        }
    }

    /// Whether the tasks of an account should have index entries.
    pub(in crate::store::redb) fn wants_index(&self, stats: &Stats) -> bool {
        match self.source {
            Source::Batch(batch) => stats.wants_index(batch.scan_at_most),
            // Changes are not made.
            Source::Snapshot(_) => stats.is_indexed,
        }
    }

    pub(in crate::store::redb) fn next_id(
        &self,
        of_batch: impl Fn(&Batch<'txn>) -> u64,
        name: &'static [u8],
    ) -> Result<u64, StoreError> {
        match self.source {
            Source::Batch(batch) => Ok(of_batch(batch)),
            Source::Snapshot(tables) => table::number(&tables.meta, name),
        }
    }

    /// Returns the statistics of the tasks of an account. They exist exactly as long as the account.
    pub(in crate::store::redb) fn stats(
        &self,
        owner: UserId,
    ) -> Result<Option<Rc<Stats>>, StoreError> {
        if let Some((_, stats)) = self.stats.borrow().as_ref().filter(|it| it.0 == owner)
        {
            return Ok(stats.clone());
        }
        let value = self.get(Table::Owned, key::stats(owner).as_slice())?;
        let stats = value.map(|value| record::decode_stats(owner, value.value()));
        let stats = stats.transpose()?.map(Rc::new);
        *self.stats.borrow_mut() = Some((owner, stats.clone()));
        Ok(stats)
    }

    /// Reads the outlines of all tasks of an account without index entries. Skips damaged tasks, so that the others can
    /// be moved and deleted.
    pub(in crate::store::redb) fn outlines(
        &self,
        owner: UserId,
    ) -> Result<Rc<[TaskOutline]>, StoreError> {
        if let Some((_, found)) =
            self.outlines.borrow().as_ref().filter(|it| it.0 == owner)
        {
            return Ok(Rc::clone(found));
        }
        let rows = self.range(Table::Owned, &key::tasks_of(owner))?;
        let outline = |row: Result<table::Found<'_>, redb::StorageError>| {
            self.count(Work::new(1, 0));
            match outline_of(&row?) {
                Ok(outline) => Ok(Some(outline)),
                Err(StoreError::Damaged { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        let found = rows.map(outline).filter_map(Result::transpose);
        let found: Rc<[TaskOutline]> = found.collect::<Result<_, StoreError>>()?;
        *self.outlines.borrow_mut() = Some((owner, Rc::clone(&found)));
        Ok(found)
    }

    /// Returns the entries of an index in a range, in their order.
    pub(in crate::store::redb) fn entries(
        &self,
        range: &KeyRange,
    ) -> Result<Range<'_>, StoreError> {
        self.range(Table::Owned, range)
    }
}

/// Decodes the outline of a task's row.
fn outline_of(row: &table::Found<'_>) -> Result<TaskOutline, StoreError> {
    let TaskFields { id, parent, list, position, .. } = fields(row)?;
    let position = Position::new_unchecked(position.to_owned());
    Ok(TaskOutline { id, parent, list, position })
}

/// Decodes a row of tombstones.
pub(in crate::store::redb) fn tombstone(
    row: &table::Found<'_>,
) -> Result<Tombstone, StoreError> {
    let (key, value) = row;
    match Owned::decode(key.value()) {
        Some(Owned::Tombstone(owner, seq)) => {
            record::decode_tombstone(owner, seq, value.value())
        }
        _ => Err(codec::damaged(Table::Owned, key.value(), &"not a tombstone's key")),
    }
}

/// Returns the stored lists of an account, by id.
pub(in crate::store::redb) fn lists(
    owned: &impl ReadableTable<&'static [u8], &'static [u8]>,
    owner: UserId,
) -> Result<Vec<TaskList>, StoreError> {
    let mut lists = Vec::new();
    for row in table::range(owned, &key::lists_of(owner))? {
        let (key, value) = row?;
        let Some(Owned::List(owner, id)) = Owned::decode(key.value()) else {
            return Err(codec::damaged(Table::Owned, key.value(), &"not a list's key"));
        };
        lists.push(record::decode_list(owner, id, value.value())?);
    }
    Ok(lists)
}

fn token_id(key: &[u8]) -> Result<TokenId, StoreError> {
    match Owned::decode(key) {
        Some(Owned::Token(_, id)) => Ok(id),
        _ => Err(codec::damaged(Table::Owned, key, &"not the key of a token")),
    }
}

fn session_id(key: &[u8]) -> Result<SessionId, StoreError> {
    match Owned::decode(key) {
        Some(Owned::Session(_, id)) => Ok(id),
        _ => Err(codec::damaged(Table::Owned, key, &"not the key of a session")),
    }
}

/// Returns all invitations of a table, newest first.
pub(in crate::store::redb) fn invitations(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
) -> Result<Vec<Invitation>, StoreError> {
    let mut found = Vec::new();
    for entry in table.iter()? {
        let (key, value) = entry?;
        let id = key::decode_invitation(key.value()).ok_or_else(|| {
            codec::damaged(Table::Invitations, key.value(), &"not an id")
        })?;
        found.push(record::decode_invitation(id, value.value())?);
    }
    found.sort_by_key(|found| std::cmp::Reverse((found.created_at, found.id)));
    Ok(found)
}

/// Returns all sessions of an account, by id.
pub(in crate::store::redb) fn sessions(
    owned: &impl ReadableTable<&'static [u8], &'static [u8]>,
    owner: UserId,
) -> Result<Vec<Session>, StoreError> {
    let mut sessions = Vec::new();
    for entry in table::range(owned, &key::sessions_of(owner))? {
        let (key, value) = entry?;
        let id = session_id(key.value())?;
        sessions.push(record::decode_session(owner, id, value.value())?);
    }
    Ok(sessions)
}

/// Returns all personal tokens of an account, by id.
pub(in crate::store::redb) fn tokens(
    owned: &impl ReadableTable<&'static [u8], &'static [u8]>,
    owner: UserId,
) -> Result<Vec<PersonalToken>, StoreError> {
    let mut tokens = Vec::new();
    for entry in table::range(owned, &key::tokens_of(owner))? {
        let (key, value) = entry?;
        let id = token_id(key.value())?;
        tokens.push(record::decode_token(owner, id, value.value())?);
    }
    Ok(tokens)
}
