//! Checks of the tasks of an account: index entries, counts and nesting.

use std::collections::BTreeMap;

use super::changes::SeenChanges;
use super::lists::SeenLists;
use super::{Check, LOOKUPS};
use crate::domain::id::{TaskId, UserId};
use crate::domain::position::Position;
use crate::domain::priority::Priority;
use crate::domain::tag::Tag;
use crate::domain::task::{Task, TaskCounts};
use crate::store::StoreError;
use crate::store::decide::HistoryUsage;
use crate::store::decide::IdempotencyUsage;
use crate::store::redb::format::key;
use crate::store::redb::format::key::Owned;
use crate::store::redb::format::record;
use crate::store::redb::format::record::{LastTask, Stats, StatsPlace};
use crate::store::redb::format::table;
use crate::store::redb::format::table::Snapshot;
use crate::store::redb::format::{task_index, task_key};

/// First format whose stats count bytes.
const COUNTED: u64 = 4;

/// First format in which small accounts have no index entries.
const SCANNED: u64 = 5;

/// Findings about one account during the walk through its rows.
pub(super) struct Seen {
    pub(super) owner: UserId,
    pub(super) is_user: bool,
    pub(super) stats: Option<Stats>,
    counted: Stats,
    /// Last task in the owner's order.
    last: Option<(Position, TaskId)>,
    /// Bytes of all rows except for the stats.
    bytes: u64,
    tags: BTreeMap<Tag, TaskCounts>,
    /// Number of rows of counts of tags that some task has.
    tag_rows: usize,
    /// Number of expected index entries, and of existing ones.
    entries: (u64, u64),
    /// Whether an expected index entry is missing.
    is_missing: bool,
    pub(super) idempotency_entries: u64,
    pub(super) idempotency: IdempotencyUsage,
    /// Stored statistics of the answers.
    pub(super) idempotency_stats: IdempotencyUsage,
    pub(super) changes: SeenChanges,
    pub(super) lists: SeenLists,
    /// Size of the history.
    pub(super) history: HistoryUsage,
}

impl Seen {
    pub(super) fn new(owner: UserId, is_user: bool, stats: Option<Stats>) -> Self {
        Self {
            owner,
            is_user,
            stats,
            counted: Stats::EMPTY,
            last: None,
            bytes: 0,
            tags: BTreeMap::new(),
            tag_rows: 0,
            entries: (0, 0),
            is_missing: false,
            idempotency_entries: 0,
            idempotency: IdempotencyUsage::default(),
            idempotency_stats: IdempotencyUsage::default(),
            changes: SeenChanges::default(),
            lists: SeenLists::default(),
            history: HistoryUsage::default(),
        }
    }

    /// Whether a row belongs to this account.
    pub(super) fn has_row(&self, key: &[u8]) -> bool {
        key.starts_with(&self.owner.to_bytes())
    }

    pub(super) fn count_bytes(&mut self, key: &[u8], value: &[u8]) {
        self.bytes += u64::try_from(key.len() + value.len()).unwrap_or(u64::MAX);
    }
}

pub(super) fn count(counts: &mut TaskCounts, task: &Task) {
    counts.total += 1;
    counts.open += u64::from(!task.is_completed());
}

impl Check<'_> {
    /// Returns the key of the stats of an account.
    pub(super) fn stats_key(&self, owner: UserId) -> [u8; UserId::LEN + 1] {
        StatsPlace::in_format(self.format).key(owner)
    }

    /// Reads the stats of an account. `None` if they are missing or damaged.
    pub(super) fn stats(&mut self, owner: UserId) -> Result<Option<Stats>, StoreError> {
        let place = self.stats_key(owner);
        let Some(value) = self.owned.get(place.as_slice())? else { return Ok(None) };
        let stats = StatsPlace::in_format(self.format).decode(owner, value.value());
        self.report.sound(stats)
    }

    /// Checks a task. `None` if it cannot be read.
    pub(super) fn task(
        &mut self,
        seen: &mut Seen,
        id: TaskId,
        task: Option<Task>,
    ) -> Result<(), StoreError> {
        self.report.tasks += 1;
        self.done += LOOKUPS;
        self.highest_task = self.highest_task.max(id.get());
        if !self.ids.insert(id) {
            self.report
                .add(format!("{id:?} belongs to {:?} and to another user", seen.owner));
        }
        let Some(task) = task else { return Ok(()) };
        self.report.seen(task.updated_at);
        self.numbered(seen, &task)?;
        count(seen.counted.of_mut(task.priority), &task);
        seen.counted.nested += u64::from(task.parent.is_some());
        seen.counted.in_order &= task.created_at >= seen.counted.newest;
        seen.counted.newest = seen.counted.newest.max(task.created_at);
        for tag in task.tags.iter() {
            count(seen.tags.entry(tag.clone()).or_default(), &task);
        }
        let weight = if self.format < 7 { task.former_weight() } else { task.weight() };
        seen.counted.weight = seen.counted.weight.saturating_add(weight);
        seen.counted.latest_change = seen.counted.latest_change.max(task.updated_at);
        seen.last = seen.last.take().max(Some((task.position.clone(), task.id)));
        let entries = if self.is_indexed(seen) {
            task_index::entries_in(self.format, &task)
        } else {
            Vec::new()
        };
        for entry in &entries {
            if self.owned.get(entry.as_slice())?.is_none() {
                let name = task_index::name(entry);
                self.report.add(format!("{id:?} has no index entry by {name}"));
                seen.is_missing = true;
            }
        }
        seen.entries.0 += u64::try_from(entries.len()).unwrap_or(u64::MAX);
        if task.recurrence.is_some() && task.due.is_none() {
            self.report.add(format!("{id:?} recurs, but has no due date"));
        }
        let parent = match task.parent {
            Some(parent) => find(&self.owned, seen.owner, parent)?,
            None => None,
        };
        self.list_of(seen, &task, parent.as_ref())?;
        if !lies_well(&self.owned, &task)? {
            self.report
                .add(format!("the parents of {id:?} are missing, circular or too deep"));
        }
        Ok(())
    }

    /// Whether the tasks of an account must have index entries.
    fn is_indexed(&self, seen: &Seen) -> bool {
        self.format < SCANNED || seen.stats.as_ref().is_none_or(|stats| stats.is_indexed)
    }

    /// Counts an entry. The expected entries are looked up with their tasks.
    pub(super) fn entry(&mut self, seen: &mut Seen, key: &[u8], value: &[u8]) {
        seen.entries.1 += 1;
        let id = task_key::id(key).unwrap_or_else(|| TaskId::new(0));
        if !value.is_empty() {
            self.report.add(format!("the index entry of {id:?} has a value"));
        }
    }

    pub(super) fn tag_counts(
        &mut self,
        seen: &mut Seen,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), StoreError> {
        let counted = task_key::tag(key).and_then(|tag| seen.tags.get(&tag));
        seen.tag_rows += usize::from(counted.is_some());
        let counts = self.report.sound(record::decode_task_counts(key, value))?;
        if counts.is_some_and(|counts| counted != Some(&counts)) {
            self.report.add(format!("the counts of a tag of {:?} are wrong", seen.owner));
        }
        Ok(())
    }

    /// Compares the totals, after all rows of an account were read.
    pub(super) fn leave(&mut self, seen: Option<Seen>) -> Result<(), StoreError> {
        let Some(mut seen) = seen.filter(|seen| seen.is_user) else { return Ok(()) };
        let owner = seen.owner;
        if let Some(stats) = seen.stats.clone() {
            self.leave_changes(&mut seen, &stats);
            self.leave_lists(&seen, &stats);
            self.leave_history(&seen, &stats);
        }
        self.leave_idempotency(&seen);
        if seen.entries.0 != seen.entries.1 {
            self.report
                .add(format!("{owner:?} has more or fewer index entries than tasks"));
        }
        if seen.is_missing || seen.entries.0 != seen.entries.1 {
            let is_indexed = self.is_indexed(&seen);
            self.strays(owner, is_indexed)?;
        }
        if seen.tag_rows != seen.tags.len() {
            self.report.add(format!("a tag of {owner:?} has no counts"));
        }
        let Some(stats) = &seen.stats else { return Ok(()) };
        let tags = u64::try_from(seen.tags.len()).unwrap_or(u64::MAX);
        let is_counted =
            Priority::ALL.iter().all(|it| stats.of(*it) == seen.counted.of(*it))
                && stats.nested == seen.counted.nested
                && stats.tags == tags;
        if !is_counted {
            self.report.add(format!("the counts of {owner:?} do not match the rows"));
        }
        if self.format >= SCANNED {
            self.leave_scanned(&seen, stats);
        }
        if self.format >= COUNTED && stats.bytes != seen.bytes {
            self.report.add(format!(
                "{} bytes are counted for {owner:?}, but the rows have {}",
                stats.bytes, seen.bytes
            ));
        }
        if (stats.in_order && !seen.counted.in_order)
            || stats.newest < seen.counted.newest
        {
            self.report
                .add(format!("the order of {owner:?}'s tasks does not match the stats"));
        }
        Ok(())
    }

    /// Compares the values that stand for an index.
    fn leave_scanned(&mut self, seen: &Seen, stats: &Stats) {
        let owner = seen.owner;
        if stats.weight != seen.counted.weight {
            self.report.add(format!(
                "the weight of {owner:?} is {}, but the tasks weigh {}",
                stats.weight, seen.counted.weight
            ));
        }
        if stats.latest_change < seen.counted.latest_change {
            self.report
                .add(format!("a task of {owner:?} was changed after the latest change"));
        }
        let last = seen.last.clone();
        if stats.last != last.and_then(|(position, id)| LastTask::new(position, id)) {
            self.report.add(format!("the last task of {owner:?} is another one"));
        }
    }

    /// Reports the entries that belong to no task.
    fn strays(&mut self, owner: UserId, is_indexed: bool) -> Result<(), StoreError> {
        let owned = &self.owned;
        for row in table::range(owned, &key::everything_of(owner))? {
            let (key, _) = row?;
            let Some(Owned::TaskIndex(_, id)) = Owned::decode(key.value()) else {
                continue;
            };
            let task = find(owned, owner, id)?;
            let has = |task: Task| {
                task_index::entries_in(self.format, &task)
                    .iter()
                    .any(|entry| entry == key.value())
            };
            if !is_indexed || !task.is_some_and(has) {
                let name = task_index::name(key.value());
                self.report
                    .add(format!("an index entry of {id:?} by {name} without its task"));
            }
        }
        Ok(())
    }
}

/// Finds a task. Damage is reported at the task itself.
fn find(owned: &Snapshot, owner: UserId, id: TaskId) -> Result<Option<Task>, StoreError> {
    let value = owned.get(key::task(owner, id).as_slice())?;
    Ok(value.and_then(|value| record::decode_task(owner, id, value.value()).ok()))
}

/// Whether all ancestors of a task exist, and are no more than allowed.
fn lies_well(owned: &Snapshot, task: &Task) -> Result<bool, StoreError> {
    let mut parent = task.parent;
    for _ in 1..Task::MAX_DEPTH {
        let Some(id) = parent else { return Ok(true) };
        match find(owned, task.owner, id)? {
            Some(above) => parent = above.parent,
            None => return Ok(false),
        }
    }
    Ok(parent.is_none())
}
