//! Future state of the tasks of an account, while a write of several changes is decided.

mod changes;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::allowance::Allowance;
use super::work;
use crate::domain::author::Author;
use crate::domain::id::{ListId, TaskId, UserId};
use crate::domain::position::Position;
use crate::domain::tag::{Tag, Tags};
use crate::domain::task::{
    Deletion, Gone, NewTask, Origin, Task, TaskRef, TaskRefused, TaskWrite, Tombstone,
};
use crate::domain::timestamp::Timestamp;
use crate::domain::uid::Uid;
use crate::store::StoreError;
use crate::store::decide::{Figures, Side, Snapshot};

/// Maximum number of tags of an account that differ by case alone and are examined: one more than a task can have, so
/// that one of them belongs to another task.
const TWINS: usize = Tags::MAX + 1;

/// Maximum number of tasks whose stored children are remembered.
const MAX_FAMILIES: usize = TaskWrite::MAX_LOOKED_AT;

/// Snapshot with the changes so far on top.
pub(in crate::store::decide) struct TaskOverlay<'a> {
    snapshot: &'a dyn Snapshot,
    pub(super) owner: UserId,
    allowance: Allowance,
    edited: BTreeMap<TaskId, Edited>,
    /// Stored children of tasks, as far as they were read.
    families: RefCell<BTreeMap<TaskId, Vec<TaskId>>>,
    /// Whether lists exist, as far as they were looked up.
    lists: RefCell<BTreeMap<ListId, bool>>,
    /// Edited tasks with a parent, by parent.
    children: BTreeMap<TaskId, BTreeSet<TaskId>>,
    /// Number of tasks below others, as far as it was counted.
    pub(super) below: BTreeMap<TaskId, usize>,
    /// Number of tasks examined to count those below others.
    pub(super) looked_at: Cell<usize>,
    /// Maximum of `looked_at`.
    pub(in crate::store::decide) most_looked_at: usize,
    /// Upper bound of the rows that the changes so far touch.
    rows: u64,
    newest: Timestamp,
    /// Latest change of a deleted task.
    gone: Option<Timestamp>,
    /// Time of the last change of any task, once it was read.
    latest: Option<Timestamp>,
    next_id: u64,
    tags: u64,
    /// Change of the number of tasks with a tag.
    tag_uses: BTreeMap<Tag, i64>,
    /// Tags added to tasks, which may be new.
    tags_given: BTreeSet<Tag>,
    /// Tags that tasks have or may get, by the text that twins share. Read on demand.
    tags_known: Option<BTreeMap<String, Vec<Tag>>>,
    /// Imported tasks, and whether their neighbours by id are also their neighbours by time.
    restored: BTreeMap<TaskId, bool>,
    /// Tombstones of deleted tasks.
    buried: BTreeMap<TaskId, Tombstone>,
    /// Tombstones of tasks that come back.
    raised: BTreeMap<u64, Tombstone>,
    /// Tasks that are restored, as they were deleted, with the number of the deletion.
    revived: BTreeMap<TaskId, (Deletion, Task)>,
    /// Uids of created tasks.
    uids: BTreeMap<Uid, TaskId>,
    /// Number up to which changes are forgotten.
    forgotten: u64,
    /// Number of the first change of this batch, and of the next one.
    unit: u64,
    next_seq: u64,
    author: Author,
    /// Time of the write.
    at: Timestamp,
    /// Random number for uids.
    salt: u64,
}

/// Author and time of a write, and a random number for the uids that it makes.
pub(in crate::store::decide) struct Authorship {
    pub(in crate::store::decide) author: Author,
    pub(in crate::store::decide) at: Timestamp,
    pub(in crate::store::decide) salt: u64,
    /// Number of the batch that this write continues; `None` for a batch of its own.
    pub(in crate::store::decide) unit: Option<u64>,
}

struct Edited {
    old: Option<Task>,
    new: Option<Task>,
}

impl<'a> TaskOverlay<'a> {
    pub(in crate::store::decide) fn new(
        snapshot: &'a dyn Snapshot,
        owner: UserId,
        figures: &Figures,
        allowance: Allowance,
        by: Authorship,
    ) -> Result<Self, StoreError> {
        let first = figures.seq.saturating_add(1);
        Ok(Self {
            snapshot,
            owner,
            allowance,
            edited: BTreeMap::new(),
            families: RefCell::default(),
            lists: RefCell::new(BTreeMap::from([(ListId::DEFAULT, true)])),
            children: BTreeMap::new(),
            below: BTreeMap::new(),
            looked_at: Cell::new(0),
            most_looked_at: TaskWrite::MAX_LOOKED_AT,
            rows: 0,
            newest: figures.newest,
            gone: None,
            latest: None,
            next_id: snapshot.next_task_id()?.get(),
            tags: figures.tags,
            tag_uses: BTreeMap::new(),
            tags_given: BTreeSet::new(),
            tags_known: None,
            restored: BTreeMap::new(),
            buried: BTreeMap::new(),
            raised: BTreeMap::new(),
            revived: BTreeMap::new(),
            uids: BTreeMap::new(),
            forgotten: figures.history.forgotten,
            unit: by.unit.unwrap_or(first),
            next_seq: first,
            author: by.author,
            at: by.at,
            salt: by.salt,
        })
    }

    /// Counts rows that a change is about to touch. `false`, without counting, if they are too many.
    pub(super) fn may_touch(&mut self, rows: u64) -> bool {
        let rows = self.rows.saturating_add(rows);
        let may = rows <= TaskWrite::MAX_ROWS;
        if may {
            self.rows = rows;
        }
        may
    }

    /// Returns the number of touched tasks.
    pub(super) fn touched(&self) -> usize {
        self.edited.len()
    }

    pub(in crate::store::decide) fn get(
        &self,
        id: TaskId,
    ) -> Result<Option<Task>, StoreError> {
        match self.edited.get(&id) {
            Some(edited) => Ok(edited.new.clone()),
            None => self.snapshot.task(self.owner, id),
        }
    }

    /// Finds a task by its uid: one that exists, is deleted, or was created by this write.
    pub(super) fn id_of(&self, uid: &Uid) -> Result<Option<TaskId>, StoreError> {
        match self.uids.get(uid) {
            Some(id) => Ok(Some(*id)),
            None => self.snapshot.task_of_uid(self.owner, uid),
        }
    }

    /// Finds a task by its id or uid.
    pub(super) fn find(&self, named: &TaskRef) -> Result<Option<Task>, StoreError> {
        let id = match named {
            TaskRef::Id(id) => Some(*id),
            TaskRef::Uid(uid) => self.id_of(uid)?,
        };
        id.map_or(Ok(None), |id| self.get(id))
    }

    /// Whether a list exists.
    pub(in crate::store::decide) fn has_list(
        &self,
        id: ListId,
    ) -> Result<bool, StoreError> {
        if let Some(known) = self.lists.borrow().get(&id) {
            return Ok(*known);
        }
        let is_there = self.snapshot.list(self.owner, id)?.is_some();
        self.lists.borrow_mut().insert(id, is_there);
        Ok(is_there)
    }

    /// Remembers a list that is created together with the tasks.
    pub(in crate::store::decide) fn know_list(&mut self, id: ListId) {
        self.lists.get_mut().insert(id, true);
    }

    /// Whether a task with this uid was created by this write.
    pub(super) fn has_made(&self, uid: &Uid) -> bool {
        self.uids.contains_key(uid)
    }

    /// Creates a task, as the last one if it has no position. No other task has its uid.
    pub(super) fn create(
        &mut self,
        new: NewTask,
    ) -> Result<Result<Task, TaskRefused>, StoreError> {
        let new = new.no_earlier_than(self.newest);
        let position = match new.position.clone() {
            Some(position) => position,
            None => {
                match Position::between(self.outermost(Side::After, None)?.as_ref(), None)
                {
                    Ok(position) => position,
                    Err(_) => return Ok(Err(TaskRefused::NoRoom)),
                }
            }
        };
        let id = TaskId::new(self.next_id);
        let uid = new.uid.clone().unwrap_or_else(|| Uid::made(id, self.salt));
        let mut task = match new.into_task(self.owner, id, uid, position) {
            Ok(task) => task,
            Err(refused) => return Ok(Err(refused)),
        };
        task.origin = Origin { author: self.author.clone(), unit: self.unit };
        self.date(&mut task)?;
        if !self.may_touch(task.rows()) {
            return Ok(Err(TaskRefused::TooMuch));
        }
        if !self.may_tag(&[], &task)? {
            return Ok(Err(TaskRefused::TooManyTags));
        }
        if let Err(exceeded) = self.allowance.admit(self.snapshot, None, &task)? {
            return Ok(Err(TaskRefused::Quota(exceeded)));
        }
        self.next_id += 1;
        self.newest = self.newest.max(task.created_at);
        self.uids.insert(task.uid.clone(), id);
        self.edit(None, Some(task.clone()), task.id)?;
        Ok(Ok(task))
    }

    /// Numbers a change, and dates it no earlier than every other change of the owner's tasks, whatever the clock does. A
    /// client that asks for changes since the latest one it saw misses nothing.
    pub(in crate::store::decide) fn date(
        &mut self,
        task: &mut Task,
    ) -> Result<(), StoreError> {
        let latest = match self.latest {
            Some(latest) => latest,
            None => self.snapshot.latest_change(self.owner)?.unwrap_or(Timestamp::EPOCH),
        };
        task.updated_at = task.updated_at.max(latest).max(self.newest);
        task.seq = self.take_seq();
        self.latest = Some(task.updated_at);
        Ok(())
    }

    /// Returns the number of the next change.
    pub(in crate::store::decide) const fn take_seq(&mut self) -> u64 {
        let seq = self.next_seq;
        self.next_seq = seq.saturating_add(1);
        seq
    }

    /// Adds an imported task. If another task has its uid, it gets a new one.
    pub(in crate::store::decide) fn restore(
        &mut self,
        mut task: Task,
    ) -> Result<(), StoreError> {
        task.seq = self.take_seq();
        task.origin = Origin { author: self.author.clone(), unit: self.unit };
        let tombstone = self.snapshot.tombstone(self.owner, task.id)?;
        self.raised.extend(tombstone.map(|it| (it.seq, it)));
        if self.id_of(&task.uid)?.is_some_and(|id| id != task.id) {
            task.uid = Uid::made(task.id, self.salt);
        }
        self.uids.insert(task.uid.clone(), task.id);
        self.newest = self.newest.max(task.updated_at);
        let in_order = self.is_in_order(&task)?;
        self.restored.insert(task.id, in_order);
        let id = task.id;
        self.edit(None, Some(task), id)
    }

    /// Whether the task was created between its neighbours by id.
    fn is_in_order(&self, new: &Task) -> Result<bool, StoreError> {
        let (before, after) = self.snapshot.neighbours(self.owner, new.id)?;
        let created = |edited: Option<(&TaskId, &Edited)>| {
            edited.and_then(|(_, it)| it.new.as_ref()).map(|task| task.created_at)
        };
        let before = before.max(created(self.edited.range(..new.id).next_back()));
        let rest = (Bound::Excluded(new.id), Bound::Unbounded);
        let after = [after, created(self.edited.range(rest).next())];
        let after = after.into_iter().flatten().min();
        Ok(before.is_none_or(|time| time <= new.created_at)
            && after.is_none_or(|time| time >= new.created_at))
    }

    /// Replaces a task with its changed version.
    pub(in crate::store::decide) fn put(
        &mut self,
        old: Task,
        new: Task,
    ) -> Result<(), StoreError> {
        if old.parent != new.parent {
            self.below.clear();
        }
        let id = new.id;
        self.edit(Some(old), Some(new), id)
    }

    /// Records the new state of a task. `old` is its state before, if it was not edited yet.
    fn edit(
        &mut self,
        old: Option<Task>,
        new: Option<Task>,
        id: TaskId,
    ) -> Result<(), StoreError> {
        let before = match self.edited.get(&id) {
            Some(edited) => edited.new.as_ref(),
            None => old.as_ref(),
        };
        self.allowance.change(self.snapshot, before, new.as_ref())?;
        for (task, by) in [(before, -1), (new.as_ref(), 1)] {
            for tag in task.into_iter().flat_map(|task| task.tags.iter()) {
                *self.tag_uses.entry(tag.clone()).or_default() += by;
            }
        }
        let parent = new.as_ref().and_then(|task| task.parent);
        let edited = self.edited.entry(id).or_insert(Edited { old, new: None });
        let before = edited.new.take().and_then(|task| task.parent);
        edited.new = new;
        if let Some(children) = before.and_then(|before| self.children.get_mut(&before)) {
            children.remove(&id);
        }
        if let Some(parent) = parent {
            self.children.entry(parent).or_default().insert(id);
        }
        Ok(())
    }

    /// Replaces a task like [`Self::put`], if its rows, tags and size are within the limits.
    pub(super) fn replace(
        &mut self,
        old: Task,
        new: Task,
    ) -> Result<Result<(), TaskRefused>, StoreError> {
        if !self.may_touch(work::rows_changed(&old, &new)) {
            return Ok(Err(TaskRefused::TooMuch));
        }
        let had: Vec<Tag> = old.tags.iter().cloned().collect();
        if !self.may_tag(&had, &new)? {
            return Ok(Err(TaskRefused::TooManyTags));
        }
        if let Err(exceeded) = self.allowance.admit(self.snapshot, Some(&old), &new)? {
            return Ok(Err(TaskRefused::Quota(exceeded)));
        }
        self.put(old, new)?;
        Ok(Ok(()))
    }

    /// Deletes a task that a client may have seen, like [`Self::remove`]. Later changes are dated no earlier.
    pub(super) fn delete(&mut self, task: Task) -> Result<(), StoreError> {
        self.newest = self.newest.max(task.updated_at);
        self.gone = self.gone.max(Some(task.updated_at));
        let tombstone = Tombstone {
            owner: self.owner,
            of: Gone::Task(task.id, task.uid.clone()),
            seq: self.take_seq(),
            unit: self.unit,
            at: self.at,
            author: self.author.clone(),
        };
        self.buried.insert(task.id, tombstone);
        self.remove(task)
    }

    pub(super) fn remove(&mut self, task: Task) -> Result<(), StoreError> {
        self.below.clear();
        let id = task.id;
        self.edit(Some(task), None, id)
    }

    /// Whether there is room for the tags that a task gets.
    fn may_tag(&mut self, had: &[Tag], new: &Task) -> Result<bool, StoreError> {
        let is_new = |tag: &&Tag| !had.contains(tag) && !self.tags_given.contains(*tag);
        let given: Vec<Tag> = new.tags.iter().filter(is_new).cloned().collect();
        if given.is_empty() {
            return Ok(true);
        }
        let mut all = self.tags_given.clone();
        all.extend(given);
        let most = Task::MAX_TAGS.saturating_sub(self.tags);
        let is_few =
            |all: &BTreeSet<Tag>| u64::try_from(all.len()).is_ok_and(|it| it <= most);
        if !is_few(&all) {
            let mut unknown = BTreeSet::new();
            for tag in all {
                if self.snapshot.tag_counts(self.owner, &tag)?.total == 0 {
                    unknown.insert(tag);
                }
            }
            all = unknown;
        }
        let is_possible = is_few(&all) || all.len() == self.tags_given.len();
        if is_possible {
            if let Some(known) = &mut self.tags_known {
                for tag in all.difference(&self.tags_given) {
                    note(known, tag);
                }
            }
            self.tags_given = all;
        }
        Ok(is_possible)
    }

    /// Whether more than `but` tasks have a tag after the changes so far.
    pub(super) fn is_tag_used(&self, tag: &Tag, but: u64) -> Result<bool, StoreError> {
        let stored = self.snapshot.tag_counts(self.owner, tag)?.total;
        let edited = self.tag_uses.get(tag).copied().unwrap_or_default();
        Ok(stored.saturating_add_signed(edited) > but)
    }

    /// Returns tags that differ from one by case alone, among `most` existing tags and the added ones. At most
    /// [`TWINS`].
    pub(super) fn twins(
        &mut self,
        tag: &Tag,
        most: usize,
    ) -> Result<Vec<Tag>, StoreError> {
        let known = match self.tags_known.take() {
            Some(known) => known,
            None => {
                let mut known = BTreeMap::new();
                for tag in self.snapshot.tags(self.owner, most)? {
                    note(&mut known, &tag);
                }
                for tag in &self.tags_given {
                    note(&mut known, tag);
                }
                known
            }
        };
        let twins = known.get(&tag.caseless()).cloned().unwrap_or_default();
        self.tags_known = Some(known);
        Ok(twins)
    }

    /// Returns the tasks directly below one, by id.
    pub(super) fn children(&self, parent: TaskId) -> Result<Vec<TaskId>, StoreError> {
        self.read_family(parent)?;
        let families = self.families.borrow();
        let stored = families.get(&parent).into_iter().flatten().copied();
        let mut children: Vec<TaskId> =
            stored.filter(|id| !self.edited.contains_key(id)).collect();
        children.extend(self.children.get(&parent).into_iter().flatten());
        children.sort_unstable();
        Ok(children)
    }

    /// Reads the stored children of a task and of its descendants, except below edited tasks: a walk from this task
    /// does not reach them.
    fn read_family(&self, parent: TaskId) -> Result<(), StoreError> {
        let mut families = self.families.borrow_mut();
        if families.contains_key(&parent) {
            return Ok(());
        }
        let skips = |id| self.edited.contains_key(&id) || families.contains_key(&id);
        let most = Task::MAX_DESCENDANTS;
        let read = self.snapshot.subtree(self.owner, parent, most, &skips)?;
        if families.len() > MAX_FAMILIES {
            families.clear();
        }
        families.extend(read);
        Ok(())
    }

    /// Returns the first or the last position of all, except for that of one task.
    pub(super) fn outermost(
        &self,
        side: Side,
        but: Option<TaskId>,
    ) -> Result<Option<Position>, StoreError> {
        self.nearest(None, side, but)
    }

    /// Returns the next position on one side of a position, except for that of one task.
    pub(super) fn beside(
        &self,
        position: &Position,
        side: Side,
        but: TaskId,
    ) -> Result<Option<Position>, StoreError> {
        self.nearest(Some(position), side, Some(but))
    }

    /// Returns the nearest position on one side of a position, or the outermost one on that side without it.
    fn nearest(
        &self,
        from: Option<&Position>,
        side: Side,
        but: Option<TaskId>,
    ) -> Result<Option<Position>, StoreError> {
        let skips = |id| Some(id) == but || self.edited.contains_key(&id);
        let found = self.snapshot.position_beside(self.owner, from, side, &skips)?;
        let is_there = |it: &&Position| match (from, side) {
            (None, _) => true,
            (Some(from), Side::Before) => *it < from,
            (Some(from), Side::After) => *it > from,
        };
        let edited = self.edited.values().filter_map(|edited| edited.new.as_ref());
        let edited =
            edited.filter(|task| Some(task.id) != but).map(|task| &task.position);
        let all = edited.filter(is_there).chain(&found);
        // Of the positions before one, the last is nearest; of all, the first is outermost on that side.
        let is_last = (side == Side::Before) == from.is_some();
        Ok(if is_last { all.max() } else { all.min() }.cloned())
    }

    /// Returns the number of the batch.
    pub(in crate::store::decide) const fn unit(&self) -> u64 {
        self.unit
    }

    /// Returns the number up to which changes are forgotten.
    pub(super) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Finds a task as it is stored, before this write.
    pub(super) fn stored(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.snapshot.task(self.owner, id)
    }

    pub(super) const fn snapshot(&self) -> &'a dyn Snapshot {
        self.snapshot
    }
}

/// Adds a tag to the known ones, unless there are enough of its kind.
fn note(known: &mut BTreeMap<String, Vec<Tag>>, tag: &Tag) {
    let twins = known.entry(tag.caseless()).or_default();
    if twins.len() < TWINS && !twins.contains(tag) {
        twins.push(tag.clone());
    }
}
