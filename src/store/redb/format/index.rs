//! Index entries of records in the present format. One pure function for each record.
//!
//! The writer uses them to move entries with their records, the checker to derive the entries that must exist.

use crate::domain::id::UserId;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::task::Task;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;
use crate::store::redb::file::migrate::FORMAT;
use crate::store::redb::format::key::IdempotencyByAge;
use crate::store::redb::format::task_index;

/// Returns the entry of an account in the index of administrators, if it is an active administrator.
pub(in crate::store::redb) const fn admin(user: &User) -> Option<[u8; UserId::LEN]> {
    if user.is_active_admin() { Some(user.id.to_bytes()) } else { None }
}

/// Returns all entries of a task.
pub(in crate::store::redb) fn task(task: &Task) -> Vec<Vec<u8>> {
    task_index::entries(FORMAT, task)
}

/// Returns all entries of a task except those of its words, which change only with its texts.
pub(in crate::store::redb) fn task_without_words(task: &Task) -> Vec<Vec<u8>> {
    task_index::entries_without_words(FORMAT, task)
}

/// Returns the entry of an answer in the index by age, for removing the oldest.
pub(in crate::store::redb) const fn idempotency_by_age(
    owner: UserId,
    key: IdempotencyKey,
    made_at: Timestamp,
) -> IdempotencyByAge {
    IdempotencyByAge { owner, made_at, key }
}
