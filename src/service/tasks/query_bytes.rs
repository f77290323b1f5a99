//! Byte encoding of a list's query, which a cursor is bound to.
//!
//! ```text
//! version 1 | sort 1 | descending 1 | condition ...
//! condition: tag 1 | length of the value 4, big-endian | value
//! ```
//!
//! Only conditions that are set are encoded, so a cursor outlives an upgrade that adds one. A new condition takes the
//! next tag; assigned numbers never change. Only conditions of the request are encoded, not the current time.

use super::listing::TaskListing;
use crate::domain::task::{TaskOrder, TaskSort, Within};

const VERSION: u8 = 1;

const COMPLETED: u8 = 1;
const PRIORITY: u8 = 2;
const TAG: u8 = 3;
const DUE_BEFORE: u8 = 4;
const DUE_AFTER: u8 = 5;
const OVERDUE: u8 = 6;
const UPDATED_SINCE: u8 = 7;
const PARENT: u8 = 8;
const WORDS: u8 = 9;

/// Encodes a query.
pub(super) fn encode(order: TaskOrder, listing: &TaskListing) -> Vec<u8> {
    // A new condition does not compile until it is encoded below.
    let TaskListing {
        completed,
        priority,
        tags,
        due_before,
        due_after,
        overdue,
        updated_since,
        parent,
        words,
    } = listing;
    let mut bytes = vec![VERSION, sort(order.by), u8::from(order.descending)];
    let mut add = |tag, value: Option<&[u8]>| {
        if let Some(value) = value {
            bytes.push(tag);
            let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
            bytes.extend(length.to_be_bytes());
            bytes.extend(value);
        }
    };
    add(COMPLETED, completed.map(|it| [u8::from(it)]).as_ref().map(<[u8; 1]>::as_slice));
    add(PRIORITY, priority.map(|it| it.as_str().as_bytes()));
    for tag in tags {
        add(TAG, Some(tag.as_bytes()));
    }
    add(DUE_BEFORE, due_before.as_ref().map(String::as_bytes));
    add(DUE_AFTER, due_after.as_ref().map(String::as_bytes));
    add(OVERDUE, overdue.map(|it| [u8::from(it)]).as_ref().map(<[u8; 1]>::as_slice));
    let since = updated_since.map(|it| it.as_millis().to_be_bytes());
    add(UPDATED_SINCE, since.as_ref().map(<[u8; 8]>::as_slice));
    let parent = parent.map(|it| match it {
        Within::Top => Vec::new(),
        Within::Task(id) => id.get().to_be_bytes().to_vec(),
    });
    add(PARENT, parent.as_deref());
    add(WORDS, (!words.is_empty()).then_some(words.as_bytes()));
    bytes
}

const fn sort(by: TaskSort) -> u8 {
    match by {
        TaskSort::Created => 1,
        TaskSort::Updated => 2,
        TaskSort::Due => 3,
        TaskSort::Priority => 4,
        TaskSort::Position => 5,
        TaskSort::Title => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hex::hex;
    use crate::domain::id::TaskId;
    use crate::domain::priority::Priority;
    use crate::domain::timestamp::Timestamp;

    fn encoded(order: TaskOrder, listing: &TaskListing) -> String {
        hex(&encode(order, listing))
    }

    #[test]
    fn the_encoding_never_changes() {
        let everything = TaskListing {
            completed: Some(false),
            priority: Some(Priority::High),
            tags: vec!["home".to_owned(), "b".to_owned()],
            due_before: Some("2030-01-02".to_owned()),
            due_after: Some("2030-01-01".to_owned()),
            overdue: Some(true),
            updated_since: Timestamp::from_millis(1).ok(),
            parent: Some(Within::Task(TaskId::new(258))),
            words: "milk".to_owned(),
        };
        let none = TaskListing::default();

        assert_eq!(encoded(TaskOrder::NEWEST, &none), "010101");
        assert_eq!(
            encoded(TaskOrder { by: TaskSort::Title, descending: false }, &everything),
            "010600\
             010000000100\
             020000000468696768\
             0300000004686f6d65\
             030000000162\
             040000000a323033302d30312d3032\
             050000000a323033302d30312d3031\
             060000000101\
             07000000080000000000000001\
             08000000080000000000000102\
             09000000046d696c6b"
        );
        let top = TaskListing { parent: Some(Within::Top), ..none };
        assert_eq!(encoded(TaskOrder::NEWEST, &top), "0101010800000000");
    }
}
