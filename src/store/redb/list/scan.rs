//! Lists of small accounts, which have no index entries: all records are read.

use super::page::{Cut, cut};
use super::{ReadBudget, Stop, Tasks};
use crate::domain::due::DueRange;
use crate::domain::page::TaskPage;
use crate::domain::task::{TaskPlace, TaskQuery};
use crate::store::redb::format::key;
use crate::store::redb::format::table;
use crate::store::redb::format::table::Found;
use crate::store::redb::tasks::{decoded, fields};

/// Returns a page of the tasks that match.
pub(super) fn page(
    tasks: &Tasks<'_>,
    query: &TaskQuery,
    cost: &mut ReadBudget,
) -> Result<TaskPage, Stop> {
    let mut found: Vec<(TaskPlace, Found<'_>)> = Vec::new();
    for row in table::range(tasks.owned, &key::tasks_of(tasks.owner))? {
        cost.row()?;
        let row = row?;
        let task = fields(&row)?;
        if cost.fits(&query.filter, &task)? {
            found.push((query.order.place(&task, &query.home), row));
        }
    }
    let Cut { page, total, more } = cut(found, query);
    let page = page.into_iter().map(decoded);
    Ok(TaskPage { tasks: page.collect::<Result<_, _>>()?, total, more })
}

/// Counts the open tasks that are due in a range.
pub(super) fn overdue(
    tasks: &Tasks<'_>,
    range: &DueRange,
    cost: &mut ReadBudget,
) -> Result<u64, Stop> {
    let mut count = 0;
    for row in table::range(tasks.owned, &key::tasks_of(tasks.owner))? {
        cost.row()?;
        let row = row?;
        let task = fields(&row)?;
        let is_due = task.due.is_some_and(|due| range.contains_key(due));
        count += u64::from(is_due && !task.completed);
    }
    Ok(count)
}
