//! Tasks that match a filter, found by index entries without their records.

use super::condition::Condition;
use super::plan::conditions;
use super::{ReadBudget, Stop, Tasks};
use crate::domain::id::TaskId;
use crate::domain::task::TaskFilter;

/// Share of [`ReadBudget::gather_at_most`] up to which tasks are read one by one rather than compared by entries.
const FEW: usize = 25;

/// Index entries that are read in the time of a record.
pub(super) const ENTRIES_A_RECORD: usize = 8;

/// Shares of [`ReadBudget::gather_at_most`] that are read of every condition in turn, until one has no more entries. Most
/// of the work is then that of the condition with the fewest.
const SHARES: [usize; 3] = [64, 8, 1];

/// Tasks that match.
pub(super) enum Matches {
    /// Sorted ids of all tasks that match.
    Exact(Vec<TaskId>),
    /// Sorted ids of few tasks, among them all that match.
    Among(Vec<TaskId>),
}

/// Finds the tasks that match.
pub(super) fn matches(
    tasks: &Tasks<'_>,
    filter: &TaskFilter,
    cost: &mut ReadBudget,
) -> Result<Matches, Stop> {
    let conditions = conditions(tasks, filter)?;
    let required = &conditions.required;
    let few = cost.gather_at_most / FEW;
    let (mut ids, first) = match fewest(tasks, required, cost)? {
        Some(found) => found,
        None => (all_of(tasks, required.first(), cost)?, 0),
    };
    let others = required.iter().enumerate().filter(|(number, _)| *number != first);
    let others = others.map(|(_, condition)| (condition, true));
    let excluded = conditions.excluded.iter().map(|condition| (condition, false));
    for (condition, is_required) in others.chain(excluded) {
        if ids.len() <= few {
            return Ok(Matches::Among(ids));
        }
        let is_gathered = ids.len() <= cost.gather_at_most;
        let most = if is_gathered {
            ids.len().saturating_mul(ENTRIES_A_RECORD)
        } else {
            usize::MAX
        };
        let Some(found) = condition.ids(tasks, most, cost)? else {
            return Ok(Matches::Among(ids));
        };
        let mut found = found.into_iter().peekable();
        ids.retain(|id| {
            while found.next_if(|other| other < id).is_some() {}
            (found.peek() == Some(id)) == is_required
        });
    }
    if filter.words.is_exact() {
        return Ok(Matches::Exact(ids));
    }
    look_again(tasks, filter, ids, cost).map(Matches::Exact)
}

/// Keeps the tasks whose texts contain the words: their index entries may be those of other texts.
fn look_again(
    tasks: &Tasks<'_>,
    filter: &TaskFilter,
    ids: Vec<TaskId>,
    cost: &mut ReadBudget,
) -> Result<Vec<TaskId>, Stop> {
    let mut kept = Vec::new();
    for id in ids {
        let row = tasks.row(id, cost)?;
        if cost.fits(filter, &tasks.fields(id, &row)?)? {
            kept.push(id);
        }
    }
    Ok(kept)
}

/// Returns the tasks that fulfil the condition that the fewest fulfil, and its number. `None` if every condition has too
/// many.
fn fewest(
    tasks: &Tasks<'_>,
    conditions: &[Condition],
    cost: &mut ReadBudget,
) -> Result<Option<(Vec<TaskId>, usize)>, Stop> {
    for share in SHARES {
        let (mut best, mut most) = (None, cost.gather_at_most / share);
        for (number, condition) in conditions.iter().enumerate() {
            let is_few = condition.entries.is_none_or(|entries| entries <= most);
            if is_few && let Some(ids) = condition.ids(tasks, most, cost)? {
                most = ids.len();
                best = Some((ids, number));
            }
        }
        if best.is_some() {
            return Ok(best);
        }
    }
    Ok(None)
}

/// Returns all tasks that fulfil a condition.
fn all_of(
    tasks: &Tasks<'_>,
    condition: Option<&Condition>,
    cost: &mut ReadBudget,
) -> Result<Vec<TaskId>, Stop> {
    let ids = condition.map(|condition| condition.ids(tasks, usize::MAX, cost));
    Ok(ids.transpose()?.flatten().unwrap_or_default())
}
