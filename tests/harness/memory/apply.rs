//! Changes to the maps.

use duly::domain::timestamp::Timestamp;
use duly::domain::user::Credential;
use duly::domain::{id::UserId, task::Task};
use duly::store::decide::{Change, Snapshot as _};

use super::State;
use super::state::Seqs;

impl State {
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::UserCreate { new, email_key: key, seq } => {
                self.last_user = self.last_user.max(new.user.id.get());
                self.emails.insert(key, new.user.id);
                let seqs = Seqs { last: seq, account: seq, horizon: seq - 1 };
                self.seqs.insert(new.user.id, seqs);
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
            Change::ListCreate(new) | Change::ListReplace(new) => {
                self.number(new.owner, new.seq);
                let last = self.last_list.entry(new.owner).or_insert(1);
                *last = (*last).max(new.id.get());
                self.lists.insert((new.owner, new.id), new);
            }
            Change::ListDelete(old) => {
                self.lists.remove(&(old.owner, old.id));
            }
            Change::TaskCreate(new) | Change::TaskRestore { new, .. } => self.add(new),
            Change::TaskReplace { new, .. } => {
                self.number(new.owner, new.seq);
                self.tasks.insert(new.id, new);
            }
            Change::TaskDelete(old) => {
                self.see(old.owner, old.updated_at);
                self.tasks.remove(&old.id);
            }
            Change::HistoryAdd(new) => {
                self.history.insert((new.owner, new.seq), new);
            }
            Change::HistoryDelete(old) => {
                self.history.remove(&(old.owner, old.seq));
            }
            Change::HistoryExpire(old) => {
                self.history.remove(&(old.owner, old.seq));
                let last = self.forgotten.entry(old.owner).or_default();
                *last = (*last).max(old.seq);
            }
            Change::TrashAdd(seq, task) => {
                self.trash.insert((task.owner, seq), task);
            }
            Change::TrashDelete(seq, task) => {
                self.trash.remove(&(task.owner, seq));
            }
            Change::TaskGone(owner, changed) => self.see(owner, changed),
            Change::TombstoneAdd(new) => {
                self.number(new.owner, new.seq);
                self.tombstones.insert((new.owner, new.seq), new);
            }
            Change::TombstoneExpire(old) => {
                self.tombstones.remove(&(old.owner, old.seq));
                let seqs = self.seqs.get_mut(&old.owner).unwrap();
                seqs.horizon = seqs.horizon.max(old.seq);
            }
            Change::TombstoneRaise(old) => {
                self.tombstones.remove(&(old.owner, old.seq));
            }
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
        if old.user != new.user {
            let seqs = self.seqs.get_mut(&id).unwrap();
            seqs.last += 1;
            seqs.account = seqs.last;
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
        self.seqs.remove(&id);
        self.lists.retain(|(user, _), _| *user != id);
        self.last_list.remove(&id);
        self.tombstones.retain(|(user, _), _| *user != id);
        self.history.retain(|(user, _), _| *user != id);
        self.trash.retain(|(user, _), _| *user != id);
        self.forgotten.remove(&id);
    }

    fn add(&mut self, new: Task) {
        self.last_task = self.last_task.max(new.id.get());
        self.see(new.owner, new.created_at);
        self.number(new.owner, new.seq);
        self.tasks.insert(new.id, new);
    }

    fn number(&mut self, owner: UserId, seq: u64) {
        let seqs = self.seqs.get_mut(&owner).unwrap();
        seqs.last = seqs.last.max(seq);
    }

    fn see(&mut self, owner: UserId, time: Timestamp) {
        let newest = self.newest.entry(owner).or_insert(Timestamp::EPOCH);
        *newest = (*newest).max(time);
    }
}
