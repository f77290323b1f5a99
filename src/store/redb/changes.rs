//! Changes of an account in their order.

use redb::ReadTransaction;

use super::{lists, tasks, users};
use crate::domain::id::UserId;
use crate::domain::list::TaskList;
use crate::domain::task::{ChangeKinds, ChangePage, ChangeQuery, Changed};
use crate::store::StoreError;
use crate::store::redb::engine::view;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::record::Stats;
use crate::store::redb::format::table::Snapshot;
use crate::store::redb::format::task_key::KeyPrefix;
use crate::store::redb::format::{codec, key, table, task_key};

/// Change with its number.
type Numbered = (u64, Changed);

/// Reads a part of the changes of an account. `None` if there is no such account, or if the client may have missed
/// deletions.
pub(super) fn page(
    txn: &ReadTransaction,
    owner: UserId,
    query: &ChangeQuery,
) -> Result<Option<ChangePage>, StoreError> {
    let owned = table::open(txn, Table::Owned)?;
    let Some(stats) = tasks::stats(&owned, owner)? else { return Ok(None) };
    let deleted_since = query.deleted_since.max(query.since);
    if query.since > stats.seq || deleted_since < stats.horizon {
        return Ok(None);
    }
    let ChangeKinds { tasks, lists, account } = query.kinds;
    let mut first = Vec::new();
    let mut all = Vec::new();
    if lists {
        let stored = view::lists(&owned, owner)?;
        let changed = stored.iter().filter(|list| query.is_changed(list));
        all.extend(changed.map(|list| (list.seq, Changed::List(list.clone()))));
        if query.lists_after < u64::MAX {
            first = all_lists(txn, owner, stored)?;
            first.retain(|list| query.is_first(list));
        }
    }
    // One more tells whether there are more.
    let most = query.limit.saturating_add(1);
    if tasks {
        all.extend(if stats.is_indexed {
            changed(&owned, owner, query.since, most)?
        } else {
            scanned(&owned, owner, query.since)?
        });
    }
    if tasks || lists {
        let range = key::tombstones_from(owner, deleted_since.saturating_add(1));
        let mut found = 0;
        for row in table::range(&owned, &range)? {
            let tombstone = view::tombstone(&row?)?;
            if query.kinds.has(&tombstone.of) {
                all.push((tombstone.seq, Changed::Deleted(tombstone)));
                found += 1;
            }
            if found == most {
                break;
            }
        }
    }
    if account && stats.account_seq > query.since {
        let account = users::owner(txn, owner)?;
        all.extend(account.map(|user| (stats.account_seq, Changed::Account(user))));
    }
    Ok(Some(cut(first, all, query, &stats)))
}

/// Returns all lists by their ids, the default list first.
fn all_lists(
    txn: &ReadTransaction,
    owner: UserId,
    stored: Vec<TaskList>,
) -> Result<Vec<TaskList>, StoreError> {
    let default = lists::default(txn, owner, &stored)?;
    let others = stored.into_iter().filter(|list| !list.id.is_default());
    Ok(default.into_iter().chain(others).collect())
}

/// Returns a page: lists that come first, and then the changes in their order.
fn cut(
    mut first: Vec<TaskList>,
    mut all: Vec<Numbered>,
    query: &ChangeQuery,
    stats: &Stats,
) -> ChangePage {
    all.sort_unstable_by_key(|(seq, _)| *seq);
    let more = first.len() + all.len() > query.limit;
    first.truncate(query.limit);
    all.truncate(query.limit.saturating_sub(first.len()));
    let last = all.last().map_or(query.since, |(seq, _)| *seq);
    let seq = if more { last } else { stats.seq };
    let lists_after = first.last().map_or(query.lists_after, |list| list.id.get());
    let first = first.into_iter().map(|list| (query.since, Changed::List(list)));
    let changes = first.chain(all).collect();
    ChangePage { changes, seq, lists_after, more, latest: stats.seq }
}

/// Reads changed tasks by the index of changes.
fn changed(
    owned: &Snapshot,
    owner: UserId,
    since: u64,
    most: usize,
) -> Result<Vec<Numbered>, StoreError> {
    let prefix = KeyPrefix::changed(owner);
    let first = prefix.at(&since.saturating_add(1).to_be_bytes());
    let last = prefix.range().end().clone();
    let mut found = Vec::new();
    for entry in table::range(owned, &(first..=last))?.take(most) {
        let (key, _) = entry?;
        let id = task_key::id(prefix.end(key.value()));
        let task = id.map_or(Ok(None), |id| tasks::find(owned, owner, id))?;
        let task = task.ok_or_else(|| {
            codec::damaged(Table::Owned, key.value(), &"an entry without its task")
        })?;
        found.push((task.seq, Changed::Task(task)));
    }
    Ok(found)
}

/// Reads changed tasks of a small account.
fn scanned(
    owned: &Snapshot,
    owner: UserId,
    since: u64,
) -> Result<Vec<Numbered>, StoreError> {
    let mut found = Vec::new();
    for row in table::range(owned, &key::tasks_of(owner))? {
        let task = tasks::decoded(row?)?;
        if task.seq > since {
            found.push((task.seq, Changed::Task(task)));
        }
    }
    Ok(found)
}
