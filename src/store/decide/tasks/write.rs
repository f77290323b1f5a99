//! Writes of tasks.

use std::collections::BTreeSet;

use super::allowance::Allowance;
use super::occurrence::Changes;
use super::overlay::{Authorship, TaskOverlay};
use super::{lists, merge, occurrence, tags, tree, undo, work};
use crate::domain::access::Access;
use crate::domain::author::Author;
use crate::domain::id::{TaskId, UserId};
use crate::domain::position::Position;
use crate::domain::quota::Quota;
use crate::domain::recurrence::Completion;
use crate::domain::tag::Tags;
use crate::domain::task::{
    IfMatch, Neighbour, NewTask, Patched, Skip, Task, TaskAction, TaskDone, TaskMove,
    TaskOp, TaskPatch, TaskRef, TaskRefused, TaskWrite, TaskWritten,
};
use crate::domain::time_zone::TimeZone;
use crate::domain::timestamp::Timestamp;
use crate::domain::uid::Uid;
use crate::store::StoreError;
use crate::store::decide::{Decision, Side, Snapshot, history, tombstones};

/// Result of the rules, within the errors of the file.
pub(super) type Decided<T> = Result<Result<T, TaskRefused>, StoreError>;

/// Time of a write, and the time zone in which its days begin.
#[derive(Clone, Copy)]
pub(in crate::store::decide) struct WriteTime<'a> {
    pub(in crate::store::decide) now: Timestamp,
    pub(in crate::store::decide) home: &'a TimeZone,
}

/// Creates, changes, moves and deletes tasks; see [`crate::store::Store::task_write`].
///
/// # Errors
///
/// Errors of the database.
pub fn write(
    snapshot: &dyn Snapshot,
    owner: UserId,
    write: TaskWrite,
    quota: &Quota,
) -> Result<Decision<Option<TaskWritten>>, StoreError> {
    let Some(figures) = snapshot.figures(owner)? else {
        return Ok(Decision::unchanged(None));
    };
    let allowance = Allowance::new(&figures, quota, most_tasks(&write.ops));
    let author = author(snapshot, owner, write.access)?;
    let (at, salt, unit) = (write.now, write.salt, write.unit);
    let by = Authorship { author, at, salt, unit };
    let mut overlay = TaskOverlay::new(snapshot, owner, &figures, allowance, by)?;
    let mut results = Vec::with_capacity(write.ops.len());
    let mut told = BTreeSet::new();
    let at = WriteTime { now: write.now, home: &write.home };
    for TaskOp { action, if_match } in write.ops {
        // Another change would be examined in vain, or at the cost of all callers that wait.
        let mut result = if results.last().is_some_and(is_too_much) {
            Err(TaskRefused::NotTried)
        } else {
            decide(&mut overlay, action, &if_match, at)?
        };
        if let Err(TaskRefused::Changed(task)) = &result
            && !told.insert((task.id, task.revision))
        {
            result = Err(TaskRefused::ChangedAsTold);
        }
        snapshot.count_result(work::result_bytes(&result));
        results.push(result);
    }
    let is_whole = results.iter().all(Result::is_ok);
    let applied = !write.dry_run && (is_whole || !write.atomic);
    let unit = overlay.unit();
    let mut changes = if applied { overlay.into_changes()? } else { Vec::new() };
    tombstones::make_room(snapshot, owner, &figures, quota, &mut changes)?;
    history::make_room(snapshot, owner, &figures, quota, &mut changes)?;
    Ok(Decision { result: Some(TaskWritten { results, applied, unit }), changes })
}

/// Names the credential of a write.
pub(in crate::store::decide) fn author(
    snapshot: &dyn Snapshot,
    owner: UserId,
    access: Option<Access>,
) -> Result<Author, StoreError> {
    Ok(match access {
        None => Author::Unknown,
        Some(Access::Session(id)) => Author::Session(id),
        Some(Access::Token(id)) => match snapshot.token(owner, id)? {
            Some(token) => Author::Token(id, token.name),
            None => Author::Unknown,
        },
    })
}

/// Returns the maximum number of tasks that operations create or lengthen. A task that comes back, or that moves to
/// another list, takes its subtasks along.
fn most_tasks(ops: &[TaskOp]) -> usize {
    let is_alone = |patch: &TaskPatch| {
        let moves = patch.parent.is_some() || patch.parent_uid.is_some();
        patch.completed != Some(true) && patch.list.is_none() && !moves
    };
    let most = |op: &TaskOp| match &op.action {
        TaskAction::Patch(_, patch) if is_alone(patch) => 1,
        TaskAction::Move(_, to) if to.parent.is_none() => 1,
        TaskAction::Create(_) | TaskAction::Delete(_) => 1,
        TaskAction::Patch(..)
        | TaskAction::Move(..)
        | TaskAction::Skip(..)
        | TaskAction::Restore(_)
        | TaskAction::Undo(..) => TaskWrite::MAX_TOUCHED,
    };
    ops.iter().map(most).fold(0, usize::saturating_add).min(TaskWrite::MAX_TOUCHED)
}

/// Whether no later operation is tried.
const fn is_too_much(result: &Result<TaskDone, TaskRefused>) -> bool {
    matches!(result, Err(TaskRefused::TooMuch | TaskRefused::NotTried))
}

fn decide(
    overlay: &mut TaskOverlay<'_>,
    action: TaskAction,
    if_match: &IfMatch,
    at: WriteTime<'_>,
) -> Decided<TaskDone> {
    if overlay.touched() >= TaskWrite::MAX_TOUCHED {
        return Ok(Err(TaskRefused::TooMuch));
    }
    match action {
        TaskAction::Create(new) => create(overlay, *new),
        TaskAction::Patch(task, patch) => {
            let old = allowed!(find(overlay, &task, if_match)?);
            change(overlay, old, *patch, at)
        }
        TaskAction::Skip(task, Skip { catch_up }) => {
            let old = allowed!(find(overlay, &task, if_match)?);
            let WriteTime { now, home } = at;
            let skipped = old.skip(Completion { at: now, home, catch_up });
            replace(overlay, old, allowed!(skipped), at)
        }
        TaskAction::Move(task, TaskMove { to, parent }) => {
            let old = allowed!(find(overlay, &task, if_match)?);
            let position = Some(allowed!(place(overlay, old.id, to)?));
            let parent = match parent {
                Some(Some(parent)) => Some(Some(allowed!(parent_id(overlay, &parent)?))),
                Some(None) => Some(None),
                None => None,
            };
            let patch = TaskPatch { position, parent, ..TaskPatch::default() };
            change(overlay, old, patch, at)
        }
        TaskAction::Delete(task) => {
            let old = allowed!(find(overlay, &task, if_match)?);
            delete(overlay, old.id)
        }
        TaskAction::Restore(id) => undo::restore(overlay, id, at),
        TaskAction::Undo(id, changes) => undo::undo(overlay, id, &changes, at),
    }
}

/// Finds the task that an operation names, if it meets the precondition.
fn find(overlay: &TaskOverlay<'_>, named: &TaskRef, if_match: &IfMatch) -> Decided<Task> {
    Ok(match overlay.find(named)? {
        None => Err(TaskRefused::Missing),
        Some(old) if if_match.fits(old.revision) => Ok(old),
        Some(old) => Err(TaskRefused::Changed(Box::new(old))),
    })
}

/// Returns the id of a task that is to be a parent.
fn parent_id(overlay: &TaskOverlay<'_>, named: &TaskRef) -> Decided<TaskId> {
    Ok(match (named, overlay.find(named)?) {
        (_, Some(task)) => Ok(task.id),
        (TaskRef::Id(_), None) => Err(TaskRefused::NoParent),
        (TaskRef::Uid(_), None) => Err(TaskRefused::NoParentUid),
    })
}

fn create(overlay: &mut TaskOverlay<'_>, mut new: NewTask) -> Decided<TaskDone> {
    if let Some(uid) = &new.uid
        && let Some(known) = allowed!(known(overlay, uid)?)
    {
        return Ok(Ok(TaskDone::Known(known)));
    }
    if let Some(uid) = new.parent_uid.take() {
        new.parent = Some(allowed!(parent_id(overlay, &TaskRef::Uid(uid))?));
    }
    if let Some(parent) = new.parent {
        allowed!(tree::check_reparent(overlay, None, parent)?);
    }
    let list = lists::of_new(overlay, new.parent, new.list)?;
    if list.is_err() {
        // The task was counted as created.
        overlay.below.clear();
    }
    new.list = Some(allowed!(list));
    new.tags = allowed!(tags::settle(overlay, &Tags::default(), new.tags, "tags")?);
    let made = overlay.create(new)?;
    if made.is_err() {
        // The task was counted as created.
        overlay.below.clear();
    }
    Ok(made.map(TaskDone::Created))
}

/// Finds the task with the uid of a new one, if an earlier request has created it.
fn known(overlay: &TaskOverlay<'_>, uid: &Uid) -> Decided<Option<Task>> {
    if overlay.has_made(uid) {
        return Ok(Err(TaskRefused::UidTwice));
    }
    let Some(id) = overlay.id_of(uid)? else { return Ok(Ok(None)) };
    Ok(match overlay.get(id)? {
        Some(task) => Ok(Some(task)),
        None => Err(TaskRefused::Deleted(id)),
    })
}

fn change(
    overlay: &mut TaskOverlay<'_>,
    old: Task,
    mut patch: TaskPatch,
    at: WriteTime<'_>,
) -> Decided<TaskDone> {
    if let Some(tags) = patch.tags.take_if(|_| !patch.is_import) {
        patch.tags = Some(allowed!(tags::settle(overlay, &old.tags, tags, "tags")?));
    }
    if let Some(tags) = patch.tags_add.take() {
        let removed = patch.tags_remove.as_ref();
        let added = tags::settle_added(overlay, &old.tags, removed, tags)?;
        patch.tags_add = Some(allowed!(added));
    }
    if let Some(uid) = patch.parent_uid.take() {
        patch.parent = Some(Some(allowed!(parent_id(overlay, &TaskRef::Uid(uid))?)));
    }
    allowed!(merge::merge(overlay, &old, &mut patch, at)?);
    patch.list = allowed!(lists::of_changed(overlay, &old, &patch)?);
    let patched = allowed!(patch.apply(&old, at.now, at.home));
    if let Some(parent) = patched.task.parent.filter(|it| Some(*it) != old.parent) {
        allowed!(tree::check_reparent(overlay, Some(old.id), parent)?);
    }
    replace(overlay, old, patched, at)
}

/// Replaces a task. If it moved to another list or on to its next occurrence, its subtasks move with it.
fn replace(
    overlay: &mut TaskOverlay<'_>,
    old: Task,
    patched: Patched,
    at: WriteTime<'_>,
) -> Decided<TaskDone> {
    let Patched { task: new, advanced } = patched;
    let mut changes = Changes::new(overlay);
    let done = occurrence::replace(&mut changes, old, new, advanced, at)?;
    if done.is_err() {
        changes.undo()?;
    }
    Ok(done)
}

fn delete(overlay: &mut TaskOverlay<'_>, id: TaskId) -> Decided<TaskDone> {
    let doomed = allowed!(tree::subtree(overlay, id)?);
    if overlay.touched() + doomed.len() > TaskWrite::MAX_TOUCHED {
        return Ok(Err(TaskRefused::TooMuch));
    }
    let mut tasks = Vec::with_capacity(doomed.len());
    for id in doomed {
        tasks.extend(overlay.get(id)?);
    }
    if !overlay.may_touch(tasks.iter().map(Task::rows).fold(0, u64::saturating_add)) {
        return Ok(Err(TaskRefused::TooMuch));
    }
    let count = u64::try_from(tasks.len()).unwrap_or(u64::MAX);
    for task in tasks {
        overlay.delete(task)?;
    }
    Ok(Ok(TaskDone::Deleted(count)))
}

/// Returns a position beside the neighbour.
fn place(overlay: &TaskOverlay<'_>, id: TaskId, to: Neighbour) -> Decided<Position> {
    let (before, after) = match &to {
        Neighbour::First => (None, overlay.outermost(Side::Before, Some(id))?),
        Neighbour::Last => (overlay.outermost(Side::After, Some(id))?, None),
        Neighbour::Before(other) | Neighbour::After(other) => {
            let Some(other) = overlay.find(other)?.filter(|task| task.id != id) else {
                return Ok(Err(TaskRefused::NoNeighbour));
            };
            let position = other.position;
            if matches!(to, Neighbour::Before(_)) {
                (overlay.beside(&position, Side::Before, id)?, Some(position))
            } else {
                let next = overlay.beside(&position, Side::After, id)?;
                (Some(position), next)
            }
        }
    };
    let between = Position::between(before.as_ref(), after.as_ref());
    Ok(between.map_err(|_| TaskRefused::NoRoom))
}
