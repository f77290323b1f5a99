//! Indexes of tasks: the layout of their entries, and the entries of a task.
//!
//! ```text
//! owner 8, 03, completed 1, created ms 8, task id 8                (formats 1 and 2 only)
//! owner 8, 06, completed 1, priority 1, created ms 8, task id 8
//! owner 8, 07, completed 1, shape 1, due number 8, task id 8       (tasks with a date; shape last in formats 3 to 6)
//! owner 8, 08, tag (text), 00, completed 1, created ms 8, task id 8
//! owner 8, 09, updated ms 8, task id 8
//! owner 8, 0A, position (text), 00, task id 8
//! owner 8, 0B, key of the title, 00, task id 8                     (the folded title in formats 3 to 6)
//! owner 8, 0C, parent id 8, task id 8                              (tasks with a parent)
//! owner 8, 0D, word, 00, task id 8
//! owner 8, 0F, completed ms 8, task id 8                           (completed tasks, since format 7)
//! owner 8, 13, number of the last change 8, task id 8              (since format 8)
//! owner 8, 18, list id 8, completed 1, created ms 8, task id 8      (tasks in a list other than the default list)
//! ```
//!
//! The values are empty. The byte behind the owner is the *kind*, which belongs to one index for ever. Kinds 01, 02, 04,
//! 05, 0E, 10 to 12, 14 to 17 and 19 are other rows ([`key`](super::key)).

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::domain::due::Due;
use crate::domain::fold;
use crate::domain::id::{ListId, TaskId, UserId};
use crate::domain::priority::Priority;
use crate::domain::tag::Tag;
use crate::domain::task::{Task, text_key};
use crate::store::redb::format::task_key;
use crate::store::redb::format::task_key::KeyPrefix;

const BY_STATE: u8 = 3;
const BY_PRIORITY: u8 = 6;
const BY_DUE: u8 = 7;
const BY_TAG: u8 = 8;
const BY_UPDATE: u8 = 9;
const BY_POSITION: u8 = 10;
const BY_TITLE: u8 = 11;
const BY_PARENT: u8 = 12;
const BY_WORD: u8 = 13;
const BY_COMPLETION: u8 = 15;
const BY_CHANGE: u8 = 0x13;
const BY_LIST: u8 = 0x18;

/// Index of tasks.
struct TaskIndex {
    kind: u8,
    name: &'static str,
    /// Formats of the data file that have the index. A released number never changes.
    formats: RangeInclusive<u64>,
    /// Whether its entries depend only on the words of a task.
    is_of_words: bool,
    add: fn(&Task, &mut Vec<Vec<u8>>),
}

impl TaskIndex {
    const fn new(
        kind: u8,
        name: &'static str,
        formats: RangeInclusive<u64>,
        add: fn(&Task, &mut Vec<Vec<u8>>),
    ) -> Self {
        Self { kind, name, formats, is_of_words: false, add }
    }

    const fn of_words(self) -> Self {
        Self { is_of_words: true, ..self }
    }
}

const EVER_SINCE: u64 = u64::MAX;

/// All indexes that tasks have had. A new one begins with the next format, whose step calls [`crate::store::redb::file::steps::reindex`].
const INDEXES: &[TaskIndex] = &[
    TaskIndex::new(BY_STATE, "state", 1..=2, by_state),
    TaskIndex::new(BY_PRIORITY, "priority", 3..=EVER_SINCE, by_priority),
    TaskIndex::new(BY_UPDATE, "update", 3..=EVER_SINCE, by_update),
    TaskIndex::new(BY_CHANGE, "change", 8..=EVER_SINCE, by_change),
    TaskIndex::new(BY_COMPLETION, "completion", 7..=EVER_SINCE, by_completion),
    TaskIndex::new(BY_POSITION, "position", 3..=EVER_SINCE, by_position),
    TaskIndex::new(BY_TITLE, "title", 3..=6, by_former_title),
    TaskIndex::new(BY_TITLE, "title", 7..=EVER_SINCE, by_title),
    TaskIndex::new(BY_DUE, "due", 3..=6, by_former_due),
    TaskIndex::new(BY_DUE, "due", 7..=EVER_SINCE, by_due),
    TaskIndex::new(BY_TAG, "tag", 3..=EVER_SINCE, by_tag),
    TaskIndex::new(BY_PARENT, "parent", 3..=EVER_SINCE, by_parent),
    // All tasks of earlier files are in the default list.
    TaskIndex::new(BY_LIST, "list", 8..=EVER_SINCE, by_list),
    TaskIndex::new(BY_WORD, "word", 3..=3, by_every_former_word).of_words(),
    TaskIndex::new(BY_WORD, "word", 4..=6, by_former_word).of_words(),
    TaskIndex::new(BY_WORD, "word", 7..=EVER_SINCE, by_word).of_words(),
];

/// Returns the entries of a task.
pub(in crate::store::redb) fn entries(task: &Task) -> Vec<Vec<u8>> {
    entries_in(EVER_SINCE, task)
}

/// Returns the entries of a task except those of its words, which change only with its texts.
pub(in crate::store::redb) fn entries_without_words(task: &Task) -> Vec<Vec<u8>> {
    entries_of(task, |index| index.formats.contains(&EVER_SINCE) && !index.is_of_words)
}

/// Returns the entries of a task in a file of this format.
pub(in crate::store::redb) fn entries_in(format: u64, task: &Task) -> Vec<Vec<u8>> {
    entries_of(task, |index| index.formats.contains(&format))
}

/// Whether rows of this kind are index entries of tasks.
pub(super) fn is_index(kind: u8) -> bool {
    INDEXES.iter().any(|index| index.kind == kind)
}

/// Returns the name of the index of an entry.
pub(in crate::store::redb) fn name(entry: &[u8]) -> &'static str {
    let kind = entry.get(UserId::LEN);
    let index = INDEXES.iter().find(|index| Some(&index.kind) == kind);
    index.map_or("unknown", |index| index.name)
}

/// Returns the ranges of all index entries of an account in a file of this format.
pub(in crate::store::redb) fn ranges(
    format: u64,
    owner: UserId,
) -> impl Iterator<Item = RangeInclusive<Vec<u8>>> {
    let indexes = INDEXES.iter().filter(|index| index.formats.contains(&format));
    let kinds: BTreeSet<u8> = indexes.map(|index| index.kind).collect();
    kinds.into_iter().map(move |kind| KeyPrefix::new(owner, kind, &[]).range())
}

fn entries_of(task: &Task, is_wanted: impl Fn(&TaskIndex) -> bool) -> Vec<Vec<u8>> {
    let mut keys = Vec::with_capacity(16);
    for index in INDEXES.iter().filter(|index| is_wanted(index)) {
        (index.add)(task, &mut keys);
    }
    keys
}

impl KeyPrefix {
    /// Selects a state and a priority; entries continue with the time of creation.
    pub(in crate::store::redb) fn priority(
        owner: UserId,
        completed: bool,
        priority: Priority,
    ) -> Self {
        Self::new(owner, BY_PRIORITY, &[&[u8::from(completed), priority.code()]])
    }

    /// Selects a state; entries continue with the priority and the time of creation.
    pub(in crate::store::redb) fn state(owner: UserId, completed: bool) -> Self {
        Self::new(owner, BY_PRIORITY, &[&[u8::from(completed)]])
    }

    /// Selects tasks that are due on a day (shape 0) or at a time (shape 1); entries continue with the number of
    /// [`Due::stored_key`]. They are apart because the moment at which a day begins depends on the owner's time zone,
    /// which may change.
    pub(in crate::store::redb) fn due(owner: UserId, completed: bool, shape: u8) -> Self {
        Self::new(owner, BY_DUE, &[&[u8::from(completed), shape]])
    }

    /// Selects a tag and a state; entries continue with the time of creation.
    pub(in crate::store::redb) fn tag(owner: UserId, tag: &Tag, completed: bool) -> Self {
        let text = text_key(tag.as_str().as_bytes());
        Self::new(owner, BY_TAG, &[&text, &[u8::from(completed)]])
    }

    /// Selects all tasks; entries continue with the time of the last change.
    pub(in crate::store::redb) fn updated(owner: UserId) -> Self {
        Self::new(owner, BY_UPDATE, &[])
    }

    /// Selects all tasks; entries continue with the number of the last change.
    pub(in crate::store::redb) fn changed(owner: UserId) -> Self {
        Self::new(owner, BY_CHANGE, &[])
    }

    /// Selects completed tasks; entries continue with the time of completion.
    pub(in crate::store::redb) fn completed(owner: UserId) -> Self {
        Self::new(owner, BY_COMPLETION, &[])
    }

    /// Selects all tasks; entries continue with the position.
    pub(in crate::store::redb) fn position(owner: UserId) -> Self {
        Self::new(owner, BY_POSITION, &[])
    }

    /// Selects all tasks; entries continue with the title as it is sorted.
    pub(in crate::store::redb) fn title(owner: UserId) -> Self {
        Self::new(owner, BY_TITLE, &[])
    }

    /// Selects all tasks with a parent; entries continue with it.
    pub(in crate::store::redb) fn parents(owner: UserId) -> Self {
        Self::new(owner, BY_PARENT, &[])
    }

    /// Selects the direct subtasks of a task.
    pub(in crate::store::redb) fn parent(owner: UserId, parent: TaskId) -> Self {
        Self::new(owner, BY_PARENT, &[&parent.to_bytes()])
    }

    /// Selects all tasks in a list other than the default list; entries continue with it.
    pub(in crate::store::redb) fn lists(owner: UserId) -> Self {
        Self::new(owner, BY_LIST, &[])
    }

    /// Selects a list and a state; entries continue with the time of creation.
    pub(in crate::store::redb) fn list(
        owner: UserId,
        list: ListId,
        completed: bool,
    ) -> Self {
        Self::new(owner, BY_LIST, &[&list.to_bytes(), &[u8::from(completed)]])
    }

    /// Selects tasks with a word.
    pub(in crate::store::redb) fn word(owner: UserId, word: &[u8]) -> Self {
        Self::new(owner, BY_WORD, &[&text_key(word)])
    }

    /// Selects tasks with a word by its prefix. A task has one entry for each such word.
    pub(in crate::store::redb) fn word_prefix(owner: UserId, prefix: &[u8]) -> Self {
        Self::new(owner, BY_WORD, &[prefix])
    }
}

fn by_state(task: &Task, keys: &mut Vec<Vec<u8>>) {
    let state = [u8::from(task.is_completed())];
    let prefix = KeyPrefix::new(task.owner, BY_STATE, &[&state]);
    // Times start at 1970, so the sign bit is never set and needs no flip.
    keys.push(prefix.entry(&[&task_key::time(task.created_at)], task.id));
}

fn by_priority(task: &Task, keys: &mut Vec<Vec<u8>>) {
    let prefix = KeyPrefix::priority(task.owner, task.is_completed(), task.priority);
    keys.push(prefix.entry(&[&task_key::time(task.created_at)], task.id));
}

fn by_update(task: &Task, keys: &mut Vec<Vec<u8>>) {
    let at = task_key::time(task.updated_at);
    keys.push(KeyPrefix::updated(task.owner).entry(&[&at], task.id));
}

fn by_change(task: &Task, keys: &mut Vec<Vec<u8>>) {
    let seq = task.seq.to_be_bytes();
    keys.push(KeyPrefix::changed(task.owner).entry(&[&seq], task.id));
}

fn by_completion(task: &Task, keys: &mut Vec<Vec<u8>>) {
    if let Some(at) = task.completed_at {
        keys.push(
            KeyPrefix::completed(task.owner).entry(&[&task_key::time(at)], task.id),
        );
    }
}

fn by_position(task: &Task, keys: &mut Vec<Vec<u8>>) {
    let position = text_key(task.position.as_str().as_bytes());
    keys.push(KeyPrefix::position(task.owner).entry(&[&position], task.id));
}

fn by_title(task: &Task, keys: &mut Vec<Vec<u8>>) {
    let title = text_key(&fold::sort_key(task.title.as_str()));
    keys.push(KeyPrefix::title(task.owner).entry(&[&title], task.id));
}

fn by_former_title(task: &Task, keys: &mut Vec<Vec<u8>>) {
    let title = text_key(fold::former::sort_key(task.title.as_str()).as_bytes());
    keys.push(KeyPrefix::title(task.owner).entry(&[&title], task.id));
}

fn by_due(task: &Task, keys: &mut Vec<Vec<u8>>) {
    if let Some((number, shape)) = task.due.as_ref().map(Due::stored_key) {
        let prefix = KeyPrefix::due(task.owner, task.is_completed(), shape);
        keys.push(prefix.entry(&[&number.to_be_bytes()], task.id));
    }
}

fn by_former_due(task: &Task, keys: &mut Vec<Vec<u8>>) {
    if let Some((number, shape)) = task.due.as_ref().map(Due::stored_key) {
        let state = [u8::from(task.is_completed())];
        let prefix = KeyPrefix::new(task.owner, BY_DUE, &[&state]);
        keys.push(prefix.entry(&[&number.to_be_bytes(), &[shape]], task.id));
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

fn by_list(task: &Task, keys: &mut Vec<Vec<u8>>) {
    if !task.list.is_default() {
        let prefix = KeyPrefix::list(task.owner, task.list, task.is_completed());
        keys.push(prefix.entry(&[&task_key::time(task.created_at)], task.id));
    }
}

fn by_word(task: &Task, keys: &mut Vec<Vec<u8>>) {
    by_words(task, task.words(), keys);
}

fn by_former_word(task: &Task, keys: &mut Vec<Vec<u8>>) {
    by_words(task, task.former_words(), keys);
}

fn by_every_former_word(task: &Task, keys: &mut Vec<Vec<u8>>) {
    by_words(task, task.all_former_words(), keys);
}

fn by_words(task: &Task, words: BTreeSet<impl AsRef<[u8]>>, keys: &mut Vec<Vec<u8>>) {
    let entry = |word: &[u8]| KeyPrefix::word(task.owner, word).entry(&[], task.id);
    keys.extend(words.iter().map(|word| entry(word.as_ref())));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hex::hex;
    use crate::domain::position::Position;
    use crate::domain::tag::Tags;
    use crate::domain::task::{Description, Origin, Title};
    use crate::domain::time_zone::TimeZone;
    use crate::domain::timestamp::Timestamp;
    use crate::domain::uid::Uid;
    use crate::store::redb::format::key;
    use crate::store::redb::format::key::Owned;

    /// Task with a value in every field by which tasks are found.
    fn found_by_all() -> Task {
        Task {
            id: TaskId::new(3),
            owner: UserId::new(7),
            uid: Uid::made(TaskId::new(3), 0),
            title: Title::new("Buy milk".to_owned()).unwrap(),
            description: Some(Description::new("two bottles".to_owned()).unwrap()),
            completed_at: Some(Timestamp::EPOCH),
            due: Some(Due::parse("2030-01-01", &TimeZone::utc()).unwrap()),
            priority: Priority::High,
            tags: Tags::new(vec![Tag::new("home").unwrap()]).unwrap(),
            position: Position::of_number(1),
            parent: Some(TaskId::new(2)),
            list: ListId::new(5),
            recurrence: None,
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
            revision: 1,
            seq: 4,
            origin: Origin::UNKNOWN,
        }
    }

    #[test]
    fn a_task_has_an_entry_in_each_index_and_each_entry_is_read_back() {
        let task = found_by_all();
        let entries = entries(&task);
        for entry in &entries {
            let meaning = Owned::TaskIndex(task.owner, task.id);
            assert_eq!(Owned::decode(entry), Some(meaning), "{entry:?}");
        }
        let names = entries.iter().map(|entry| name(entry));
        let current = INDEXES.iter().filter(|index| index.formats.contains(&EVER_SINCE));
        let known = current.map(|index| index.name);
        assert_eq!(names.collect::<BTreeSet<_>>(), known.collect());
    }

    #[test]
    fn the_rows_of_a_task_are_its_record_and_its_entries() {
        let task = found_by_all();
        assert_eq!(task.rows(), u64::try_from(1 + entries(&task).len()).unwrap());
    }

    #[test]
    fn the_entries_of_files_of_format_1_and_2_never_change() {
        let task = Task {
            completed_at: Some(Timestamp::EPOCH),
            created_at: Timestamp::from_millis(5).unwrap(),
            ..found_by_all()
        };
        for format in [1, 2] {
            let entries = entries_in(format, &task);
            assert_eq!(
                entries.iter().map(|key| hex(key)).collect::<Vec<_>>(),
                ["0000000000000007030100000000000000050000000000000003"]
            );
            let meaning = Owned::TaskIndex(task.owner, task.id);
            assert_eq!(Owned::decode(&entries[0]), Some(meaning));
            assert!(key::everything_of(task.owner).contains(&entries[0]));
        }
    }
}
