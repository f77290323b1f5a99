//! Filter of a list: its check, and its byte encoding with the order, which a cursor is bound to.
//!
//! ```text
//! version 1 | sort 1 | descending 1 | condition ...
//! condition: tag 1 | length of the value 4, big-endian | value
//! ```
//!
//! Only conditions that are set are encoded, so a cursor outlives an upgrade that adds one. A new condition takes the
//! next tag; assigned numbers never change. Only conditions of the request are encoded, not the current time.

use super::draft::Check;
use crate::domain::due::{Due, DueRange};
use crate::domain::id::ListId;
use crate::domain::list::TaskList;
use crate::domain::priority::Priority;
use crate::domain::tag::Tag;
use crate::domain::task::{TaskFilter, TaskOrder, TaskSort, Within};
use crate::domain::time_zone::TimeZone;
use crate::domain::timestamp::Timestamp;
use crate::domain::words::Words;

/// Filter of a list, unchecked.
#[derive(Clone, Debug, Default)]
pub struct TaskListing {
    /// Completed tasks, or open ones.
    pub completed: Option<bool>,
    /// Tasks of one of these priorities; of any if there are none.
    pub priorities: Vec<Priority>,
    /// Tasks with all of these tags, each checked by [`Tag::new`].
    pub tags: Vec<String>,
    /// Tasks with one of these tags, each checked by [`Tag::new`].
    pub any_tags: Vec<String>,
    /// Tasks without any of these tags, each checked by [`Tag::new`].
    pub no_tags: Vec<String>,
    /// Tasks with a due date, or without one.
    pub has_due: Option<bool>,
    /// Tasks due before this time, checked by [`Due::parse`].
    pub due_before: Option<String>,
    /// Tasks due at this time or later, checked by [`Due::parse`].
    pub due_after: Option<String>,
    /// Open tasks past their due time, or all others.
    pub overdue: Option<bool>,
    /// Tasks changed at this time or later.
    pub updated_since: Option<Timestamp>,
    /// Tasks below a parent, or without one.
    pub parent: Option<Within>,
    /// Tasks in one of these lists; in any if there are none.
    pub lists: Vec<ListId>,
    /// Tasks with these words, checked by [`Words::parse`]. A text without words, such as `!!!`, matches nothing.
    pub words: String,
}

/// Maximum number of tags in a filter.
const MAX_TAGS: usize = 20;

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
const ANY_TAG: u8 = 10;
const NO_TAG: u8 = 11;
const HAS_DUE: u8 = 12;
/// Second sort key, and whether it is descending.
const THEN: u8 = 13;
const LIST: u8 = 14;

impl TaskListing {
    /// Encodes the query, which a cursor is bound to.
    pub(super) fn encode(&self, order: TaskOrder) -> Vec<u8> {
        // A new condition does not compile until it is encoded below.
        let Self {
            completed,
            priorities,
            tags,
            any_tags,
            no_tags,
            has_due,
            due_before,
            due_after,
            overdue,
            updated_since,
            parent,
            lists,
            words,
        } = self;
        let mut bytes = vec![VERSION, sort(order.by), u8::from(order.descending)];
        let mut add = |tag, value: Option<&[u8]>| {
            if let Some(value) = value {
                bytes.push(tag);
                let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
                bytes.extend(length.to_be_bytes());
                bytes.extend(value);
            }
        };
        add(
            COMPLETED,
            completed.map(|it| [u8::from(it)]).as_ref().map(<[u8; 1]>::as_slice),
        );
        for priority in priorities {
            add(PRIORITY, Some(priority.as_str().as_bytes()));
        }
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
        for tag in any_tags {
            add(ANY_TAG, Some(tag.as_bytes()));
        }
        for tag in no_tags {
            add(NO_TAG, Some(tag.as_bytes()));
        }
        add(HAS_DUE, has_due.map(|it| [u8::from(it)]).as_ref().map(<[u8; 1]>::as_slice));
        let then = order.then.map(|(by, descending)| [sort(by), u8::from(descending)]);
        add(THEN, then.as_ref().map(<[u8; 2]>::as_slice));
        for list in lists {
            add(LIST, Some(&list.to_bytes()));
        }
        bytes
    }

    /// Checks the filter. Days are days in the time zone `home`, and a task is overdue if it is overdue at `now`.
    pub(super) fn check(
        self,
        home: &TimeZone,
        now: Timestamp,
        check: &mut Check,
    ) -> TaskFilter {
        let bound = |text: String| Due::parse(&text, home);
        let before = check.maybe("due_before", self.due_before, bound);
        let after = check.maybe("due_after", self.due_after, bound);
        let mut due = match (before, after) {
            (None, None) => None,
            (before, after) => {
                let before =
                    before.map_or(DueRange::ALL, |it| DueRange::before(&it, home));
                let after = after.map_or(DueRange::ALL, |it| DueRange::from(&it, home));
                Some(before.intersect(&after))
            }
        };
        let (mut completed, mut not_overdue) = (self.completed, None);
        let overdue = || DueRange::overdue(now, home);
        match self.overdue {
            Some(true) => {
                // A completed task is never overdue.
                let range =
                    if completed == Some(true) { DueRange::NONE } else { overdue() };
                completed = completed.or(Some(false));
                due = Some(due.unwrap_or(DueRange::ALL).intersect(&range));
            }
            Some(false) => not_overdue = Some(overdue()),
            None => {}
        }
        let tags = tags_of(check, "tag", &self.tags);
        let any_tags = tags_of(check, "tag_any", &self.any_tags);
        let no_tags = tags_of(check, "tag_none", &self.no_tags);
        let mut priorities = self.priorities;
        priorities.sort_unstable_by_key(|priority| priority.code());
        priorities.dedup();
        let mut lists = self.lists;
        if lists.len() > TaskList::MAX_PER_USER {
            check.take("list", Err::<(), _>("must be given at most 200 times"));
        }
        lists.sort_unstable();
        lists.dedup();
        let words = check.take("q", Words::parse(&self.words));
        let has_no_word = words.as_ref().is_some_and(Words::is_empty);
        if has_no_word && !self.words.trim().is_empty() {
            // No task contains a word that is not one: `!!!` matches nothing, not everything.
            due = Some(DueRange::NONE);
        }
        TaskFilter {
            completed,
            priorities,
            tags,
            any_tags,
            no_tags,
            has_due: self.has_due,
            due,
            not_overdue,
            updated_since: self.updated_since,
            parent: self.parent,
            lists,
            words: words.unwrap_or(Words::NONE),
        }
    }
}

/// Checks tags of a filter, and returns the different ones.
fn tags_of(check: &mut Check, name: &'static str, texts: &[String]) -> Vec<Tag> {
    let mut tags = Vec::new();
    if texts.len() > MAX_TAGS {
        check.take(name, Err::<(), _>("must be given at most 20 times"));
    } else {
        for text in texts {
            tags.extend(check.take(name, Tag::new(text)));
        }
    }
    tags.sort_unstable();
    tags.dedup();
    tags
}

const fn sort(by: TaskSort) -> u8 {
    match by {
        TaskSort::Created => 1,
        TaskSort::Updated => 2,
        // 3 was the order in which dates began in UTC.
        TaskSort::Due => 8,
        TaskSort::Priority => 4,
        TaskSort::Position => 5,
        // 6 was the order of folded titles.
        TaskSort::Title => 7,
        TaskSort::Completed => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hex::hex;
    use crate::domain::id::TaskId;

    fn encoded(order: TaskOrder, listing: &TaskListing) -> String {
        hex(&listing.encode(order))
    }

    #[test]
    fn the_encoding_never_changes() {
        let everything = TaskListing {
            completed: Some(false),
            priorities: vec![Priority::High],
            tags: vec!["home".to_owned(), "b".to_owned()],
            any_tags: vec!["c".to_owned()],
            no_tags: vec!["d".to_owned(), "e".to_owned()],
            has_due: Some(true),
            due_before: Some("2030-01-02".to_owned()),
            due_after: Some("2030-01-01".to_owned()),
            overdue: Some(true),
            updated_since: Timestamp::from_millis(1).ok(),
            parent: Some(Within::Task(TaskId::new(258))),
            lists: vec![ListId::new(3)],
            words: "milk".to_owned(),
        };
        let none = TaskListing::default();

        assert_eq!(encoded(TaskOrder::NEWEST, &none), "010101");
        assert_eq!(
            encoded(
                TaskOrder {
                    then: Some((TaskSort::Due, true)),
                    ..TaskOrder::by(TaskSort::Title, false)
                },
                &everything
            ),
            "010700\
             010000000100\
             020000000468696768\
             0300000004686f6d65\
             030000000162\
             040000000a323033302d30312d3032\
             050000000a323033302d30312d3031\
             060000000101\
             07000000080000000000000001\
             08000000080000000000000102\
             09000000046d696c6b\
             0a0000000163\
             0b0000000164\
             0b0000000165\
             0c0000000101\
             0d000000020801\
             0e000000080000000000000003"
        );
        let top = TaskListing { parent: Some(Within::Top), ..none };
        assert_eq!(encoded(TaskOrder::NEWEST, &top), "0101010800000000");
    }
}
