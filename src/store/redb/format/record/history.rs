//! Changes of tasks as stored records.

use bincode::{BorrowDecode, Encode};

use super::author::AuthorV1;
use super::task::{
    DueV3, description, due, due_record, priority, recurrence, recurrence_record, title,
};
use super::{V1, time, v1};
use crate::domain::id::{ListId, TaskId, UserId};
use crate::domain::position::Position;
use crate::domain::tag::{Tag, Tags};
use crate::domain::task::{Deletion, Description, HistoryEntry, TaskValue};
use crate::store::StoreError;
use crate::store::redb::format::codec::{Envelope, open, seal};
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;

/// `since_unit`, `since_before`: difference to the number of the first change of the same batch, and to that of the
/// previous change of the task.
#[derive(Encode, BorrowDecode)]
struct HistoryV1<'a> {
    task: u64,
    since_unit: u64,
    since_before: u64,
    before_revision: u64,
    number: u32,
    at_ms: i64,
    author: AuthorV1<'a>,
    was: Vec<ValueV1<'a>>,
    deletion: Option<DeletionV1<'a>>,
}

#[derive(Encode, BorrowDecode)]
struct DeletionV1<'a> {
    seq: u64,
    unit: u64,
    at_ms: i64,
    author: AuthorV1<'a>,
}

#[derive(Encode, BorrowDecode)]
enum ValueV1<'a> {
    Title(&'a str),
    Description(Option<&'a str>),
    Completed(Option<i64>),
    Due(Option<DueV3<'a>>),
    Priority(u8),
    Tags(Vec<&'a str>),
    Position(&'a str),
    Parent(Option<u64>),
    List(u64),
    Recurrence(Option<(String, u8)>),
}

impl<'a> ValueV1<'a> {
    fn of(value: &'a TaskValue) -> Self {
        match value {
            TaskValue::Title(title) => Self::Title(title.as_str()),
            TaskValue::Description(text) => {
                Self::Description(text.as_ref().map(Description::as_str))
            }
            TaskValue::Completed(at) => Self::Completed(at.map(|at| at.as_millis())),
            TaskValue::Due(due) => Self::Due(due.as_ref().map(due_record)),
            TaskValue::Priority(priority) => Self::Priority(priority.code()),
            TaskValue::Tags(tags) => Self::Tags(tags.iter().map(Tag::as_str).collect()),
            TaskValue::Position(position) => Self::Position(position.as_str()),
            TaskValue::Parent(parent) => Self::Parent(parent.map(TaskId::get)),
            TaskValue::List(list) => Self::List(list.get()),
            TaskValue::Recurrence(rule) => {
                Self::Recurrence(rule.as_ref().map(recurrence_record))
            }
        }
    }

    fn value(self, envelope: &Envelope<'_, '_>) -> Result<TaskValue, StoreError> {
        Ok(match self {
            Self::Title(text) => TaskValue::Title(title(envelope, text)?),
            Self::Description(text) => {
                TaskValue::Description(description(envelope, text)?)
            }
            Self::Completed(at) => {
                TaskValue::Completed(at.map(|at| time(envelope, at)).transpose()?)
            }
            Self::Due(found) => {
                TaskValue::Due(found.map(|found| due(envelope, found)).transpose()?)
            }
            Self::Priority(code) => TaskValue::Priority(priority(envelope, code)?),
            Self::Tags(tags) => {
                let tags = tags.into_iter().map(|tag| Tag::new_unchecked(tag.to_owned()));
                let tags = Tags::new(tags.collect());
                TaskValue::Tags(
                    tags.map_err(|error| {
                        envelope.damaged(&format_args!("tags {error}"))
                    })?,
                )
            }
            Self::Position(text) => {
                TaskValue::Position(Position::new_unchecked(text.to_owned()))
            }
            Self::Parent(id) => TaskValue::Parent(id.map(TaskId::new)),
            Self::List(id) => TaskValue::List(ListId::new(id)),
            Self::Recurrence(found) => TaskValue::Recurrence(
                found
                    .map(|(rule, from)| recurrence(envelope, &rule, from))
                    .transpose()?,
            ),
        })
    }
}

pub(crate) fn history(entry: &HistoryEntry) -> Result<Vec<u8>, StoreError> {
    let deletion = entry.deletion.as_ref().map(|deletion| DeletionV1 {
        seq: deletion.seq,
        unit: deletion.unit,
        at_ms: deletion.at.as_millis(),
        author: AuthorV1::of(&deletion.author),
    });
    let record = HistoryV1 {
        task: entry.task.get(),
        since_unit: entry.seq.saturating_sub(entry.unit),
        since_before: entry.seq.saturating_sub(entry.before_seq),
        before_revision: entry.before_revision,
        number: entry.number,
        at_ms: entry.at.as_millis(),
        author: AuthorV1::of(&entry.author),
        was: entry.was.iter().map(ValueV1::of).collect(),
        deletion,
    };
    seal(Table::Owned, &key::history(entry.owner, entry.seq), V1, &record)
}

pub(crate) fn decode_history(
    owner: UserId,
    seq: u64,
    value: &[u8],
) -> Result<HistoryEntry, StoreError> {
    let key = key::history(owner, seq);
    let envelope = open(Table::Owned, &key, value)?;
    let record: HistoryV1<'_> = v1(&envelope)?.record()?;
    let was = record.was.into_iter().map(|value| value.value(&envelope));
    let was = was.collect::<Result<_, _>>()?;
    let deletion = match record.deletion {
        Some(found) => Some(Deletion {
            seq: found.seq,
            unit: found.unit,
            at: time(&envelope, found.at_ms)?,
            author: found.author.author(),
        }),
        None => None,
    };
    Ok(HistoryEntry {
        owner,
        task: TaskId::new(record.task),
        seq,
        unit: seq.saturating_sub(record.since_unit),
        at: time(&envelope, record.at_ms)?,
        author: record.author.author(),
        before_seq: seq.saturating_sub(record.since_before),
        before_revision: record.before_revision,
        number: record.number,
        was,
        deletion,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::arbitrary::{any_author, any_time, at};
    use super::*;
    use crate::domain::author::Author;
    use crate::domain::due::Due;
    use crate::domain::hex::hex;
    use crate::domain::priority::Priority;
    use crate::domain::recurrence::{Recurrence, RepeatFrom, Rule};
    use crate::domain::task::Title;
    use crate::domain::time_zone::TimeZone;

    /// Returns one value of each field.
    fn values() -> Vec<TaskValue> {
        let rule = Rule::parse("FREQ=DAILY").unwrap();
        vec![
            TaskValue::Title(Title::new("a".to_owned()).unwrap()),
            TaskValue::Description(Description::new("b".to_owned()).ok()),
            TaskValue::Completed(Some(at(4))),
            TaskValue::Due(Due::parse("2030-01-01", &TimeZone::utc()).ok()),
            TaskValue::Priority(Priority::High),
            TaskValue::Tags(Tags::new(vec![Tag::new("home").unwrap()]).unwrap()),
            TaskValue::Position(Position::of_number(2)),
            TaskValue::Parent(Some(TaskId::new(1))),
            TaskValue::List(ListId::new(2)),
            TaskValue::Recurrence(Some(Recurrence::new(rule, RepeatFrom::Completion))),
        ]
    }

    fn entry(was: Vec<TaskValue>, deletion: Option<Deletion>) -> HistoryEntry {
        HistoryEntry {
            owner: UserId::new(1),
            task: TaskId::new(2),
            seq: 9,
            unit: 8,
            at: at(4),
            author: Author::Import,
            before_seq: 6,
            before_revision: 5,
            number: 7,
            was,
            deletion,
        }
    }

    proptest! {
        #[test]
        fn changes_survive_the_round_trip(
            (owner, task, before_revision) in any::<(u64, u64, u64)>(),
            (seq, since_unit, since_before) in any::<(u64, u8, u8)>(),
            number: u32,
            at in any_time(),
            author in any_author(),
            kept in any::<[bool; 10]>(),
            deleted: Option<(u64, u64)>,
        ) {
            let fields = values().into_iter().zip(kept).filter(|(_, is_kept)| *is_kept);
            let fields = fields.map(|(value, _)| value).collect();
            let written = HistoryEntry {
                owner: UserId::new(owner),
                task: TaskId::new(task),
                seq,
                unit: seq.saturating_sub(since_unit.into()),
                at,
                author,
                before_seq: seq.saturating_sub(since_before.into()),
                before_revision,
                number,
                was: fields,
                deletion: deleted.map(|(seq, unit)| {
                    Deletion { seq, unit, at, author: Author::Unknown }
                }),
            };
            let bytes = history(&written).unwrap();
            let owner = written.owner;
            prop_assert_eq!(decode_history(owner, seq, &bytes).unwrap(), written);
            prop_assert!(decode_history(owner, seq ^ 1, &bytes).is_err());
        }
    }

    #[test]
    fn the_record_of_a_change_never_changes() {
        let start = "0201030507080";
        let author = Author::Import;
        let deletion = Deletion { seq: 6, unit: 5, at: at(3), author };
        let bytes = history(&entry(Vec::new(), Some(deletion))).unwrap();
        assert_eq!(hex(&bytes[9..]), format!("{start}3000106050603"));
        let bytes = history(&entry(values(), None)).unwrap();
        let fields = "0a0001610101016202010803 01fb36ab00 0403 050104686f6d65 06026132 070101 0802 09010a465245513d4441494c5901";
        assert_eq!(hex(&bytes[9..]), format!("{start}3{}00", fields.replace(' ', "")));
    }
}
