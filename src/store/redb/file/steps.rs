//! Steps from each format of the data file to the next. A released step never changes.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use redb::ReadableTable as _;

use crate::domain::id::UserId;
use crate::domain::task::Task;
use crate::store::StoreError;
use crate::store::redb::engine::batch::Batch;
use crate::store::redb::format::key;
use crate::store::redb::format::key::{Owned, Table};
use crate::store::redb::format::record::{LastTask, Stats, StatsPlace};
use crate::store::redb::format::table;
use crate::store::redb::format::table::Tables;
use crate::store::redb::format::{codec, record, task_index};
use crate::store::redb::tasks::decoded;

/// Step from one format to the next. Rewrites all that has changed, except for the format number.
pub(in crate::store::redb) type Step = fn(&mut Tables<'_>) -> Result<(), StoreError>;

/// Steps in order: the first leads from format 1 to 2, and so on.
pub(in crate::store::redb) const STEPS: &[Step] =
    &[accounts, plans, shares, scans, stats_behind_tasks, rules_and_words, changes];

/// Upgrades format 1 to 2: writes accounts and sessions in the layout of format 2. The new tables exist since all
/// tables were opened, and are empty: format 1 has no administrators.
fn accounts(tables: &mut Tables<'_>) -> Result<(), StoreError> {
    let mut after = Vec::new();
    while let Some((key, value)) = table::next_after(&tables.users, &after)? {
        let id = codec::user_id(Table::Users, &key)?;
        let value = record::user(&record::decode_user(id, &value)?)?;
        drop(tables.users.insert(key.as_slice(), value.as_slice())?);
        after = key;
    }
    let mut after = Vec::new();
    while let Some((key, value)) = table::next_after(&tables.owned, &after)? {
        if let Some(Owned::Session(user, id)) = Owned::decode(&key) {
            let session = record::decode_session(user, id, &value)?;
            let value = record::session(&session)?;
            drop(tables.owned.insert(key.as_slice(), value.as_slice())?);
        }
        after = key;
    }
    Ok(())
}

/// Upgrades format 2 to 3: writes tasks in the layout of format 3, with the entries of its indexes instead of the
/// one they had. Rows of deleted accounts only await removal, and stay as they are.
fn plans(tables: &mut Tables<'_>) -> Result<(), StoreError> {
    let mut after = Vec::new();
    while let Some((key, value)) = table::next_after(&tables.owned, &after)? {
        after = key;
        let Some(row) = Owned::decode(&after) else { continue };
        if tables.purge.get(row.owner().to_bytes().as_slice())?.is_some() {
            continue;
        }
        match row {
            Owned::FormerStats(owner) => {
                let stats = StatsPlace::Former.decode(owner, &value)?;
                let stats = StatsPlace::Former.encode(owner, &stats)?;
                drop(tables.owned.insert(after.as_slice(), stats.as_slice())?);
            }
            Owned::Task(owner, id) => {
                let task = record::decode_task(owner, id, &value)?;
                let value = record::task(&task)?;
                drop(tables.owned.insert(after.as_slice(), value.as_slice())?);
                reindex_task(tables, &task, 2..=3)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Upgrades format 3 to 4: limits index entries to the first words of a task, and adds the bytes of the rows of
/// each account to its stats. Rows of deleted accounts only await removal, and stay as they are.
fn shares(tables: &mut Tables<'_>) -> Result<(), StoreError> {
    reindex(tables, 3..=4)?;
    count_bytes(tables, StatsPlace::Former)
}

/// Replaces the index entries of every task, from the first of two formats to the second. Rows of deleted
/// accounts only await removal, and stay as they are.
pub(in crate::store::redb) fn reindex(
    tables: &mut Tables<'_>,
    formats: RangeInclusive<u64>,
) -> Result<(), StoreError> {
    let mut after = Vec::new();
    while let Some((key, value)) = table::next_after(&tables.owned, &after)? {
        after = key;
        let Some(Owned::Task(owner, id)) = Owned::decode(&after) else { continue };
        if tables.purge.get(owner.to_bytes().as_slice())?.is_none() {
            let task = record::decode_task(owner, id, &value)?;
            reindex_task(tables, &task, formats.clone())?;
        }
    }
    Ok(())
}

fn reindex_task(
    tables: &mut Tables<'_>,
    task: &Task,
    formats: RangeInclusive<u64>,
) -> Result<(), StoreError> {
    let entries =
        |format: &u64| BTreeSet::from_iter(task_index::entries_in(*format, task));
    let (old, new) = (entries(formats.start()), entries(formats.end()));
    for entry in old.difference(&new) {
        drop(tables.owned.remove(entry.as_slice())?);
    }
    for entry in new.difference(&old) {
        drop(tables.owned.insert(entry.as_slice(), [].as_slice())?);
    }
    Ok(())
}

/// Writes the byte count of the other rows of each account into its stats.
fn count_bytes(tables: &mut Tables<'_>, at: StatsPlace) -> Result<(), StoreError> {
    let mut after = Vec::new();
    while let Some((key, _)) = table::next_after(&tables.users, &after)? {
        let id = codec::user_id(Table::Users, &key)?;
        let place = at.key(id);
        let mut bytes = 0;
        let mut stats = None;
        for row in table::range(&tables.owned, &key::everything_of(id))? {
            let (key, value) = row?;
            if key.value() == place {
                stats = Some(at.decode(id, value.value())?);
            } else {
                bytes += u64::try_from(key.value().len() + value.value().len())
                    .unwrap_or(u64::MAX);
            }
        }
        if let Some(stats) = stats {
            let value = at.encode(id, &Stats { bytes, ..stats })?;
            drop(tables.owned.insert(place.as_slice(), value.as_slice())?);
        }
        after = key;
    }
    Ok(())
}

/// Maximum number of tasks of an account that loses its index entries in format 5.
const SCANNED: u64 = 128;

/// Upgrades format 4 to 5: removes the index entries of small accounts, whose tasks are scanned instead, and adds the
/// state of the indexes to the stats. Rows of deleted accounts only await removal, and stay as they are.
fn scans(tables: &mut Tables<'_>) -> Result<(), StoreError> {
    let mut after = Vec::new();
    while let Some((key, _)) = table::next_after(&tables.users, &after)? {
        let owner = codec::user_id(Table::Users, &key)?;
        after = key;
        let place = StatsPlace::Former.key(owner);
        let found = tables.owned.get(place.as_slice())?;
        let found = found.map(|value| StatsPlace::Former.decode(owner, value.value()));
        let Some(mut stats) = found.transpose()? else { continue };
        summarize(tables, owner, &mut stats)?;
        stats.is_indexed = stats.wants_index(SCANNED);
        if !stats.is_indexed {
            let bytes = remove_entries(tables, owner)?;
            stats.bytes = stats.bytes.saturating_sub(bytes);
        }
        let value = StatsPlace::Former.encode(owner, &stats)?;
        drop(tables.owned.insert(place.as_slice(), value.as_slice())?);
    }
    Ok(())
}

/// Adds the weight of all tasks, the latest change and the last task in the owner's order.
fn summarize(
    tables: &Tables<'_>,
    owner: UserId,
    stats: &mut Stats,
) -> Result<(), StoreError> {
    let mut last = None;
    for row in table::range(&tables.owned, &key::tasks_of(owner))? {
        let task = decoded(row?)?;
        stats.weight = stats.weight.saturating_add(task.former_weight());
        stats.latest_change = stats.latest_change.max(task.updated_at);
        last = last.max(Some((task.position, task.id)));
    }
    stats.last = last.and_then(|(position, id)| LastTask::new(position, id));
    Ok(())
}

/// Removes the index entries of all tasks of an account, and returns the bytes of their keys.
fn remove_entries(tables: &mut Tables<'_>, owner: UserId) -> Result<u64, StoreError> {
    let mut bytes = 0;
    for range in task_index::ranges(4, owner) {
        let range = range.start().as_slice()..=range.end().as_slice();
        for entry in tables.owned.extract_from_if::<&[u8], _>(range, |_, _| true)? {
            let (key, _) = entry?;
            bytes += u64::try_from(key.value().len()).unwrap_or(u64::MAX);
        }
    }
    Ok(bytes)
}

/// Upgrades format 5 to 6: moves the stats of each account behind its tasks.
fn stats_behind_tasks(tables: &mut Tables<'_>) -> Result<(), StoreError> {
    let mut after = Vec::new();
    while let Some((key, _)) = table::next_after(&tables.users, &after)? {
        let owner = codec::user_id(Table::Users, &key)?;
        after = key;
        let former = tables.owned.remove(StatsPlace::Former.key(owner).as_slice())?;
        let stats = former
            .map(|value| StatsPlace::Former.decode(owner, value.value()))
            .transpose()?;
        if let Some(stats) = stats {
            let value = record::stats(owner, &stats)?;
            drop(tables.owned.insert(key::stats(owner).as_slice(), value.as_slice())?);
        }
    }
    Ok(())
}

/// Upgrades format 6 to 7: writes tasks in the layout of format 7, which has the local time of a due time and the date from
/// which a rule repeats, and the index entries of titles and words by their keys. Rows of deleted accounts only await
/// removal, and stay as they are.
fn rules_and_words(tables: &mut Tables<'_>) -> Result<(), StoreError> {
    let mut after = Vec::new();
    while let Some((key, _)) = table::next_after(&tables.users, &after)? {
        let owner = codec::user_id(Table::Users, &key)?;
        after = key;
        let place = StatsPlace::Current.key(owner);
        let found = tables.owned.get(place.as_slice())?;
        let found = found.map(|value| StatsPlace::Current.decode(owner, value.value()));
        let Some(mut stats) = found.transpose()? else { continue };
        let was_indexed = stats.is_indexed;
        (stats.weight, stats.is_indexed) = (0, false);
        for_each_task(tables, owner, |_, task| {
            stats.weight = stats.weight.saturating_add(task.weight());
            Ok(())
        })?;
        // Texts in scripts without spaces have more words than before.
        stats.is_indexed = was_indexed || stats.wants_index(SCANNED);
        let value = StatsPlace::Current.encode(owner, &stats)?;
        drop(tables.owned.insert(place.as_slice(), value.as_slice())?);
        for_each_task(tables, owner, |tables, task| {
            let key = key::task(owner, task.id);
            let value = record::task(&task)?;
            drop(tables.owned.insert(key.as_slice(), value.as_slice())?);
            if was_indexed {
                return reindex_task(tables, &task, 6..=7);
            }
            let entries = if stats.is_indexed {
                task_index::entries_in(7, &task)
            } else {
                Vec::new()
            };
            for entry in entries {
                drop(tables.owned.insert(entry.as_slice(), [].as_slice())?);
            }
            Ok(())
        })?;
    }
    count_bytes(tables, StatsPlace::Current)
}

/// Upgrades format 7 to 8: numbers the last changes of tasks by their ids, gives tasks uids, and begins an
/// epoch. Rows of deleted accounts only await removal, and stay as they are.
fn changes(tables: &mut Tables<'_>) -> Result<(), StoreError> {
    let mut after = Vec::new();
    while let Some((key, _)) = table::next_after(&tables.users, &after)? {
        let owner = codec::user_id(Table::Users, &key)?;
        after = key;
        let place = StatsPlace::Current.key(owner);
        let found = tables.owned.get(place.as_slice())?;
        let found = found.map(|value| StatsPlace::Current.decode(owner, value.value()));
        let Some(mut stats) = found.transpose()? else { continue };
        for_each_task(tables, owner, |tables, task| {
            stats.seq += 1;
            let task = Task { seq: stats.seq, ..task };
            let key = key::task(owner, task.id);
            let value = record::task(&task)?;
            drop(tables.owned.insert(key.as_slice(), value.as_slice())?);
            if stats.is_indexed { reindex_task(tables, &task, 7..=8) } else { Ok(()) }
        })?;
        stats.seq += 1;
        stats.account_seq = stats.seq;
        let value = StatsPlace::Current.encode(owner, &stats)?;
        drop(tables.owned.insert(place.as_slice(), value.as_slice())?);
    }
    Batch::begin_epoch(tables)?;
    count_bytes(tables, StatsPlace::Current)
}

/// Passes on each task of an account.
fn for_each_task(
    tables: &mut Tables<'_>,
    owner: UserId,
    mut each: impl FnMut(&mut Tables<'_>, Task) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after = key::tasks_of(owner).start().clone();
    while let Some((key, value)) = table::next_after(&tables.owned, &after)? {
        after = key;
        let Some(Owned::Task(of, id)) = Owned::decode(&after) else { break };
        if of != owner {
            break;
        }
        each(tables, record::decode_task(owner, id, &value)?)?;
    }
    Ok(())
}
