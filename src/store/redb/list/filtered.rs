//! Pages of the tasks that match a filter, where no index has exactly these tasks in the requested order.

use super::matches::{ENTRIES_A_RECORD, Matches, matches};
use super::page::{Cut, Member, Walk, cut};
use super::plan::Plan;
use super::{ReadBudget, Stop, Tasks};
use crate::domain::id::TaskId;
use crate::domain::page::TaskPage;
use crate::domain::task::{Start, Task, TaskPlace, TaskQuery, TaskSort};

/// Matches whose entries are read in the time in which a walk reads one record.
const MATCHES_A_RECORD: u64 = 4;

/// Returns a page.
pub(super) fn page(
    tasks: &Tasks<'_>,
    query: &TaskQuery,
    plan: &Plan,
    cost: &mut ReadBudget,
) -> Result<TaskPage, Stop> {
    if query.order.then.is_some() {
        // No index has the tasks in this order.
        let (Matches::Among(ids) | Matches::Exact(ids)) =
            matches(tasks, &query.filter, cost)?;
        return sorted(tasks, query, ids, cost);
    }
    if let Some(total) = counted(tasks, query)?
        && let expected = walked(tasks, query, total)
        && expected <= total / MATCHES_A_RECORD
    {
        let walk = Walk::new(tasks, query, Member::Fits(expected));
        if let Some(page) = walk.page(&plan.scans, total, cost)? {
            return Ok(page);
        }
    }
    let ids = match matches(tasks, &query.filter, cost)? {
        Matches::Among(ids) => return sorted(tasks, query, ids, cost),
        Matches::Exact(ids) => ids,
    };
    if query.order.by == TaskSort::Created && tasks.stats.in_order {
        return by_id(tasks, query, &ids, cost);
    }
    let total = u64::try_from(ids.len()).unwrap_or(u64::MAX);
    let gathered = ids.len().saturating_mul(ENTRIES_A_RECORD);
    let gathered = u64::try_from(gathered).unwrap_or(u64::MAX);
    let is_far = walked(tasks, query, total) > gathered;
    if is_far && ids.len() <= cost.gather_at_most {
        return sorted(tasks, query, ids, cost);
    }
    let walk = Walk::new(tasks, query, Member::OneOf(&ids));
    Ok(walk.page(&plan.scans, total, cost)?.unwrap_or(TaskPage::EMPTY))
}

/// Returns the number of matches, if it is stored.
fn counted(tasks: &Tasks<'_>, query: &TaskQuery) -> Result<Option<u64>, Stop> {
    let filter = &query.filter;
    let counts = if filter.is_by_state() {
        tasks.stats.with_priorities(&filter.priorities)
    } else if filter.is_by_list() {
        tasks.list_counts(&filter.lists)?
    } else {
        return Ok(None);
    };
    Ok(Some(counts.matching(filter.completed)))
}

/// Estimates the tasks that a walk in the requested order passes up to the end of the page: as many as if the matches
/// were evenly spread.
fn walked(tasks: &Tasks<'_>, query: &TaskQuery, matches: u64) -> u64 {
    let end = query.start.skip().saturating_add(u64::from(query.limit)).saturating_add(1);
    let all = tasks.stats.counts().total;
    end.min(matches).saturating_mul(all) / matches.max(1)
}

/// Reads the tasks that match, and sorts them.
fn sorted(
    tasks: &Tasks<'_>,
    query: &TaskQuery,
    ids: Vec<TaskId>,
    cost: &mut ReadBudget,
) -> Result<TaskPage, Stop> {
    let mut places: Vec<(TaskPlace, TaskId)> = Vec::new();
    for id in ids {
        let row = tasks.row(id, cost)?;
        let task = tasks.fields(id, &row)?;
        if cost.fits(&query.filter, &task)? {
            places.push((query.order.place(&task, &query.home), id));
        }
    }
    let Cut { page, total, more } = cut(places, query);
    let page = page.into_iter().map(|id| tasks.task(id, cost));
    Ok(TaskPage { tasks: page.collect::<Result<_, _>>()?, total, more })
}

/// Reads a page of tasks whose ids sort like their times of creation.
fn by_id(
    tasks: &Tasks<'_>,
    query: &TaskQuery,
    ids: &[TaskId],
    cost: &mut ReadBudget,
) -> Result<TaskPage, Stop> {
    let at = |number: usize| {
        if query.order.descending {
            let number = ids.len().checked_sub(number + 1);
            number.and_then(|number| ids.get(number)).copied()
        } else {
            ids.get(number).copied()
        }
    };
    let passed = match &query.start {
        Start::Skip(skip) => usize::try_from(*skip).unwrap_or(usize::MAX),
        Start::After(place) => {
            let (mut low, mut high) = (0, ids.len());
            while low < high {
                let middle = low.midpoint(high);
                let Some(id) = at(middle) else { break };
                let row = tasks.row(id, cost)?;
                let here = query.order.place(&tasks.fields(id, &row)?, &query.home);
                if here.compare(place, query.order).is_le() {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            low
        }
    };
    read(tasks, query, ids.len(), passed, at, cost)
}

/// Reads the page after the first tasks.
fn read(
    tasks: &Tasks<'_>,
    query: &TaskQuery,
    total: usize,
    passed: usize,
    at: impl Fn(usize) -> Option<TaskId>,
    cost: &mut ReadBudget,
) -> Result<TaskPage, Stop> {
    let end = passed.saturating_add(query.limit.into());
    let mut found: Vec<Task> = Vec::with_capacity(query.limit.into());
    for id in (passed..end).map_while(at) {
        found.push(tasks.task(id, cost)?);
    }
    let count = u64::try_from(total).unwrap_or(u64::MAX);
    Ok(TaskPage { tasks: found, total: count, more: total > end })
}
