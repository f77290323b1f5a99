//! Model of the rules of lists: by reading everything.

use duly::domain::author::Author;
use duly::domain::id::{ListId, TaskId, UserId};
use duly::domain::list::{
    Emptied, ListAction, ListDone, ListPatch, ListRefused, ListState, ListWrite, NewList,
    TaskList, TasksOfList,
};
use duly::domain::position::Position;
use duly::domain::task::{Gone, IfMatch, Task, TaskCounts, TaskRefused, Tombstone};
use duly::domain::timestamp::Timestamp;

use crate::harness::memory::State;

type Decided = Result<ListDone, ListRefused>;

impl State {
    pub(super) fn write_list(
        &mut self,
        owner: UserId,
        write: ListWrite,
    ) -> Option<Decided> {
        if !self.users.contains_key(&owner) {
            return None;
        }
        let mut after = self.clone();
        let ListWrite { action, dry_run, now, .. } = write;
        let result = match action {
            ListAction::Create(new) => after.make_list(owner, new, now),
            ListAction::Patch(id, patch, if_match) => {
                after.change_list(owner, id, patch, &if_match, now)
            }
            ListAction::Delete(id, tasks, if_match) => {
                after.end_list(owner, id, tasks, &if_match, now)
            }
        };
        if result.is_ok() && !dry_run {
            *self = after;
        }
        Some(result)
    }

    fn find_list(
        &self,
        owner: UserId,
        id: ListId,
        if_match: &IfMatch,
    ) -> Result<ListState, ListRefused> {
        let mut all = self.list_states(owner).into_iter();
        let found = all.find(|it| it.list.id == id).ok_or(ListRefused::Missing)?;
        let revision = found.list.revision;
        let fits = match if_match {
            IfMatch::Any => true,
            IfMatch::OneOf(wanted) => wanted.contains(&revision),
            IfMatch::NoneOf(unwanted) => !unwanted.contains(&revision),
        };
        if fits { Ok(found) } else { Err(ListRefused::Changed(Box::new(found))) }
    }

    fn make_list(&mut self, owner: UserId, new: NewList, now: Timestamp) -> Decided {
        let all = self.list_states(owner);
        if all.len() >= 200 {
            return Err(ListRefused::TooMany);
        }
        let last = all.iter().map(|it| &it.list.position).max();
        let position = match new.position {
            Some(position) => position,
            None => Position::between(last, None).map_err(|_| ListRefused::NoRoom)?,
        };
        let next = self.last_list.get(&owner).map_or(2, |last| last + 1);
        let list = TaskList {
            id: ListId::new(next),
            owner,
            name: new.name,
            colour: new.colour,
            icon: new.icon,
            position,
            archived: false,
            created_at: now,
            updated_at: now,
            revision: 1,
            seq: 0,
        };
        self.last_list.insert(owner, next);
        self.lists.insert((owner, list.id), list.clone());
        Ok(ListDone::Put(ListState { list, counts: TaskCounts::default() }))
    }

    fn change_list(
        &mut self,
        owner: UserId,
        id: ListId,
        patch: ListPatch,
        if_match: &IfMatch,
        now: Timestamp,
    ) -> Decided {
        let ListState { list: old, counts } = self.find_list(owner, id, if_match)?;
        let mut new = old.clone();
        new.name = patch.name.unwrap_or(new.name);
        new.colour = patch.colour.unwrap_or(new.colour);
        new.icon = patch.icon.unwrap_or(new.icon);
        new.position = patch.position.unwrap_or(new.position);
        new.archived = patch.archived.unwrap_or(new.archived);
        if new.archived && id == ListId::new(1) {
            return Err(ListRefused::DefaultArchived);
        }
        if new != old {
            new.updated_at = now.max(old.updated_at);
            new.revision += 1;
            self.lists.insert((owner, id), new.clone());
        }
        Ok(ListDone::Put(ListState { list: new, counts }))
    }

    fn end_list(
        &mut self,
        owner: UserId,
        id: ListId,
        tasks: TasksOfList,
        if_match: &IfMatch,
        now: Timestamp,
    ) -> Decided {
        self.find_list(owner, id, if_match)?;
        if id == ListId::new(1) {
            return Err(ListRefused::DefaultDeleted);
        }
        let there: Vec<Task> =
            self.tasks_of(owner).filter(|task| task.list == id).cloned().collect();
        let count = there.iter().map(|_| 1).sum();
        let newest = there.iter().map(|task| task.updated_at).max();
        for task in there {
            if tasks == TasksOfList::Move {
                let new = self.moved(&task, ListId::new(1), now);
                self.tasks.insert(new.id, new);
            } else {
                self.tasks.remove(&task.id);
                self.bury(task, now);
            }
        }
        if let Some(newest) = newest.filter(|_| tasks == TasksOfList::Delete) {
            let known = self.newest.entry(owner).or_insert(Timestamp::EPOCH);
            *known = (*known).max(newest);
        }
        self.lists.remove(&(owner, id));
        let seqs = self.seqs.entry(owner).or_default();
        seqs.last += 1;
        let (seq, author) = (seqs.last, Author::Unknown);
        let of = Gone::List(id);
        let gone = Tombstone { owner, of, seq, unit: seq, at: now, author };
        self.tombstones.insert((owner, seq), gone);
        Ok(ListDone::Emptied(Emptied { tasks: count, is_deleted: true }))
    }

    /// Returns a task in another list, dated like any change.
    pub(super) fn moved(&self, old: &Task, list: ListId, now: Timestamp) -> Task {
        if old.list == list {
            return old.clone();
        }
        let updated_at = now.max(old.updated_at);
        let revision = old.revision + 1;
        self.dated(Task { list, updated_at, revision, ..old.clone() })
    }

    /// Returns the list of a task below a parent, or of one that stays at the top.
    pub(super) fn list_below(
        &self,
        owner: UserId,
        parent: Option<TaskId>,
        wanted: Option<ListId>,
        before: ListId,
    ) -> Result<ListId, TaskRefused> {
        let is_known = |id: &ListId| {
            self.list_states(owner).iter().any(|state| state.list.id == *id)
        };
        if wanted.is_some_and(|id| !is_known(&id)) {
            return Err(TaskRefused::NoList);
        }
        match parent.and_then(|parent| self.find(owner, parent)) {
            None => Ok(wanted.unwrap_or(before)),
            Some(above) if wanted.is_none_or(|wanted| wanted == above.list) => {
                Ok(above.list)
            }
            Some(_) => Err(TaskRefused::ListOfParent),
        }
    }
}
