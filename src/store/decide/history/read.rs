//! Reads of the history.

use super::Chain;
use crate::domain::id::{TaskId, UserId};
use crate::domain::task::{HistoryEntry, TaskHistory, TrashPage, Trashed};
use crate::store::StoreError;
use crate::store::decide::Snapshot;

/// Returns the last changes of a task or of a deleted one, at most `limit`; see
/// [`crate::store::Store::history_list`].
///
/// # Errors
///
/// Errors of the database.
pub fn of_task(
    snapshot: &dyn Snapshot,
    owner: UserId,
    id: TaskId,
    limit: usize,
) -> Result<Option<TaskHistory>, StoreError> {
    let (task, deletion) = match snapshot.task(owner, id)? {
        Some(task) => (task, None),
        None => match trashed(snapshot, owner, id)? {
            Some(Trashed { task, tombstone }) => (task, Some(tombstone)),
            None => return Ok(None),
        },
    };
    let entries = Chain::of(snapshot, &task).take(limit.saturating_add(1));
    let mut entries = entries.collect::<Result<Vec<HistoryEntry>, _>>()?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let is_whole = entries.last().is_none_or(|oldest| oldest.number == 1);
    let forgotten = snapshot.figures(owner)?.map_or(0, |it| it.history.forgotten);
    let is_whole = is_whole && !more && task.origin.unit > forgotten;
    Ok(Some(TaskHistory { task, deletion, entries, more, is_whole }))
}

/// Finds a task in the trash.
fn trashed(
    snapshot: &dyn Snapshot,
    owner: UserId,
    id: TaskId,
) -> Result<Option<Trashed>, StoreError> {
    let Some(tombstone) = snapshot.tombstone(owner, id)? else { return Ok(None) };
    let task = snapshot.trash(owner, tombstone.seq)?.filter(|task| task.id == id);
    Ok(task.map(|task| Trashed { tombstone, task }))
}

/// Lists the trash, the last deletion first, from before a deletion on, at most `limit`; see
/// [`crate::store::Store::trash_list`].
///
/// # Errors
///
/// Errors of the database.
pub fn trash_page(
    snapshot: &dyn Snapshot,
    owner: UserId,
    before: Option<u64>,
    limit: usize,
) -> Result<Option<TrashPage>, StoreError> {
    let Some(figures) = snapshot.figures(owner)? else { return Ok(None) };
    let total = figures.history.trashed;
    let before = before.unwrap_or(u64::MAX);
    let mut seqs = snapshot.trash_before(owner, before, limit.saturating_add(1))?;
    let more = seqs.len() > limit;
    seqs.truncate(limit);
    let mut tasks = Vec::with_capacity(seqs.len());
    for seq in seqs {
        let Some(task) = snapshot.trash(owner, seq)? else { continue };
        let tombstone = snapshot.tombstone(owner, task.id)?.filter(|it| it.seq == seq);
        tasks.extend(tombstone.map(|tombstone| Trashed { tombstone, task }));
    }
    Ok(Some(TrashPage { tasks, total, more }))
}
