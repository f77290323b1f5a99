//! Decisions about lists.

use super::tasks::clear_out;
use super::tasks::{Allowance, Authorship, TaskOverlay, WriteTime, author, take_out};
use super::{Change, Decision, Figures, Snapshot, history, tombstones};
use crate::domain::id::{ListId, UserId};
use crate::domain::list::{
    Emptied, ListAction, ListDone, ListPatch, ListRefused, ListState, ListWrite, NewList,
    TaskList, TasksOfList,
};
use crate::domain::position::Position;
use crate::domain::quota::{Quota, QuotaExceeded};
use crate::domain::task::{Gone, IfMatch, TaskCounts, Tombstone};
use crate::domain::time_zone::TimeZone;
use crate::store::StoreError;

/// Tasks that a write takes out of a list that is deleted. Tasks above and below them move with them.
const AT_ONCE: usize = 500;

/// Result of the rules, within the errors of the file.
type Decided = Result<Decision<Result<ListDone, ListRefused>>, StoreError>;

/// Account whose lists are changed.
struct Lists<'a> {
    snapshot: &'a dyn Snapshot,
    owner: UserId,
    figures: Figures,
    quota: &'a Quota,
}

const fn refused(why: ListRefused) -> Decision<Result<ListDone, ListRefused>> {
    Decision::unchanged(Err(why))
}

/// Creates, changes and deletes lists; see [`crate::store::Store::list_write`].
///
/// # Errors
///
/// Errors of the database.
pub fn write(
    snapshot: &dyn Snapshot,
    owner: UserId,
    write: ListWrite,
    quota: &Quota,
) -> Result<Decision<Option<Result<ListDone, ListRefused>>>, StoreError> {
    let Some(figures) = snapshot.figures(owner)? else {
        return Ok(Decision::unchanged(None));
    };
    let lists = Lists { snapshot, owner, figures, quota };
    let is_dry_run = write.dry_run;
    let Decision { result, changes } = lists.decide(write)?;
    let changes = if is_dry_run { Vec::new() } else { changes };
    Ok(Decision { result: Some(result), changes })
}

impl Lists<'_> {
    fn decide(&self, write: ListWrite) -> Decided {
        match write.action.clone() {
            ListAction::Create(new) => self.create(new, &write),
            ListAction::Patch(id, patch, if_match) => match self.find(id, &if_match)? {
                Ok(old) => self.patch(&old, patch, &write),
                Err(why) => Ok(refused(why)),
            },
            ListAction::Delete(id, tasks, if_match) => match self.find(id, &if_match)? {
                Ok(_) if id.is_default() => Ok(refused(ListRefused::DefaultDeleted)),
                Ok(old) => self.delete(old, tasks, &write),
                Err(why) => Ok(refused(why)),
            },
        }
    }

    /// Finds a list that meets the precondition.
    fn find(
        &self,
        id: ListId,
        if_match: &IfMatch,
    ) -> Result<Result<TaskList, ListRefused>, StoreError> {
        let list = match self.snapshot.list(self.owner, id)? {
            None if id.is_default() => self.default_list()?,
            list => list,
        };
        Ok(match list {
            None => Err(ListRefused::Missing),
            Some(list) if if_match.fits(list.revision) => Ok(list),
            Some(list) => Err(ListRefused::Changed(Box::new(self.state(list)?))),
        })
    }

    /// Returns the default list before its first change.
    fn default_list(&self) -> Result<Option<TaskList>, StoreError> {
        let account = self.snapshot.credential(self.owner)?;
        let made = |created_at| TaskList::default_of(self.owner, created_at);
        Ok(account.map(|found| made(found.user.created_at)))
    }

    /// Returns a list with the counts of its tasks.
    fn state(&self, list: TaskList) -> Result<ListState, StoreError> {
        let of = |id| self.snapshot.list_counts(self.owner, id);
        if !list.id.is_default() {
            let counts = of(list.id)?;
            return Ok(ListState { list, counts });
        }
        let Figures { tasks: total, open, lists, .. } = self.figures;
        let mut counts = TaskCounts { total, open };
        if lists > 0 {
            let others = self.snapshot.lists(self.owner)?;
            for other in others.iter().filter(|it| !it.id.is_default()) {
                counts = counts.minus(of(other.id)?);
            }
        }
        Ok(ListState { list, counts })
    }

    fn create(&self, new: NewList, write: &ListWrite) -> Decided {
        let most = u64::try_from(TaskList::MAX_PER_USER).unwrap_or(u64::MAX);
        if self.figures.lists.saturating_add(1) >= most {
            return Ok(refused(ListRefused::TooMany));
        }
        let position = match new.position {
            Some(position) => position,
            None => {
                let mut all = self.snapshot.lists(self.owner)?;
                if all.iter().all(|list| !list.id.is_default()) {
                    all.extend(self.default_list()?);
                }
                let last = all.iter().map(|list| &list.position).max();
                match Position::between(last, None) {
                    Ok(position) => position,
                    Err(_) => return Ok(refused(ListRefused::NoRoom)),
                }
            }
        };
        let list = TaskList {
            id: self.figures.next_list,
            owner: self.owner,
            name: new.name,
            colour: new.colour,
            icon: new.icon,
            position,
            archived: false,
            created_at: write.now,
            updated_at: write.now,
            revision: 1,
            seq: self.figures.seq.saturating_add(1),
        };
        if let Some(exceeded) = self.exceeded(None, &list)? {
            return Ok(refused(ListRefused::Quota(exceeded)));
        }
        let counts = TaskCounts::default();
        let result = Ok(ListDone::Put(ListState { list: list.clone(), counts }));
        Ok(Decision { result, changes: vec![Change::ListCreate(list)] })
    }

    fn patch(&self, old: &TaskList, patch: ListPatch, write: &ListWrite) -> Decided {
        let new = match patch.apply(old, write.now) {
            Ok(new) => new,
            Err(why) => return Ok(refused(why)),
        };
        if new == *old {
            let state = self.state(new)?;
            return Ok(Decision::unchanged(Ok(ListDone::Put(state))));
        }
        let new = TaskList { seq: self.figures.seq.saturating_add(1), ..new };
        if let Some(exceeded) = self.exceeded(Some(old), &new)? {
            return Ok(refused(ListRefused::Quota(exceeded)));
        }
        let result = Ok(ListDone::Put(self.state(new.clone())?));
        Ok(Decision { result, changes: vec![Change::ListReplace(new)] })
    }

    /// Whether a list takes the account beyond its quota. A change that shrinks is always allowed.
    fn exceeded(
        &self,
        old: Option<&TaskList>,
        new: &TaskList,
    ) -> Result<Option<QuotaExceeded>, StoreError> {
        let used = self.figures.lasting_bytes();
        let Some(limit) = self.quota.bytes_of(self.figures.own) else { return Ok(None) };
        let before = match old {
            Some(old) => self.snapshot.list_bytes(old)?,
            None => 0,
        };
        let grown = self.snapshot.list_bytes(new)?.saturating_sub(before);
        let wanted = used.saturating_add(grown);
        let is_exceeded = grown > 0 && wanted > limit;
        Ok(is_exceeded.then_some(QuotaExceeded::Bytes { used, wanted, limit }))
    }

    /// Takes tasks out of a list, and deletes the list if none are left.
    fn delete(&self, old: TaskList, tasks: TasksOfList, write: &ListWrite) -> Decided {
        let Self { snapshot, owner, ref figures, quota } = *self;
        let total = snapshot.list_counts(owner, old.id)?.total;
        let unit = write.unit.unwrap_or_else(|| figures.seq.saturating_add(1));
        let emptied = |tasks, is_deleted| {
            Ok(ListDone::Emptied(Emptied { tasks, is_deleted, unit }))
        };
        if write.dry_run {
            return Ok(Decision::unchanged(emptied(total, true)));
        }
        let author = author(snapshot, owner, write.access)?;
        let by = Authorship {
            author: author.clone(),
            at: write.now,
            salt: 0,
            unit: write.unit,
        };
        // Nothing is added that a quota limits.
        let allowance = Allowance::new(figures, &Quota::default(), 0);
        let mut overlay = TaskOverlay::new(snapshot, owner, figures, allowance, by)?;
        overlay.most_looked_at = usize::MAX;
        let found = snapshot.tasks_in_list(owner, old.id, AT_ONCE)?;
        let home = TimeZone::utc();
        let at = WriteTime { now: write.now, home: &home };
        let done = match tasks {
            TasksOfList::Move => take_out(&mut overlay, found, AT_ONCE, at)?,
            TasksOfList::Delete => clear_out(&mut overlay, found, AT_ONCE)?,
        };
        let done = u64::try_from(done).unwrap_or(u64::MAX);
        if done == 0 && total > 0 {
            let what =
                format!("{:?} of {owner:?} has {total} tasks, and none is found", old.id);
            return Err(StoreError::Damaged { what });
        }
        let is_deleted = done >= total;
        let seq = overlay.take_seq();
        let mut changes = overlay.into_changes()?;
        if is_deleted {
            let of = Gone::List(old.id);
            let tombstone = Tombstone { owner, of, seq, unit, at: write.now, author };
            changes.extend([Change::ListDelete(old), Change::TombstoneAdd(tombstone)]);
        }
        tombstones::make_room(snapshot, owner, figures, quota, &mut changes)?;
        history::make_room(snapshot, owner, figures, quota, &mut changes)?;
        Ok(Decision { result: emptied(done, is_deleted), changes })
    }
}
