//! History of tasks, trash and undoing.
//!
//! Every method takes the [`Caller`] and finds the tasks of that account only.

use tracing::instrument;

use super::{Error, FieldError, Recorder, Service};
use crate::auth::Caller;
use crate::auth::permission::{TasksRead, TasksWrite};
use crate::domain::access::Access;
use crate::domain::id::{SessionId, TaskId, TokenId};
use crate::domain::task::{
    HistoryEntry, IfMatch, TaskAction, TaskDone, TaskHistory, TaskOp, TaskRefused,
    TaskWrite, TaskWritten, TrashPage, UndoOfTask, UndoPlan, UndoScope, Undone,
};
use crate::domain::time_zone::TimeZone;
use crate::domain::timestamp::Timestamp;

const NO_TASK: Error = Error::NotFound { what: "task" };

/// Tasks that one write undoes. Others of the account and of the server wait meanwhile.
const AT_ONCE: usize = 250;

/// Changes that a person wants to undo, unchecked. Exactly one of `change`, `batch` and `since` with `credential` is
/// given.
#[derive(Clone, Debug, Default)]
pub struct UndoInput {
    /// Number of a change.
    pub change: Option<u64>,
    /// Number of a batch.
    pub batch: Option<u64>,
    /// Time since which changes are undone, in RFC 3339.
    pub since: Option<String>,
    /// Id of the session or personal token that made the changes.
    pub credential: Option<String>,
    /// Whether fields that were edited since are left as they are.
    pub skip: bool,
}

/// Result of an undoing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UndoReport {
    /// Number of the batch of the new changes; `None` if there are none.
    pub batch: Option<u64>,
    /// Number of tasks that have former values again.
    pub changed: u64,
    /// Number of tasks that were deleted and are restored.
    pub restored: u64,
    /// Number of tasks that were created and are deleted.
    pub deleted: u64,
    /// First tasks with fields that were edited since.
    pub kept: Vec<Kept>,
    /// Number of all such tasks.
    pub kept_total: u64,
}

/// Task that keeps values that it has got since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Task.
    pub id: TaskId,
    /// Names of the fields.
    pub fields: Vec<String>,
}

impl UndoReport {
    /// Maximum number of tasks that are named.
    pub const MAX_KEPT: usize = 100;

    fn keep(&mut self, id: TaskId, fields: &[&'static str]) {
        self.kept_total += 1;
        if self.kept.len() < Self::MAX_KEPT {
            let fields = fields.iter().map(|field| (*field).to_owned()).collect();
            self.kept.push(Kept { id, fields });
        }
    }

    /// Counts the results of one write.
    fn add(&mut self, tasks: &[(TaskId, UndoOfTask)], written: &TaskWritten) {
        for ((id, _), result) in tasks.iter().zip(&written.results) {
            match result {
                Ok(TaskDone::Undone { outcome, edited }) => {
                    match outcome {
                        Undone::Nothing => {}
                        Undone::Changed => self.changed += 1,
                        Undone::Restored => self.restored += 1,
                        Undone::Deleted => self.deleted += 1,
                    }
                    if !edited.is_empty() {
                        self.keep(*id, edited);
                    }
                }
                Err(TaskRefused::Edited(fields)) => self.keep(*id, fields),
                Ok(_) | Err(_) => {}
            }
        }
        if written.applied && self.changed + self.restored + self.deleted > 0 {
            self.batch = self.batch.or(Some(written.unit));
        }
    }
}

impl UndoInput {
    fn check(self) -> Result<UndoScope, Vec<FieldError>> {
        let fault = |field, message: &str| vec![FieldError::new(field, message)];
        let by_time = self.since.is_some() || self.credential.is_some();
        match (self.change, self.batch, by_time) {
            (Some(seq), None, false) => Ok(UndoScope::Change(seq)),
            (None, Some(unit), false) => Ok(UndoScope::Batch(unit)),
            (None, None, true) => {
                let since = self.since.and_then(|text| text.parse::<Timestamp>().ok());
                let credential = self.credential.as_deref().and_then(access);
                let mut faults = Vec::new();
                if since.is_none() {
                    let message = "must be a time such as 2030-05-01T12:00:00Z";
                    faults.extend(fault("since", message));
                }
                if credential.is_none() {
                    let message = "must be the id of a session or a personal token";
                    faults.extend(fault("credential", message));
                }
                match (since, credential) {
                    (Some(since), Some(by)) => Ok(UndoScope::Since(since, by)),
                    _ => Err(faults),
                }
            }
            _ => Err(fault(
                "change",
                "or batch, or since with credential must be given, and only one of them",
            )),
        }
    }
}

/// Reads the id of a session or of a personal token.
fn access(text: &str) -> Option<Access> {
    let session = text.parse::<SessionId>().ok().map(Access::Session);
    session.or_else(|| text.parse::<TokenId>().ok().map(Access::Token))
}

impl Service {
    /// Returns the last changes of a task, also of a deleted one in the trash.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and store errors.
    pub async fn task_history(
        &self,
        caller: &Caller<TasksRead>,
        id: TaskId,
    ) -> Result<TaskHistory, Error> {
        let most = usize::try_from(HistoryEntry::KEPT_PER_TASK).unwrap_or(usize::MAX);
        let found = self.0.store.history_list(caller.user.id, id, most).await?;
        found.ok_or(NO_TASK)
    }

    /// Lists deleted tasks that can be restored, the last deletion first, starting before a deletion.
    ///
    /// # Errors
    ///
    /// [`Error::BadToken`] if the account has just been deleted, and store errors.
    pub async fn trash_list(
        &self,
        caller: &Caller<TasksRead>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<TrashPage, Error> {
        let page = self.0.store.trash_list(caller.user.id, before, limit).await?;
        page.ok_or(Error::BadToken)
    }

    /// Deletes a task of the trash for good, with its history.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if it is not in the trash, and store errors.
    #[instrument(level = "debug", skip_all, fields(user.id = %caller.user.id, task.id = %id))]
    pub async fn trash_delete(
        &self,
        caller: &Caller<TasksWrite>,
        id: TaskId,
        recorder: Recorder<()>,
    ) -> Result<(), Error> {
        let kept = |count: &u64| (*count > 0).then_some(());
        let context = recorder.context(self.authority(caller), kept);
        let count = self.0.store.trash_empty(caller.user.id, Some(id), context).await?;
        if count == 0 { Err(NO_TASK) } else { Ok(()) }
    }

    /// Deletes all tasks of the trash for good, in several writes if there are many. Returns their number.
    ///
    /// # Errors
    ///
    /// Store errors. Some tasks may be deleted then.
    #[instrument(level = "debug", skip_all, fields(user.id = %caller.user.id))]
    pub async fn trash_empty(
        &self,
        caller: &Caller<TasksWrite>,
        recorder: Recorder<u64>,
    ) -> Result<u64, Error> {
        let mut total = 0;
        loop {
            // Only the last write, which deletes nothing, keeps the outcome.
            let kept = move |count: &u64| (*count == 0).then_some(total);
            let context = recorder.clone().context(self.authority(caller), kept);
            let count = self.0.store.trash_empty(caller.user.id, None, context).await?;
            if count == 0 {
                return Ok(total);
            }
            total += count;
        }
    }

    /// Undoes changes as far as their values still stand, in several writes if there are many. If it is interrupted, some
    /// tasks have their former values, and the same request goes on with the others.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], [`Error::NotFound`] if there are no such changes, [`Error::TooMuch`],
    /// [`Error::EditedSince`] unless edited fields are to be skipped, [`Error::Quota`], and store errors.
    #[instrument(level = "debug", skip_all, fields(user.id = %caller.user.id))]
    pub async fn undo(
        &self,
        caller: &Caller<TasksWrite>,
        input: UndoInput,
        dry_run: bool,
        recorder: Recorder<UndoReport>,
    ) -> Result<UndoReport, Error> {
        let skip = input.skip;
        let scope = input.check().map_err(Error::Invalid)?;
        let UndoPlan { mut tasks, is_too_much } =
            self.0.store.undo_plan(caller.user.id, scope).await?;
        if is_too_much {
            return Err(Error::TooMuch);
        }
        if tasks.is_empty() {
            return Err(Error::NotFound { what: "change" });
        }
        let tried = if dry_run || !skip {
            // With all edited tasks, since others may be below them.
            for (_, undo) in &mut tasks {
                undo.skip = true;
            }
            let tried = self.undo_all(caller, &tasks, true, recorder.clone()).await?;
            if !skip && tried.kept_total > 0 {
                return Err(Error::EditedSince(tried));
            }
            Some(tried)
        } else {
            None
        };
        for (_, undo) in &mut tasks {
            undo.skip = skip;
        }
        match tried {
            Some(tried) if dry_run => Ok(tried),
            _ => self.undo_all(caller, &tasks, false, recorder).await,
        }
    }

    async fn undo_all(
        &self,
        caller: &Caller<TasksWrite>,
        tasks: &[(TaskId, UndoOfTask)],
        dry_run: bool,
        recorder: Recorder<UndoReport>,
    ) -> Result<UndoReport, Error> {
        let (mut report, mut rest, mut most) = (UndoReport::default(), tasks, AT_ONCE);
        while !rest.is_empty() {
            let (now, after) = rest.split_at(most.min(rest.len()));
            let write = self.undo_write(caller, now, report.batch, dry_run);
            // Only the last write keeps the outcome.
            let (is_last, tasks) = (after.is_empty(), now.to_vec());
            let so_far = report.clone();
            let kept = move |written: &Option<TaskWritten>| {
                let written = written.as_ref().filter(|it| is_last && it.applied)?;
                let mut report = so_far.clone();
                report.add(&tasks, written);
                Some(report)
            };
            let context = recorder.clone().context(self.authority(caller), kept);
            let written = self.0.store.task_write(caller.user.id, write, context).await?;
            let written = written.ok_or(Error::BadToken)?;
            let refused = written.results.iter().find_map(|result| result.as_ref().err());
            match refused {
                Some(TaskRefused::TooMuch) if most > 1 => {
                    most /= 2;
                    continue;
                }
                Some(TaskRefused::Edited(_)) => {
                    report.add(now, &written);
                    return Err(Error::EditedSince(report));
                }
                Some(TaskRefused::Quota(exceeded)) => {
                    return Err(Error::Quota(*exceeded));
                }
                Some(_) => return Err(Error::TooMuch),
                None => {}
            }
            report.add(now, &written);
            rest = after;
        }
        Ok(report)
    }

    fn undo_write(
        &self,
        caller: &Caller<TasksWrite>,
        tasks: &[(TaskId, UndoOfTask)],
        unit: Option<u64>,
        dry_run: bool,
    ) -> TaskWrite {
        let op = |(id, undo): &(TaskId, UndoOfTask)| TaskOp {
            action: TaskAction::Undo(*id, undo.clone()),
            if_match: IfMatch::Any,
        };
        TaskWrite {
            ops: tasks.iter().map(op).collect(),
            atomic: true,
            dry_run,
            now: self.0.clock.now(),
            home: TimeZone::utc(),
            access: Some(caller.access),
            salt: 0,
            unit,
        }
    }
}
