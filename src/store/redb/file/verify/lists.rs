//! Checks of lists, and of the lists of tasks.

use std::collections::BTreeMap;

use super::Check;
use super::tasks::{Seen, count};
use crate::domain::id::ListId;
use crate::domain::list::TaskList;
use crate::domain::task::{Task, TaskCounts};
use crate::store::StoreError;
use crate::store::redb::format::key;
use crate::store::redb::format::record;
use crate::store::redb::format::record::Stats;
use crate::store::redb::format::task_key;

/// Findings about the lists of one account.
#[derive(Default)]
pub(super) struct SeenLists {
    /// Counts of the tasks of each list but the default list.
    counts: BTreeMap<ListId, TaskCounts>,
    /// Number of rows of counts of lists that have tasks.
    rows: usize,
    /// Number of lists besides the default list.
    lists: u64,
    /// Greatest id of a list, or of one that was deleted.
    highest: u64,
}

impl Check<'_> {
    /// Checks the list of a task, which is that of its parent.
    pub(super) fn list_of(
        &mut self,
        seen: &mut Seen,
        task: &Task,
        parent: Option<&Task>,
    ) -> Result<(), StoreError> {
        if !task.list.is_default() {
            count(seen.lists.counts.entry(task.list).or_default(), task);
            if self.owned.get(key::list(seen.owner, task.list).as_slice())?.is_none() {
                self.report.add(format!("the list of {:?} is missing", task.id));
            }
        }
        if parent.is_some_and(|parent| parent.list != task.list) {
            self.report.add(format!("{:?} is in another list than its parent", task.id));
        }
        Ok(())
    }

    pub(super) fn list(
        &mut self,
        seen: &mut Seen,
        id: ListId,
        value: &[u8],
    ) -> Result<(), StoreError> {
        seen.lists.lists += u64::from(!id.is_default());
        seen.lists.highest = seen.lists.highest.max(id.get());
        let list = self.report.sound(record::decode_list(seen.owner, id, value))?;
        let Some(TaskList { seq, archived, updated_at, .. }) = list else {
            return Ok(());
        };
        self.report.seen(updated_at);
        seen.changes.add(seq);
        if id.is_default() && archived {
            self.report.add(format!("the default list of {:?} is archived", seen.owner));
        }
        Ok(())
    }

    /// Notes the id of a list that was deleted.
    pub(super) fn list_gone(seen: &mut Seen, id: ListId) {
        seen.lists.highest = seen.lists.highest.max(id.get());
    }

    pub(super) fn list_counts(
        &mut self,
        seen: &mut Seen,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), StoreError> {
        let counted = task_key::list(key).and_then(|id| seen.lists.counts.get(&id));
        seen.lists.rows += usize::from(counted.is_some());
        let counts = self.report.sound(record::decode_task_counts(key, value))?;
        if counts.is_some_and(|counts| counted != Some(&counts)) {
            self.report
                .add(format!("the counts of a list of {:?} are wrong", seen.owner));
        }
        Ok(())
    }

    /// Compares the lists with the stats, after all rows of an account were read.
    pub(super) fn leave_lists(&mut self, seen: &Seen, stats: &Stats) {
        let (owner, lists) = (seen.owner, &seen.lists);
        if lists.rows != lists.counts.len() {
            self.report.add(format!("a list of {owner:?} has no counts"));
        }
        if lists.lists != stats.lists {
            self.report.add(format!("the lists of {owner:?} do not match the stats"));
        }
        if lists.highest >= stats.next_list {
            self.report.add(format!("the next list id of {owner:?} is in use"));
        }
    }
}
