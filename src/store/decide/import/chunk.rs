//! Import of the accounts and tasks of one chunk.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::ImportState;
use super::lists::Lists;
use crate::domain::audit::{Act, Actor, AuditAction};
use crate::domain::author::Author;
use crate::domain::email::Email;
use crate::domain::id::{TaskId, UserId};
use crate::domain::quota::Quota;
use crate::domain::task::{Patched, Task, TaskPatch};
use crate::domain::time_zone::TimeZone;
use crate::domain::timestamp::Timestamp;
use crate::domain::transfer::{Conflict, Existing, Imported, Owner};
use crate::domain::user::{Credential, Role, User};
use crate::store::StoreError;
use crate::store::decide::tasks::{
    Allowance, Authorship, TaskOverlay, carry_below, check_reparent,
};
use crate::store::decide::{Change, Figures, Snapshot, audit};

/// Returns the number of the first change of an imported account. The account may have existed before, with the same id:
/// the number is greater than every number that it has had, so that old cursors are out of date.
fn first_seq(now: Timestamp) -> u64 {
    now.as_millis().cast_unsigned().saturating_mul(1024)
}

/// Result of the search for an account.
enum Found {
    /// Existing account.
    Same(UserId),
    /// Free key for a new account.
    Free(String),
}

/// Chunk during its import. The snapshot does not include its changes yet.
pub(super) struct ChunkImport<'a> {
    pub(super) snapshot: &'a dyn Snapshot,
    pub(super) state: &'a mut ImportState,
    pub(super) now: Timestamp,
    next_user: UserId,
    /// Created accounts, by their keys in the index of emails, with their emails in lower case.
    users: BTreeMap<String, (UserId, String)>,
    overlays: BTreeMap<UserId, TaskOverlay<'a>>,
    pub(super) lists: BTreeMap<UserId, Lists>,
    pub(super) done: Imported,
    pub(super) changes: Vec<Change>,
    /// Audit entries of created accounts.
    audited: Vec<(AuditAction, Option<UserId>)>,
}

impl<'a> ChunkImport<'a> {
    pub(super) fn new(
        snapshot: &'a dyn Snapshot,
        state: &'a mut ImportState,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            snapshot,
            state,
            now,
            next_user: snapshot.next_user_id()?,
            users: BTreeMap::new(),
            overlays: BTreeMap::new(),
            lists: BTreeMap::new(),
            done: Imported::default(),
            changes: Vec::new(),
            audited: Vec::new(),
        })
    }

    /// Returns the result of the chunk and its changes.
    pub(super) fn into_changes(self) -> Result<(Imported, Vec<Change>), StoreError> {
        let Self { snapshot, now, done, mut changes, audited, overlays, .. } = self;
        for overlay in overlays.into_values() {
            changes.extend(overlay.into_changes()?);
        }
        let act = Act { actor: Actor::Operator, at: now };
        changes.extend(audit::add_all(snapshot, act, audited.into_iter())?);
        Ok((done, changes))
    }

    pub(super) fn user(
        &mut self,
        found: Credential,
    ) -> Result<Result<(), Conflict>, StoreError> {
        let there = found.user.id;
        let here = match self.find(&found.user.email)? {
            Found::Same(id) => {
                self.done.users_found += 1;
                id
            }
            Found::Free(_)
                if found.user.role == Role::Admin && !self.state.options.allow_admins =>
            {
                return Ok(Err(Conflict::Admin));
            }
            Found::Free(key) => {
                let id = if self.is_free(there)? { there } else { self.next_user };
                self.next_user =
                    self.next_user.max(UserId::new(id.get().saturating_add(1)));
                self.users.insert(key.clone(), (id, found.user.email.lower()));
                self.audited.push((AuditAction::UserCreated, Some(id)));
                if found.user.role == Role::Admin {
                    self.audited.push((AuditAction::AdminMade, Some(id)));
                }
                let user = User { id, ..found.user };
                let new = Credential { user, ..found };
                let seq = first_seq(self.now);
                self.changes.push(Change::UserCreate { new, email_key: key, seq });
                self.done.users_added += 1;
                id
            }
        };
        self.state.owner = Some(Owner { there, here });
        self.state.lists.clear();
        Ok(Ok(()))
    }

    /// Finds the account with an email. An account with another spelling of it is a different one, as long as there is
    /// a key for both: separate accounts are not merged.
    fn find(&self, email: &Email) -> Result<Found, StoreError> {
        let (keys, lower) = (email.keys(), email.lower());
        let (mut free, mut holder) = (None, None);
        for key in keys {
            match self.holder(&key)? {
                Some((id, its)) if its == lower => return Ok(Found::Same(id)),
                Some((id, _)) => holder = holder.or(Some(id)),
                None => free = free.or(Some(key)),
            }
        }
        Ok(match (free, holder) {
            (None, Some(id)) => Found::Same(id),
            (free, _) => Found::Free(free.unwrap_or(lower)),
        })
    }

    /// Returns the account with a key in the index of emails, and its email in lower case.
    fn holder(&self, key: &str) -> Result<Option<(UserId, String)>, StoreError> {
        if let Some(made) = self.users.get(key) {
            return Ok(Some(made.clone()));
        }
        let Some(id) = self.snapshot.user_of_key(key)? else { return Ok(None) };
        let found = self.snapshot.credential(id)?;
        Ok(Some((id, found.map_or_else(String::new, |it| it.user.email.lower()))))
    }

    /// Whether no account has this id, and no rows of it wait for removal.
    fn is_free(&self, id: UserId) -> Result<bool, StoreError> {
        Ok(self.users.values().all(|(used, _)| *used != id)
            && self.snapshot.credential(id)?.is_none()
            && !self.snapshot.is_purged(id)?)
    }

    pub(super) fn task(
        &mut self,
        found: Task,
    ) -> Result<Result<(), Conflict>, StoreError> {
        let is_its = |owner: &Owner| owner.there == found.owner;
        let Some(owner) = self.state.owner.filter(is_its) else {
            return Ok(Err(Conflict::Stray));
        };
        let list = match self.list_here(owner.here, found.list)? {
            Ok(list) => list,
            Err(conflict) => return Ok(Err(conflict)),
        };
        let new = Task { owner: owner.here, list, ..found };
        let (owner, id) = (new.owner, new.id);
        match self.overlay(owner)?.get(id)? {
            Some(old) => {
                let (uid, origin) = (old.uid.clone(), old.origin.clone());
                let new = Task { uid, seq: old.seq, origin, ..new };
                match self.state.options.existing {
                    _ if old == new => self.done.tasks_same += 1,
                    Existing::Keep => self.keep(&old, new)?,
                    Existing::Replace => self.replace(old, new)?,
                }
            }
            None if !self.state.taken.insert(id) => return Ok(Err(Conflict::Taken)),
            None => self.restore(new)?,
        }
        for orphan in self.state.orphans.remove(&(owner, id)).unwrap_or_default() {
            self.put_below(owner, orphan, id)?;
        }
        Ok(Ok(()))
    }

    pub(super) fn overlay(
        &mut self,
        owner: UserId,
    ) -> Result<&mut TaskOverlay<'a>, StoreError> {
        Ok(match self.overlays.entry(owner) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                // An account created by this chunk has no stats yet.
                let new = Figures { seq: first_seq(self.now), ..Figures::NEW };
                let figures = self.snapshot.figures(owner)?.unwrap_or(new);
                // The operator may import more than an account may create.
                let allowance = Allowance::new(&figures, &Quota::default(), 0);
                let salt = self.now.as_millis().cast_unsigned();
                // All chunks of an import are one batch.
                let known = self.state.unit.filter(|(of, _)| *of == owner);
                let unit = known.map(|(_, unit)| unit);
                let author = Author::Import;
                let by = Authorship { author, at: self.now, salt, unit };
                let mut overlay =
                    TaskOverlay::new(self.snapshot, owner, &figures, allowance, by)?;
                // A chunk must be imported, however long that takes.
                overlay.most_looked_at = usize::MAX;
                self.state.unit = Some((owner, overlay.unit()));
                place.insert(overlay)
            }
        })
    }

    /// Restores a task. If its parent has not arrived yet, the task is moved below it on arrival.
    fn restore(&mut self, new: Task) -> Result<(), StoreError> {
        let (owner, id, wanted) = (new.owner, new.id, new.parent);
        let overlay = self.overlay(owner)?;
        let parent = match wanted {
            Some(parent) if check_reparent(overlay, None, parent)?.is_ok() => wanted,
            _ => None,
        };
        let above = parent.map_or(Ok(None), |parent| overlay.get(parent))?;
        let list = above.map_or(new.list, |above| above.list);
        overlay.restore(Task { parent, list, ..new })?;
        self.done.tasks_added += 1;
        if let Some(wanted) = wanted.filter(|_| parent.is_none()) {
            self.wait(owner, wanted, id);
        }
        Ok(())
    }

    /// Keeps an existing task. If only its parent is missing, an earlier import was interrupted before that arrived.
    fn keep(&mut self, old: &Task, new: Task) -> Result<(), StoreError> {
        let (owner, id) = (new.owner, new.id);
        match new.parent {
            Some(parent)
                if *old == Task { parent: None, ..new }
                    && self.overlay(owner)?.get(parent)?.is_none() =>
            {
                self.wait(owner, parent, id);
                self.done.tasks_same += 1;
            }
            _ => self.done.tasks_kept += 1,
        }
        Ok(())
    }

    /// Remembers to move a task below a parent as soon as that arrives.
    fn wait(&mut self, owner: UserId, parent: TaskId, id: TaskId) {
        self.state.orphans.entry((owner, parent)).or_default().push(id);
    }

    /// Moves a task below its original parent, if that is possible.
    fn put_below(
        &mut self,
        owner: UserId,
        id: TaskId,
        parent: TaskId,
    ) -> Result<bool, StoreError> {
        let overlay = self.overlay(owner)?;
        let Some(old) = overlay.get(id)? else { return Ok(false) };
        let is_possible = check_reparent(overlay, Some(id), parent)?.is_ok();
        if is_possible {
            let seq = overlay.take_seq();
            let list = overlay.get(parent)?.map_or(old.list, |above| above.list);
            let new = Task { parent: Some(parent), list, seq, ..old.clone() };
            overlay.put(old, new)?;
            carry_below(overlay, id, list)?;
        }
        Ok(is_possible)
    }

    /// Changes a task as its owner could have, so that its history continues.
    fn replace(&mut self, old: Task, wanted: Task) -> Result<(), StoreError> {
        let now = self.now;
        let (owner, id) = (old.owner, old.id);
        let parent = match wanted.parent {
            Some(parent)
                if check_reparent(self.overlay(owner)?, Some(id), parent)?.is_err() =>
            {
                // The record of its parent may remove the obstacle.
                self.wait(owner, parent, id);
                None
            }
            parent => parent,
        };
        let overlay = self.overlay(owner)?;
        let above = parent.map_or(Ok(None), |parent| overlay.get(parent))?;
        let list = above.map_or(wanted.list, |above| above.list);
        let patch = TaskPatch::to(Task { list, ..wanted }, parent);
        // An import completes no occurrence, so no day of the owner matters.
        match patch.apply(&old, now, &TimeZone::utc()) {
            Ok(Patched { task: mut new, .. }) if new != old => {
                overlay.date(&mut new)?;
                overlay.put(old, new)?;
                carry_below(overlay, id, list)?;
                self.done.tasks_replaced += 1;
            }
            Ok(_) => self.done.tasks_same += 1,
            Err(_) => self.done.tasks_kept += 1,
        }
        Ok(())
    }
}
