//! Which index entries a record has. One pure function for each index.
//!
//! The writer uses it to move entries with their records, the checker to derive what should be there.

use super::key::{AnswerByAge, TaskByState};
use crate::domain::answer::AnswerKey;
use crate::domain::id::UserId;
use crate::domain::task::Task;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;

/// The one entry of an account among the administrators, if it is an active one.
pub(super) const fn admin(user: &User) -> Option<[u8; UserId::LEN]> {
    if user.is_active_admin() { Some(user.id.to_bytes()) } else { None }
}

/// The one entry of a task in the index for listing open or completed tasks.
pub(super) const fn task_by_state(task: &Task) -> TaskByState {
    TaskByState {
        owner: task.owner,
        completed: task.completed,
        created_at: task.created_at,
        id: task.id,
    }
}

/// The one entry of an answer in the index for removing the oldest.
pub(super) const fn answer_by_age(
    owner: UserId,
    key: AnswerKey,
    made_at: Timestamp,
) -> AnswerByAge {
    AnswerByAge { owner, made_at, key }
}
