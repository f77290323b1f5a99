//! Keys of the indexes of tasks: their beginnings and their ends.
//!
//! Every key ends with the id of its task. The bytes between the prefix and the id sort as tasks do
//! ([`crate::domain::task::TaskOrder::place`]), so that a place in a list is a place in an index.

use crate::domain::due::{Due, DueRange};
use crate::domain::id::{TaskId, UserId};
use crate::domain::priority::Priority;
use crate::domain::tag::Tag;
use crate::domain::task::{due_key, text_key};
use crate::domain::timestamp::Timestamp;
use crate::store::redb::format::key::KeyRange;

pub(in crate::store::redb) const BY_PRIORITY: u8 = 6;
pub(in crate::store::redb) const BY_DUE: u8 = 7;
pub(in crate::store::redb) const BY_TAG: u8 = 8;
pub(in crate::store::redb) const BY_UPDATE: u8 = 9;
pub(in crate::store::redb) const BY_POSITION: u8 = 10;
pub(in crate::store::redb) const BY_TITLE: u8 = 11;
pub(in crate::store::redb) const BY_PARENT: u8 = 12;
pub(in crate::store::redb) const BY_WORD: u8 = 13;
pub(in crate::store::redb) const TAG_COUNTS: u8 = 14;

/// Kinds of index entries, with their names.
pub(super) const NAMES: &[(u8, &str)] = &[
    (BY_PRIORITY, "priority"),
    (BY_DUE, "due"),
    (BY_TAG, "tag"),
    (BY_UPDATE, "update"),
    (BY_POSITION, "position"),
    (BY_TITLE, "title"),
    (BY_PARENT, "parent"),
    (BY_WORD, "word"),
];

/// Whether rows of this kind are index entries of tasks.
pub(in crate::store::redb) fn is_index(kind: u8) -> bool {
    NAMES.iter().any(|(of, _)| *of == kind)
}

/// Common prefix of related entries of one index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::redb) struct KeyPrefix(Vec<u8>);

impl KeyPrefix {
    fn new(owner: UserId, kind: u8, parts: &[&[u8]]) -> Self {
        let mut bytes = owner.to_bytes().to_vec();
        bytes.push(kind);
        for part in parts {
            bytes.extend(*part);
        }
        Self(bytes)
    }

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

    /// Selects tasks with a due time; entries continue with it.
    pub(in crate::store::redb) fn due(owner: UserId, completed: bool) -> Self {
        Self::new(owner, BY_DUE, &[&[u8::from(completed)]])
    }

    /// Selects a tag and a state; entries continue with the time of creation.
    pub(in crate::store::redb) fn tag(owner: UserId, tag: &Tag, completed: bool) -> Self {
        let text = text_key(tag.as_str());
        Self::new(owner, BY_TAG, &[&text, &[u8::from(completed)]])
    }

    /// Selects all tasks; entries continue with the time of the last change.
    pub(in crate::store::redb) fn updated(owner: UserId) -> Self {
        Self::new(owner, BY_UPDATE, &[])
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

    /// Selects tasks with a word.
    pub(in crate::store::redb) fn word(owner: UserId, word: &str) -> Self {
        Self::new(owner, BY_WORD, &[&text_key(word)])
    }

    /// Selects tasks with a word by its prefix. A task has one entry for each such word.
    pub(in crate::store::redb) fn word_prefix(owner: UserId, prefix: &str) -> Self {
        Self::new(owner, BY_WORD, &[prefix.as_bytes()])
    }

    /// Returns the whole key of an entry.
    pub(in crate::store::redb) fn entry(&self, end: &[&[u8]], id: TaskId) -> Vec<u8> {
        let mut key = self.0.clone();
        for part in end {
            key.extend(*part);
        }
        key.extend(id.to_bytes());
        key
    }

    /// Returns the range of all entries.
    pub(in crate::store::redb) fn range(&self) -> KeyRange {
        // No end is longer than the longest position, and none begins with so many ones.
        let mut last = self.0.clone();
        last.extend([0xFF; 16]);
        self.0.clone()..=last
    }

    /// Returns the end of a key: the bytes after the prefix.
    pub(in crate::store::redb) fn end<'a>(&self, key: &'a [u8]) -> &'a [u8] {
        key.get(self.0.len()..).unwrap_or_default()
    }

    /// Returns the key with an end.
    pub(in crate::store::redb) fn at(&self, end: &[u8]) -> Vec<u8> {
        [self.0.as_slice(), end].concat()
    }
}

/// Returns the range of all index entries of an account.
pub(in crate::store::redb) fn entries_of(owner: UserId) -> KeyRange {
    let first = KeyPrefix::new(owner, BY_PRIORITY, &[]).range();
    let last = KeyPrefix::new(owner, BY_WORD, &[]).range();
    first.start().clone()..=last.end().clone()
}

/// Encodes a time as an end that sorts like it.
pub(in crate::store::redb) fn time(time: Timestamp) -> [u8; 8] {
    time.as_millis().to_be_bytes()
}

/// Returns the first and the last end that may be due in a range; ends between them may not be.
pub(in crate::store::redb) fn due_ends(range: &DueRange) -> (Vec<u8>, Vec<u8>) {
    const DAY: i64 = 86_400_000;
    let days = (i64::from(range.days.start) * DAY, i64::from(range.days.end) * DAY);
    let first = match (range.days.is_empty(), range.millis.is_empty()) {
        (false, false) => days.0.min(range.millis.start),
        (false, true) => days.0,
        (true, _) => range.millis.start,
    };
    let last = match (range.days.is_empty(), range.millis.is_empty()) {
        (false, false) => days.1.max(range.millis.end),
        (false, true) => days.1,
        (true, _) => range.millis.end,
    };
    (first.max(0).to_be_bytes().to_vec(), last.max(0).to_be_bytes().to_vec())
}

/// Whether an end of [`KeyPrefix::due`] belongs to a task that is due in a range.
pub(in crate::store::redb) fn is_due_in(range: &DueRange, end: &[u8]) -> bool {
    let Some((millis, rest)) = end.split_first_chunk() else { return false };
    let shape = rest.first().copied().unwrap_or_default();
    range.contains_key((i64::from_be_bytes(*millis), shape))
}

/// Encodes a due time as in an index.
pub(in crate::store::redb) fn due(due: &Due) -> [u8; 9] {
    due_key(due.sort_key())
}

/// Returns the task id of an end.
pub(in crate::store::redb) fn id(end: &[u8]) -> Option<TaskId> {
    end.last_chunk().map(|id| TaskId::new(u64::from_be_bytes(*id)))
}

/// Returns the name of the index of an entry.
pub(in crate::store::redb) fn name(key: &[u8]) -> &'static str {
    let kind = key.get(UserId::LEN);
    // Formats 1 and 2 had one index, with another layout.
    NAMES.iter().find(|(of, _)| Some(of) == kind).map_or("state", |(_, name)| *name)
}

/// Returns the key of the counts of a tag.
pub(in crate::store::redb) fn tag_counts(owner: UserId, tag: &Tag) -> Vec<u8> {
    [&owner.to_bytes(), [TAG_COUNTS].as_slice(), tag.as_str().as_bytes()].concat()
}

/// Returns the tag of a key of counts.
pub(in crate::store::redb) fn tag(key: &[u8]) -> Option<Tag> {
    let text = str::from_utf8(key.get(UserId::LEN + 1..)?).ok()?;
    Some(Tag::new_unchecked(text.to_owned()))
}

/// Returns the range of the counts of all tags of an account.
pub(in crate::store::redb) fn all_tag_counts(owner: UserId) -> KeyRange {
    KeyPrefix::new(owner, TAG_COUNTS, &[]).range()
}
