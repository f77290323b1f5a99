//! Tasks as stored records.

use bincode::{BorrowDecode, Encode};

use super::author::AuthorV1;
use super::uid::UidV1;
use super::{V1, V2, V3, V4, time};
use crate::domain::date::Date;
use crate::domain::due::{Due, LocalTime};
use crate::domain::id::{ListId, TaskId, UserId};
use crate::domain::position::Position;
use crate::domain::priority::Priority;
use crate::domain::recurrence::{Recurrence, RepeatFrom, Rule};
use crate::domain::tag::{Tag, Tags};
use crate::domain::task::{Description, Origin, Task, TaskFields, Title};
use crate::domain::time_zone::TimeZone;
use crate::domain::uid::Uid;
use crate::store::StoreError;
use crate::store::redb::format::codec::{Envelope, open, seal};
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;

#[derive(Encode, BorrowDecode)]
struct TaskV1<'a> {
    title: &'a str,
    description: Option<&'a str>,
    completed: bool,
    created_ms: i64,
    updated_ms: i64,
    revision: u64,
}

/// `due`: a day since 1970, or milliseconds and the name of a time zone. `recurrence`: the rule, and its time of
/// the day in milliseconds.
#[derive(Encode, BorrowDecode)]
struct TaskV2<'a> {
    title: &'a str,
    description: Option<&'a str>,
    completed_ms: Option<i64>,
    created_ms: i64,
    updated_ms: i64,
    revision: u64,
    due: Option<(i64, Option<&'a str>)>,
    priority: u8,
    tags: Vec<&'a str>,
    position: &'a str,
    parent: Option<u64>,
    recurrence: Option<(String, Option<u32>)>,
}

/// Name of a time zone, and the local time that is meant, in milliseconds, if the clocks skip it.
pub(super) type ZoneV3<'a> = (&'a str, Option<u32>);

/// `due`: a day since 1970, or milliseconds with a zone. `recurrence`: the rule, and the number of the date from which
/// it repeats.
#[derive(Encode, BorrowDecode)]
struct TaskV3<'a> {
    title: &'a str,
    description: Option<&'a str>,
    completed_ms: Option<i64>,
    created_ms: i64,
    updated_ms: i64,
    revision: u64,
    due: Option<DueV3<'a>>,
    priority: u8,
    tags: Vec<&'a str>,
    position: &'a str,
    parent: Option<u64>,
    recurrence: Option<(String, u8)>,
}

impl<'a> From<TaskV2<'a>> for TaskV3<'a> {
    fn from(record: TaskV2<'a>) -> Self {
        let time = record.recurrence.as_ref().and_then(|(_, time)| *time);
        let due = record.due;
        Self {
            title: record.title,
            description: record.description,
            completed_ms: record.completed_ms,
            created_ms: record.created_ms,
            updated_ms: record.updated_ms,
            revision: record.revision,
            due: due.map(|(number, zone)| (number, zone.map(|zone| (zone, time)))),
            priority: record.priority,
            tags: record.tags,
            position: record.position,
            parent: record.parent,
            recurrence: record.recurrence.map(|(rule, _)| (rule, FROM_DUE)),
        }
    }
}

const FROM_DUE: u8 = 0;
const FROM_COMPLETION: u8 = 1;

/// Extension of V3. `unit`: number of the first change of the request that created the task.
#[derive(Encode, BorrowDecode)]
struct TaskV4<'a> {
    before: TaskV3<'a>,
    uid: UidV1<'a>,
    list: u64,
    seq: u64,
    unit: u64,
    author: AuthorV1<'a>,
}

/// Deleted task.
#[derive(Encode, BorrowDecode)]
struct TrashV1<'a> {
    id: u64,
    task: TaskV4<'a>,
}

/// Stored form of a due date or time: a day since 1970, or milliseconds with a zone.
pub(super) type DueV3<'a> = (i64, Option<ZoneV3<'a>>);

pub(super) fn due_record(due: &Due) -> DueV3<'_> {
    match due {
        Due::On(date) => (i64::from(date.days()), None),
        Due::At { at, zone, skipped } => {
            let skipped = skipped.map(LocalTime::as_millis);
            (at.as_millis(), Some((zone.as_str(), skipped)))
        }
    }
}

/// Returns the rule, and the number of the date from which it repeats.
pub(super) fn recurrence_record(recurrence: &Recurrence) -> (String, u8) {
    let from = match recurrence.repeat_from() {
        RepeatFrom::Due => FROM_DUE,
        RepeatFrom::Completion => FROM_COMPLETION,
    };
    (recurrence.rule().to_string(), from)
}

pub(crate) fn task(task: &Task) -> Result<Vec<u8>, StoreError> {
    seal(Table::Owned, &key::task(task.owner, task.id), V4, &TaskV4::of(task))
}

/// Encodes a deleted task, under the number of its deletion.
pub(crate) fn trash(seq: u64, task: &Task) -> Result<Vec<u8>, StoreError> {
    let record = TrashV1 { id: task.id.get(), task: TaskV4::of(task) };
    seal(Table::Owned, &key::trash(task.owner, seq), V1, &record)
}

pub(crate) fn decode_trash(
    owner: UserId,
    seq: u64,
    value: &[u8],
) -> Result<Task, StoreError> {
    let key = key::trash(owner, seq);
    let envelope = open(Table::Owned, &key, value)?;
    let TrashV1 { id, task } = super::v1(&envelope)?.record()?;
    fourth(owner, TaskId::new(id), &envelope, task)
}

impl<'a> TaskV4<'a> {
    fn of(task: &'a Task) -> Self {
        let before = TaskV3 {
            title: task.title.as_str(),
            description: task.description.as_ref().map(Description::as_str),
            completed_ms: task.completed_at.map(|time| time.as_millis()),
            created_ms: task.created_at.as_millis(),
            updated_ms: task.updated_at.as_millis(),
            revision: task.revision,
            due: task.due.as_ref().map(due_record),
            priority: task.priority.code(),
            tags: task.tags.iter().map(Tag::as_str).collect(),
            position: task.position.as_str(),
            parent: task.parent.map(TaskId::get),
            recurrence: task.recurrence.as_ref().map(recurrence_record),
        };
        Self {
            before,
            uid: UidV1::of(&task.uid),
            list: task.list.get(),
            seq: task.seq,
            unit: task.origin.unit,
            author: AuthorV1::of(&task.origin.author),
        }
    }
}

/// Decodes the fields by which lists select and sort.
pub(crate) fn decode_fields(
    owner: UserId,
    id: TaskId,
    value: &[u8],
) -> Result<TaskFields<'_>, StoreError> {
    let key = key::task(owner, id);
    let envelope = open(Table::Owned, &key, value)?;
    if envelope.version != V4 {
        return Err(envelope.unknown_version());
    }
    let TaskV4 { before: record, list, .. } = envelope.record()?;
    let due = match record.due {
        Some((millis, Some(_))) => Some((time(&envelope, millis)?.as_millis(), 1)),
        Some(day) => Some(due(&envelope, day)?.stored_key()),
        None => None,
    };
    Ok(TaskFields {
        id,
        title: record.title,
        description: record.description,
        completed: record.completed_ms.is_some(),
        completed_at: record.completed_ms.map(|at| time(&envelope, at)).transpose()?,
        due,
        priority: priority(&envelope, record.priority)?,
        tags: record.tags,
        position: record.position,
        parent: record.parent.map(TaskId::new),
        list: ListId::new(list),
        created_at: time(&envelope, record.created_ms)?,
        updated_at: time(&envelope, record.updated_ms)?,
    })
}

pub(crate) fn decode_task(
    owner: UserId,
    id: TaskId,
    value: &[u8],
) -> Result<Task, StoreError> {
    let key = key::task(owner, id);
    let envelope = open(Table::Owned, &key, value)?;
    match envelope.version {
        V1 => first(owner, id, &envelope),
        V2 => {
            let record: TaskV2<'_> = envelope.record()?;
            third(owner, id, &envelope, record.into())
        }
        V3 => third(owner, id, &envelope, envelope.record()?),
        V4 => fourth(owner, id, &envelope, envelope.record()?),
        _ => Err(envelope.unknown_version()),
    }
}

fn fourth(
    owner: UserId,
    id: TaskId,
    envelope: &Envelope<'_, '_>,
    record: TaskV4<'_>,
) -> Result<Task, StoreError> {
    let TaskV4 { before, uid, list, seq, unit, author } = record;
    let origin = Origin { author: author.author(), unit };
    let task = third(owner, id, envelope, before)?;
    Ok(Task { uid: uid.uid(), list: ListId::new(list), seq, origin, ..task })
}

/// Decodes a task from before tasks could be planned, whose order is that of creation.
fn first(
    owner: UserId,
    id: TaskId,
    envelope: &Envelope<'_, '_>,
) -> Result<Task, StoreError> {
    let record: TaskV1<'_> = envelope.record()?;
    let created_at = time(envelope, record.created_ms)?;
    let updated_at = time(envelope, record.updated_ms)?;
    Ok(Task {
        id,
        owner,
        uid: Uid::former(id, created_at),
        title: title(envelope, record.title)?,
        description: description(envelope, record.description)?,
        completed_at: record.completed.then_some(updated_at),
        due: None,
        priority: Priority::None,
        tags: Tags::default(),
        position: Position::of_number(id.get()),
        parent: None,
        list: ListId::DEFAULT,
        recurrence: None,
        created_at,
        updated_at,
        revision: record.revision,
        seq: 0,
        origin: Origin::UNKNOWN,
    })
}

fn third(
    owner: UserId,
    id: TaskId,
    envelope: &Envelope<'_, '_>,
    record: TaskV3<'_>,
) -> Result<Task, StoreError> {
    let tags = record.tags.iter().map(|tag| Tag::new_unchecked((*tag).to_owned()));
    let created_at = time(envelope, record.created_ms)?;
    Ok(Task {
        id,
        owner,
        uid: Uid::former(id, created_at),
        title: title(envelope, record.title)?,
        description: description(envelope, record.description)?,
        completed_at: record.completed_ms.map(|at| time(envelope, at)).transpose()?,
        due: record.due.map(|found| due(envelope, found)).transpose()?,
        priority: priority(envelope, record.priority)?,
        tags: Tags::new(tags.collect())
            .map_err(|error| envelope.damaged(&format_args!("tags {error}")))?,
        position: Position::new_unchecked(record.position.to_owned()),
        parent: record.parent.map(TaskId::new),
        list: ListId::DEFAULT,
        recurrence: record
            .recurrence
            .map(|(rule, from)| recurrence(envelope, &rule, from))
            .transpose()?,
        created_at,
        updated_at: time(envelope, record.updated_ms)?,
        revision: record.revision,
        seq: 0,
        origin: Origin::UNKNOWN,
    })
}

pub(super) fn priority(
    envelope: &Envelope<'_, '_>,
    code: u8,
) -> Result<Priority, StoreError> {
    let unknown = || envelope.damaged(&format_args!("unknown priority {code}"));
    Priority::from_code(code).ok_or_else(unknown)
}

pub(super) fn title(
    envelope: &Envelope<'_, '_>,
    text: &str,
) -> Result<Title, StoreError> {
    Title::new(text.to_owned())
        .map_err(|error| envelope.damaged(&format_args!("title {error}")))
}

pub(super) fn description(
    envelope: &Envelope<'_, '_>,
    text: Option<&str>,
) -> Result<Option<Description>, StoreError> {
    let text = text.map(|text| Description::new(text.to_owned())).transpose();
    text.map_err(|error| envelope.damaged(&format_args!("description {error}")))
}

pub(super) fn due(
    envelope: &Envelope<'_, '_>,
    (number, zone): DueV3<'_>,
) -> Result<Due, StoreError> {
    if let Some((zone, skipped)) = zone {
        let zone = TimeZone::new_unchecked(zone.to_owned());
        let meant = skipped.map(LocalTime::from_millis);
        return Ok(Due::at(time(envelope, number)?, zone, meant));
    }
    let date = i32::try_from(number).ok().and_then(|days| Date::from_days(days).ok());
    date.map(Due::On).ok_or_else(|| envelope.damaged(&"due on an invalid day"))
}

pub(super) fn recurrence(
    envelope: &Envelope<'_, '_>,
    rule: &str,
    from: u8,
) -> Result<Recurrence, StoreError> {
    let from = match from {
        FROM_DUE => RepeatFrom::Due,
        FROM_COMPLETION => RepeatFrom::Completion,
        _ => return Err(envelope.damaged(&"recurrence from an unknown date")),
    };
    let rule = Rule::parse(rule)
        .map_err(|error| envelope.damaged(&format_args!("recurrence {error}")))?;
    Ok(Recurrence::new(rule, from))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::arbitrary::any_author;
    use super::*;
    use crate::domain::hex::hex;
    use crate::domain::timestamp::Timestamp;

    prop_compose! {
        pub(in super::super) fn any_time()(millis in 0..Timestamp::MAX.as_millis()) -> Timestamp {
            Timestamp::from_millis(millis).unwrap()
        }
    }

    fn any_due() -> impl Strategy<Value = Due> {
        prop_oneof![
            (0..1_000_000).prop_map(|days| Due::On(Date::from_days(days).unwrap())),
            (any_time(), prop::sample::select(vec!["UTC", "Europe/Berlin"]))
                .prop_map(|(at, zone)| Due::at(at, TimeZone::new(zone).unwrap(), None)),
            Just(
                Due::parse("2026-03-29T02:30:00.5[Europe/Berlin]", &TimeZone::utc())
                    .unwrap()
            ),
        ]
    }

    fn any_recurrence() -> impl Strategy<Value = Recurrence> {
        let rules = vec!["FREQ=DAILY", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;COUNT=9"];
        let from = prop::sample::select(RepeatFrom::ALL.to_vec());
        (prop::sample::select(rules), from)
            .prop_map(|(rule, from)| Recurrence::new(Rule::parse(rule).unwrap(), from))
    }

    fn any_uid() -> impl Strategy<Value = Uid> {
        let text = "[ -~]{16,255}".prop_map(|text| Uid::new(text).unwrap());
        prop_oneof![text, any::<[u8; 16]>().prop_map(Uid::of_uuid)]
    }

    prop_compose! {
        fn any_origin()(author in any_author(), unit: u64) -> Origin {
            Origin { author, unit }
        }
    }

    prop_compose! {
        fn any_task()(
            ids in any::<(u64, u64, u64)>(),
            texts in (".{1,255}", prop::option::of(".{0,200}")),
            times in (any_time(), any_time(), prop::option::of(any_time())),
            due in prop::option::of(any_due()),
            priority in prop::sample::select(Priority::ALL.to_vec()),
            tags in prop::collection::vec("[a-zä]{1,50}", 0..20),
            place in (any::<u64>(), prop::option::of(any::<u64>()), any::<u64>()),
            recurrence in prop::option::of(any_recurrence()),
            uid in any_uid(),
            origin in any_origin(),
        ) -> Task {
            let tags = tags.iter().map(|tag| Tag::new(tag).unwrap()).collect();
            Task {
                id: TaskId::new(ids.0),
                owner: UserId::new(ids.1),
                uid,
                title: Title::new(texts.0).unwrap(),
                description: texts.1.map(|text| Description::new(text).unwrap()),
                completed_at: times.2,
                due,
                priority,
                tags: Tags::new(tags).unwrap(),
                position: Position::of_number(place.0),
                parent: place.1.map(TaskId::new),
                list: ListId::new(place.2),
                recurrence,
                created_at: times.0,
                updated_at: times.1,
                revision: ids.2,
                seq: place.0,
                origin,
            }
        }
    }

    proptest! {
        #[test]
        fn tasks_survive_the_round_trip(written in any_task()) {
            let bytes = task(&written).unwrap();
            let read = decode_task(written.owner, written.id, &bytes).unwrap();
            prop_assert_eq!(&read, &written);
            let other = TaskId::new(written.id.get() ^ 1);
            prop_assert!(decode_task(written.owner, other, &bytes).is_err());
            let bytes = trash(9, &written).unwrap();
            prop_assert_eq!(&decode_trash(written.owner, 9, &bytes).unwrap(), &written);
            prop_assert!(decode_trash(written.owner, 8, &bytes).is_err());
        }
    }

    fn sealed_first() -> Vec<u8> {
        let record = TaskV1 {
            title: "a",
            description: Some("b"),
            completed: true,
            created_ms: 3,
            updated_ms: 4,
            revision: 5,
        };
        let key = key::task(UserId::new(1), TaskId::new(2));
        seal(Table::Owned, &key, V1, &record).unwrap()
    }

    #[test]
    fn the_first_record_of_a_task_is_read_for_ever() {
        let bytes = sealed_first();
        assert_eq!(hex(&bytes[9..]), "016101016201060805");
        let read = decode_task(UserId::new(1), TaskId::new(2), &bytes).unwrap();
        assert_eq!((read.title.as_str(), read.revision), ("a", 5));
        assert_eq!(read.completed_at, Timestamp::from_millis(4).ok());
        assert_eq!(read.position, Position::of_number(2));
    }

    #[test]
    fn the_record_of_a_task_never_changes() {
        let bytes = sealed_first();
        let mut written = decode_task(UserId::new(1), TaskId::new(2), &bytes).unwrap();
        let bytes = task(&written).unwrap();
        let (third, uid) =
            ("016101016201080608050000000261320000", "00000000000080008bf91b8cb0036377");
        assert_eq!(hex(&bytes[9..]), format!("{third}00{uid}01000000"));
        let bytes = trash(9, &written).unwrap();
        assert_eq!(hex(&bytes[9..]), format!("02{third}00{uid}01000000"));
        let zone = TimeZone::new("Europe/Berlin").unwrap();
        let rule = Rule::parse("FREQ=DAILY").unwrap();
        written.due = Some(Due::at(Timestamp::from_millis(7).unwrap(), zone, None));
        written.recurrence = Some(Recurrence::new(rule, RepeatFrom::Completion));
        written.tags = Tags::new(vec![Tag::new("home").unwrap()]).unwrap();
        written.parent = Some(TaskId::new(1));
        written.priority = Priority::High;
        let bytes = task(&written).unwrap();
        assert_eq!(
            hex(&bytes[9..]),
            "01610101620108060805010e010d4575726f70652f4265726c696e00030104686f6d650261320101010a465245513d4441494c59010000000000000080008bf91b8cb003637701000000"
        );
        written.due =
            Due::parse("2026-03-29T02:30[Europe/Berlin]", &TimeZone::utc()).ok();
        let bytes = task(&written).unwrap();
        let due = "010d4575726f70652f4265726c696e01fc40548900";
        assert!(hex(&bytes[9..]).contains(due), "{}", hex(&bytes[9..]));
    }

    #[test]
    fn the_second_record_of_a_task_is_read_for_ever() {
        let record = TaskV2 {
            title: "a",
            description: None,
            completed_ms: None,
            created_ms: 3,
            updated_ms: 4,
            revision: 5,
            due: Some((1_774_747_800_000, Some("Europe/Berlin"))),
            priority: 3,
            tags: vec!["home"],
            position: "a2",
            parent: Some(1),
            recurrence: Some(("FREQ=DAILY".to_owned(), Some(9_000_000))),
        };
        let (owner, id) = (UserId::new(1), TaskId::new(2));
        let bytes = seal(Table::Owned, &key::task(owner, id), V2, &record).unwrap();
        assert_eq!(
            hex(&bytes[9..]),
            "0161000006080501fd80a36c6e3a030000010d4575726f70652f4265726c696e030104686f6d650261320101010a465245513d4441494c5901fc40548900"
        );
        let read = decode_task(owner, id, &bytes).unwrap();
        let due = read.due.unwrap();
        assert_eq!(due.to_string(), "2026-03-29T03:30:00+02:00[Europe/Berlin]");
        assert_eq!(due.local_time().unwrap().to_string(), "02:30");
        let recurrence = read.recurrence.unwrap();
        assert_eq!(recurrence.repeat_from(), RepeatFrom::Due);
        assert_eq!(recurrence.rule().to_string(), "FREQ=DAILY");
    }
}
