//! Changes of an account in their order.

use redb::ReadTransaction;

use super::{tasks, users};
use crate::domain::id::UserId;
use crate::domain::task::{ChangePage, ChangeQuery, Changed};
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
    // One more tells whether there are more.
    let most = query.limit.saturating_add(1);
    let mut all = Vec::new();
    if query.tasks {
        all = if stats.is_indexed {
            changed(&owned, owner, query.since, most)?
        } else {
            scanned(&owned, owner, query.since)?
        };
        let range = key::tombstones_from(owner, deleted_since.saturating_add(1));
        for row in table::range(&owned, &range)?.take(most) {
            let tombstone = view::tombstone(&row?)?;
            all.push((tombstone.seq, Changed::TaskDeleted(tombstone)));
        }
    }
    if query.account && stats.account_seq > query.since {
        let account = users::owner(txn, owner)?;
        all.extend(account.map(|user| (stats.account_seq, Changed::Account(user))));
    }
    Ok(Some(cut(all, query.limit, &stats)))
}

fn cut(mut all: Vec<Numbered>, limit: usize, stats: &Stats) -> ChangePage {
    all.sort_unstable_by_key(|(seq, _)| *seq);
    let more = all.len() > limit;
    all.truncate(limit);
    let last = all.last().map(|(seq, _)| *seq).filter(|_| more);
    ChangePage { changes: all, seq: last.unwrap_or(stats.seq), more, latest: stats.seq }
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
