//! The steps from each format of the data file to the next. A released step never changes.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use redb::ReadableTable as _;

use super::key::{self, Owned, Table};
use super::record::Stats;
use super::table::{self, Tables};
use super::{codec, index, record};
use crate::domain::task::Task;
use crate::store::StoreError;

/// From one format to the one that follows it. Rewrites whatever has changed, but for the format number.
pub(super) type Step = fn(&mut Tables<'_>) -> Result<(), StoreError>;

/// The first leads from format 1 to 2, and so on.
pub(super) const STEPS: &[Step] = &[accounts, plans, shares];

/// What the version after this one might know.
pub(super) const NEXT: &[Step] = &[accounts, plans, shares, raise_revisions];

/// From 1 to 2: accounts and sessions are written with what format 2 says of them. The new tables are there
/// since all tables were opened, and empty: format 1 knows no administrators.
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

/// From 2 to 3: tasks are written with what format 3 says of them, and with the entries of its indexes instead of
/// the one they had. What deleted accounts have left is only going to be removed, and stays as it is.
fn plans(tables: &mut Tables<'_>) -> Result<(), StoreError> {
    let mut after = Vec::new();
    while let Some((key, value)) = table::next_after(&tables.owned, &after)? {
        after = key;
        let Some(row) = Owned::decode(&after) else { continue };
        if tables.purge.get(row.owner().to_bytes().as_slice())?.is_some() {
            continue;
        }
        match row {
            Owned::Stats(owner) => {
                let stats = record::stats(owner, &record::decode_stats(owner, &value)?)?;
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

/// From 3 to 4: a task has entries of its first words only, and the stats of each account say how many bytes its
/// rows have. What deleted accounts have left is only going to be removed, and stays as it is.
fn shares(tables: &mut Tables<'_>) -> Result<(), StoreError> {
    reindex(tables, 3..=4)?;
    count_bytes(tables)
}

/// Gives every task the index entries of the second of two formats in place of those of the first. What deleted
/// accounts have left is only going to be removed, and stays as it is.
pub(super) fn reindex(
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
    let entries = |format: &u64| BTreeSet::from_iter(index::task_in(*format, task));
    let (old, new) = (entries(formats.start()), entries(formats.end()));
    for entry in old.difference(&new) {
        drop(tables.owned.remove(entry.as_slice())?);
    }
    for entry in new.difference(&old) {
        drop(tables.owned.insert(entry.as_slice(), [].as_slice())?);
    }
    Ok(())
}

/// Writes into the stats of each account how many bytes its other rows have.
fn count_bytes(tables: &mut Tables<'_>) -> Result<(), StoreError> {
    let mut after = Vec::new();
    while let Some((key, _)) = table::next_after(&tables.users, &after)? {
        let id = codec::user_id(Table::Users, &key)?;
        let place = key::stats(id);
        let mut bytes = 0;
        let mut stats = None;
        for row in table::range(&tables.owned, &key::everything_of(id))? {
            let (key, value) = row?;
            if key.value() == place {
                stats = Some(record::decode_stats(id, value.value())?);
            } else {
                bytes += u64::try_from(key.value().len() + value.value().len())
                    .unwrap_or(u64::MAX);
            }
        }
        if let Some(stats) = stats {
            let value = record::stats(id, &Stats { bytes, ..stats })?;
            drop(tables.owned.insert(place.as_slice(), value.as_slice())?);
        }
        after = key;
    }
    Ok(())
}

/// A step of no use: every task is written once more, under another revision.
fn raise_revisions(tables: &mut Tables<'_>) -> Result<(), StoreError> {
    let mut after = Vec::new();
    loop {
        let Some((key, value)) = table::next_after(&tables.owned, &after)? else {
            return count_bytes(tables);
        };
        if let Some(Owned::Task(owner, id)) = Owned::decode(&key) {
            let mut task = record::decode_task(owner, id, &value)?;
            task.revision += 1;
            let value = record::task(&task)?;
            drop(tables.get_mut(Table::Owned).insert(key.as_slice(), value.as_slice())?);
        }
        after = key;
    }
}
