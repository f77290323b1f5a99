//! Domain values as stored records, and back.
//!
//! Records are types of their own, so that a change to a domain type cannot change the file by accident.
//! To change one, add `TaskV2` beside `TaskV1` with a conversion from it, and let the decoder read both;
//! old ones are never edited. Times are milliseconds since 1970, UTC; flags are bits of a byte.

mod account;
mod admin;
mod answer;

use bincode::{BorrowDecode, Encode};

pub(super) use self::account::{
    decode_account, decode_session, decode_token, decode_user, session, token, user,
};
pub(super) use self::admin::{audit, decode_audit, decode_invitation, invitation};
pub(super) use self::answer::{
    AnswerStats, answer, answer_stats, decode_answer, decode_answer_stats,
};
use super::codec::{Envelope, open, seal};
use super::key::{self, Table};
use crate::domain::id::{TaskId, UserId};
use crate::domain::task::{Description, Task, TaskCounts, Title};
use crate::domain::timestamp::Timestamp;
use crate::store::StoreError;

const V1: u8 = 1;

#[derive(Encode, BorrowDecode)]
struct TaskV1<'a> {
    title: &'a str,
    description: Option<&'a str>,
    completed: bool,
    created_ms: i64,
    updated_ms: i64,
    revision: u64,
}

#[derive(Encode, BorrowDecode)]
struct StatsV1 {
    tasks: u64,
    open: u64,
    newest_created_ms: i64,
    in_order: bool,
}

/// What is kept about all of one person's tasks together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stats {
    pub(super) counts: TaskCounts,
    /// The latest time of creation there has been.
    pub(super) newest: Timestamp,
    /// Whether tasks have always been created at a later time than the one before, so that ids sort
    /// like times. Lost for good when the clock steps back.
    pub(super) in_order: bool,
}

impl Stats {
    pub(super) const EMPTY: Self = Self {
        counts: TaskCounts { total: 0, open: 0 },
        newest: Timestamp::EPOCH,
        in_order: true,
    };
}

pub(super) fn number(
    table: Table,
    key: &[u8],
    number: u64,
) -> Result<Vec<u8>, StoreError> {
    seal(table, key, V1, &number)
}

pub(super) fn decode_number(
    table: Table,
    key: &[u8],
    value: &[u8],
) -> Result<u64, StoreError> {
    v1(&open(table, key, value)?)?.record()
}

pub(super) fn task(task: &Task) -> Result<Vec<u8>, StoreError> {
    let record = TaskV1 {
        title: task.title.as_str(),
        description: task.description.as_ref().map(Description::as_str),
        completed: task.completed,
        created_ms: task.created_at.as_millis(),
        updated_ms: task.updated_at.as_millis(),
        revision: task.revision,
    };
    seal(Table::Owned, &key::task(task.owner, task.id), V1, &record)
}

pub(super) fn decode_task(
    owner: UserId,
    id: TaskId,
    value: &[u8],
) -> Result<Task, StoreError> {
    let key = key::task(owner, id);
    let envelope = open(Table::Owned, &key, value)?;
    let record: TaskV1<'_> = v1(&envelope)?.record()?;
    let description = record.description.map(|text| Description::new(text.to_owned()));
    Ok(Task {
        id,
        owner,
        title: Title::new(record.title.to_owned())
            .map_err(|error| envelope.damaged(&format_args!("title {error}")))?,
        description: description
            .transpose()
            .map_err(|error| envelope.damaged(&format_args!("description {error}")))?,
        completed: record.completed,
        created_at: time(&envelope, record.created_ms)?,
        updated_at: time(&envelope, record.updated_ms)?,
        revision: record.revision,
    })
}

pub(super) fn stats(owner: UserId, stats: &Stats) -> Result<Vec<u8>, StoreError> {
    let record = StatsV1 {
        tasks: stats.counts.total,
        open: stats.counts.open,
        newest_created_ms: stats.newest.as_millis(),
        in_order: stats.in_order,
    };
    seal(Table::Owned, &key::stats(owner), V1, &record)
}

pub(super) fn decode_stats(owner: UserId, value: &[u8]) -> Result<Stats, StoreError> {
    let key = key::stats(owner);
    let envelope = open(Table::Owned, &key, value)?;
    let record: StatsV1 = v1(&envelope)?.record()?;
    Ok(Stats {
        counts: TaskCounts { total: record.tasks, open: record.open },
        newest: time(&envelope, record.newest_created_ms)?,
        in_order: record.in_order,
    })
}

fn v1<'e, 'a>(envelope: &'e Envelope<'a>) -> Result<&'e Envelope<'a>, StoreError> {
    if envelope.version == V1 { Ok(envelope) } else { Err(envelope.unknown_version()) }
}

fn time(envelope: &Envelope<'_>, millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millis(millis).map_err(|error| envelope.damaged(&error))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn any_time()(millis in 0..Timestamp::MAX.as_millis()) -> Timestamp {
            Timestamp::from_millis(millis).unwrap()
        }
    }

    proptest! {
        #[test]
        fn tasks_survive_the_round_trip(
            ids in any::<(u64, u64, u64)>(),
            title in ".{1,255}",
            description in prop::option::of(".{0,200}"),
            completed in any::<bool>(),
            times in (any_time(), any_time()),
        ) {
            let written = Task {
                id: TaskId::new(ids.0),
                owner: UserId::new(ids.1),
                title: Title::new(title).unwrap(),
                description: description.map(|text| Description::new(text).unwrap()),
                completed,
                created_at: times.0,
                updated_at: times.1,
                revision: ids.2,
            };
            let bytes = task(&written).unwrap();
            let read = decode_task(written.owner, written.id, &bytes).unwrap();
            prop_assert_eq!(&read, &written);
            prop_assert!(decode_task(written.owner, TaskId::new(ids.0 ^ 1), &bytes).is_err());
        }

        #[test]
        fn stats_survive_the_round_trip(
            newest in any_time(),
            counts in any::<(u64, u64)>(),
            in_order in any::<bool>(),
        ) {
            let owner = UserId::new(7);
            let counts = TaskCounts { total: counts.0, open: counts.1 };
            let written = Stats { counts, newest, in_order };
            let bytes = stats(owner, &written).unwrap();
            prop_assert_eq!(decode_stats(owner, &bytes).unwrap(), written);
        }
    }

    #[test]
    fn the_record_of_a_task_never_changes() {
        let written = Task {
            id: TaskId::new(2),
            owner: UserId::new(1),
            title: Title::new("a".to_owned()).unwrap(),
            description: Some(Description::new("b".to_owned()).unwrap()),
            completed: true,
            created_at: Timestamp::from_millis(3).unwrap(),
            updated_at: Timestamp::from_millis(4).unwrap(),
            revision: 5,
        };
        let bytes = task(&written).unwrap();
        assert_eq!(crate::domain::hex::hex(&bytes[9..]), "016101016201060805");
    }
}
