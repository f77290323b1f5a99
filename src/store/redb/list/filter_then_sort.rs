//! Pages gathered from the condition that the fewest tasks fulfil.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::index_scan::by_creation;
use super::merged_scan::{Bounds, MergedScan};
use super::{ReadBudget, Stop, Tasks};
use crate::domain::id::TaskId;
use crate::domain::page::TaskPage;
use crate::domain::task::{Start, TaskFilter, TaskPlace, TaskQuery, Within};
use crate::store::redb::format::codec;
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::task_key;
use crate::store::redb::format::task_key::KeyPrefix;
use crate::store::redb::tasks::find;

/// Condition, and the index ranges of the tasks that fulfil it.
struct Condition {
    beginnings: Vec<KeyPrefix>,
    bounds: Bounds,
}

/// Returns a page. `None` if every condition has too many tasks.
pub(super) fn page(
    tasks: &Tasks<'_>,
    query: &TaskQuery,
    cost: &mut ReadBudget,
) -> Result<Option<TaskPage>, Stop> {
    let Some(ids) = fewest(tasks, &query.filter, cost)? else { return Ok(None) };
    let mut places: Vec<(TaskPlace, TaskId)> = Vec::new();
    for id in ids {
        cost.row()?;
        let task = find(tasks.owned, tasks.owner, id)?.ok_or_else(|| missing(tasks))?;
        if query.filter.fits(&task) {
            places.push((query.order.place(&task), id));
        }
    }
    places.sort_unstable_by(|(one, _), (other, _)| one.compare(other, query.order));
    let passed = match &query.start {
        Start::Skip(skip) => usize::try_from(*skip).unwrap_or(usize::MAX),
        Start::After(place) => {
            places.partition_point(|(it, _)| it.compare(place, query.order).is_le())
        }
    };
    let limit = usize::from(query.limit);
    let mut found = Vec::with_capacity(limit);
    for (_, id) in places.iter().skip(passed).take(limit) {
        cost.row()?;
        let task = find(tasks.owned, tasks.owner, *id)?;
        found.push(task.ok_or_else(|| missing(tasks))?);
    }
    let more = places.len() > passed.saturating_add(limit);
    let total = u64::try_from(places.len()).unwrap_or(u64::MAX);
    Ok(Some(TaskPage { tasks: found, total, more }))
}

fn missing(tasks: &Tasks<'_>) -> Stop {
    let key = key::stats(tasks.owner);
    codec::damaged(Table::Owned, &key, &"an index entry without its task").into()
}

/// Returns the tasks that fulfil the condition that the fewest fulfil.
fn fewest(
    tasks: &Tasks<'_>,
    filter: &TaskFilter,
    cost: &mut ReadBudget,
) -> Result<Option<BTreeSet<TaskId>>, Stop> {
    let (mut best, mut most) = (None, cost.gather_at_most);
    for condition in conditions(tasks, filter, most) {
        let Condition { beginnings, bounds } = condition;
        let mut ends = MergedScan::open(tasks.owned, &beginnings, &bounds, false)?;
        let mut ids = BTreeSet::new();
        loop {
            match ends.next(cost)? {
                Some(_) if ids.len() >= most => break,
                Some(end) => {
                    ids.insert(task_key::id(&end).ok_or_else(|| missing(tasks))?);
                }
                None => {
                    most = ids.len();
                    best = Some(ids);
                    break;
                }
            }
        }
    }
    Ok(best)
}

/// Returns the conditions that an index answers, those with the fewest tasks (estimated) first.
#[expect(
    clippy::unneeded_field_pattern,
    reason = "a new filter must be considered for an index"
)]
fn conditions(tasks: &Tasks<'_>, filter: &TaskFilter, most: usize) -> Vec<Condition> {
    let owner = tasks.owner;
    let TaskFilter {
        completed,
        priority,
        tags,
        due,
        // Excludes few tasks, so that no index helps.
        not_overdue: _,
        updated_since,
        parent,
        words,
    } = filter;
    let all = |beginnings| Condition { beginnings, bounds: Bounds::NONE };
    let both = |of: &dyn Fn(bool) -> KeyPrefix| match completed {
        Some(state) => vec![of(*state)],
        None => vec![of(false), of(true)],
    };
    let mut conditions = Vec::new();
    if let Some(Within::Task(parent)) = parent {
        conditions.push(all(vec![KeyPrefix::parent(owner, *parent)]));
    }
    for tag in tags {
        conditions.push(all(both(&|state| KeyPrefix::tag(owner, tag, state))));
    }
    for (word, is_prefix) in words.iter() {
        conditions.push(all(vec![if is_prefix {
            KeyPrefix::word_prefix(owner, word)
        } else {
            KeyPrefix::word(owner, word)
        }]));
    }
    if let Some(range) = due {
        let (first, last) = task_key::due_ends(range);
        let bounds = Bounds { from: Bound::Included(first), to: Bound::Excluded(last) };
        let beginnings = both(&|state| KeyPrefix::due(owner, state));
        conditions.push(Condition { beginnings, bounds });
    }
    if let Some(since) = updated_since {
        let since = Bound::Included(task_key::time(*since).to_vec());
        let bounds = Bounds { from: since, to: Bound::Unbounded };
        conditions
            .push(Condition { beginnings: vec![KeyPrefix::updated(owner)], bounds });
    }
    let of_state = TaskFilter { tags: Vec::new(), ..filter.clone() };
    let is_kept = completed.is_some() || priority.is_some();
    let few = by_count(tasks, filter);
    if is_kept && few.is_ok_and(|few| few <= most) {
        conditions.push(all(by_creation(tasks, &of_state)));
    }
    conditions
}

fn by_count(
    tasks: &Tasks<'_>,
    filter: &TaskFilter,
) -> Result<usize, std::num::TryFromIntError> {
    let counts = match filter.priority {
        Some(priority) => tasks.stats.of(priority),
        None => tasks.stats.counts(),
    };
    usize::try_from(counts.matching(filter.completed))
}
