//! Stored answers: reads and decisions.

use std::any::Any;

use redb::ReadTransaction;

use super::change::Change;
use super::key::{self, AnswerByAge, Owned, Table};
use super::options::AnswerBounds;
use super::record::AnswerStats;
use super::view::View;
use super::work::Work;
use super::write::Verdict;
use super::{codec, record, table, users};
use crate::domain::answer::{Answer, AnswerKey, AnswerNote, Swept};
use crate::domain::id::UserId;
use crate::domain::timestamp::Timestamp;
use crate::store::{Once, StoreError};

/// Maximum number of expired answers that a write with a key removes.
const EXPIRED_AT_ONCE: usize = 4;

/// Maximum number of old answers that a write with a key removes to make room. The total cannot grow: long
/// answers may exceed the bound for some writes, until the many short ones before them are gone.
const CROWDED_AT_ONCE: usize = 512;

/// Accounts that a slice of the sweep examines, and maximum number of answers removed: about 2 ms each.
const SWEPT_ACCOUNTS: usize = 256;
const SWEPT_ANSWERS: usize = 512;

/// Planned work of a slice.
pub(super) const SWEEP: Work = Work::new(2_000, 0);

/// Decides a write once: fails if its answer is stored, and otherwise stores its answer with the changes.
pub(super) fn decide<T: Any>(
    view: &View<'_, '_>,
    once: Once,
    bounds: AnswerBounds,
    decide: impl FnOnce(&View<'_, '_>) -> Result<Verdict<T>, StoreError>,
) -> Result<Verdict<T>, StoreError> {
    if let Some(owner) = once.owner
        && view.answer(owner, once.key)?.is_some_and(|answer| answer.is_live(once.at))
    {
        return Err(StoreError::Repeated);
    }
    let mut verdict = decide(view)?;
    if let Some((owner, answer)) = (once.answer)(&verdict.answer)?
        && outlasts(view, owner, &verdict.changes)?
    {
        verdict.changes.extend(keep(view, owner, answer, bounds)?);
    }
    Ok(verdict)
}

/// Whether the account exists after these changes.
fn outlasts(
    view: &View<'_, '_>,
    owner: UserId,
    changes: &[Change],
) -> Result<bool, StoreError> {
    for change in changes {
        match change {
            Change::UserCreate(new, _) if new.user.id == owner => return Ok(true),
            Change::UserDelete(old) if old.user.id == owner => return Ok(false),
            _ => {}
        }
    }
    Ok(view.credential(owner)?.is_some())
}

/// Stores an answer, in place of an old one with its key, and makes room.
fn keep(
    view: &View<'_, '_>,
    owner: UserId,
    new: Answer,
    bounds: AnswerBounds,
) -> Result<Vec<Change>, StoreError> {
    let mut changes = Vec::new();
    let mut kept = view.answer_stats(owner)?;
    kept.records += 1;
    kept.bytes += size(&new);
    let remove = |old: Answer, kept: &mut AnswerStats, changes: &mut Vec<Change>| {
        kept.records = kept.records.saturating_sub(1);
        kept.bytes = kept.bytes.saturating_sub(size(&old));
        changes.push(Change::AnswerDelete(owner, old));
    };
    if let Some(old) = view.answer(owner, new.key)? {
        remove(old, &mut kept, &mut changes);
    }
    let oldest = view.answers_by_age(owner)?.enumerate().take(CROWDED_AT_ONCE);
    for (number, entry) in oldest {
        let entry = entry?;
        let is_old = !is_live(entry, new.made_at) && number < EXPIRED_AT_ONCE;
        let is_crowded = kept.records > bounds.records || kept.bytes > bounds.bytes;
        if !is_crowded && !is_old {
            break;
        }
        if entry.key != new.key {
            remove(of(view, entry)?, &mut kept, &mut changes);
        }
    }
    changes.push(Change::AnswerPut(owner, new));
    Ok(changes)
}

/// Implements [`crate::store::Store::answer_sweep`].
pub(super) fn sweep(
    view: &View<'_, '_>,
    after: Option<UserId>,
    now: Timestamp,
) -> Result<Verdict<Swept>, StoreError> {
    let (mut changes, mut done, mut next) = (Vec::new(), after, None);
    for (number, owner) in view.users_after(after)?.enumerate() {
        let owner = owner?;
        if number == SWEPT_ACCOUNTS {
            next = done;
            break;
        }
        for entry in view.answers_by_age(owner)? {
            let entry = entry?;
            if is_live(entry, now) || changes.len() == SWEPT_ANSWERS {
                break;
            }
            changes.push(Change::AnswerDelete(owner, of(view, entry)?));
        }
        if changes.len() == SWEPT_ANSWERS {
            // This account may have more.
            next = Some(done.unwrap_or(UserId::new(0)));
            break;
        }
        done = Some(owner);
    }
    let removed = u64::try_from(changes.len()).unwrap_or(u64::MAX);
    Ok(Verdict { answer: Swept { removed, next }, changes })
}

/// Removes stored answers of an account; see [`crate::store::Store::answer_forget`].
pub(super) fn forget(
    view: &View<'_, '_>,
    owner: UserId,
) -> Result<Verdict<u64>, StoreError> {
    let mut changes = Vec::new();
    for entry in view.answers_by_age(owner)?.take(SWEPT_ANSWERS) {
        changes.push(Change::AnswerDelete(owner, of(view, entry?)?));
    }
    let removed = u64::try_from(changes.len()).unwrap_or(u64::MAX);
    Ok(Verdict { answer: removed, changes })
}

/// Returns the answer of an index entry, which every entry has.
fn of(view: &View<'_, '_>, entry: AnswerByAge) -> Result<Answer, StoreError> {
    view.answer(entry.owner, entry.key)?.ok_or_else(|| {
        codec::damaged(Table::Owned, &entry.encode(), &"an entry without its stored response")
    })
}

fn is_live(entry: AnswerByAge, now: Timestamp) -> bool {
    now.since(entry.made_at) < Answer::KEPT
}

/// Returns the size of an answer that counts towards the bound, in bytes.
pub(super) fn size(answer: &Answer) -> u64 {
    u64::try_from(answer.sealed.len()).unwrap_or(u64::MAX)
}

/// Finds an answer of an existing, enabled account: the answers of a large account outlast it for a while.
pub(super) fn get(
    txn: &ReadTransaction,
    owner: UserId,
    key: AnswerKey,
) -> Result<Option<Answer>, StoreError> {
    if users::owner(txn, owner)?.is_none_or(|owner| owner.disabled) {
        return Ok(None);
    }
    let owned = table::open(txn, Table::Owned)?;
    let value = owned.get(key::answer(owner, key).as_slice())?;
    value.map(|value| record::decode_answer(owner, key, value.value())).transpose()
}

/// Implements [`crate::store::Store::answer_list`] for an existing, enabled account.
pub(super) fn list(
    txn: &ReadTransaction,
    owner: UserId,
    after: Option<AnswerNote>,
    limit: usize,
) -> Result<Vec<AnswerNote>, StoreError> {
    if users::owner(txn, owner)?.is_none_or(|owner| owner.disabled) {
        return Ok(Vec::new());
    }
    let owned = table::open(txn, Table::Owned)?;
    let all = key::answers_by_age_of(owner);
    let after = after.map(|AnswerNote { key, made_at, .. }| {
        AnswerByAge { owner, made_at, key }.encode().to_vec()
    });
    let first = after.as_ref().unwrap_or_else(|| all.start()).clone();
    let mut notes = Vec::new();
    for entry in table::range(&owned, &(first..=all.end().clone()))? {
        let (name, _) = entry?;
        if after.as_deref() == Some(name.value()) {
            continue;
        }
        if notes.len() == limit {
            break;
        }
        let Some(Owned::AnswerByAge(AnswerByAge { made_at, key, .. })) =
            Owned::decode(name.value())
        else {
            return Err(codec::damaged(Table::Owned, name.value(), &"not the key of a stored response"));
        };
        let answer = get(txn, owner, key)?.ok_or_else(|| {
            codec::damaged(Table::Owned, name.value(), &"an entry without its stored response")
        })?;
        notes.push(AnswerNote { key, made_at, bytes: size(&answer) });
    }
    Ok(notes)
}
