//! History of tasks: which changes are recorded, and for how long.

mod plan;
mod read;
mod room;

pub use self::plan::plan;
pub use self::read::{of_task, trash_page};
pub(super) use self::room::make_room;
pub use self::room::{empty, sweep};
use super::{Change, Snapshot};
use crate::domain::id::UserId;
use crate::domain::task::{HistoryEntry, Task};
use crate::store::StoreError;

/// Change of a task that is about to be recorded.
pub(super) struct Recorded<'a> {
    pub(super) old: &'a Task,
    pub(super) new: &'a Task,
    pub(super) entry: HistoryEntry,
}

impl Recorded<'_> {
    /// Records a change. If the task has too many, forgets the oldest.
    pub(super) fn add(
        self,
        snapshot: &dyn Snapshot,
        changes: &mut Vec<Change>,
    ) -> Result<(), StoreError> {
        let Self { old, new, mut entry } = self;
        let fields = old.differences(new).into_iter();
        entry.was.extend(fields.map(|field| old.value(field)));
        entry.number = match last_change(snapshot, old)? {
            Some(last) if last.number + 1 >= HistoryEntry::MOST_PER_TASK => {
                let kept = usize::try_from(HistoryEntry::KEPT_PER_TASK).unwrap_or(0);
                let all = Chain::of(snapshot, old).collect::<Result<Vec<_>, _>>()?;
                let oldest = all.into_iter().skip(kept.saturating_sub(1));
                changes.extend(oldest.map(Change::HistoryDelete));
                HistoryEntry::KEPT_PER_TASK
            }
            Some(last) => last.number + 1,
            None => 1,
        };
        changes.push(Change::HistoryAdd(entry));
        Ok(())
    }
}

/// Finds the last recorded change of a task, if it is the last change.
fn last_change(
    snapshot: &dyn Snapshot,
    task: &Task,
) -> Result<Option<HistoryEntry>, StoreError> {
    let entry = snapshot.history(task.owner, task.seq)?;
    Ok(entry.filter(|entry| entry.task == task.id))
}

/// Recorded changes of a task, the last one first. Ends at the first change that is forgotten.
pub(in crate::store) struct Chain<'a> {
    snapshot: &'a dyn Snapshot,
    task: &'a Task,
    seq: Option<u64>,
}

impl<'a> Chain<'a> {
    /// Returns the changes up to a state of a task.
    pub(in crate::store) const fn of(snapshot: &'a dyn Snapshot, task: &'a Task) -> Self {
        Self { snapshot, task, seq: Some(task.seq) }
    }
}

impl Iterator for Chain<'_> {
    type Item = Result<HistoryEntry, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let seq = self.seq.take()?;
        let entry = match self.snapshot.history(self.task.owner, seq) {
            Ok(entry) => entry.filter(|entry| entry.task == self.task.id)?,
            Err(error) => return Some(Err(error)),
        };
        // Numbers decrease, or the chain would be endless.
        self.seq = Some(entry.before_seq).filter(|before| *before < seq);
        Some(Ok(entry))
    }
}

/// Deletes a task of the trash for good, with its history.
pub(super) fn forget(
    snapshot: &dyn Snapshot,
    owner: UserId,
    seq: u64,
    changes: &mut Vec<Change>,
) -> Result<(), StoreError> {
    let Some(task) = snapshot.trash(owner, seq)? else { return Ok(()) };
    for entry in Chain::of(snapshot, &task) {
        changes.push(Change::HistoryDelete(entry?));
    }
    changes.push(Change::TrashDelete(seq, task));
    Ok(())
}
