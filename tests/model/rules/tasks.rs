//! Model of the rules of task writes: on a copy, one after the other, by reading everything.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use duly::domain::author::Author;
use duly::domain::id::{ListId, TaskId, UserId};
use duly::domain::position::Position;
use duly::domain::quota::{QuotaExceeded, Usage};
use duly::domain::tag::{Tag, Tags};
use duly::domain::task::{
    Gone, IfMatch, Neighbour, NewTask, Skip, Task, TaskAction, TaskDone, TaskMove,
    TaskOp, TaskPatch, TaskRef, TaskRefused, TaskWrite, TaskWritten, Tombstone,
};
use duly::domain::time_zone::TimeZone;
use duly::domain::timestamp::Timestamp;
use duly::domain::uid::Uid;

use super::patch::{
    Patched, Step, brought_back, finished as finished_copy, moment_before, patched,
    skipped,
};
use crate::harness::memory::State;

type Decided = Result<TaskDone, TaskRefused>;

impl State {
    pub(super) fn write(
        &mut self,
        owner: UserId,
        write: TaskWrite,
    ) -> Option<TaskWritten> {
        if !self.users.contains_key(&owner) {
            return None;
        }
        let mut after = self.clone();
        let mut gone: Vec<Timestamp> = Vec::new();
        let mut results = Vec::new();
        let mut told = BTreeSet::new();
        let mut uids: BTreeSet<Uid> = BTreeSet::new();
        for op in write.ops {
            let (mut tried, mut now_gone) = (after.clone(), gone.clone());
            let is_twice = match &op.action {
                TaskAction::Create(new) => {
                    new.uid.as_ref().is_some_and(|it| uids.contains(it))
                }
                _ => false,
            };
            let mut result = if is_twice {
                Err(TaskRefused::UidTwice)
            } else {
                tried.decide(owner, op, write.now, &mut now_gone)
            };
            if let Ok(TaskDone::Created(task)) = &result {
                uids.insert(task.uid.clone());
            }
            if let Err(TaskRefused::Changed(task)) = &result
                && !told.insert((task.id, task.revision))
            {
                result = Err(TaskRefused::ChangedAsTold);
            }
            if result.is_ok() {
                (after, gone) = (tried, now_gone);
            }
            results.push(result);
        }
        let failed = results.iter().any(Result::is_err);
        let newest = self.newest.get(&owner).copied().unwrap_or(Timestamp::EPOCH);
        let is_new = |task: &&Task| !self.tasks.contains_key(&task.id);
        // A task that was created and deleted at once does not leave the time of its change.
        let made = after.tasks_of(owner).filter(is_new).map(|task| task.created_at);
        let newest = made.chain(gone).max().unwrap_or(newest).max(newest);
        after.newest.insert(owner, newest);
        // A task that was created and deleted at once leaves no trace.
        after.tombstones.retain(|key, gone| {
            let was_there =
                gone.of.task().is_none_or(|(id, _)| self.tasks.contains_key(&id));
            self.tombstones.contains_key(key) || was_there
        });
        let applied = !(write.dry_run || write.atomic && failed);
        if applied {
            *self = after;
        }
        Some(TaskWritten { results, applied, unit: 0 })
    }

    fn decide(
        &mut self,
        owner: UserId,
        op: TaskOp,
        now: Timestamp,
        gone: &mut Vec<Timestamp>,
    ) -> Decided {
        let TaskOp { action, if_match } = op;
        let named = match &action {
            TaskAction::Create(new) => {
                let mut new = NewTask::clone(new);
                if let Some(uid) = &new.uid {
                    let mut gone =
                        self.tombstones_of(owner).filter_map(|it| it.of.task());
                    if let Some(known) = self.tasks_of(owner).find(|it| it.uid == *uid) {
                        return Ok(TaskDone::Known(known.clone()));
                    }
                    if let Some((id, _)) = gone.find(|(_, it)| *it == uid) {
                        return Err(TaskRefused::Deleted(id));
                    }
                }
                if let Some(uid) = new.parent_uid.take() {
                    new.parent = Some(self.parent(owner, &TaskRef::Uid(uid))?);
                }
                if let Some(parent) = new.parent {
                    self.check_reparent(owner, None, parent)?;
                }
                let before = ListId::new(1);
                let list = self.list_below(owner, new.parent, new.list, before)?;
                new.list = Some(list);
                new.tags = self.settled(owner, &Tags::default(), &new.tags);
                return self.make(owner, new).map(TaskDone::Created);
            }
            TaskAction::Patch(named, _)
            | TaskAction::Skip(named, _)
            | TaskAction::Move(named, _)
            | TaskAction::Delete(named) => named.clone(),
            TaskAction::Restore(_) | TaskAction::Undo(..) => {
                unreachable!("the model has no history")
            }
        };
        let old = self.named(owner, &named).ok_or(TaskRefused::Missing)?;
        let id = old.id;
        let (revisions, wanted) = match if_match {
            IfMatch::Any => (vec![old.revision], true),
            IfMatch::OneOf(revisions) => (revisions, true),
            IfMatch::NoneOf(revisions) => (revisions, false),
        };
        if revisions.contains(&old.revision) != wanted {
            return Err(TaskRefused::Changed(Box::new(old)));
        }
        match action {
            TaskAction::Patch(_, patch) => self.change(&old, *patch, now),
            TaskAction::Skip(_, Skip { catch_up }) => {
                let skipped = skipped(&old, now, catch_up)?;
                self.replace(&old, skipped, now)
            }
            TaskAction::Move(_, TaskMove { to, parent }) => {
                let position = Some(self.place(&old, &to)?);
                let parent = match parent {
                    Some(Some(parent)) => Some(Some(self.parent(owner, &parent)?)),
                    Some(None) => Some(None),
                    None => None,
                };
                let patch = TaskPatch { position, parent, ..TaskPatch::default() };
                self.change(&old, patch, now)
            }
            _ => {
                let doomed = self.below(owner, id);
                for id in &doomed {
                    let task = self.tasks.remove(id).unwrap();
                    let newest = self.newest.entry(owner).or_insert(Timestamp::EPOCH);
                    *newest = (*newest).max(task.updated_at);
                    gone.push(task.updated_at);
                    self.bury(task, now);
                }
                Ok(TaskDone::Deleted(doomed.iter().map(|_| 1).sum()))
            }
        }
    }

    fn named(&self, owner: UserId, named: &TaskRef) -> Option<Task> {
        let mut tasks = self.tasks_of(owner);
        let task = match named {
            TaskRef::Id(id) => tasks.find(|it| it.id == *id),
            TaskRef::Uid(uid) => tasks.find(|it| it.uid == *uid),
        };
        task.cloned()
    }

    fn parent(&self, owner: UserId, named: &TaskRef) -> Result<TaskId, TaskRefused> {
        let missing = match named {
            TaskRef::Id(_) => TaskRefused::NoParent,
            TaskRef::Uid(_) => TaskRefused::NoParentUid,
        };
        self.named(owner, named).map(|it| it.id).ok_or(missing)
    }

    /// Keeps the trace of a task that was not only created by the same write.
    pub(super) fn bury(&mut self, task: Task, at: Timestamp) {
        let Task { owner, id, uid, .. } = task;
        let seqs = self.seqs.entry(owner).or_default();
        seqs.last += 1;
        let (seq, author) = (seqs.last, Author::Unknown);
        let of = Gone::Task(id, uid);
        let tombstone = Tombstone { owner, of, seq, unit: seq, at, author };
        self.tombstones.insert((owner, seq), tombstone);
    }

    fn make(&mut self, owner: UserId, new: NewTask) -> Result<Task, TaskRefused> {
        let newest = self.newest.get(&owner).copied().unwrap_or(Timestamp::EPOCH);
        let new = new.no_earlier_than(newest);
        let last = self.tasks_of(owner).map(|task| &task.position).max();
        let position = match &new.position {
            Some(position) => position.clone(),
            None => Position::between(last, None).map_err(|_| TaskRefused::NoRoom)?,
        };
        let id = TaskId::new(self.last_task + 1);
        let uid = new.uid.clone().unwrap_or_else(|| Uid::made(id, 0));
        let made = self.dated(new.into_task(owner, id, uid, position)?);
        let Usage { tasks, own, .. } = self.usage(owner);
        if let Some(limit) = self.quota.tasks_of(own).filter(|limit| tasks >= *limit) {
            return Err(TaskRefused::Quota(QuotaExceeded::Tasks { used: tasks, limit }));
        }
        self.last_task += 1;
        self.newest.insert(owner, made.created_at.max(newest));
        self.tasks.insert(made.id, made.clone());
        Ok(made)
    }

    fn change(&mut self, old: &Task, mut patch: TaskPatch, now: Timestamp) -> Decided {
        if let Some(tags) = patch.tags.as_mut().filter(|_| !patch.is_import) {
            *tags = self.settled(old.owner, &old.tags, tags);
        }
        if let Some(tags) = patch.tags_add.as_mut() {
            let removed = patch.tags_remove.clone().unwrap_or_default();
            let is_twin = |all: &Tags, tag: &Tag| {
                all.iter().any(|it| it.caseless() == tag.caseless())
            };
            let has = |tag: &Tag| is_twin(&old.tags, tag) && !is_twin(&removed, tag);
            let new = tags.iter().filter(|tag| !has(tag)).cloned().collect();
            let new = Tags::new(new).unwrap_or_default();
            *tags = self.settled(old.owner, &old.tags, &new);
        }
        if let Some(uid) = patch.parent_uid.take() {
            patch.parent = Some(Some(self.parent(old.owner, &TaskRef::Uid(uid))?));
        }
        let wanted = patch.list.filter(|list| *list != old.list);
        let parent = patch.parent.unwrap_or(old.parent);
        if wanted.is_some() || parent != old.parent {
            let list = self.list_below(old.owner, parent, wanted, old.list)?;
            patch.list = Some(list);
        }
        let patched = patched(old, patch, now)?;
        let task = &patched.task;
        if let Some(parent) = task.parent.filter(|_| task.parent != old.parent) {
            self.check_reparent(task.owner, Some(task.id), parent)?;
        }
        self.replace(old, patched, now)
    }

    fn replace(&mut self, old: &Task, new: Patched, now: Timestamp) -> Decided {
        let Patched { task, step } = new;
        let Some(Step { finished: record, days }) = step else {
            let task = if task == *old { task } else { self.dated(task) };
            self.put(task.clone(), now);
            return Ok(TaskDone::Changed { task, finished: None });
        };
        let owner = task.owner;
        // A patch may have set the date that has passed.
        let passed = moment_before(task.due.as_ref().unwrap(), days);
        let record = record.map(|new| self.make(owner, new)).transpose()?;
        let finished = record.map(|task| task.id);
        let task = self.dated(task);
        self.put(task.clone(), now);
        // Tasks that came back, with the record below which those of their subtasks stand.
        let mut back = BTreeMap::from([(task.id, finished)]);
        for id in self.below(owner, task.id).into_iter().skip(1) {
            let subtask = self.tasks[&id].clone();
            let Some(&above) = back.get(&subtask.parent.unwrap()) else { continue };
            let due = subtask.due.as_ref().map(|due| due.moment(&TimeZone::utc()));
            let has_rule = subtask.recurrence.is_some() && !subtask.is_completed();
            if has_rule && due.is_some_and(|due| due > passed) {
                continue;
            }
            let is_kept = subtask.is_completed() && finished.is_some();
            let record = if is_kept {
                Some(self.make(owner, finished_copy(&subtask, above, now))?.id)
            } else {
                above
            };
            back.insert(id, record);
            let new = brought_back(&subtask, days, now);
            let new = if new == subtask { new } else { self.dated(new) };
            self.tasks.insert(id, new);
        }
        Ok(TaskDone::Changed { task, finished })
    }

    /// Replaces a task. The tasks below it follow it to its list.
    fn put(&mut self, task: Task, now: Timestamp) {
        let (owner, id, list) = (task.owner, task.id, task.list);
        self.tasks.insert(id, task);
        for id in self.below(owner, id).into_iter().skip(1) {
            let moved = self.moved(&self.tasks[&id].clone(), list, now);
            self.tasks.insert(id, moved);
        }
    }

    /// Returns the tags of a task: an unused tag is replaced by its twin that another task has.
    fn settled(&self, owner: UserId, before: &Tags, wanted: &Tags) -> Tags {
        let known = self.tags_of(owner);
        let mut settled: Vec<Tag> = Vec::new();
        for tag in wanted.iter() {
            let users = |of: &Tag| known.get(of).map_or(0, |it| it.total);
            let twin = known.keys().find(|twin| {
                let mine = u64::from(before.contains(twin));
                twin.caseless() == tag.caseless() && users(twin) > mine
            });
            let stays = before.contains(tag) || users(tag) > 0;
            let tag = twin.filter(|_| !stays).unwrap_or(tag);
            settled.push(tag.clone());
        }
        settled.sort_unstable();
        let is_alone = |at: usize, tag: &Tag| {
            let is_old = before.contains(tag);
            let twin = |(other, it): (usize, &Tag)| {
                it.caseless() == tag.caseless()
                    && (before.contains(it) || (!is_old && other < at))
            };
            is_old || !settled.iter().enumerate().any(|it| it.0 != at && twin(it))
        };
        let kept = settled.iter().enumerate().filter(|(at, tag)| is_alone(*at, tag));
        Tags::new(kept.map(|(_, tag)| tag.clone()).collect()).unwrap()
    }

    /// Returns a changed task, dated no earlier than any change before.
    pub(super) fn dated(&self, mut task: Task) -> Task {
        let others = self.tasks_of(task.owner).map(|other| other.updated_at);
        let newest = self.newest.get(&task.owner).copied();
        let all = others.chain(newest).chain([task.updated_at]);
        task.updated_at = all.max().unwrap();
        task
    }

    /// Returns a task and its descendants.
    fn below(&self, owner: UserId, top: TaskId) -> Vec<TaskId> {
        let mut found = vec![top];
        let mut next = 0;
        while let Some(parent) = found.get(next).copied() {
            let children = self.tasks_of(owner).filter(|it| it.parent == Some(parent));
            found.extend(children.map(|task| task.id));
            next += 1;
        }
        found
    }

    /// Returns a task and its ancestors, from the nearest on, itself first.
    fn above(&self, owner: UserId, id: TaskId) -> Vec<TaskId> {
        let mut path = vec![id];
        while let Some(parent) =
            self.find(owner, path[path.len() - 1]).and_then(|it| it.parent)
        {
            path.push(parent);
        }
        path
    }

    fn check_reparent(
        &self,
        owner: UserId,
        id: Option<TaskId>,
        parent: TaskId,
    ) -> Result<(), TaskRefused> {
        if self.find(owner, parent).is_none() && Some(parent) != id {
            return Err(TaskRefused::NoParent);
        }
        let path = self.above(owner, parent);
        if id.is_some_and(|id| path.contains(&id)) {
            return Err(TaskRefused::Cycle);
        }
        let moved = id.map(|id| self.below(owner, id)).unwrap_or_default();
        let depth = |task: &TaskId| self.above(owner, *task).len();
        let top_depth = id.as_ref().map_or(0, depth);
        let levels =
            moved.iter().map(depth).max().map_or(1, |deepest| deepest + 1 - top_depth);
        if path.len() + levels > Task::MAX_DEPTH {
            return Err(TaskRefused::TooDeep);
        }
        let root = path[path.len() - 1];
        let there = self.below(owner, root);
        let others = there.iter().filter(|it| !moved.contains(it)).count() - 1;
        if others + moved.len().max(1) > Task::MAX_DESCENDANTS {
            return Err(TaskRefused::TooManyBelow);
        }
        Ok(())
    }

    fn place(&self, task: &Task, to: &Neighbour) -> Result<Position, TaskRefused> {
        let others = || self.tasks_of(task.owner).filter(|it| it.id != task.id);
        let positions = || others().map(|it| &it.position);
        let beside = |named: &TaskRef, side: Ordering| {
            let other = self.named(task.owner, named).filter(|it| it.id != task.id);
            let here = other.ok_or(TaskRefused::NoNeighbour)?.position;
            let that_side = positions().filter(|it| (*it).cmp(&here) == side);
            let next = match side {
                Ordering::Less => that_side.max(),
                _ => that_side.min(),
            };
            Ok((here.clone(), next))
        };
        let between = match to {
            Neighbour::First => Position::between(None, positions().min()),
            Neighbour::Last => Position::between(positions().max(), None),
            Neighbour::Before(id) => {
                let (here, next) = beside(id, Ordering::Less)?;
                Position::between(next, Some(&here))
            }
            Neighbour::After(id) => {
                let (here, next) = beside(id, Ordering::Greater)?;
                Position::between(Some(&here), next)
            }
        };
        between.map_err(|_| TaskRefused::NoRoom)
    }
}
