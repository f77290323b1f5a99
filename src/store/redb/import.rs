//! Accounts and tasks that were made elsewhere or before: decisions.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{MutexGuard, PoisonError};

use redb::ReadTransaction;

use super::change::Change;
use super::key::{self, Owned, Table};
use super::view::View;
use super::write::Verdict;
use super::{audit, codec, table};
use crate::domain::audit::{Act, Actor, AuditAction};
use crate::domain::email::CanonicalEmail;
use crate::domain::id::{TaskId, UserId};
use crate::domain::id_set::TaskIds;
use crate::domain::task::{Task, TaskPatch};
use crate::domain::timestamp::Timestamp;
use crate::domain::transfer::{
    Chunk, Conflict, Existing, Imported, NextIds, Owner, Record,
};
use crate::domain::user::{Credential, Role, User};
use crate::plant::{self, Bug};
use crate::store::{StoreError, Taken};

type Outcome = Result<(Imported, Option<Owner>), Conflict>;

pub(super) fn begin(ids: NextIds) -> Verdict<()> {
    Verdict { answer: (), changes: vec![Change::IdsUsed(ids)] }
}

/// The ids of all tasks that somebody can find.
pub(super) fn task_ids(txn: &ReadTransaction) -> Result<TaskIds, StoreError> {
    let users = table::open(txn, Table::Users)?;
    let owned = table::open(txn, Table::Owned)?;
    let mut ids = TaskIds::default();
    for entry in table::all(&users)? {
        let (key, _) = entry?;
        let id = codec::user_id(Table::Users, key.value())?;
        for entry in table::range(&owned, &key::tasks_of(id))? {
            let (key, _) = entry?;
            if let Some(Owned::Task(_, id)) = Owned::decode(key.value()) {
                ids.insert(id);
            }
        }
    }
    Ok(ids)
}

pub(super) fn import(
    view: &View<'_, '_>,
    chunk: Chunk,
    taken: &Taken,
    now: Timestamp,
) -> Result<Verdict<Outcome>, StoreError> {
    // Somebody may have deleted the account since the chunk before.
    let owner = match chunk.owner {
        Some(owner) if view.credential(owner.here)?.is_some() => Some(owner),
        _ => None,
    };
    let mut import = Import {
        view,
        taken: taken.ids.lock().unwrap_or_else(PoisonError::into_inner),
        now,
        existing: chunk.existing,
        owner,
        next_user: view.next_user_id(),
        users: BTreeMap::new(),
        tasks: BTreeMap::new(),
        done: Imported::default(),
        changes: Vec::new(),
        audited: Vec::new(),
    };
    for record in chunk.records {
        let taken_in = match record {
            Record::User(credential) => import.user(credential).map(Ok),
            Record::Task(task) => import.task(task),
        };
        if let Err(conflict) = taken_in? {
            return Ok(Verdict::unchanged(Err(conflict)));
        }
    }
    let Import { done, owner, mut changes, audited, .. } = import;
    let act = Act { actor: Actor::Operator, at: now };
    changes.extend(audit::add_all(view, act, audited.into_iter())?);
    Ok(Verdict { answer: Ok((done, owner)), changes })
}

/// A chunk on its way. What it has made so far is not in the view yet.
struct Import<'a, 'view, 'txn> {
    view: &'a View<'view, 'txn>,
    taken: MutexGuard<'a, TaskIds>,
    now: Timestamp,
    existing: Existing,
    owner: Option<Owner>,
    next_user: UserId,
    users: BTreeMap<CanonicalEmail, UserId>,
    tasks: BTreeMap<(UserId, TaskId), Task>,
    done: Imported,
    changes: Vec<Change>,
    /// Accounts that were made.
    audited: Vec<(AuditAction, Option<UserId>)>,
}

impl Import<'_, '_, '_> {
    fn user(&mut self, found: Credential) -> Result<(), StoreError> {
        let there = found.user.id;
        let email = found.user.email.canonical();
        let here = match self.users.get(&email) {
            Some(id) => Some(*id),
            None => self.view.user_id(&email)?,
        };
        let here = match here {
            Some(id) => {
                self.done.users_found += 1;
                id
            }
            None => {
                let id = if self.is_free(there)? { there } else { self.next_user };
                self.next_user =
                    self.next_user.max(UserId::new(id.get().saturating_add(1)));
                self.users.insert(email, id);
                self.audited.push((AuditAction::UserCreated, Some(id)));
                if found.user.role == Role::Admin {
                    self.audited.push((AuditAction::AdminMade, Some(id)));
                }
                let user = User { id, ..found.user };
                self.changes.push(Change::UserCreate(Credential { user, ..found }));
                self.done.users_added += 1;
                id
            }
        };
        self.owner = Some(Owner { there, here });
        Ok(())
    }

    /// Whether nobody has this id, nor any row that waits to be removed.
    fn is_free(&self, id: UserId) -> Result<bool, StoreError> {
        Ok(self.users.values().all(|used| *used != id)
            && self.view.credential(id)?.is_none()
            && !self.view.is_purged(id)?)
    }

    fn task(&mut self, found: Task) -> Result<Result<(), Conflict>, StoreError> {
        let Some(owner) = self.owner.filter(|owner| owner.there == found.owner) else {
            return Ok(Err(Conflict::Stray(found.id)));
        };
        let new = Task { owner: owner.here, ..found };
        let place = (new.owner, new.id);
        let old = match self.tasks.get(&place) {
            Some(task) => Some(task.clone()),
            None => self.view.task(new.owner, new.id)?,
        };
        match old {
            Some(old) if old == new => self.done.tasks_same += 1,
            Some(old) => match self.existing {
                Existing::Keep if !plant::is(Bug::ImportOverwrites) => {
                    self.done.tasks_kept += 1;
                }
                Existing::Keep | Existing::Replace => self.replace(old, new),
            },
            None if !self.taken.insert(new.id)
                && !plant::is(Bug::ImportTakesTakenIds) =>
            {
                return Ok(Err(Conflict::Taken(new.id)));
            }
            None => {
                let in_order = self.is_in_order(&new)?;
                self.tasks.insert(place, new.clone());
                self.changes.push(Change::TaskRestore { new, in_order });
                self.done.tasks_added += 1;
            }
        }
        Ok(Ok(()))
    }

    /// Changes a task as its owner could have, so that its history goes on.
    fn replace(&mut self, old: Task, wanted: Task) {
        let patch = TaskPatch {
            title: Some(wanted.title),
            description: Some(wanted.description),
            completed: Some(wanted.completed),
        };
        let new = patch.apply(&old, self.now);
        if new == old {
            self.done.tasks_same += 1;
            return;
        }
        self.tasks.insert((new.owner, new.id), new.clone());
        self.changes.push(Change::TaskReplace { old, new });
        self.done.tasks_replaced += 1;
    }

    /// Whether the task was made between its neighbours by id.
    fn is_in_order(&self, new: &Task) -> Result<bool, StoreError> {
        let (before, after) = self.view.neighbours(new.owner, new.id)?;
        let place = (new.owner, new.id);
        let first = (new.owner, TaskId::new(0));
        let last = (new.owner, TaskId::new(u64::MAX));
        let chunk_before = self.tasks.range(first..place).next_back();
        let chunk_after =
            self.tasks.range((Bound::Excluded(place), Bound::Included(last))).next();
        let created = |task: Option<(&(UserId, TaskId), &Task)>| {
            task.map(|(_, task)| task.created_at)
        };
        let before = before.max(created(chunk_before));
        let after = [after, created(chunk_after)].into_iter().flatten().min();
        Ok(before.is_none_or(|time| time <= new.created_at)
            && after.is_none_or(|time| time >= new.created_at))
    }
}
