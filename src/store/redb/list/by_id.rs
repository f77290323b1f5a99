//! Pages of tasks whose ids sort like their times of creation, read from the records.

use std::cmp::Ordering;
use std::ops::Bound;

use super::{ReadBudget, Stop, Tasks};
use crate::domain::page::TaskPage;
use crate::domain::task::{Start, TaskOrder, TaskQuery};
use crate::domain::time_zone::TimeZone;
use crate::store::StoreError;
use crate::store::redb::format::key;
use crate::store::redb::format::{table, task_key};
use crate::store::redb::tasks::decoded;

/// Whether a page that begins there can be read by id. Ids sort like the times of creation of the existing tasks, but
/// the task at that place may be gone, and an older one with a higher id may have been imported since.
pub(super) fn is_by_id(
    tasks: &Tasks<'_>,
    start: &Start,
    cost: &mut ReadBudget,
) -> Result<bool, Stop> {
    let Start::After(place) = start else { return Ok(true) };
    let Some(id) = task_key::id(&place.key) else {
        return Ok(true);
    };
    let (first, last) = key::tasks_of(tasks.owner).into_inner();
    let here = key::task(tasks.owner, id).to_vec();
    let mut side = |entry: Option<Result<table::Found<'_>, redb::StorageError>>| {
        let Some(entry) = entry else { return Ok::<_, Stop>(None) };
        cost.row()?;
        let task = decoded(entry?)?;
        let here = TaskOrder::NEWEST.place(&task.fields(), &TimeZone::utc());
        Ok(Some(here.key.cmp(&place.key)))
    };
    let before = side(table::range(tasks.owned, &(first..=here.clone()))?.next_back())?;
    let after = side(table::range(tasks.owned, &(here..=last))?.next())?;
    Ok(before.is_none_or(Ordering::is_le) && after.is_none_or(Ordering::is_ge))
}

/// Reads a page from the records: ids sort like the times of creation.
pub(super) fn page(
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
            let Some(id) = task_key::id(&place.key) else {
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
        Bound::Included(first.as_slice()),
        if is_exclusive {
            Bound::Excluded(last.as_slice())
        } else {
            Bound::Included(last.as_slice())
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
