//! Quota of one account, while a write to its tasks is decided.

use std::collections::BTreeSet;

use crate::domain::id::UserId;
use crate::domain::quota::{Quota, QuotaExceeded};
use crate::domain::tag::Tag;
use crate::domain::task::Task;
use crate::store::StoreError;
use crate::store::decide::{Figures, Snapshot};

/// Upper bound of the bytes of the rows of a task, including the counts of its tags.
const MOST_OF_A_TASK: u64 = 64 << 10;

/// Usage of the account with the changes so far, and its limits.
pub(in crate::store::decide) struct Allowance {
    tasks: u64,
    max_tasks: Option<u64>,
    bytes: u64,
    /// Maximum number of bytes. `None` if the write cannot reach it, so that no bytes need to be counted beforehand.
    max_bytes: Option<u64>,
    /// Tags that this write adds to tasks.
    tags: BTreeSet<Tag>,
}

impl Allowance {
    /// Creates the allowance of a write that creates or lengthens at most so many tasks.
    pub(in crate::store::decide) fn new(
        figures: &Figures,
        quota: &Quota,
        tasks: usize,
    ) -> Self {
        let tasks = u64::try_from(tasks).unwrap_or(u64::MAX);
        let most = tasks.saturating_mul(MOST_OF_A_TASK);
        // The history and the tombstones make room.
        let bytes = figures.lasting_bytes();
        let most = bytes.saturating_add(most);
        Self {
            tasks: figures.tasks,
            max_tasks: quota.tasks_of(figures.own),
            bytes,
            max_bytes: quota.bytes_of(figures.own).filter(|max| most > *max),
            tags: BTreeSet::new(),
        }
    }

    /// Checks whether a task may be created or changed. A change that frees or shrinks is always allowed, as is one
    /// that only completes or reopens a task.
    pub(super) fn admit(
        &self,
        snapshot: &dyn Snapshot,
        old: Option<&Task>,
        new: &Task,
    ) -> Result<Result<(), QuotaExceeded>, StoreError> {
        if let (None, Some(limit)) = (old, self.max_tasks)
            && self.tasks >= limit
        {
            return Ok(Err(QuotaExceeded::Tasks { used: self.tasks, limit }));
        }
        let Some(limit) = self.max_bytes else { return Ok(Ok(())) };
        let grown = self.growth(snapshot, old, Some(new))?;
        let wanted = self.bytes.saturating_add_signed(grown);
        if grown > 0 && wanted > limit && !old.is_some_and(|old| is_same_text(old, new)) {
            return Ok(Err(QuotaExceeded::Bytes { used: self.bytes, wanted, limit }));
        }
        Ok(Ok(()))
    }

    /// Records a change to a task.
    pub(super) fn change(
        &mut self,
        snapshot: &dyn Snapshot,
        old: Option<&Task>,
        new: Option<&Task>,
    ) -> Result<(), StoreError> {
        if self.max_bytes.is_some() {
            let grown = self.growth(snapshot, old, new)?;
            self.bytes = self.bytes.saturating_add_signed(grown);
            self.tags.extend(new.into_iter().flat_map(|new| new.tags.iter().cloned()));
        }
        self.tasks = self.tasks.saturating_sub(u64::from(old.is_some()));
        self.tasks += u64::from(new.is_some());
        Ok(())
    }

    /// Returns the growth of the rows, in bytes.
    fn growth(
        &self,
        snapshot: &dyn Snapshot,
        old: Option<&Task>,
        new: Option<&Task>,
    ) -> Result<i64, StoreError> {
        let size = |task: Option<&Task>| match task {
            Some(task) => snapshot.task_bytes(task).map(signed),
            None => Ok(0),
        };
        let mut grown = size(new)? - size(old)?;
        let had = |tag: &Tag| old.is_some_and(|old| old.tags.contains(tag));
        for tag in new.into_iter().flat_map(|new| new.tags.iter()) {
            if !had(tag) && !self.tags.contains(tag) {
                grown +=
                    tag_row(snapshot, tag, new.map_or(UserId::new(0), |new| new.owner))?;
            }
        }
        Ok(grown)
    }
}

/// Returns the bytes of the counts of a tag, if no task has the tag yet.
fn tag_row(snapshot: &dyn Snapshot, tag: &Tag, owner: UserId) -> Result<i64, StoreError> {
    if snapshot.tag_counts(owner, tag)?.total > 0 {
        return Ok(0);
    }
    snapshot.tag_bytes(owner, tag).map(signed)
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Whether two revisions of a task differ only in the state and the fields that change with it, or in a move to the
/// default list, which frees an index entry.
fn is_same_text(old: &Task, new: &Task) -> bool {
    let as_new = Task {
        completed_at: new.completed_at,
        list: if new.list.is_default() { new.list } else { old.list },
        updated_at: new.updated_at,
        revision: new.revision,
        seq: new.seq,
        ..old.clone()
    };
    as_new == *new
}
