//! Tasks: reads and decisions.
//!
//! What a list reads: with `skip` s and `limit` n, s keys and n records of one person's range, plus the
//! counts. Filtered by state, and for the rare person whose tasks were created while the clock stepped
//! back, it is s + n index entries and n records found one by one.

use redb::ReadTransaction;

use super::change::Change;
use super::key::{self, Owned, Table, TaskByState};
use super::record::{self, Stats};
use super::table::Snapshot;
use super::view::View;
use super::write::Verdict;
use super::{codec, index, table};
use crate::domain::id::{TaskId, UserId};
use crate::domain::page::{Page, TaskPage};
use crate::domain::task::{NewTask, Task, TaskCounts, TaskFilter, TaskPatch};
use crate::domain::timestamp::Timestamp;
use crate::store::StoreError;

/// Passing over this many entries takes well under a millisecond; more is done on another thread.
pub(super) const SHORT_SKIP: u64 = 2_000;

pub(super) fn create(
    view: &View<'_, '_>,
    owner: UserId,
    new: NewTask,
) -> Result<Verdict<Option<Task>>, StoreError> {
    let Some(stats) = view.stats(owner)? else { return Ok(Verdict::unchanged(None)) };
    let task = new.no_earlier_than(stats.newest).into_task(owner, view.next_task_id());
    Ok(Verdict { answer: Some(task.clone()), changes: vec![Change::TaskCreate(task)] })
}

pub(super) fn patch(
    view: &View<'_, '_>,
    owner: UserId,
    id: TaskId,
    patch: TaskPatch,
    now: Timestamp,
) -> Result<Verdict<Option<Task>>, StoreError> {
    let Some(old) = view.task(owner, id)? else { return Ok(Verdict::unchanged(None)) };
    let new = patch.apply(&old, now);
    if new == old {
        return Ok(Verdict::unchanged(Some(new)));
    }
    Ok(Verdict {
        answer: Some(new.clone()),
        changes: vec![Change::TaskReplace { old, new }],
    })
}

pub(super) fn delete(
    view: &View<'_, '_>,
    owner: UserId,
    id: TaskId,
) -> Result<Verdict<bool>, StoreError> {
    Ok(match view.task(owner, id)? {
        Some(old) => Verdict { answer: true, changes: vec![Change::TaskDelete(old)] },
        None => Verdict::unchanged(false),
    })
}

pub(super) fn get(
    txn: &ReadTransaction,
    owner: UserId,
    id: TaskId,
) -> Result<Option<Task>, StoreError> {
    let owned = table::open(txn, Table::Owned)?;
    // The rows of a large account outlast it for a while, its counts never do.
    if owned.get(key::stats(owner).as_slice())?.is_none() {
        return Ok(None);
    }
    find(&owned, owner, id)
}

pub(super) fn counts(
    txn: &ReadTransaction,
    owner: UserId,
) -> Result<TaskCounts, StoreError> {
    let stats = stats(&table::open(txn, Table::Owned)?, owner)?;
    Ok(stats.map_or_else(TaskCounts::default, |stats| stats.counts))
}

pub(super) fn list(
    txn: &ReadTransaction,
    owner: UserId,
    filter: TaskFilter,
    page: Page,
) -> Result<TaskPage, StoreError> {
    let owned = table::open(txn, Table::Owned)?;
    let Some(stats) = stats(&owned, owner)? else {
        return Ok(TaskPage { tasks: Vec::new(), total: 0 });
    };
    let total = stats.counts.matching(filter);
    let tasks = if page.skip >= total {
        Vec::new()
    } else {
        match filter.completed {
            None if stats.in_order => by_id(&owned, owner, page)?,
            None => {
                let open = by_state(&owned, owner, false)?;
                let completed = by_state(&owned, owner, true)?;
                found(&owned, newest_first(open, completed), page)?
            }
            Some(completed) => found(&owned, by_state(&owned, owner, completed)?, page)?,
        }
    };
    Ok(TaskPage { tasks, total })
}

/// By id, from the first after `after`.
pub(super) fn after(
    txn: &ReadTransaction,
    owner: UserId,
    after: Option<TaskId>,
    limit: usize,
) -> Result<Vec<Task>, StoreError> {
    let owned = table::open(txn, Table::Owned)?;
    if stats(&owned, owner)?.is_none() {
        return Ok(Vec::new());
    }
    let first = after.map_or(0, |id| id.get().saturating_add(1));
    let range = key::tasks_of(owner);
    let first = key::task(owner, TaskId::new(first)).to_vec();
    let mut tasks = Vec::new();
    for entry in table::range(&owned, &(first..=range.end().clone()))?.take(limit) {
        let (key, value) = entry?;
        let Some(Owned::Task(owner, id)) = Owned::decode(key.value()) else {
            return Err(codec::damaged(Table::Owned, key.value(), &"not a task's key"));
        };
        tasks.push(record::decode_task(owner, id, value.value())?);
    }
    Ok(tasks)
}

/// A page of the records themselves, latest id first.
fn by_id(owned: &Snapshot, owner: UserId, page: Page) -> Result<Vec<Task>, StoreError> {
    let mut tasks = Vec::with_capacity(usize::from(page.limit));
    let mut entries = table::range(owned, &key::tasks_of(owner))?.rev();
    for _ in 0..page.skip {
        match entries.next() {
            Some(entry) => drop(entry?),
            None => return Ok(tasks),
        }
    }
    for entry in entries.take(usize::from(page.limit)) {
        let (key, value) = entry?;
        match Owned::decode(key.value()) {
            Some(Owned::Task(owner, id)) => {
                tasks.push(record::decode_task(owner, id, value.value())?);
            }
            _ => {
                return Err(codec::damaged(
                    Table::Owned,
                    key.value(),
                    &"not a task's key",
                ));
            }
        }
    }
    Ok(tasks)
}

type Entry = Result<TaskByState, StoreError>;

/// Index entries of one state, newest first.
fn by_state(
    owned: &Snapshot,
    owner: UserId,
    completed: bool,
) -> Result<impl Iterator<Item = Entry> + '_, StoreError> {
    let entries = table::range(owned, &key::tasks_by_state_of(owner, completed))?;
    Ok(entries.rev().map(|entry| {
        let (key, _) = entry?;
        match Owned::decode(key.value()) {
            Some(Owned::TaskByState(entry)) => Ok(entry),
            _ => Err(codec::damaged(Table::Owned, key.value(), &"not an index entry")),
        }
    }))
}

/// Merges two sequences that are each newest first.
fn newest_first(
    one: impl Iterator<Item = Entry>,
    other: impl Iterator<Item = Entry>,
) -> impl Iterator<Item = Entry> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    let rank = |entry: &TaskByState| (entry.created_at, entry.id);
    std::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some(Ok(a)), Some(Ok(b))) if rank(a) < rank(b) => other.next(),
        (Some(_), _) => one.next(),
        (None, _) => other.next(),
    })
}

/// The tasks that a page of index entries names.
fn found(
    owned: &Snapshot,
    entries: impl Iterator<Item = Entry>,
    page: Page,
) -> Result<Vec<Task>, StoreError> {
    let skip = usize::try_from(page.skip).unwrap_or(usize::MAX);
    let mut tasks = Vec::with_capacity(usize::from(page.limit));
    for entry in entries.skip(skip).take(usize::from(page.limit)) {
        let entry = entry?;
        match find(owned, entry.owner, entry.id)? {
            Some(task) if index::task_by_state(&task) == entry => tasks.push(task),
            _ => {
                let why = "index entry without its task";
                return Err(codec::damaged(Table::Owned, &entry.encode(), &why));
            }
        }
    }
    Ok(tasks)
}

fn find(owned: &Snapshot, owner: UserId, id: TaskId) -> Result<Option<Task>, StoreError> {
    let value = owned.get(key::task(owner, id).as_slice())?;
    value.map(|value| record::decode_task(owner, id, value.value())).transpose()
}

fn stats(owned: &Snapshot, owner: UserId) -> Result<Option<Stats>, StoreError> {
    let value = owned.get(key::stats(owner).as_slice())?;
    value.map(|value| record::decode_stats(owner, value.value())).transpose()
}
