//! Lists of tasks: results, order and cost.
//!
//! `n` is the length of the page, `s` the number of skipped tasks, `m` the matches, `a` all tasks of the account. Tasks
//! of other accounts are never read. Index entries are about 40 bytes each, in a row; *records* are whole tasks.
//!
//! | query | reads | exact total from |
//! |---|---|---|
//! | newest or oldest first | s + n records | counts |
//! | the same with `completed`, `priority` or both | s + n entries, n records | counts |
//! | the same with one `tag`, perhaps with `completed` | s + n entries, n records | counts of the tag |
//! | `sort=updated_at`, `position`, `title` | s + n entries, n records | counts |
//! | `sort=priority`, perhaps with `completed`, `priority` | s + n entries, n records | counts |
//! | `sort=due` | s + n entries, n records; once the undated are reached, the tasks skipped to find them | counts |
//! | `sort=due` with `due_before`, `due_after`, `overdue` | m entries, n records | the entries |
//! | `sort=updated_at` with `updated_since` | m entries, n records | the entries |
//! | anything else with `tag`, `q`, dates, `updated_since`, `parent_id`, `priority`, `completed` | the entries of the condition with the fewest, as many records, and up to [`Options::gather_at_most`] entries of each condition that was tried before it | the matches |
//! | the same if no condition has at most [`Options::gather_at_most`] | all entries in the order wanted and as many records | the matches |
//!
//! With a cursor, s is 0. A read that turns out to be long is restarted on its own thread ([`ReadBudget`]).

mod filter_then_sort;
mod index_scan;
mod merged_scan;
mod page;
mod summary;
mod tags;

use std::cmp::Ordering;

use redb::ReadTransaction;

pub(super) use self::summary::summary;
use crate::domain::id::UserId;
use crate::domain::page::TaskPage;
use crate::domain::task::{Start, TaskFilter, TaskOrder, TaskQuery, TaskSort, Within};
use crate::store::StoreError;
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::record::Stats;
use crate::store::redb::format::table;
use crate::store::redb::format::table::Snapshot;
use crate::store::redb::options::Options;
use crate::store::redb::tasks::{decoded, stats};

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
    most: u64,
    gather_at_most: usize,
}

impl ReadBudget {
    /// Creates the cost of a read that blocks others.
    pub(super) const fn short(limits: ReadLimits) -> Self {
        let ReadLimits { gather_at_most, short_read } = limits;
        Self { rows: 0, most: short_read, gather_at_most }
    }

    /// Creates the cost of a read on its own thread.
    pub(super) const fn long(limits: ReadLimits) -> Self {
        Self { most: u64::MAX, ..Self::short(limits) }
    }

    fn row(&mut self) -> Result<(), Stop> {
        self.rows += 1;
        if self.rows > self.most { Err(Stop::OverBudget) } else { Ok(()) }
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
        && query.filter == TaskFilter::ALL
        && tasks.stats.in_order
        && is_by_id(tasks, &query.start, cost)?
    {
        return by_id(tasks, query, cost);
    }
    let mut query = query.clone();
    if query.filter.parent == Some(Within::Top) && tasks.stats.nested == 0 {
        query.filter.parent = None;
    }
    let plan = index_scan::plan(tasks, &query);
    if plan.rest != TaskFilter::ALL
        && let Some(page) = filter_then_sort::page(tasks, &query, cost)?
    {
        return Ok(page);
    }
    page::along(tasks, &query, plan, cost)
}

/// Whether a page that begins there can be read by id. Ids sort like the times of creation of the existing tasks, but
/// the task at that place may be gone, and an older one with a higher id may have been imported since.
fn is_by_id(
    tasks: &Tasks<'_>,
    start: &Start,
    cost: &mut ReadBudget,
) -> Result<bool, Stop> {
    let Start::After(place) = start else { return Ok(true) };
    let Some(id) = crate::store::redb::format::task_key::id(&place.key) else {
        return Ok(true);
    };
    let (first, last) = key::tasks_of(tasks.owner).into_inner();
    let here = key::task(tasks.owner, id).to_vec();
    let mut side = |entry: Option<Result<table::Found<'_>, redb::StorageError>>| {
        let Some(entry) = entry else { return Ok::<_, Stop>(None) };
        cost.row()?;
        let task = decoded(entry?)?;
        Ok(Some(TaskOrder::NEWEST.place(&task).key.cmp(&place.key)))
    };
    let before = side(table::range(tasks.owned, &(first..=here.clone()))?.next_back())?;
    let after = side(table::range(tasks.owned, &(here..=last))?.next())?;
    Ok(before.is_none_or(Ordering::is_le) && after.is_none_or(Ordering::is_ge))
}

/// Reads a page from the records: ids sort like the times of creation.
fn by_id(
    tasks: &Tasks<'_>,
    query: &TaskQuery,
    cost: &mut ReadBudget,
) -> Result<TaskPage, Stop> {
    let total = tasks.stats.counts().total;
    let TaskOrder { descending, .. } = query.order;
    let (mut first, mut last) = key::tasks_of(tasks.owner).into_inner();
    let mut skip = 0;
    match &query.start {
        Start::Skip(start) if *start >= total => {
            return Ok(TaskPage { total, ..TaskPage::EMPTY });
        }
        Start::Skip(start) => skip = *start,
        Start::After(place) => {
            let Some(id) = crate::store::redb::format::task_key::id(&place.key) else {
                return Ok(TaskPage { total, ..TaskPage::EMPTY });
            };
            let mut here = key::task(tasks.owner, id).to_vec();
            if descending {
                last = here;
            } else {
                here.push(0);
                first = here;
            }
        }
    }
    let is_exclusive = descending && matches!(query.start, Start::After(_));
    let bounds = (
        std::ops::Bound::Included(first.as_slice()),
        if is_exclusive {
            std::ops::Bound::Excluded(last.as_slice())
        } else {
            std::ops::Bound::Included(last.as_slice())
        },
    );
    let mut entries = tasks.owned.range::<&[u8]>(bounds).map_err(StoreError::from)?;
    let mut next = || if descending { entries.next_back() } else { entries.next() };
    let limit = usize::from(query.limit);
    let mut found = Vec::with_capacity(limit);
    while let Some(entry) = next() {
        let entry = entry?;
        cost.row()?;
        if skip > 0 {
            skip -= 1;
        } else if found.len() == limit {
            return Ok(TaskPage { tasks: found, total, more: true });
        } else {
            found.push(decoded(entry)?);
        }
    }
    Ok(TaskPage { tasks: found, total, more: false })
}
