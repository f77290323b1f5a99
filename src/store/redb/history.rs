//! Reads of the history.

use redb::ReadTransaction;

use crate::domain::id::{TaskId, UserId};
use crate::domain::task::{HistoryEntry, TaskHistory, TrashPage, UndoPlan, UndoScope};
use crate::store::StoreError;
use crate::store::decide::Snapshot as _;
use crate::store::decide::history;
use crate::store::redb::engine::view::View;
use crate::store::redb::format::table::SnapshotTables;

pub(super) fn of_task(
    txn: &ReadTransaction,
    owner: UserId,
    id: TaskId,
    limit: usize,
) -> Result<Option<TaskHistory>, StoreError> {
    let tables = SnapshotTables::open(txn)?;
    history::of_task(&View::of_snapshot(&tables), owner, id, limit)
}

pub(super) fn after(
    txn: &ReadTransaction,
    owner: UserId,
    after: u64,
    limit: usize,
) -> Result<Vec<HistoryEntry>, StoreError> {
    let tables = SnapshotTables::open(txn)?;
    View::of_snapshot(&tables).history_from(owner, after.saturating_add(1), limit)
}

pub(super) fn trash(
    txn: &ReadTransaction,
    owner: UserId,
    before: Option<u64>,
    limit: usize,
) -> Result<Option<TrashPage>, StoreError> {
    let tables = SnapshotTables::open(txn)?;
    history::trash_page(&View::of_snapshot(&tables), owner, before, limit)
}

pub(super) fn plan(
    txn: &ReadTransaction,
    owner: UserId,
    scope: UndoScope,
) -> Result<UndoPlan, StoreError> {
    let tables = SnapshotTables::open(txn)?;
    history::plan(&View::of_snapshot(&tables), owner, scope)
}
