//! Which index entries a record has. One pure function for each record.
//!
//! The writer uses it to move entries with their records, the checker to derive what should be there.

use std::collections::BTreeSet;

use super::key::{AnswerByAge, TaskByState};
use super::task_key::{self, Beginning};
use crate::domain::answer::AnswerKey;
use crate::domain::fold;
use crate::domain::id::UserId;
use crate::domain::task::{Task, text_key};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;

/// The one entry of an account among the administrators, if it is an active one.
pub(super) const fn admin(user: &User) -> Option<[u8; UserId::LEN]> {
    if user.is_active_admin() { Some(user.id.to_bytes()) } else { None }
}

/// The one entry that a task had in formats 1 and 2.
pub(super) const fn task_by_state(task: &Task) -> TaskByState {
    TaskByState {
        owner: task.owner,
        completed: task.is_completed(),
        created_at: task.created_at,
        id: task.id,
    }
}

/// All entries of a task but for those of its words.
pub(super) fn task(task: &Task) -> Vec<Vec<u8>> {
    let (owner, id, completed) = (task.owner, task.id, task.is_completed());
    let created = task_key::time(task.created_at);
    let title = text_key(&fold::sort_key(task.title.as_str()));
    let mut keys = vec![
        Beginning::priority(owner, completed, task.priority).entry(&[&created], id),
        Beginning::updated(owner).entry(&[&task_key::time(task.updated_at)], id),
        Beginning::position(owner).entry(&[&text_key(task.position.as_str())], id),
        Beginning::title(owner).entry(&[&title], id),
    ];
    if let Some(due) = &task.due {
        keys.push(Beginning::due(owner, completed).entry(&[&task_key::due(due)], id));
    }
    for tag in task.tags.iter() {
        keys.push(Beginning::tag(owner, tag, completed).entry(&[&created], id));
    }
    if let Some(parent) = task.parent {
        keys.push(Beginning::parent(owner, parent).entry(&[], id));
    }
    keys
}

/// The entries of a task's words.
pub(super) fn words(task: &Task) -> impl Iterator<Item = Vec<u8>> {
    entries_of(task, task.words())
}

/// The entries of a task's words in format 3, where all words had one.
pub(super) fn all_words(task: &Task) -> impl Iterator<Item = Vec<u8>> {
    entries_of(task, task.all_words())
}

fn entries_of(task: &Task, words: BTreeSet<String>) -> impl Iterator<Item = Vec<u8>> {
    let (owner, id) = (task.owner, task.id);
    words.into_iter().map(move |word| Beginning::word(owner, &word).entry(&[], id))
}

/// The one entry of an answer in the index for removing the oldest.
pub(super) const fn answer_by_age(
    owner: UserId,
    key: AnswerKey,
    made_at: Timestamp,
) -> AnswerByAge {
    AnswerByAge { owner, made_at, key }
}
