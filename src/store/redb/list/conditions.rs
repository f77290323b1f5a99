//! Conditions of a filter, as ranges of index entries.

use std::ops::Bound;

use super::index_scan::by_creation;
use super::merged_scan::{Bounds, Source};
use super::{ReadBudget, Stop, Tasks};
use crate::domain::due::DueRange;
use crate::domain::id::{TaskId, UserId};
use crate::domain::task::{TaskCounts, TaskFilter, Within};
use crate::domain::words::Words;
use crate::store::redb::format::task_key;
use crate::store::redb::format::task_key::KeyPrefix;

/// Ids that are gathered before duplicates are removed, at least.
const ROOM: usize = 16_384;

fn sort(ids: &mut Vec<TaskId>) {
    ids.sort_unstable();
    ids.dedup();
}

/// Condition, with the index entries of exactly the tasks that fulfil it.
pub(super) struct Condition {
    prefixes: Vec<KeyPrefix>,
    bounds: Bounds,
    /// Range of due dates and times. The entries within the bounds include others.
    due: Option<DueRange>,
    /// Number of entries, if it is stored.
    pub(super) entries: Option<usize>,
}

impl Condition {
    fn new(prefixes: Vec<KeyPrefix>) -> Self {
        Self { prefixes, bounds: Bounds::NONE, due: None, entries: None }
    }

    /// Selects all tasks with a due date, in one state or both.
    pub(super) fn dated(owner: UserId, completed: Option<bool>) -> Self {
        let states = completed.map_or_else(|| vec![false, true], |state| vec![state]);
        let prefixes = states.into_iter().map(|state| KeyPrefix::due(owner, state));
        Self::new(prefixes.collect())
    }

    /// Selects tasks that are due in a range.
    fn due(prefixes: Vec<KeyPrefix>, range: &DueRange) -> Self {
        let (first, last) = task_key::due_ends(range);
        let bounds = Bounds { from: Bound::Included(first), to: Bound::Excluded(last) };
        Self { bounds, due: Some(range.clone()), ..Self::new(prefixes) }
    }

    /// Sets the number of entries to that of the tasks in some state.
    fn counted(mut self, counts: TaskCounts, completed: Option<bool>) -> Self {
        self.entries = usize::try_from(counts.matching(completed)).ok();
        self
    }

    /// Returns the sorted ids of the tasks that fulfil the condition. `None` if they have more than `most` entries.
    pub(super) fn ids(
        &self,
        tasks: &Tasks<'_>,
        most: usize,
        cost: &mut ReadBudget,
    ) -> Result<Option<Vec<TaskId>>, Stop> {
        let (mut ids, mut room) = (Vec::new(), ROOM);
        let mut read = 0;
        for prefix in &self.prefixes {
            let Some(mut source) = Source::open(tasks.owned, prefix, &self.bounds)?
            else {
                continue;
            };
            while let Some(key) = source.next_key(false, cost)? {
                read += 1;
                if read > most {
                    return Ok(None);
                }
                let end = prefix.end(key.value());
                let id = task_key::id(end).ok_or_else(|| tasks.missing())?;
                let is_due = |range| task_key::is_due_in(range, end);
                if self.due.as_ref().is_none_or(is_due) {
                    ids.push(id);
                }
                // A task has an entry for each word with the same prefix.
                if ids.len() >= room {
                    sort(&mut ids);
                    room = ROOM.max(2 * ids.len());
                }
            }
        }
        sort(&mut ids);
        Ok(Some(ids))
    }
}

/// Conditions of a filter: tasks that match fulfil all of `required` and none of `excluded`.
pub(super) struct Conditions {
    /// Conditions, those with the fewest tasks (estimated) first.
    pub(super) required: Vec<Condition>,
    pub(super) excluded: Vec<Condition>,
}

/// Whether a word is the prefix of another one in the query, so that every task with that one has it as well.
fn is_implied(words: &Words, (word, is_prefix): (&str, bool)) -> bool {
    let is_more = |(other, other_prefix): (&str, bool)| {
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
        priority,
        tags,
        due,
        not_overdue,
        updated_since,
        parent,
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
    for tag in tags {
        let of_tag = Condition::new(both(&|state| KeyPrefix::tag(owner, tag, state)));
        required.push(of_tag.counted(tasks.tag_counts(tag)?, *completed));
    }
    for (word, is_prefix) in words.iter().filter(|it| !is_implied(words, *it)) {
        required.push(Condition::new(vec![if is_prefix {
            KeyPrefix::word_prefix(owner, word)
        } else {
            KeyPrefix::word(owner, word)
        }]));
    }
    if let Some(range) = due {
        required.push(Condition::due(both(&|state| KeyPrefix::due(owner, state)), range));
    }
    if let Some(range) = not_overdue {
        excluded.push(Condition::due(vec![KeyPrefix::due(owner, false)], range));
    }
    if let Some(since) = updated_since {
        let mut condition = Condition::new(vec![KeyPrefix::updated(owner)]);
        condition.bounds.from = Bound::Included(task_key::time(*since).to_vec());
        required.push(condition);
    }
    // Entries by tag and by date have the state.
    let is_state_open = completed.is_some() && tags.is_empty() && due.is_none();
    if priority.is_some() || is_state_open || required.is_empty() {
        let counts = tasks.stats.with_priority(*priority);
        required
            .push(Condition::new(by_creation(tasks, filter)).counted(counts, *completed));
    }
    Ok(Conditions { required, excluded })
}
