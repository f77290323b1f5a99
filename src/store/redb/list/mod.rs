//! Lists of tasks: results, order and cost.
//!
//! `n` is the length of the page, `s` the number of skipped tasks, `m` the matches, `a` all tasks of the account. Tasks
//! of other accounts are never read. Index entries are about 40 bytes each, in a row; *records* are whole tasks.
//!
//! | query | reads | exact total from |
//! |---|---|---|
//! | any, of an account without index entries ([`Stats::is_indexed`]) | a records | the matches |
//! | newest or oldest first | s + n records | counts |
//! | the same with `completed`, `priority` or both | s + n entries, n records | counts |
//! | the same with one `tag`, or one `list` other than the default list, perhaps with `completed` | s + n entries, n records | counts of the tag or the list |
//! | any other with `list`, perhaps with `completed` | entries and records in that order, until the page is full, if many tasks match | counts of the lists |
//! | `sort=updated_at`, `position`, `title` | s + n entries, n records | counts |
//! | `sort=completed_at`, perhaps with `completed` | s + n entries, n records | counts |
//! | two sort keys | the entries of every condition, m records | the matches |
//! | `sort=priority`, perhaps with `completed`, `priority` | s + n entries, n records | counts |
//! | `sort=due` | s + n entries, n records; once the undated are reached, the entries of the dated | counts |
//! | `sort=due` with `due_before`, `due_after`, `overdue` | m entries, n records | the entries |
//! | `sort=updated_at` with `updated_since` | m entries, n records | the entries |
//! | any other sort with `completed`, `priority` or both | entries and records in that order, until the page is full | counts |
//! | anything else with a condition that few tasks fulfil | the entries of that condition, as many records, and up to [`Options::gather_at_most`] entries of each other condition | the matches |
//! | words in a script without spaces, or the beginning of a long word | as below, and m records for a second look | the matches |
//! | anything else | the entries of every condition; entries in the requested order, until the page is full; n records | the entries |
//!
//! With a cursor, s is 0. A read that turns out to be long is restarted on its own thread ([`ReadBudget`]).

mod by_id;
mod condition;
mod filtered;
mod matches;
mod merged_scan;
mod page;
mod plan;
mod scan;
mod summary;
mod tags;

use redb::ReadTransaction;

pub(super) use self::summary::summary;
use crate::domain::id::{ListId, TaskId, UserId};
use crate::domain::page::TaskPage;
use crate::domain::tag::Tag;
use crate::domain::task::{
    Task, TaskCounts, TaskFields, TaskFilter, TaskQuery, TaskSort, Within,
};
use crate::domain::words::Search;
use crate::store::StoreError;
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::record::Stats;
use crate::store::redb::format::table::{Snapshot, Value};
use crate::store::redb::format::{codec, record, table, task_key};
use crate::store::redb::options::Options;
use crate::store::redb::tasks::stats;

/// Limits of reads ([`Options`]).
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadLimits {
    gather_at_most: usize,
    short_read: u64,
}

impl ReadLimits {
    pub(super) const fn of(options: &Options) -> Self {
        let Options { gather_at_most, short_read, .. } = *options;
        Self { gather_at_most, short_read }
    }
}

/// Work of a read, in rows, and its limits.
#[derive(Debug)]
pub(super) struct ReadBudget {
    pub(super) rows: u64,
    /// Searches in texts, in rows that take as long.
    searches: u64,
    most: u64,
    gather_at_most: usize,
}

impl ReadBudget {
    /// Creates the cost of a read that blocks others.
    pub(super) const fn short(limits: ReadLimits) -> Self {
        let ReadLimits { gather_at_most, short_read } = limits;
        Self { rows: 0, searches: 0, most: short_read, gather_at_most }
    }

    /// Creates the cost of a read on its own thread.
    pub(super) const fn long(limits: ReadLimits) -> Self {
        Self { most: u64::MAX, ..Self::short(limits) }
    }

    fn row(&mut self) -> Result<(), Stop> {
        self.rows += 1;
        self.check()
    }

    /// Whether a task matches a filter. A search in its texts takes as long as a row for every 32 bytes that are compared
    /// as they are, and for every 6 bytes that are folded.
    fn fits(&mut self, filter: &TaskFilter, task: &TaskFields<'_>) -> Result<bool, Stop> {
        let Search { is_fit, read, folded } = filter.search(task);
        self.searches += u64::try_from(read / 32 + folded / 6).unwrap_or(u64::MAX);
        self.check()?;
        Ok(is_fit)
    }

    const fn check(&self) -> Result<(), Stop> {
        if self.rows + self.searches > self.most { Err(Stop::OverBudget) } else { Ok(()) }
    }
}

/// Reason that a read does not continue.
#[derive(Debug)]
enum Stop {
    /// The read exceeds its limit.
    OverBudget,
    Failed(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<redb::StorageError> for Stop {
    fn from(error: redb::StorageError) -> Self {
        Self::Failed(error.into())
    }
}

/// Tasks of one account in one snapshot.
struct Tasks<'a> {
    owned: &'a Snapshot,
    owner: UserId,
    stats: Stats,
}

impl Tasks<'_> {
    /// Reads the row of a task that an index entry names.
    fn row(&self, id: TaskId, cost: &mut ReadBudget) -> Result<Value<'_>, Stop> {
        cost.row()?;
        let row = self.owned.get(key::task(self.owner, id).as_slice())?;
        row.ok_or_else(|| self.missing().into())
    }

    /// Decodes the fields of a task's row.
    fn fields<'a>(
        &self,
        id: TaskId,
        row: &'a Value<'_>,
    ) -> Result<TaskFields<'a>, StoreError> {
        record::decode_fields(self.owner, id, row.value())
    }

    /// Reads a task that an index entry names.
    fn task(&self, id: TaskId, cost: &mut ReadBudget) -> Result<Task, Stop> {
        let row = self.row(id, cost)?;
        Ok(record::decode_task(self.owner, id, row.value())?)
    }

    /// Reads the counts of a tag.
    fn tag_counts(&self, tag: &Tag) -> Result<TaskCounts, Stop> {
        let key = task_key::tag_counts(self.owner, tag);
        let counts = self.owned.get(key.as_slice())?;
        let counts = counts.map(|value| record::decode_task_counts(&key, value.value()));
        Ok(counts.transpose()?.unwrap_or_default())
    }

    /// Counts the tasks of lists. Those of the default list are all but those of the others.
    fn list_counts(&self, lists: &[ListId]) -> Result<TaskCounts, Stop> {
        let has_default = lists.contains(&ListId::DEFAULT);
        let mut counts = TaskCounts::default();
        let mut of = |key: &[u8], value: &[u8]| -> Result<(), StoreError> {
            let is_named = task_key::list(key).is_some_and(|id| lists.contains(&id));
            if is_named != has_default {
                counts = counts.plus(record::decode_task_counts(key, value)?);
            }
            Ok(())
        };
        if has_default {
            for row in table::range(self.owned, &task_key::all_list_counts(self.owner))? {
                let (key, value) = row?;
                of(key.value(), value.value())?;
            }
            return Ok(self.stats.counts().minus(counts));
        }
        for id in lists {
            let key = task_key::list_counts(self.owner, *id);
            if let Some(value) = self.owned.get(key.as_slice())? {
                of(&key, value.value())?;
            }
        }
        Ok(counts)
    }

    /// Returns the error of an index entry without its task.
    fn missing(&self) -> StoreError {
        let key = key::stats(self.owner);
        codec::damaged(Table::Owned, &key, &"an index entry without its task")
    }
}

/// Reads a page of tasks. `None` if it costs more than it may.
pub(super) fn list(
    txn: &ReadTransaction,
    owner: UserId,
    query: &TaskQuery,
    cost: &mut ReadBudget,
) -> Result<Option<TaskPage>, StoreError> {
    let owned = table::open(txn, Table::Owned)?;
    let Some(stats) = stats(&owned, owner)? else {
        return Ok(Some(TaskPage::EMPTY));
    };
    let tasks = Tasks { owned: &owned, owner, stats };
    match tags::known(&tasks, query, cost).and_then(|query| page(&tasks, &query, cost)) {
        Ok(page) => Ok(Some(page)),
        Err(Stop::OverBudget) => Ok(None),
        Err(Stop::Failed(error)) => Err(error),
    }
}

fn page(
    tasks: &Tasks<'_>,
    query: &TaskQuery,
    cost: &mut ReadBudget,
) -> Result<TaskPage, Stop> {
    if query.order.by == TaskSort::Created
        && query.order.then.is_none()
        && query.filter == TaskFilter::ALL
        && tasks.stats.in_order
        && by_id::is_by_id(tasks, &query.start, cost)?
    {
        return by_id::page(tasks, query, cost);
    }
    if !tasks.stats.is_indexed {
        return scan::page(tasks, query, cost);
    }
    let mut query = query.clone();
    if query.filter.parent == Some(Within::Top) && tasks.stats.nested == 0 {
        query.filter.parent = None;
    }
    if tasks.stats.lists == 0 && query.filter.lists.contains(&ListId::DEFAULT) {
        query.filter.lists.clear();
    }
    let plan = plan::plan(tasks, &query);
    if plan.rest == TaskFilter::ALL && query.order.then.is_none() {
        page::along(tasks, &query, &plan, cost)
    } else {
        filtered::page(tasks, &query, &plan, cost)
    }
}
