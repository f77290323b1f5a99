//! Index entries of records. One pure function for each index.
//!
//! The writer uses them to move entries with their records, the checker to derive the entries that a file of a format
//! must have, and the steps from one format to the next to remove and add entries.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::domain::fold;
use crate::domain::id::UserId;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::task::{Task, text_key};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;
use crate::store::redb::file::migrate::FORMAT;
use crate::store::redb::format::key::{IdempotencyByAge, TaskByState};
use crate::store::redb::format::task_key;
use crate::store::redb::format::task_key::KeyPrefix;

/// Returns the entry of an account in the index of administrators, if it is an active administrator.
pub(in crate::store::redb) const fn admin(user: &User) -> Option<[u8; UserId::LEN]> {
    if user.is_active_admin() { Some(user.id.to_bytes()) } else { None }
}

/// Index of tasks.
struct TaskIndex {
    /// Formats of the data file that have the index. A released number never changes.
    formats: RangeInclusive<u64>,
    /// Whether its entries depend only on the words of a task.
    is_of_words: bool,
    add: fn(&Task, &mut Vec<Vec<u8>>),
}

impl TaskIndex {
    const fn new(
        formats: RangeInclusive<u64>,
        add: fn(&Task, &mut Vec<Vec<u8>>),
    ) -> Self {
        Self { formats, is_of_words: false, add }
    }

    const fn of_words(self) -> Self {
        Self { is_of_words: true, ..self }
    }
}

const EVER_SINCE: u64 = u64::MAX;

/// All indexes that tasks have had. A new one begins with the next format, whose step calls [`crate::store::redb::file::steps::reindex`].
const INDEXES: &[TaskIndex] = &[
    TaskIndex::new(1..=2, by_state),
    TaskIndex::new(3..=EVER_SINCE, by_priority),
    TaskIndex::new(3..=EVER_SINCE, by_update),
    TaskIndex::new(3..=EVER_SINCE, by_position),
    TaskIndex::new(3..=EVER_SINCE, by_title),
    TaskIndex::new(3..=EVER_SINCE, by_due),
    TaskIndex::new(3..=EVER_SINCE, by_tag),
    TaskIndex::new(3..=EVER_SINCE, by_parent),
    TaskIndex::new(3..=3, by_every_word).of_words(),
    TaskIndex::new(4..=EVER_SINCE, by_word).of_words(),
];

/// Returns all entries of a task in a file of this format.
pub(in crate::store::redb) fn task_in(format: u64, task: &Task) -> Vec<Vec<u8>> {
    entries(task, |index| index.formats.contains(&format))
}

/// Returns all entries of a task.
pub(in crate::store::redb) fn task(task: &Task) -> Vec<Vec<u8>> {
    task_in(FORMAT, task)
}

/// Returns all entries of a task except the entries of its words, which change only with its texts.
pub(in crate::store::redb) fn task_without_words(task: &Task) -> Vec<Vec<u8>> {
    entries(task, |index| index.formats.contains(&FORMAT) && !index.is_of_words)
}

fn entries(task: &Task, is_wanted: impl Fn(&TaskIndex) -> bool) -> Vec<Vec<u8>> {
    let mut keys = Vec::with_capacity(16);
    for index in INDEXES.iter().filter(|index| is_wanted(index)) {
        (index.add)(task, &mut keys);
    }
    keys
}

fn by_state(task: &Task, keys: &mut Vec<Vec<u8>>) {
    let key = TaskByState {
        owner: task.owner,
        completed: task.is_completed(),
        created_at: task.created_at,
        id: task.id,
    };
    keys.push(key.encode().to_vec());
}

fn by_priority(task: &Task, keys: &mut Vec<Vec<u8>>) {
    let prefix = KeyPrefix::priority(task.owner, task.is_completed(), task.priority);
    keys.push(prefix.entry(&[&task_key::time(task.created_at)], task.id));
}

fn by_update(task: &Task, keys: &mut Vec<Vec<u8>>) {
    let at = task_key::time(task.updated_at);
    keys.push(KeyPrefix::updated(task.owner).entry(&[&at], task.id));
}

fn by_position(task: &Task, keys: &mut Vec<Vec<u8>>) {
    let position = text_key(task.position.as_str());
    keys.push(KeyPrefix::position(task.owner).entry(&[&position], task.id));
}

fn by_title(task: &Task, keys: &mut Vec<Vec<u8>>) {
    let title = text_key(&fold::sort_key(task.title.as_str()));
    keys.push(KeyPrefix::title(task.owner).entry(&[&title], task.id));
}

fn by_due(task: &Task, keys: &mut Vec<Vec<u8>>) {
    if let Some(due) = &task.due {
        let prefix = KeyPrefix::due(task.owner, task.is_completed());
        keys.push(prefix.entry(&[&task_key::due(due)], task.id));
    }
}

fn by_tag(task: &Task, keys: &mut Vec<Vec<u8>>) {
    let created = task_key::time(task.created_at);
    for tag in task.tags.iter() {
        let prefix = KeyPrefix::tag(task.owner, tag, task.is_completed());
        keys.push(prefix.entry(&[&created], task.id));
    }
}

fn by_parent(task: &Task, keys: &mut Vec<Vec<u8>>) {
    if let Some(parent) = task.parent {
        keys.push(KeyPrefix::parent(task.owner, parent).entry(&[], task.id));
    }
}

fn by_word(task: &Task, keys: &mut Vec<Vec<u8>>) {
    by_words(task, task.words(), keys);
}

fn by_every_word(task: &Task, keys: &mut Vec<Vec<u8>>) {
    by_words(task, task.all_words(), keys);
}

fn by_words(task: &Task, words: BTreeSet<String>, keys: &mut Vec<Vec<u8>>) {
    let entry = |word: String| KeyPrefix::word(task.owner, &word).entry(&[], task.id);
    keys.extend(words.into_iter().map(entry));
}

/// Returns the entry of an answer in the index by age, for removing the oldest.
pub(in crate::store::redb) const fn idempotency_by_age(
    owner: UserId,
    key: IdempotencyKey,
    made_at: Timestamp,
) -> IdempotencyByAge {
    IdempotencyByAge { owner, made_at, key }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::due::Due;
    use crate::domain::id::TaskId;
    use crate::domain::position::Position;
    use crate::domain::priority::Priority;
    use crate::domain::tag::{Tag, Tags};
    use crate::domain::task::{Description, Title};
    use crate::domain::time_zone::TimeZone;
    use crate::store::redb::format::key::Owned;

    /// Task with a value in every field by which tasks are found.
    fn found_by_all() -> Task {
        Task {
            id: TaskId::new(3),
            owner: UserId::new(7),
            title: Title::new("Buy milk".to_owned()).unwrap(),
            description: Some(Description::new("two bottles".to_owned()).unwrap()),
            completed_at: None,
            due: Some(Due::parse("2030-01-01", &TimeZone::utc()).unwrap()),
            priority: Priority::High,
            tags: Tags::new(vec![Tag::new("home").unwrap()]).unwrap(),
            position: Position::of_number(1),
            parent: Some(TaskId::new(2)),
            recurrence: None,
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
            revision: 1,
        }
    }

    #[test]
    fn a_task_has_an_entry_in_each_index_and_each_entry_is_read_back() {
        let task = found_by_all();
        let entries = super::task(&task);
        for entry in &entries {
            let meaning = Owned::TaskIndex(task.owner, task.id);
            assert_eq!(Owned::decode(entry), Some(meaning), "{entry:?}");
        }
        let names = entries.iter().map(|entry| task_key::name(entry));
        let known = task_key::NAMES.iter().map(|(_, name)| *name);
        assert_eq!(names.collect::<BTreeSet<_>>(), known.collect());
    }

    #[test]
    fn the_rows_of_a_task_are_its_record_and_its_entries() {
        let task = found_by_all();
        assert_eq!(task.rows(), u64::try_from(1 + super::task(&task).len()).unwrap());
    }
}
