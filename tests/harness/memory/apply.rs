//! Changes to the maps.

use duly::domain::timestamp::Timestamp;
use duly::domain::user::Credential;
use duly::domain::{id::UserId, task::Task};
use duly::store::decide::{Change, Snapshot as _};

use super::State;

impl State {
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::UserCreate(new, key) => {
                self.last_user = self.last_user.max(new.user.id.get());
                self.emails.insert(key, new.user.id);
                self.users.insert(new.user.id, new);
            }
            Change::UserReplace { old, new } => self.replace_user(&old, new),
            Change::UserDelete(old) => self.delete_user(old.user.id),
            Change::IdsUsed(next) => {
                self.last_user = self.last_user.max(next.user - 1);
                self.last_task = self.last_task.max(next.task - 1);
            }
            Change::SessionPut(new) => {
                self.sessions.insert((new.user, new.id), new);
            }
            Change::SessionDelete(user, id) => {
                self.sessions.remove(&(user, id));
            }
            Change::TokenPut(new) => {
                self.tokens.insert((new.user, new.id), new);
            }
            Change::TokenDelete(user, id) => {
                self.tokens.remove(&(user, id));
            }
            Change::InvitationPut(new) => {
                self.invitations.insert(new.id, new);
            }
            Change::InvitationDelete(id) => {
                self.invitations.remove(&id);
            }
            Change::AuditAdd(new) => self.audited.push(new),
            Change::AuditDelete(id) => self.audited.retain(|record| record.id != id),
            Change::IdempotencyPut(owner, new) => {
                self.idempotency.insert((owner, new.key), new);
            }
            Change::IdempotencyDelete(owner, old) => {
                self.idempotency.remove(&(owner, old.key));
            }
            Change::QuotaSet(owner, own) => {
                self.own.insert(owner, own);
            }
            Change::TaskCreate(new) | Change::TaskRestore { new, .. } => self.add(new),
            Change::TaskReplace { new, .. } => {
                self.tasks.insert(new.id, new);
            }
            Change::TaskDelete(old) => {
                self.see(old.owner, old.updated_at);
                self.tasks.remove(&old.id);
            }
            Change::TaskGone(owner, changed) => self.see(owner, changed),
        }
    }

    fn replace_user(&mut self, old: &Credential, new: Credential) {
        let id = new.user.id;
        if old.user.email != new.user.email {
            let key = self.email_key(&old.user.email, id).unwrap().unwrap();
            self.emails.remove(&key);
            let key = self.email_key(&new.user.email, id).unwrap().unwrap();
            self.emails.insert(key, id);
        }
        self.users.insert(id, new);
    }

    fn delete_user(&mut self, id: UserId) {
        self.users.remove(&id);
        self.emails.retain(|_, user| *user != id);
        self.sessions.retain(|(user, _), _| *user != id);
        self.tokens.retain(|(user, _), _| *user != id);
        self.idempotency.retain(|(user, _), _| *user != id);
        self.tasks.retain(|_, task| task.owner != id);
        self.newest.remove(&id);
        self.own.remove(&id);
    }

    fn add(&mut self, new: Task) {
        self.last_task = self.last_task.max(new.id.get());
        self.see(new.owner, new.created_at);
        self.tasks.insert(new.id, new);
    }

    fn see(&mut self, owner: UserId, time: Timestamp) {
        let newest = self.newest.entry(owner).or_insert(Timestamp::EPOCH);
        *newest = (*newest).max(time);
    }
}
