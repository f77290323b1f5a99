//! Condition of a filter, as ranges of index entries.

use super::merged_scan::{Bounds, EntryRange, Source};
use super::{ReadBudget, Stop, Tasks};
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
#[derive(Clone)]
pub(super) struct Condition {
    ranges: Vec<EntryRange>,
    /// Number of entries, if it is stored.
    pub(super) entries: Option<usize>,
}

impl Condition {
    pub(super) fn new(prefixes: Vec<KeyPrefix>) -> Self {
        Self::of(prefixes.into_iter().map(EntryRange::from).collect())
    }

    pub(super) const fn of(ranges: Vec<EntryRange>) -> Self {
        Self { ranges, entries: None }
    }

    /// Limits the entries.
    pub(super) fn within(mut self, bounds: &Bounds) -> Self {
        for range in &mut self.ranges {
            range.bounds = bounds.clone();
        }
        self
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
        for range in &self.ranges {
            let Some(mut source) = Source::open(tasks.owned, range)? else { continue };
            while let Some(key) = source.next_key(false, cost)? {
                read += 1;
                if read > most {
                    return Ok(None);
                }
                let id = task_key::id(key.value()).ok_or_else(|| tasks.missing())?;
                ids.push(id);
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
