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
use crate::domain::task::{Description, HistoryEntry, TaskValue, Was};
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
    was: WasV1<'a>,
}

#[derive(Encode, BorrowDecode)]
enum WasV1<'a> {
    Fields(Vec<ValueV1<'a>>),
    Deleted(u64),
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
    let was = match &entry.was {
        Was::Fields(values) => WasV1::Fields(values.iter().map(ValueV1::of).collect()),
        Was::Deleted(seq) => WasV1::Deleted(*seq),
    };
    let record = HistoryV1 {
        task: entry.task.get(),
        since_unit: entry.seq.saturating_sub(entry.unit),
        since_before: entry.seq.saturating_sub(entry.before_seq),
        before_revision: entry.before_revision,
        number: entry.number,
        at_ms: entry.at.as_millis(),
        author: AuthorV1::of(&entry.author),
        was,
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
    let was = match record.was {
        WasV1::Fields(values) => {
            let values = values.into_iter().map(|value| value.value(&envelope));
            Was::Fields(values.collect::<Result<_, _>>()?)
        }
        WasV1::Deleted(seq) => Was::Deleted(seq),
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
    })
}
