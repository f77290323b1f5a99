//! Index entries that answer a query: in the requested order, and for each condition of the filter.

use std::ops::Bound;

use super::condition::Condition;
use super::merged_scan::{Bounds, EntryRange};
use super::{Stop, Tasks};
use crate::domain::id::{ListId, UserId};
use crate::domain::priority::Priority;
use crate::domain::tag::Tag;
use crate::domain::task::{TaskFilter, TaskQuery, TaskSort, Within};
use crate::domain::words::Words;
use crate::store::redb::format::task_key::KeyPrefix;

/// Plan for reading a list in its order.
pub(super) struct Plan {
    /// Index scans, one after the other.
    pub(super) scans: Vec<IndexScan>,
    /// Conditions that the scans do not guarantee.
    pub(super) rest: TaskFilter,
    /// Number of tasks in the scans, if it is stored.
    pub(super) total: Option<u64>,
}

/// Parts of an index, to be merged.
#[derive(Clone)]
pub(super) struct IndexScan {
    pub(super) ranges: Vec<EntryRange>,
    /// Condition of the tasks in an earlier scan, which are not repeated.
    pub(super) except: Option<Condition>,
}

impl IndexScan {
    fn new(prefixes: Vec<KeyPrefix>) -> Self {
        Self::of(prefixes.into_iter().map(EntryRange::from).collect())
    }

    const fn of(ranges: Vec<EntryRange>) -> Self {
        Self { ranges, except: None }
    }

    fn within(mut self, bounds: &Bounds) -> Self {
        for range in &mut self.ranges {
            range.bounds = bounds.clone();
        }
        self
    }
}

pub(super) fn plan(tasks: &Tasks<'_>, query: &TaskQuery) -> Plan {
    let owner = tasks.owner;
    let counts = tasks.stats.counts();
    let filter = &query.filter;
    let mut rest = filter.clone();
    let states = states(filter.completed);
    let (scans, total) = match query.order.by {
        TaskSort::Created => {
            rest.completed = None;
            if let [tag] = filter.tags.as_slice() {
                rest.tags.clear();
                let of_state = |state: &bool| KeyPrefix::tag(owner, tag, *state);
                // The counts of a tag are a separate row, read on demand.
                (vec![IndexScan::new(states.iter().map(of_state).collect())], None)
            } else if let ([], [list]) = (filter.tags.as_slice(), filter.lists.as_slice())
                && !list.is_default()
            {
                rest.lists.clear();
                let of_state = |state: &bool| KeyPrefix::list(owner, *list, *state);
                // So are those of a list.
                (vec![IndexScan::new(states.iter().map(of_state).collect())], None)
            } else {
                rest.priorities.clear();
                let total = tasks.stats.with_priorities(&filter.priorities);
                let newest = IndexScan::new(by_creation(tasks, filter));
                (vec![newest], Some(total.matching(filter.completed)))
            }
        }
        TaskSort::Priority => {
            rest.completed = None;
            rest.priorities.clear();
            let of_state = |state: &bool| KeyPrefix::state(owner, *state);
            let all = IndexScan::new(states.iter().map(of_state).collect());
            let of_priority = |priority: &Priority| {
                let code = priority.code();
                all.clone().within(&Bounds {
                    from: Bound::Included(vec![code]),
                    to: Bound::Excluded(vec![code + 1]),
                })
            };
            let scan = if filter.priorities.is_empty() {
                all
            } else {
                let scans = filter.priorities.iter().map(of_priority);
                IndexScan::of(scans.flat_map(|scan| scan.ranges).collect())
            };
            let total = tasks.stats.with_priorities(&filter.priorities);
            (vec![scan], Some(total.matching(filter.completed)))
        }
        TaskSort::Completed => {
            rest.completed = None;
            let done = IndexScan::new(vec![KeyPrefix::completed(owner)]);
            let of_state = |state| {
                let filter = TaskFilter::completed(Some(state));
                IndexScan::new(by_creation(tasks, &filter))
            };
            let scans = match filter.completed {
                Some(true) => vec![done],
                // The place of an open task says that it comes last.
                Some(false) => vec![IndexScan::of(Vec::new()), of_state(false)],
                None => vec![done, of_state(false)],
            };
            (scans, Some(counts.matching(filter.completed)))
        }
        TaskSort::Due => {
            rest.completed = None;
            let range = rest.due.take();
            let dated = EntryRange::due(owner, &states, range.as_ref());
            if range.is_some() {
                (vec![IndexScan::of(dated)], None)
            } else {
                let of_state = TaskFilter::completed(filter.completed);
                let mut undated = IndexScan::new(by_creation(tasks, &of_state));
                undated.except = Some(Condition::of(dated.clone()));
                let total = counts.matching(filter.completed);
                (vec![IndexScan::of(dated), undated], Some(total))
            }
        }
        TaskSort::Updated => {
            let mut scan = IndexScan::new(vec![KeyPrefix::updated(owner)]);
            let mut total = Some(counts.total);
            if let Some(since) = rest.updated_since.take() {
                scan = scan.within(&Bounds::changed_since(since));
                total = None;
            }
            (vec![scan], total)
        }
        TaskSort::Position => {
            (vec![IndexScan::new(vec![KeyPrefix::position(owner)])], Some(counts.total))
        }
        TaskSort::Title => {
            (vec![IndexScan::new(vec![KeyPrefix::title(owner)])], Some(counts.total))
        }
    };
    Plan { scans, rest, total }
}

fn states(completed: Option<bool>) -> Vec<bool> {
    completed.map_or_else(|| vec![false, true], |state| vec![state])
}

/// Returns the entries of some states and priorities, by time of creation.
fn by_creation(tasks: &Tasks<'_>, filter: &TaskFilter) -> Vec<KeyPrefix> {
    let mut beginnings = Vec::new();
    for priority in Priority::ALL {
        let is_wanted = filter.has_priority(priority);
        let counts = tasks.stats.of(priority);
        for state in states(filter.completed) {
            if is_wanted && counts.matching(Some(state)) > 0 {
                beginnings.push(KeyPrefix::priority(tasks.owner, state, priority));
            }
        }
    }
    beginnings
}

/// Conditions of a filter: tasks that match fulfil all of `required` and none of `excluded`.
pub(super) struct Conditions {
    /// Conditions, those with the fewest tasks (estimated) first.
    pub(super) required: Vec<Condition>,
    pub(super) excluded: Vec<Condition>,
}

/// Whether a word is the prefix of another one in the query, so that every task with that one has it as well.
fn is_implied(words: &Words, (word, is_prefix): (&[u8], bool)) -> bool {
    let is_more = |(other, other_prefix): (&[u8], bool)| {
        other.starts_with(word) && (other != word || !other_prefix)
    };
    is_prefix && words.iter().any(is_more)
}

/// Returns the conditions of a filter.
pub(super) fn conditions(
    tasks: &Tasks<'_>,
    filter: &TaskFilter,
) -> Result<Conditions, Stop> {
    let owner = tasks.owner;
    let TaskFilter {
        completed,
        priorities,
        tags,
        any_tags,
        no_tags,
        has_due,
        due,
        not_overdue,
        updated_since,
        parent,
        lists,
        words,
    } = filter;
    let both = |of: &dyn Fn(bool) -> KeyPrefix| match completed {
        Some(state) => vec![of(*state)],
        None => vec![of(false), of(true)],
    };
    let (mut required, mut excluded) = (Vec::new(), Vec::new());
    match parent {
        Some(Within::Task(parent)) => {
            required.push(Condition::new(vec![KeyPrefix::parent(owner, *parent)]));
        }
        Some(Within::Top) => {
            excluded.push(Condition::new(vec![KeyPrefix::parents(owner)]));
        }
        None => {}
    }
    if lists.contains(&ListId::DEFAULT) {
        excluded.push(Condition::of(other_lists(owner, lists)));
    } else if !lists.is_empty() {
        let of_list = |list| {
            let of_state = move |state| KeyPrefix::list(owner, list, state);
            states(*completed).into_iter().map(of_state)
        };
        let in_lists = Condition::new(lists.iter().copied().flat_map(of_list).collect());
        required.push(in_lists.counted(tasks.list_counts(lists)?, *completed));
    }
    for tag in tags {
        let of_tag = Condition::new(both(&|state| KeyPrefix::tag(owner, tag, state)));
        required.push(of_tag.counted(tasks.tag_counts(tag)?, *completed));
    }
    let of_any = |tags: &[Tag], states: &[bool]| {
        let of_tag = |tag| states.iter().map(move |it| KeyPrefix::tag(owner, tag, *it));
        Condition::new(tags.iter().flat_map(of_tag).collect())
    };
    if !any_tags.is_empty() {
        required.push(of_any(any_tags, &states(*completed)));
    }
    if !no_tags.is_empty() {
        excluded.push(of_any(no_tags, &[false, true]));
    }
    match has_due {
        Some(true) => {
            let dated = EntryRange::due(owner, &states(*completed), None);
            required.push(Condition::of(dated));
        }
        Some(false) => {
            excluded.push(Condition::of(EntryRange::due(owner, &[false, true], None)));
        }
        None => {}
    }
    for (word, is_prefix) in words.iter().filter(|it| !is_implied(words, *it)) {
        required.push(Condition::new(vec![if is_prefix {
            KeyPrefix::word_prefix(owner, word)
        } else {
            KeyPrefix::word(owner, word)
        }]));
    }
    if let Some(range) = due {
        let states = states(*completed);
        required.push(Condition::of(EntryRange::due(owner, &states, Some(range))));
    }
    if let Some(range) = not_overdue {
        excluded.push(Condition::of(EntryRange::due(owner, &[false], Some(range))));
    }
    if let Some(since) = updated_since {
        let changed = Condition::new(vec![KeyPrefix::updated(owner)]);
        required.push(changed.within(&Bounds::changed_since(*since)));
    }
    // Entries by tag, by list and by date have the state.
    let is_dated = due.is_some() || *has_due == Some(true);
    let is_tagged = !tags.is_empty() || !any_tags.is_empty();
    let is_listed = !lists.is_empty() && !lists.contains(&ListId::DEFAULT);
    let is_state_open = completed.is_some() && !is_tagged && !is_listed && !is_dated;
    if !priorities.is_empty() || is_state_open || required.is_empty() {
        let counts = tasks.stats.with_priorities(priorities);
        required
            .push(Condition::new(by_creation(tasks, filter)).counted(counts, *completed));
    }
    Ok(Conditions { required, excluded })
}

/// Returns the entries of all tasks in lists other than these and the default list.
fn other_lists(owner: UserId, lists: &[ListId]) -> Vec<EntryRange> {
    let mut named: Vec<ListId> = lists.to_vec();
    named.sort_unstable();
    let (mut ranges, mut from) = (Vec::new(), Bound::Unbounded);
    let mut add = |from: Bound<Vec<u8>>, to: Bound<Vec<u8>>| {
        let mut range = EntryRange::from(KeyPrefix::lists(owner));
        range.bounds = Bounds { from, to };
        ranges.push(range);
    };
    for list in named {
        add(from, Bound::Excluded(list.to_bytes().to_vec()));
        let next = list.get().saturating_add(1);
        from = Bound::Included(next.to_be_bytes().to_vec());
    }
    add(from, Bound::Unbounded);
    ranges
}
