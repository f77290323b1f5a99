//! Tasks, and results of batches.

use serde::{Deserialize, Serialize};

use super::Stored;
use crate::domain::id::TaskId;
use crate::domain::quota::QuotaExceeded;
use crate::domain::task::{Task, TaskDone};
use crate::service::FieldError;
use crate::service::lines::WireTask;
use crate::service::tasks::{Moved, TaskFailure, TaskResults};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::service::idempotency) enum WireResult {
    Created(WireTask),
    Changed(WireTask, Option<u64>),
    Deleted(u64),
    Missing,
    ChangedSince(WireTask),
    ChangedAsTold,
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
        WireTask::of(self)
    }

    fn from_wire(wire: Self::Wire) -> Option<Self> {
        wire.check().ok()
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
        Ok(TaskDone::Changed { task, finished }) => {
            WireResult::Changed(task.to_wire(), finished.map(TaskId::get))
        }
        Ok(TaskDone::Deleted(count)) => WireResult::Deleted(*count),
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
        TaskFailure::Changed(task) => WireResult::ChangedSince(task.to_wire()),
        TaskFailure::ChangedAsTold => WireResult::ChangedAsTold,
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
        WireResult::Changed(task, finished) => Ok(TaskDone::Changed {
            task: Task::from_wire(task)?,
            finished: finished.map(TaskId::new),
        }),
        WireResult::Deleted(count) => Ok(TaskDone::Deleted(count)),
        WireResult::Missing => Err(TaskFailure::Missing),
        WireResult::ChangedSince(task) => {
            Err(TaskFailure::Changed(Box::new(Task::from_wire(task)?)))
        }
        WireResult::ChangedAsTold => Err(TaskFailure::ChangedAsTold),
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
