//! Import into the store in memory.

use duly::domain::audit::{Act, Actor, AuditAction};
use duly::domain::id::UserId;
use duly::domain::task::{Fixed, Task, TaskPatch, Tombstone};
use duly::domain::timestamp::Timestamp;
use duly::domain::transfer::{
    Conflict, Existing, ImportOptions, Imported, Numbered, Owner, Record,
};
use duly::domain::user::{Credential, Role, User};
use duly::store::ImportError;

use super::patch::patched;
use crate::harness::memory::State;

/// Import of a chunk into `state`, which must be discarded if any part is refused.
pub(super) struct Import<'a> {
    state: &'a mut State,
    owner: Option<Owner>,
    options: ImportOptions,
    now: Timestamp,
    done: Imported,
}

impl<'a> Import<'a> {
    pub(super) fn new(
        state: &'a mut State,
        owner: Option<Owner>,
        options: ImportOptions,
        now: Timestamp,
    ) -> Self {
        let owner = owner.filter(|owner| state.users.contains_key(&owner.here));
        Self { state, owner, options, now, done: Imported::default() }
    }

    pub(super) fn take_in(
        mut self,
        records: Vec<Numbered>,
    ) -> Result<(Imported, Option<Owner>), ImportError> {
        let from = records.first().map_or(0, |first| first.line);
        for Numbered { line, record } in records {
            let imported = match record {
                Record::User(credential) => self.user(credential),
                Record::List(_) => unreachable!("the model imports no lists"),
                Record::Task(task) => self.task(task),
            };
            imported.map_err(|conflict| ImportError::Refused { line, from, conflict })?;
        }
        Ok((self.done, self.owner))
    }

    fn user(&mut self, found: Credential) -> Result<(), Conflict> {
        let there = found.user.id;
        let known = self.state.by_email(&found.user.email);
        let here = if let Some(known) = known {
            self.done.users_found += 1;
            known.user.id
        } else if found.user.role == Role::Admin && !self.options.allow_admins {
            return Err(Conflict::Admin);
        } else {
            let next = UserId::new(self.state.last_user + 1);
            let id = if self.state.users.contains_key(&there) { next } else { there };
            self.state.last_user = self.state.last_user.max(id.get());
            let act = Act { actor: Actor::Operator, at: self.now };
            self.state.audit(act, AuditAction::UserCreated, Some(id));
            if found.user.role == Role::Admin {
                self.state.audit(act, AuditAction::AdminMade, Some(id));
            }
            let user = User { id, ..found.user };
            self.state.users.insert(id, Credential { user, ..found });
            self.done.users_added += 1;
            id
        };
        self.owner = Some(Owner { there, here });
        Ok(())
    }

    fn task(&mut self, found: Task) -> Result<(), Conflict> {
        let Some(owner) = self.owner.filter(|owner| owner.there == found.owner) else {
            return Err(Conflict::Stray);
        };
        let mut new = Task { owner: owner.here, ..found };
        let old = self.state.tasks.get(&new.id).cloned();
        if let Some(old) = &old {
            (new.uid, new.seq) = (old.uid.clone(), old.seq);
            new.origin = old.origin.clone();
        }
        match old {
            Some(old) if old.owner != new.owner => return Err(Conflict::Taken),
            Some(old) if old == new => self.done.tasks_same += 1,
            Some(_) if self.options.existing == Existing::Keep => {
                self.done.tasks_kept += 1;
            }
            Some(old) => self.replace(&old, new),
            None => {
                self.state.last_task = self.state.last_task.max(new.id.get());
                self.state.restore(new);
                self.done.tasks_added += 1;
            }
        }
        Ok(())
    }

    fn replace(&mut self, old: &Task, wanted: Task) {
        let completed = Some(wanted.is_completed());
        let patch = TaskPatch {
            title: Some(wanted.title),
            description: Some(wanted.description),
            completed,
            catch_up: None,
            due: Some(wanted.due),
            due_local: None,
            priority: Some(wanted.priority),
            tags: Some(wanted.tags),
            tags_add: None,
            tags_remove: None,
            position: Some(wanted.position),
            parent: Some(wanted.parent),
            parent_uid: None,
            list: Some(wanted.list),
            recurrence: Some(wanted.recurrence.as_ref().map(|it| it.rule().clone())),
            repeat_from: Some(wanted.recurrence.map(|it| it.repeat_from())),
            fixed: Fixed::default(),
            base: None,
            is_import: true,
        };
        let new = patched(old, patch, self.now).unwrap().task;
        if new == *old {
            self.done.tasks_same += 1;
        } else {
            let new = self.state.dated(new);
            self.state.tasks.insert(new.id, new);
            self.done.tasks_replaced += 1;
        }
    }
}

impl State {
    /// Imports a task unchanged.
    pub(super) fn restore(&mut self, task: Task) {
        let newest = self.newest.entry(task.owner).or_insert(Timestamp::EPOCH);
        *newest = (*newest).max(task.created_at);
        let is_its =
            |gone: &Tombstone| gone.of.task().is_some_and(|(id, _)| id == task.id);
        self.tombstones.retain(|_, gone| gone.owner != task.owner || !is_its(gone));
        self.tasks.insert(task.id, task);
    }
}
