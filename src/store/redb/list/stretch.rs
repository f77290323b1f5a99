//! Parts of indexes that have the tasks in the requested order, and the conditions left to check.

use std::ops::Bound;

use super::Tasks;
use super::ends::Bounds;
use crate::domain::priority::Priority;
use crate::domain::task::{TaskFilter, TaskQuery, TaskSort};
use crate::store::redb::task_key::{self, Beginning};

/// Plan for reading a list in its order.
pub(super) struct Plan {
    /// Stretches, one after the other.
    pub(super) stretches: Vec<Stretch>,
    /// Conditions that the stretches do not guarantee.
    pub(super) rest: TaskFilter,
    /// Number of tasks in the stretches, if it is stored.
    pub(super) total: Option<u64>,
}

/// Parts of an index, to be merged.
pub(super) struct Stretch {
    pub(super) beginnings: Vec<Beginning>,
    pub(super) bounds: Bounds,
    /// Whether the dates of the entries must be checked.
    pub(super) is_dated: bool,
    /// Whether only tasks without a date match.
    pub(super) is_undated: bool,
}

impl Stretch {
    const fn new(beginnings: Vec<Beginning>) -> Self {
        Self { beginnings, bounds: Bounds::NONE, is_dated: false, is_undated: false }
    }
}

pub(super) fn plan(tasks: &Tasks<'_>, query: &TaskQuery) -> Plan {
    let owner = tasks.owner;
    let counts = tasks.stats.counts();
    let filter = &query.filter;
    let mut rest = filter.clone();
    let states = states(filter.completed);
    let (stretches, total) = match query.order.by {
        TaskSort::Created => {
            rest.completed = None;
            if let [tag] = filter.tags.as_slice() {
                rest.tags.clear();
                let of_state = |state: &bool| Beginning::tag(owner, tag, *state);
                // The counts of a tag are a separate row, read on demand.
                (vec![Stretch::new(states.iter().map(of_state).collect())], None)
            } else {
                rest.priority = None;
                let total = match filter.priority {
                    Some(priority) => tasks.stats.of(priority),
                    None => counts,
                };
                let newest = Stretch::new(by_creation(tasks, filter));
                (vec![newest], Some(total.matching(filter.completed)))
            }
        }
        TaskSort::Priority => {
            rest.completed = None;
            rest.priority = None;
            let of_state = |state: &bool| Beginning::state(owner, *state);
            let mut stretch = Stretch::new(states.iter().map(of_state).collect());
            let mut total = counts;
            if let Some(priority) = filter.priority {
                let code = priority.code();
                stretch.bounds.from = Bound::Included(vec![code]);
                stretch.bounds.to = Bound::Excluded(vec![code + 1]);
                total = tasks.stats.of(priority);
            }
            (vec![stretch], Some(total.matching(filter.completed)))
        }
        TaskSort::Due => {
            rest.completed = None;
            let of_state = |state: &bool| Beginning::due(owner, *state);
            let mut dated = Stretch::new(states.iter().map(of_state).collect());
            if let Some(range) = rest.due.take() {
                let (first, last) = task_key::due_ends(&range);
                dated.bounds.from = Bound::Included(first);
                dated.bounds.to = Bound::Excluded(last);
                dated.is_dated = true;
                (vec![dated], None)
            } else {
                let of_state = TaskFilter::completed(filter.completed);
                let mut undated = Stretch::new(by_creation(tasks, &of_state));
                undated.is_undated = true;
                (vec![dated, undated], Some(counts.matching(filter.completed)))
            }
        }
        TaskSort::Updated => {
            let mut stretch = Stretch::new(vec![Beginning::updated(owner)]);
            let mut total = Some(counts.total);
            if let Some(since) = rest.updated_since.take() {
                let since = task_key::time(since).to_vec();
                stretch.bounds.from = Bound::Included(since);
                total = None;
            }
            (vec![stretch], total)
        }
        TaskSort::Position => {
            (vec![Stretch::new(vec![Beginning::position(owner)])], Some(counts.total))
        }
        TaskSort::Title => {
            (vec![Stretch::new(vec![Beginning::title(owner)])], Some(counts.total))
        }
    };
    Plan { stretches, rest, total }
}

fn states(completed: Option<bool>) -> Vec<bool> {
    completed.map_or_else(|| vec![false, true], |state| vec![state])
}

/// Returns the entries of some states and priorities, by time of creation.
pub(super) fn by_creation(tasks: &Tasks<'_>, filter: &TaskFilter) -> Vec<Beginning> {
    let mut beginnings = Vec::new();
    for priority in Priority::ALL {
        let is_wanted = filter.priority.is_none_or(|wanted| wanted == priority);
        let counts = tasks.stats.of(priority);
        for state in states(filter.completed) {
            if is_wanted && counts.matching(Some(state)) > 0 {
                beginnings.push(Beginning::priority(tasks.owner, state, priority));
            }
        }
    }
    beginnings
}
