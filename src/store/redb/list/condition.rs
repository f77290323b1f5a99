//! Condition of a filter, as ranges of index entries.

use super::merged_scan::{Bounds, Source};
use super::{ReadBudget, Stop, Tasks};
use crate::domain::due::DueRange;
use crate::domain::id::TaskId;
use crate::domain::task::TaskCounts;
use crate::store::redb::format::task_key;
use crate::store::redb::format::task_key::KeyPrefix;

/// Ids that are gathered before duplicates are removed, at least.
const ROOM: usize = 16_384;

fn sort(ids: &mut Vec<TaskId>) {
    ids.sort_unstable();
    ids.dedup();
}

/// Condition, with the index entries of exactly the tasks that fulfil it.
pub(super) struct Condition {
    prefixes: Vec<KeyPrefix>,
    bounds: Bounds,
    /// Range of due dates and times. The entries within the bounds include others.
    due: Option<DueRange>,
    /// Number of entries, if it is stored.
    pub(super) entries: Option<usize>,
}

impl Condition {
    pub(super) fn new(prefixes: Vec<KeyPrefix>) -> Self {
        Self { prefixes, bounds: Bounds::NONE, due: None, entries: None }
    }

    /// Selects tasks that are due in a range.
    pub(super) fn due(prefixes: Vec<KeyPrefix>, range: &DueRange) -> Self {
        let condition = Self::new(prefixes).within(Bounds::due(range));
        Self { due: Some(range.clone()), ..condition }
    }

    /// Limits the entries.
    pub(super) fn within(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// Sets the number of entries to that of the tasks in some state.
    pub(super) fn counted(mut self, counts: TaskCounts, completed: Option<bool>) -> Self {
        self.entries = usize::try_from(counts.matching(completed)).ok();
        self
    }

    /// Returns the sorted ids of the tasks that fulfil the condition. `None` if they have more than `most` entries.
    pub(super) fn ids(
        &self,
        tasks: &Tasks<'_>,
        most: usize,
        cost: &mut ReadBudget,
    ) -> Result<Option<Vec<TaskId>>, Stop> {
        let (mut ids, mut room) = (Vec::new(), ROOM);
        let mut read = 0;
        for prefix in &self.prefixes {
            let Some(mut source) = Source::open(tasks.owned, prefix, &self.bounds)?
            else {
                continue;
            };
            while let Some(key) = source.next_key(false, cost)? {
                read += 1;
                if read > most {
                    return Ok(None);
                }
                let end = prefix.end(key.value());
                let id = task_key::id(end).ok_or_else(|| tasks.missing())?;
                let is_due = |range| task_key::is_due_in(range, end);
                if self.due.as_ref().is_none_or(is_due) {
                    ids.push(id);
                }
                // A task has an entry for each word with the same prefix.
                if ids.len() >= room {
                    sort(&mut ids);
                    room = ROOM.max(2 * ids.len());
                }
            }
        }
        sort(&mut ids);
        Ok(Some(ids))
    }
}
