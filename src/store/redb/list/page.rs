//! Pages read along an index in the requested order.

use super::ends::{Bounds, Ends};
use super::stretch::{Plan, Stretch};
use super::{Cost, Halt, Tasks};
use crate::domain::page::TaskPage;
use crate::domain::task::{Start, Task, TaskFilter, TaskPlace, TaskQuery};
use crate::store::redb::codec;
use crate::store::redb::key::{self, Table};
use crate::store::redb::record;
use crate::store::redb::task_key;
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
    cost: &mut Cost,
) -> Result<TaskPage, Halt> {
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
            walk.page(&plan.stretches, cost)?;
        }
        return Ok(TaskPage { tasks: walk.found, total, more: walk.more });
    }
    let total = if plan.rest == TaskFilter::ALL {
        walk.page(&plan.stretches, cost)?;
        count(tasks, query, &plan.stretches, cost)?
    } else {
        walk.everything(&plan.stretches, cost)?
    };
    Ok(TaskPage { tasks: walk.found, total, more: walk.more })
}

/// Returns the total, if it is known without counting.
fn kept_total(
    tasks: &Tasks<'_>,
    query: &TaskQuery,
    plan: &Plan,
) -> Result<Option<u64>, Halt> {
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
    stretches: &[Stretch],
    cost: &mut Cost,
) -> Result<u64, Halt> {
    let mut total = 0;
    for stretch in stretches {
        let mut ends = stretch.open(tasks, &stretch.bounds, query)?;
        while let Some(end) = ends.next(cost)? {
            total += u64::from(stretch.has(query, &end));
        }
    }
    Ok(total)
}

impl Stretch {
    fn open<'a>(
        &self,
        tasks: &'a Tasks<'_>,
        bounds: &Bounds,
        query: &TaskQuery,
    ) -> Result<Ends<'a>, Halt> {
        Ends::open(tasks.owned, &self.beginnings, bounds, query.order.descending)
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
    fn page(&mut self, stretches: &[Stretch], cost: &mut Cost) -> Result<(), Halt> {
        for (last, stretch) in (0..).zip(stretches) {
            let bounds = match &self.query.start {
                Start::After(place) if place.last > last => continue,
                Start::After(place) if place.last == last => {
                    stretch.bounds.after(&place.key, self.query.order.descending)
                }
                _ => stretch.bounds.clone(),
            };
            let mut ends = stretch.open(self.tasks, &bounds, self.query)?;
            while let Some(end) = ends.next(cost)? {
                if !stretch.has(self.query, &end) {
                    continue;
                }
                if self.skip > 0 && !stretch.is_undated {
                    self.skip -= 1;
                    continue;
                }
                let full = self.found.len() == usize::from(self.query.limit);
                if full && !stretch.is_undated {
                    self.more = true;
                    return Ok(());
                }
                let task = self.read(&end, last, stretch, cost)?;
                if stretch.is_undated && task.due.is_some() {
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
        stretches: &[Stretch],
        cost: &mut Cost,
    ) -> Result<u64, Halt> {
        let order = self.query.order;
        let mut total = 0;
        for (last, stretch) in (0..).zip(stretches) {
            let mut ends = stretch.open(self.tasks, &stretch.bounds, self.query)?;
            while let Some(end) = ends.next(cost)? {
                if !stretch.has(self.query, &end) {
                    continue;
                }
                let task = self.read(&end, last, stretch, cost)?;
                let is_other = stretch.is_undated && task.due.is_some();
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
        stretch: &Stretch,
        cost: &mut Cost,
    ) -> Result<Task, Halt> {
        cost.row()?;
        let owner = self.tasks.owner;
        let task = match task_key::id(end) {
            Some(id) => find(self.tasks.owned, owner, id)?,
            None => None,
        };
        let is_here = |task: &Task| {
            let place = self.query.order.place(task);
            // A dated task among tasks of all dates has another place in this order.
            place.key == end || (stretch.is_undated && place.last != last)
        };
        task.filter(is_here).ok_or_else(|| {
            let key = key::stats(owner);
            codec::damaged(Table::Owned, &key, &"an index entry without its task").into()
        })
    }
}
