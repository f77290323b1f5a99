//! Tasks, and results of batches.

use serde::{Deserialize, Serialize};

use super::{Millis, Stored};
use crate::domain::date::Date;
use crate::domain::due::{Due, LocalTime};
use crate::domain::id::{ListId, TaskId, UserId};
use crate::domain::position::Position;
use crate::domain::priority::Priority;
use crate::domain::quota::QuotaExceeded;
use crate::domain::recurrence::{Recurrence, RepeatFrom, Rule};
use crate::domain::tag::{Tag, Tags};
use crate::domain::task::{Description, Merge, Origin, Task, TaskDone, TaskField, Title};
use crate::domain::time_zone::TimeZone;
use crate::domain::uid::Uid;
use crate::service::FieldError;
use crate::service::tasks::{Made, Moved, TaskFailure, TaskResults};

/// Stored form of a task. Texts were checked when they were written, and are not checked again: rules of names may
/// change, and a name of a time zone may have left the database.
#[derive(Serialize, Deserialize)]
pub(in crate::service::idempotency) struct WireTask {
    id: u64,
    owner: u64,
    title: String,
    description: Option<String>,
    completed_at: Option<Millis>,
    due: Option<WireDue>,
    priority: u8,
    tags: Vec<String>,
    position: String,
    parent: Option<u64>,
    recurrence: Option<(String, Option<u32>)>,
    created_at: Millis,
    updated_at: Millis,
    revision: u64,
    /// Local time that is meant, in milliseconds.
    #[serde(default)]
    local_ms: Option<u32>,
    #[serde(default)]
    from_completion: bool,
    /// Earlier versions had none.
    #[serde(default)]
    uid: Option<String>,
    /// Earlier versions had one list.
    #[serde(default)]
    list: Option<u64>,
}

#[derive(Serialize, Deserialize)]
enum WireDue {
    /// Days since 1970.
    On(i32),
    /// Time, and the name of its zone.
    At(Millis, String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::service::idempotency) enum WireResult {
    Created(WireTask),
    Known(WireTask),
    Changed(WireTask, Option<u64>),
    Deleted(u64),
    Restored(WireTask, u64),
    Missing,
    TaskDeleted(u64),
    ChangedSince(WireTask),
    ChangedAsTold,
    Conflict(Vec<String>, Box<[WireTask; 3]>),
    BaseUnknown,
    Invalid(Vec<(String, String)>),
    InvalidTask(Vec<(String, String)>),
    IfMatchRequired,
    QuotaOfTasks { used: u64, limit: u64 },
    QuotaOfBytes { used: u64, wanted: u64, limit: u64 },
    NotApplied,
    TooMuch,
    NotTried,
}

impl Stored for Task {
    type Wire = WireTask;

    fn to_wire(&self) -> Self::Wire {
        let Self {
            id,
            owner,
            uid,
            title,
            description,
            completed_at,
            due,
            priority,
            tags,
            position,
            parent,
            list,
            recurrence,
            created_at,
            updated_at,
            revision,
            // No response has the others.
            ..
        } = self;
        WireTask {
            id: id.get(),
            owner: owner.get(),
            title: title.as_str().to_owned(),
            description: description.as_ref().map(|it| it.as_str().to_owned()),
            completed_at: completed_at.map(Millis::from),
            due: due.as_ref().map(|due| match due {
                Due::On(date) => WireDue::On(date.days()),
                Due::At { at, zone, .. } => {
                    WireDue::At((*at).into(), zone.as_str().to_owned())
                }
            }),
            priority: priority.code(),
            tags: tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
            position: position.as_str().to_owned(),
            parent: parent.map(TaskId::get),
            recurrence: recurrence.as_ref().map(|it| (it.rule().to_string(), None)),
            local_ms: due.as_ref().and_then(Due::local_time).map(LocalTime::as_millis),
            from_completion: recurrence
                .as_ref()
                .is_some_and(|it| it.repeat_from() == RepeatFrom::Completion),
            created_at: (*created_at).into(),
            updated_at: (*updated_at).into(),
            revision: *revision,
            uid: Some(uid.as_str().to_owned()),
            list: Some(list.get()),
        }
    }

    fn from_wire(wire: Self::Wire) -> Option<Self> {
        // Earlier versions kept the time with the rule.
        let former = wire.recurrence.as_ref().and_then(|(_, time)| *time);
        let meant = wire.local_ms.or(former).map(LocalTime::from_millis);
        let due = wire.due.map(|due| match due {
            WireDue::On(days) => Date::from_days(days).ok().map(Due::On),
            WireDue::At(at, zone) => {
                let zone = TimeZone::new_unchecked(zone);
                at.time().ok().map(|at| Due::at(at, zone, meant))
            }
        });
        let due = match due {
            Some(due) => Some(due?),
            None => None,
        };
        let from =
            if wire.from_completion { RepeatFrom::Completion } else { RepeatFrom::Due };
        let recurrence = match wire.recurrence {
            Some((rule, _)) => Some(Recurrence::new(Rule::parse(&rule).ok()?, from)),
            None => None,
        };
        let tags = wire.tags.into_iter().map(Tag::new_unchecked).collect();
        let id = TaskId::new(wire.id);
        let created_at = wire.created_at.time().ok()?;
        let uid =
            wire.uid.map_or_else(|| Uid::former(id, created_at), Uid::new_unchecked);
        Some(Self {
            id,
            owner: UserId::new(wire.owner),
            uid,
            title: Title::new(wire.title).ok()?,
            description: wire.description.map(Description::new).transpose().ok()?,
            completed_at: wire.completed_at.map(Millis::time).transpose().ok()?,
            due,
            priority: Priority::from_code(wire.priority)?,
            tags: Tags::new_unchecked(tags),
            position: Position::new_unchecked(wire.position),
            parent: wire.parent.map(TaskId::new),
            list: wire.list.map_or(ListId::DEFAULT, ListId::new),
            recurrence,
            created_at,
            updated_at: wire.updated_at.time().ok()?,
            revision: wire.revision,
            seq: 0,
            origin: Origin::UNKNOWN,
        })
    }
}

/// Outcomes are kept of new tasks only: a known one is found by its uid.
impl Stored for Made {
    type Wire = WireTask;

    fn to_wire(&self) -> Self::Wire {
        match self {
            Self::New(task) | Self::Known(task) => task.to_wire(),
        }
    }

    fn from_wire(wire: Self::Wire) -> Option<Self> {
        Task::from_wire(wire).map(Self::New)
    }
}

impl Stored for Moved {
    type Wire = (WireTask, Option<u64>);

    fn to_wire(&self) -> Self::Wire {
        let (task, finished) = self;
        (task.to_wire(), finished.map(TaskId::get))
    }

    fn from_wire((task, finished): Self::Wire) -> Option<Self> {
        Some((Task::from_wire(task)?, finished.map(TaskId::new)))
    }
}

impl Stored for TaskResults {
    type Wire = Vec<WireResult>;

    fn to_wire(&self) -> Self::Wire {
        self.iter().map(wire).collect()
    }

    fn from_wire(wire: Self::Wire) -> Option<Self> {
        wire.into_iter().map(result).collect()
    }
}

fn wire(result: &Result<TaskDone, TaskFailure>) -> WireResult {
    match result {
        Ok(TaskDone::Created(task)) => WireResult::Created(task.to_wire()),
        Ok(TaskDone::Known(task)) => WireResult::Known(task.to_wire()),
        Ok(TaskDone::Changed { task, finished }) => {
            WireResult::Changed(task.to_wire(), finished.map(TaskId::get))
        }
        Ok(TaskDone::Deleted(count)) => WireResult::Deleted(*count),
        Ok(TaskDone::Restored { task, count }) => {
            WireResult::Restored(task.to_wire(), *count)
        }
        // Only undoing has this result, and no batch undoes.
        Ok(TaskDone::Undone { .. }) => WireResult::NotApplied,
        Err(failure) => wire_failure(failure),
    }
}

fn wire_failure(failure: &TaskFailure) -> WireResult {
    let pairs = |fields: &[FieldError]| {
        let pair = |it: &FieldError| (it.field.clone(), it.message.clone());
        fields.iter().map(pair).collect()
    };
    match failure {
        TaskFailure::Missing => WireResult::Missing,
        TaskFailure::Deleted(id) => WireResult::TaskDeleted(id.get()),
        TaskFailure::Changed(task) => WireResult::ChangedSince(task.to_wire()),
        TaskFailure::ChangedAsTold => WireResult::ChangedAsTold,
        TaskFailure::Conflict(merge) => {
            let Merge { fields, yours, theirs, base } = merge.as_ref();
            let names = fields.iter().map(|field| field.name().to_owned());
            let tasks = [yours, theirs, base].map(Task::to_wire);
            WireResult::Conflict(names.collect(), Box::new(tasks))
        }
        TaskFailure::BaseUnknown => WireResult::BaseUnknown,
        TaskFailure::Invalid(fields) => WireResult::Invalid(pairs(fields)),
        TaskFailure::InvalidTask(fields) => WireResult::InvalidTask(pairs(fields)),
        TaskFailure::IfMatchRequired => WireResult::IfMatchRequired,
        TaskFailure::Quota(QuotaExceeded::Tasks { used, limit }) => {
            WireResult::QuotaOfTasks { used: *used, limit: *limit }
        }
        TaskFailure::Quota(QuotaExceeded::Bytes { used, wanted, limit }) => {
            WireResult::QuotaOfBytes { used: *used, wanted: *wanted, limit: *limit }
        }
        TaskFailure::NotApplied => WireResult::NotApplied,
        TaskFailure::TooMuch => WireResult::TooMuch,
        TaskFailure::NotTried => WireResult::NotTried,
    }
}

fn result(wire: WireResult) -> Option<Result<TaskDone, TaskFailure>> {
    let fields = |pairs: Vec<(String, String)>| {
        let error = |(field, message)| FieldError { field, message };
        pairs.into_iter().map(error).collect()
    };
    Some(match wire {
        WireResult::Created(task) => Ok(TaskDone::Created(Task::from_wire(task)?)),
        WireResult::Known(task) => Ok(TaskDone::Known(Task::from_wire(task)?)),
        WireResult::Changed(task, finished) => Ok(TaskDone::Changed {
            task: Task::from_wire(task)?,
            finished: finished.map(TaskId::new),
        }),
        WireResult::Deleted(count) => Ok(TaskDone::Deleted(count)),
        WireResult::Restored(task, count) => {
            Ok(TaskDone::Restored { task: Task::from_wire(task)?, count })
        }
        WireResult::Missing => Err(TaskFailure::Missing),
        WireResult::TaskDeleted(id) => Err(TaskFailure::Deleted(TaskId::new(id))),
        WireResult::ChangedSince(task) => {
            Err(TaskFailure::Changed(Box::new(Task::from_wire(task)?)))
        }
        WireResult::ChangedAsTold => Err(TaskFailure::ChangedAsTold),
        WireResult::Conflict(names, tasks) => {
            let [yours, theirs, base] = (*tasks).map(Task::from_wire);
            let (yours, theirs, base) = (yours?, theirs?, base?);
            let is_named = |field: &TaskField| names.iter().any(|it| it == field.name());
            let fields = TaskField::ALL.into_iter().filter(is_named).collect();
            Err(TaskFailure::Conflict(Box::new(Merge { fields, yours, theirs, base })))
        }
        WireResult::BaseUnknown => Err(TaskFailure::BaseUnknown),
        WireResult::Invalid(pairs) => Err(TaskFailure::Invalid(fields(pairs))),
        WireResult::InvalidTask(pairs) => Err(TaskFailure::InvalidTask(fields(pairs))),
        WireResult::IfMatchRequired => Err(TaskFailure::IfMatchRequired),
        WireResult::QuotaOfTasks { used, limit } => {
            Err(TaskFailure::Quota(QuotaExceeded::Tasks { used, limit }))
        }
        WireResult::QuotaOfBytes { used, wanted, limit } => {
            Err(TaskFailure::Quota(QuotaExceeded::Bytes { used, wanted, limit }))
        }
        WireResult::NotApplied => Err(TaskFailure::NotApplied),
        WireResult::TooMuch => Err(TaskFailure::TooMuch),
        WireResult::NotTried => Err(TaskFailure::NotTried),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_of_an_earlier_version_is_read() {
        let text = r#"{"id":3,"owner":1,"title":"a","description":null,"completed_at":null,"due":{"At":[1774747800000,"Europe/Berlin"]},"priority":0,"tags":[],"position":"a0","parent":null,"recurrence":["FREQ=DAILY",9000000],"created_at":1,"updated_at":2,"revision":2}"#;
        let wire = serde_json::from_str(text).unwrap();
        let task = Task::from_wire(wire).unwrap();
        let due = task.due.as_ref().unwrap();
        assert_eq!(due.to_string(), "2026-03-29T03:30:00+02:00[Europe/Berlin]");
        assert_eq!(due.local_time().unwrap().to_string(), "02:30");

        let written = serde_json::to_string(&task.to_wire()).unwrap();
        let again = Task::from_wire(serde_json::from_str(&written).unwrap());
        assert_eq!(again, Some(task));
    }
}
