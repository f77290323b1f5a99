//! Index entries of accounts, idempotency records and uids. One pure function for each index.
//!
//! The writer uses them to move entries with their records, the checker to derive the entries that must exist. The entries
//! of tasks are in [`task_index`](super::task_index).

use crate::domain::id::{TaskId, UserId};
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::timestamp::Timestamp;
use crate::domain::uid::Uid;
use crate::domain::user::User;
use crate::store::redb::format::key;
use crate::store::redb::format::key::IdempotencyByAge;

/// Returns the entry of an account in the index of administrators, if it is an active administrator.
pub(in crate::store::redb) const fn admin(user: &User) -> Option<[u8; UserId::LEN]> {
    if user.is_active_admin() { Some(user.id.to_bytes()) } else { None }
}

/// Returns the entry of an answer in the index by age, for removing the oldest.
pub(in crate::store::redb) const fn idempotency_by_age(
    owner: UserId,
    key: IdempotencyKey,
    made_at: Timestamp,
) -> IdempotencyByAge {
    IdempotencyByAge { owner, made_at, key }
}

/// Returns the row by which a task is found by its uid, unless the uid names its id.
pub(in crate::store::redb) fn uid(
    owner: UserId,
    uid: &Uid,
    id: TaskId,
) -> Option<Vec<u8>> {
    (uid.named_id() != Some(id)).then(|| key::uid(owner, uid))
}
