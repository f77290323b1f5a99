//! Pages read along an index in the requested order.

use super::index_scan::{IndexScan, Plan};
use super::merged_scan::{Bounds, MergedScan};
use super::{ReadBudget, Stop, Tasks};
use crate::domain::page::TaskPage;
use crate::domain::task::{Start, Task, TaskFilter, TaskPlace, TaskQuery};
use crate::store::redb::format::codec;
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::record;
use crate::store::redb::format::task_key;
use crate::store::redb::tasks::find;

/// Page during its read.
struct Walk<'a> {
    tasks: &'a Tasks<'a>,
    query: &'a TaskQuery,
    rest: &'a TaskFilter,
    found: Vec<Task>,
    /// Number of tasks still to skip.
    skip: u64,
    more: bool,
}

pub(super) fn along(
    tasks: &Tasks<'_>,
    query: &TaskQuery,
    plan: Plan,
    cost: &mut ReadBudget,
) -> Result<TaskPage, Stop> {
    let total = kept_total(tasks, query, &plan)?;
    let mut walk = Walk {
        tasks,
        query,
        rest: &plan.rest,
        found: Vec::with_capacity(usize::from(query.limit)),
        skip: match query.start {
            Start::Skip(skip) => skip,
            Start::After(_) => 0,
        },
        more: false,
    };
    if let Some(total) = total {
        if walk.skip < total {
            walk.page(&plan.scans, cost)?;
        }
        return Ok(TaskPage { tasks: walk.found, total, more: walk.more });
    }
    let total = if plan.rest == TaskFilter::ALL {
        walk.page(&plan.scans, cost)?;
        count(tasks, query, &plan.scans, cost)?
    } else {
        walk.everything(&plan.scans, cost)?
    };
    Ok(TaskPage { tasks: walk.found, total, more: walk.more })
}

/// Returns the total, if it is known without counting.
fn kept_total(
    tasks: &Tasks<'_>,
    query: &TaskQuery,
    plan: &Plan,
) -> Result<Option<u64>, Stop> {
    if plan.rest != TaskFilter::ALL {
        return Ok(None);
    }
    if let (None, [tag]) = (plan.total, query.filter.tags.as_slice()) {
        let key = task_key::tag_counts(tasks.owner, tag);
        let counts = tasks.owned.get(key.as_slice())?;
        let counts = counts.map(|value| record::decode_tag_counts(&key, value.value()));
        let counts = counts.transpose()?.unwrap_or_default();
        return Ok(Some(counts.matching(query.filter.completed)));
    }
    Ok(plan.total)
}

/// Counts the entries.
fn count(
    tasks: &Tasks<'_>,
    query: &TaskQuery,
    scans: &[IndexScan],
    cost: &mut ReadBudget,
) -> Result<u64, Stop> {
    let mut total = 0;
    for scan in scans {
        let mut ends = scan.open(tasks, &scan.bounds, query)?;
        while let Some(end) = ends.next(cost)? {
            total += u64::from(scan.has(query, &end));
        }
    }
    Ok(total)
}

impl IndexScan {
    fn open<'a>(
        &self,
        tasks: &'a Tasks<'_>,
        bounds: &Bounds,
        query: &TaskQuery,
    ) -> Result<MergedScan<'a>, Stop> {
        MergedScan::open(tasks.owned, &self.beginnings, bounds, query.order.descending)
    }

    /// Whether an entry within the bounds matches.
    fn has(&self, query: &TaskQuery, end: &[u8]) -> bool {
        match &query.filter.due {
            Some(range) if self.is_dated => task_key::is_due_in(range, end),
            _ => true,
        }
    }
}

impl Walk<'_> {
    /// Reads the page only, without the tasks before or after it.
    fn page(&mut self, scans: &[IndexScan], cost: &mut ReadBudget) -> Result<(), Stop> {
        for (last, scan) in (0..).zip(scans) {
            let bounds = match &self.query.start {
                Start::After(place) if place.last > last => continue,
                Start::After(place) if place.last == last => {
                    scan.bounds.after(&place.key, self.query.order.descending)
                }
                _ => scan.bounds.clone(),
            };
            let mut ends = scan.open(self.tasks, &bounds, self.query)?;
            while let Some(end) = ends.next(cost)? {
                if !scan.has(self.query, &end) {
                    continue;
                }
                if self.skip > 0 && !scan.is_undated {
                    self.skip -= 1;
                    continue;
                }
                let full = self.found.len() == usize::from(self.query.limit);
                if full && !scan.is_undated {
                    self.more = true;
                    return Ok(());
                }
                let task = self.read(&end, last, scan, cost)?;
                if scan.is_undated && task.due.is_some() {
                    continue;
                }
                if self.skip > 0 {
                    self.skip -= 1;
                } else if full {
                    self.more = true;
                    return Ok(());
                } else {
                    self.found.push(task);
                }
            }
        }
        Ok(())
    }

    /// Reads all tasks, since the number of matches takes a look at each.
    fn everything(
        &mut self,
        scans: &[IndexScan],
        cost: &mut ReadBudget,
    ) -> Result<u64, Stop> {
        let order = self.query.order;
        let mut total = 0;
        for (last, scan) in (0..).zip(scans) {
            let mut ends = scan.open(self.tasks, &scan.bounds, self.query)?;
            while let Some(end) = ends.next(cost)? {
                if !scan.has(self.query, &end) {
                    continue;
                }
                let task = self.read(&end, last, scan, cost)?;
                let is_other = scan.is_undated && task.due.is_some();
                if is_other || !self.rest.fits(&task) {
                    continue;
                }
                total += 1;
                let is_before = match &self.query.start {
                    Start::After(place) => {
                        TaskPlace { last, key: end }.compare(place, order).is_le()
                    }
                    Start::Skip(skip) => total <= *skip,
                };
                if is_before {
                    continue;
                }
                if self.found.len() == usize::from(self.query.limit) {
                    self.more = true;
                } else {
                    self.found.push(task);
                }
            }
        }
        Ok(total)
    }

    /// Reads the task of an entry, and checks that they match.
    fn read(
        &self,
        end: &[u8],
        last: u8,
        scan: &IndexScan,
        cost: &mut ReadBudget,
    ) -> Result<Task, Stop> {
        cost.row()?;
        let owner = self.tasks.owner;
        let task = match task_key::id(end) {
            Some(id) => find(self.tasks.owned, owner, id)?,
            None => None,
        };
        let is_here = |task: &Task| {
            let place = self.query.order.place(task);
            // A dated task among tasks of all dates has another place in this order.
            place.key == end || (scan.is_undated && place.last != last)
        };
        task.filter(is_here).ok_or_else(|| {
            let key = key::stats(owner);
            codec::damaged(Table::Owned, &key, &"an index entry without its task").into()
        })
    }
}
