//! Keys of the index entries of tasks: their beginnings and their ends, and the keys of the counts of tags and lists.
//!
//! Every key ends with the id of its task. The bytes between the prefix and the id sort as tasks do
//! ([`crate::domain::task::TaskOrder::place`]), so that a place in a list is a place in an index.

use std::ops::RangeInclusive;

use crate::domain::id::{ListId, TaskId, UserId};
use crate::domain::tag::Tag;
use crate::domain::timestamp::Timestamp;

pub(in crate::store::redb) const TAG_COUNTS: u8 = 14;
pub(in crate::store::redb) const LIST_COUNTS: u8 = 0x19;

/// Common prefix of related entries of one index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::redb) struct KeyPrefix(Vec<u8>);

impl KeyPrefix {
    pub(super) fn new(owner: UserId, kind: u8, parts: &[&[u8]]) -> Self {
        let mut bytes = owner.to_bytes().to_vec();
        bytes.push(kind);
        for part in parts {
            bytes.extend(*part);
        }
        Self(bytes)
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
    pub(in crate::store::redb) fn range(&self) -> RangeInclusive<Vec<u8>> {
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

/// Encodes a time as an end that sorts like it.
pub(in crate::store::redb) fn time(time: Timestamp) -> [u8; 8] {
    time.as_millis().to_be_bytes()
}

/// Returns the task id of an end.
pub(in crate::store::redb) fn id(end: &[u8]) -> Option<TaskId> {
    end.last_chunk().map(|id| TaskId::new(u64::from_be_bytes(*id)))
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
pub(in crate::store::redb) fn all_tag_counts(owner: UserId) -> RangeInclusive<Vec<u8>> {
    KeyPrefix::new(owner, TAG_COUNTS, &[]).range()
}

/// Returns the key of the counts of a list.
pub(in crate::store::redb) fn list_counts(owner: UserId, id: ListId) -> Vec<u8> {
    [&owner.to_bytes(), [LIST_COUNTS].as_slice(), &id.to_bytes()].concat()
}

/// Returns the list of a key of counts.
pub(in crate::store::redb) fn list(key: &[u8]) -> Option<ListId> {
    let id = key.get(UserId::LEN + 1..)?.try_into().ok()?;
    Some(ListId::new(u64::from_be_bytes(id)))
}

/// Returns the range of the counts of all lists of an account.
pub(in crate::store::redb) fn all_list_counts(owner: UserId) -> RangeInclusive<Vec<u8>> {
    KeyPrefix::new(owner, LIST_COUNTS, &[]).range()
}
