//! Pages read along an index in the requested order.

use super::merged_scan::{EntryRange, MergedScan, Source};
use super::plan::{IndexScan, Plan};
use super::{ReadBudget, Stop, Tasks};
use crate::domain::id::TaskId;
use crate::domain::page::TaskPage;
use crate::domain::task::{Start, Task, TaskPlace, TaskQuery};
use crate::store::redb::format::task_key;

/// Tasks passed by a walk, at most, for each that was expected.
const PASSED_A_TASK: u64 = 8;

/// Page of all matches.
pub(super) struct Cut<T> {
    pub(super) page: Vec<T>,
    /// Number of matches.
    pub(super) total: u64,
    pub(super) more: bool,
}

/// Sorts matches, and cuts out the page. Sorts only the matches up to the end of the page.
pub(super) fn cut<T>(mut matches: Vec<(TaskPlace, T)>, query: &TaskQuery) -> Cut<T> {
    let total = u64::try_from(matches.len()).unwrap_or(u64::MAX);
    let skip = match &query.start {
        Start::Skip(skip) => usize::try_from(*skip).unwrap_or(usize::MAX),
        Start::After(place) => {
            matches.retain(|(it, _)| it.compare(place, query.order).is_gt());
            0
        }
    };
    let end = skip.saturating_add(query.limit.into());
    let more = matches.len() > end;
    let compare = |(one, _): &(TaskPlace, T), (other, _): &(TaskPlace, T)| {
        one.compare(other, query.order)
    };
    if more {
        matches.select_nth_unstable_by(end, compare);
        matches.truncate(end);
    }
    matches.sort_unstable_by(compare);
    Cut { page: matches.into_iter().skip(skip).map(|(_, it)| it).collect(), total, more }
}

/// Returns a page of the tasks of an index scan.
pub(super) fn along(
    tasks: &Tasks<'_>,
    query: &TaskQuery,
    plan: &Plan,
    cost: &mut ReadBudget,
) -> Result<TaskPage, Stop> {
    let total = match kept_total(tasks, query, plan)? {
        Some(total) => total,
        None => count(tasks, &plan.scans, cost)?,
    };
    let walk = Walk::new(tasks, query, Member::All);
    Ok(walk.page(&plan.scans, total, cost)?.unwrap_or(TaskPage::EMPTY))
}

/// Returns the total, if it is known without counting.
fn kept_total(
    tasks: &Tasks<'_>,
    query: &TaskQuery,
    plan: &Plan,
) -> Result<Option<u64>, Stop> {
    let filter = &query.filter;
    let counts = match (plan.total, filter.tags.as_slice(), filter.lists.as_slice()) {
        (None, [tag], _) => tasks.tag_counts(tag)?,
        (None, [], lists @ [_]) => tasks.list_counts(lists)?,
        _ => return Ok(plan.total),
    };
    Ok(Some(counts.matching(filter.completed)))
}

/// Counts the entries.
fn count(
    tasks: &Tasks<'_>,
    scans: &[IndexScan],
    cost: &mut ReadBudget,
) -> Result<u64, Stop> {
    let mut total = 0;
    for range in scans.iter().flat_map(|scan| &scan.ranges) {
        let Some(mut source) = Source::open(tasks.owned, range)? else { continue };
        while source.next_key(false, cost)?.is_some() {
            total += 1;
        }
    }
    Ok(total)
}

/// Test of the tasks that a walk passes.
pub(super) enum Member<'a> {
    /// All match.
    All,
    /// Tasks with one of these sorted ids match.
    OneOf(&'a [TaskId]),
    /// Tasks that fit the filter match. The walk is expected to pass this number of tasks.
    Fits(u64),
}

/// Page during its read.
pub(super) struct Walk<'a> {
    tasks: &'a Tasks<'a>,
    query: &'a TaskQuery,
    member: Member<'a>,
    found: Vec<Task>,
    /// Number of tasks still to skip.
    skip: u64,
    /// Number of tasks whose records were read.
    read: u64,
    more: bool,
}

/// Reason that a walk does not continue.
enum Passed {
    /// The page is full, or all tasks were passed.
    End,
    /// The tasks that fit the filter are farther away than expected.
    TooMany,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        tasks: &'a Tasks<'a>,
        query: &'a TaskQuery,
        member: Member<'a>,
    ) -> Self {
        let skip = query.start.skip();
        let found = Vec::with_capacity(usize::from(query.limit));
        Self { tasks, query, member, found, skip, read: 0, more: false }
    }

    /// Reads the page. `None` if the walk passes many more tasks than expected.
    pub(super) fn page(
        mut self,
        scans: &[IndexScan],
        total: u64,
        cost: &mut ReadBudget,
    ) -> Result<Option<TaskPage>, Stop> {
        if self.skip < total && matches!(self.scans(scans, total, cost)?, Passed::TooMany)
        {
            return Ok(None);
        }
        Ok(Some(TaskPage { tasks: self.found, total, more: self.more }))
    }

    /// Reads the page only, without the tasks before or after it.
    fn scans(
        &mut self,
        scans: &[IndexScan],
        total: u64,
        cost: &mut ReadBudget,
    ) -> Result<Passed, Stop> {
        let TaskQuery { order, home, .. } = self.query;
        for (last, scan) in (0..).zip(scans) {
            let ranges: Vec<EntryRange> = match &self.query.start {
                Start::After(place) if place.last > last => continue,
                Start::After(place) if place.last == last => {
                    let behind =
                        |it: &EntryRange| it.behind(&place.key, order.descending, home);
                    scan.ranges.iter().map(behind).collect()
                }
                _ => scan.ranges.clone(),
            };
            let earlier = match &scan.except {
                Some(condition) => condition.ids(self.tasks, usize::MAX, cost)?,
                None => None,
            };
            let earlier = earlier.unwrap_or_default();
            let mut places =
                MergedScan::open(self.tasks.owned, &ranges, order.descending, home)?;
            while let Some(key) = places.next(cost)? {
                let id = task_key::id(&key).ok_or_else(|| self.tasks.missing())?;
                if earlier.binary_search(&id).is_ok() {
                    continue;
                }
                if let Some(passed) =
                    self.pass(id, TaskPlace { last, key }, total, cost)?
                {
                    return Ok(passed);
                }
            }
        }
        Ok(Passed::End)
    }

    /// Adds the task of an entry to the page, unless it does not match or is skipped.
    fn pass(
        &mut self,
        id: TaskId,
        place: TaskPlace,
        total: u64,
        cost: &mut ReadBudget,
    ) -> Result<Option<Passed>, Stop> {
        let is_full = self.found.len() == usize::from(self.query.limit);
        match self.member {
            Member::All => {}
            Member::OneOf(ids) if ids.binary_search(&id).is_err() => return Ok(None),
            Member::OneOf(_) => {}
            Member::Fits(expected) => {
                if is_full && let Start::Skip(skip) = self.query.start {
                    let end = skip.saturating_add(u64::from(self.query.limit));
                    self.more = end < total;
                    return Ok(Some(Passed::End));
                }
                if self.read > expected.saturating_mul(PASSED_A_TASK) {
                    return Ok(Some(Passed::TooMany));
                }
                self.read += 1;
                let row = self.tasks.row(id, cost)?;
                let task = self.tasks.fields(id, &row)?;
                if !cost.fits(&self.query.filter, &task)? {
                    return Ok(None);
                }
            }
        }
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(None);
        }
        if is_full {
            self.more = true;
            return Ok(Some(Passed::End));
        }
        let task = self.tasks.task(id, cost)?;
        if self.query.order.place(&task.fields(), &self.query.home) != place {
            return Err(self.tasks.missing().into());
        }
        self.found.push(task);
        Ok(None)
    }
}
