//! Room of the history: its bounds, and its removal.

use std::collections::BTreeSet;

use super::{Chain, forget};
use crate::domain::id::{TaskId, UserId};
use crate::domain::quota::Quota;
use crate::domain::sweep::SweepProgress;
use crate::domain::task::{HistoryEntry, HistoryRetention};
use crate::domain::timestamp::Timestamp;
use crate::store::StoreError;
use crate::store::decide::{Change, Decision, Figures, Snapshot};

/// Accounts that a slice of the sweep examines, and maximum number of rows removed: about 2 ms each.
const SWEPT_ACCOUNTS: usize = 256;
const SWEPT_ROWS: usize = 512;

/// Rows that a write removes for each one that it adds, and besides. A smaller limit is reached little by little.
const REMOVED_PER_ROW: usize = 4;
const REMOVED_BESIDES: usize = 64;

/// Bytes of the shortest row: its key and the envelope.
const LEAST_ROW: u64 = 32;

/// Removes the oldest rows of the history of an account if a write makes it too large.
pub(in crate::store::decide) fn make_room(
    snapshot: &dyn Snapshot,
    owner: UserId,
    figures: &Figures,
    quota: &Quota,
    changes: &mut Vec<Change>,
) -> Result<(), StoreError> {
    let (mut bytes, mut added, mut gone) = (figures.history.bytes, 0, BTreeSet::new());
    for change in changes.iter() {
        match change {
            Change::HistoryAdd(entry) => {
                bytes = bytes.saturating_add(snapshot.history_bytes(entry)?);
                added += 1;
            }
            Change::TrashAdd(_, task) => {
                bytes = bytes.saturating_add(snapshot.trash_bytes(task)?);
                added += 1;
            }
            Change::HistoryDelete(entry) | Change::HistoryExpire(entry) => {
                bytes = bytes.saturating_sub(snapshot.history_bytes(entry)?);
                gone.insert(entry.seq);
            }
            Change::TrashDelete(seq, task) => {
                bytes = bytes.saturating_sub(snapshot.trash_bytes(task)?);
                gone.insert(*seq);
            }
            _ => {}
        }
    }
    let surplus = bytes.saturating_sub(most_bytes(figures, quota));
    if changes.is_empty() || surplus == 0 {
        return Ok(());
    }
    let most = REMOVED_BESIDES + added * REMOVED_PER_ROW;
    remove_oldest(snapshot, owner, (surplus, most), &gone, changes)
}

/// Returns the bytes that the history of an account may take: the limit of all accounts, or what its tasks and
/// tombstones leave of its quota.
fn most_bytes(figures: &Figures, quota: &Quota) -> u64 {
    let left = figures.room_for_traces(quota);
    let left = left.map(|left| left.saturating_sub(figures.tombstone_bytes));
    left.map_or(quota.history_bytes, |left| left.min(quota.history_bytes))
}

/// Removes the oldest rows until so many bytes are gone, at most `most` rows. Leaves out those that are gone already.
fn remove_oldest(
    snapshot: &dyn Snapshot,
    owner: UserId,
    (mut surplus, most): (u64, usize),
    gone: &BTreeSet<u64>,
    changes: &mut Vec<Change>,
) -> Result<(), StoreError> {
    let is_there = |seq: &u64| !gone.contains(seq);
    let enough = usize::try_from(surplus / LEAST_ROW).unwrap_or(usize::MAX);
    let most = most.min(enough.saturating_add(1));
    let read = most + gone.len();
    let entries = snapshot.history_from(owner, 0, read)?.into_iter();
    let mut entries = entries.filter(|entry| is_there(&entry.seq)).peekable();
    let mut trashed =
        snapshot.trash_from(owner, 0, read)?.into_iter().filter(is_there).peekable();
    for _ in 0..most {
        if surplus == 0 {
            break;
        }
        let oldest =
            trashed.next_if(|seq| entries.peek().is_none_or(|entry| *seq < entry.seq));
        if let Some(seq) = oldest {
            let Some(task) = snapshot.trash(owner, seq)? else { continue };
            surplus = surplus.saturating_sub(snapshot.trash_bytes(&task)?);
            // The history of the task is older, and gone.
            changes.push(Change::TrashDelete(seq, task));
        } else if let Some(entry) = entries.next() {
            surplus = surplus.saturating_sub(snapshot.history_bytes(&entry)?);
            changes.push(Change::HistoryExpire(entry));
        } else {
            break;
        }
    }
    Ok(())
}

/// Removes old rows of the history of a few accounts; see [`crate::store::Store::history_sweep`].
///
/// # Errors
///
/// Errors of the database.
pub fn sweep(
    snapshot: &dyn Snapshot,
    after: Option<UserId>,
    now: Timestamp,
    retention: HistoryRetention,
    quota: &Quota,
) -> Result<Decision<SweepProgress>, StoreError> {
    let (mut changes, mut done, mut next) = (Vec::new(), after, None);
    let owners = snapshot.users_after(after, SWEPT_ACCOUNTS + 1)?;
    for (number, owner) in owners.into_iter().enumerate() {
        if number == SWEPT_ACCOUNTS {
            next = done;
            break;
        }
        sweep_account(snapshot, owner, now, retention, quota, &mut changes)?;
        if changes.len() >= SWEPT_ROWS {
            // This account may have more.
            next = Some(done.unwrap_or(UserId::new(0)));
            break;
        }
        done = Some(owner);
    }
    let removed = u64::try_from(changes.len()).unwrap_or(u64::MAX);
    Ok(Decision { result: SweepProgress { removed, next }, changes })
}

fn sweep_account(
    snapshot: &dyn Snapshot,
    owner: UserId,
    now: Timestamp,
    retention: HistoryRetention,
    quota: &Quota,
    changes: &mut Vec<Change>,
) -> Result<(), StoreError> {
    let Some(figures) = snapshot.figures(owner)? else { return Ok(()) };
    let (start, left) = (changes.len(), SWEPT_ROWS.saturating_sub(changes.len()));
    let is_old = |entry: &HistoryEntry| now.since(entry.at) >= retention.changes;
    // Most accounts have no old one.
    if snapshot.history_from(owner, 0, 1)?.first().is_some_and(is_old) {
        let oldest = snapshot.history_from(owner, 0, left)?;
        let old = oldest.into_iter().take_while(is_old);
        changes.extend(old.map(Change::HistoryExpire));
    }
    // The history of a deleted task may be kept for longer than the task.
    let forgotten: BTreeSet<u64> = changes
        .iter()
        .filter_map(|change| match change {
            Change::HistoryExpire(entry) if entry.owner == owner => Some(entry.seq),
            _ => None,
        })
        .collect();
    for seq in snapshot.trash_from(owner, 0, left)? {
        let Some(task) = snapshot.trash(owner, seq)? else { break };
        let found = snapshot.tombstone(owner, task.id)?.filter(|it| it.seq == seq);
        let is_old = found.is_none_or(|it| now.since(it.at) >= retention.trash);
        if !is_old || changes.len() - start >= left {
            break;
        }
        for entry in Chain::of(snapshot, &task) {
            let entry = entry?;
            if !forgotten.contains(&entry.seq) {
                changes.push(Change::HistoryDelete(entry));
            }
        }
        changes.push(Change::TrashDelete(seq, task));
    }
    let surplus = figures.history.bytes.saturating_sub(most_bytes(&figures, quota));
    let left = left.saturating_sub(changes.len() - start);
    if changes.len() == start && surplus > 0 {
        remove_oldest(snapshot, owner, (surplus, left), &BTreeSet::new(), changes)?;
    }
    Ok(())
}

/// Deletes one task of the trash for good, or some hundreds of all; see [`crate::store::Store::trash_empty`].
///
/// # Errors
///
/// Errors of the database.
pub fn empty(
    snapshot: &dyn Snapshot,
    owner: UserId,
    id: Option<TaskId>,
) -> Result<Decision<u64>, StoreError> {
    let (mut changes, mut count) = (Vec::new(), 0);
    let seqs = match id {
        Some(id) => snapshot.tombstone(owner, id)?.map(|it| it.seq).into_iter().collect(),
        None => snapshot.trash_from(owner, 0, SWEPT_ROWS)?,
    };
    for seq in seqs {
        if changes.len() >= SWEPT_ROWS {
            break;
        }
        let before = changes.len();
        forget(snapshot, owner, seq, &mut changes)?;
        count += u64::from(changes.len() > before);
    }
    Ok(Decision { result: count, changes })
}
