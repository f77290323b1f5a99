//! Every change that can be made to the data.
//!
//! The only place where records, index entries and counts are put together, so that none can be
//! forgotten. [`plan`] reads and may find damage; what it returns are plain steps on bytes, which are
//! carried out only if all of them could be planned. A change that fails has written nothing.

use super::batch::Op;
use super::key::{self, Table};
use super::record::{self, AnswerStats, Stats};
use super::view::View;
use super::{answers, codec, index};
use crate::domain::answer::Answer;
use crate::domain::audit::AuditRecord;
use crate::domain::id::{InvitationId, SessionId, TokenId, UserId};
use crate::domain::invitation::Invitation;
use crate::domain::session::Session;
use crate::domain::task::Task;
use crate::domain::token::PersonalToken;
use crate::domain::transfer::NextIds;
use crate::domain::user::Credential;
use crate::plant::{self, Bug};
use crate::store::StoreError;

/// A change as data. Old values are those that the decision has read from its [`View`].
#[derive(Debug)]
pub(super) enum Change {
    UserCreate(Credential),
    /// Anything but the id may differ.
    UserReplace {
        old: Credential,
        new: Credential,
    },
    UserDelete(Credential),
    /// Ids below these are not given out any more.
    IdsUsed(NextIds),
    SessionPut(Session),
    SessionDelete(UserId, SessionId),
    TokenPut(PersonalToken),
    TokenDelete(UserId, TokenId),
    InvitationPut(Invitation),
    InvitationDelete(InvitationId),
    AuditAdd(AuditRecord),
    AuditDelete(u64),
    AnswerPut(UserId, Answer),
    AnswerDelete(UserId, Answer),
    TaskCreate(Task),
    /// A task that was made elsewhere or before, with its id and its times.
    TaskRestore {
        new: Task,
        /// Whether its neighbours by id are its neighbours by time as well.
        in_order: bool,
    },
    TaskReplace {
        old: Task,
        new: Task,
    },
    TaskDelete(Task),
}

/// Turns changes into steps on bytes.
pub(super) fn plan(
    view: &View<'_, '_>,
    changes: &[Change],
) -> Result<Vec<Op>, StoreError> {
    let (stats, answers) = (Vec::new(), Vec::new());
    let mut plan = Plan { view, ops: Vec::with_capacity(4), stats, answers };
    for change in changes {
        plan.add(change)?;
    }
    for (owner, stats) in &plan.stats {
        let value = record::stats(*owner, stats)?;
        plan.ops.push(Op::Put(Table::Owned, key::stats(*owner).to_vec(), value));
    }
    plan.answer_stats()?;
    Ok(plan.ops)
}

struct Plan<'a, 'view, 'txn> {
    view: &'a View<'view, 'txn>,
    ops: Vec<Op>,
    /// Counts as they are after the changes planned so far.
    stats: Vec<(UserId, Stats)>,
    /// The same of kept answers.
    answers: Vec<(UserId, AnswerStats)>,
}

impl Plan<'_, '_, '_> {
    fn add(&mut self, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::UserCreate(new) => {
                let id = new.user.id;
                let email = new.user.email.canonical();
                let email = email.as_str().as_bytes();
                let by_email = record::number(Table::UserByEmail, email, id.get())?;
                self.put(Table::Users, &id.to_bytes(), record::user(new)?);
                self.put(Table::UserByEmail, email, by_email);
                if let Some(entry) = index::admin(&new.user) {
                    self.put(Table::Admins, &entry, Vec::new());
                }
                self.ops.push(Op::UsedUserId(id.get()));
                self.stats.push((id, Stats::EMPTY));
            }
            Change::UserReplace { old, new } => self.user_replace(old, new)?,
            Change::UserDelete(old) => self.user_delete(old)?,
            Change::IdsUsed(next) => {
                self.ops.push(Op::UsedUserId(next.user.saturating_sub(1)));
                self.ops.push(Op::UsedTaskId(next.task.saturating_sub(1)));
            }
            Change::SessionPut(new) => {
                let key = key::session(new.user, new.id);
                self.put(Table::Owned, &key, record::session(new)?);
            }
            Change::SessionDelete(user, id) => {
                self.delete(Table::Owned, &key::session(*user, *id));
            }
            Change::TokenPut(new) => {
                let key = key::token(new.user, new.id);
                self.put(Table::Owned, &key, record::token(new)?);
            }
            Change::TokenDelete(user, id) => {
                self.delete(Table::Owned, &key::token(*user, *id));
            }
            Change::InvitationPut(new) => {
                let value = record::invitation(new)?;
                self.put(Table::Invitations, &new.id.to_bytes(), value);
            }
            Change::InvitationDelete(id) => {
                self.delete(Table::Invitations, &id.to_bytes());
            }
            Change::AuditAdd(new) => {
                self.put(Table::Audit, &key::audit(new.id), record::audit(new)?);
            }
            Change::AuditDelete(id) => self.delete(Table::Audit, &key::audit(*id)),
            Change::AnswerPut(owner, new) => {
                let entry = index::answer_by_age(*owner, new.key, new.made_at);
                let value = record::answer(*owner, new)?;
                self.put(Table::Owned, &key::answer(*owner, new.key), value);
                self.put(Table::Owned, &entry.encode(), Vec::new());
                let stats = self.answers_of(*owner)?;
                stats.records += 1;
                stats.bytes += answers::size(new);
            }
            Change::AnswerDelete(owner, old) => {
                let entry = index::answer_by_age(*owner, old.key, old.made_at);
                self.delete(Table::Owned, &key::answer(*owner, old.key));
                self.delete(Table::Owned, &entry.encode());
                let stats = self.answers_of(*owner)?;
                stats.records = stats.records.saturating_sub(1);
                stats.bytes = stats.bytes.saturating_sub(answers::size(old));
            }
            Change::TaskCreate(new) => {
                let newest = self.stats_of(new.owner)?.newest;
                self.task_add(new, new.created_at >= newest)?;
            }
            Change::TaskRestore { new, in_order } => self.task_add(new, *in_order)?,
            Change::TaskReplace { old, new } => {
                self.task_put(new)?;
                let (from, to) = (index::task_by_state(old), index::task_by_state(new));
                if from != to {
                    self.delete(Table::Owned, &from.encode());
                    self.put(Table::Owned, &to.encode(), Vec::new());
                }
                if old.completed != new.completed && !plant::is(Bug::CountNotUpdated) {
                    let stats = self.stats_of(new.owner)?;
                    let open = stats.counts.open + u64::from(!new.completed);
                    stats.counts.open = less(open, u64::from(!old.completed), new.owner)?;
                }
            }
            Change::TaskDelete(old) => {
                self.delete(Table::Owned, &key::task(old.owner, old.id));
                if !plant::is(Bug::IndexDeleteForgotten) {
                    self.delete(Table::Owned, &index::task_by_state(old).encode());
                }
                let stats = self.stats_of(old.owner)?;
                stats.counts.total = less(stats.counts.total, 1, old.owner)?;
                stats.counts.open =
                    less(stats.counts.open, u64::from(!old.completed), old.owner)?;
            }
        }
        Ok(())
    }

    fn user_replace(
        &mut self,
        old: &Credential,
        new: &Credential,
    ) -> Result<(), StoreError> {
        let id = new.user.id;
        self.put(Table::Users, &id.to_bytes(), record::user(new)?);
        let (from, to) = (old.user.email.canonical(), new.user.email.canonical());
        if from != to {
            let to = to.as_str().as_bytes();
            let value = record::number(Table::UserByEmail, to, id.get())?;
            self.delete(Table::UserByEmail, from.as_str().as_bytes());
            self.put(Table::UserByEmail, to, value);
        }
        match (index::admin(&old.user), index::admin(&new.user)) {
            (None, Some(entry)) => self.put(Table::Admins, &entry, Vec::new()),
            (Some(entry), None) => self.delete(Table::Admins, &entry),
            _ => {}
        }
        Ok(())
    }

    /// Takes along all that the person has: at once, or, when that would hold the writer for long,
    /// all that can be found by anybody at once and the rest in slices (see [`super::writer`]).
    fn user_delete(&mut self, old: &Credential) -> Result<(), StoreError> {
        let id = old.user.id;
        self.delete(Table::Users, &id.to_bytes());
        self.delete(Table::UserByEmail, old.user.email.canonical().as_str().as_bytes());
        if let Some(entry) = index::admin(&old.user) {
            self.delete(Table::Admins, &entry);
        }
        let answers = self.answers_of(id)?.records;
        let rows = self.stats_of(id)?.counts.total.saturating_add(answers);
        self.stats.retain(|(owner, _)| *owner != id);
        self.answers.retain(|(owner, _)| *owner != id);
        let batch = self.view.0;
        if plant::is(Bug::CascadeMissesSessions) {
            self.ops.push(Op::DeleteOwned(key::tasks_of(id)));
        } else if rows.saturating_add(batch.rows_deleted) <= batch.delete_at_once {
            self.ops.push(Op::DeleteOwned(key::everything_of(id)));
        } else {
            self.delete(Table::Owned, &key::stats(id));
            self.ops.push(Op::DeleteOwned(key::sessions_of(id)));
            self.ops.push(Op::DeleteOwned(key::tokens_of(id)));
            let value = record::number(Table::Purge, &id.to_bytes(), 0)?;
            self.put(Table::Purge, &id.to_bytes(), value);
        }
        Ok(())
    }

    fn task_add(&mut self, new: &Task, in_order: bool) -> Result<(), StoreError> {
        self.task_put(new)?;
        self.ops.push(Op::UsedTaskId(new.id.get()));
        if !plant::is(Bug::IndexInsertForgotten) {
            self.put(Table::Owned, &index::task_by_state(new).encode(), Vec::new());
        }
        let stats = self.stats_of(new.owner)?;
        stats.in_order &= in_order;
        stats.newest = stats.newest.max(new.created_at);
        stats.counts.total += 1;
        stats.counts.open += u64::from(!new.completed);
        Ok(())
    }

    fn task_put(&mut self, task: &Task) -> Result<(), StoreError> {
        self.put(Table::Owned, &key::task(task.owner, task.id), record::task(task)?);
        Ok(())
    }

    fn answers_of(&mut self, owner: UserId) -> Result<&mut AnswerStats, StoreError> {
        let at = match self.answers.iter().position(|(of, _)| *of == owner) {
            Some(at) => at,
            None => {
                self.answers.push((owner, self.view.answer_stats(owner)?));
                self.answers.len() - 1
            }
        };
        let (_, stats) = self.answers.get_mut(at).expect("found or pushed just above");
        Ok(stats)
    }

    /// Writes the row of everybody of whose answers something has changed, if there are any left.
    fn answer_stats(&mut self) -> Result<(), StoreError> {
        for (owner, stats) in std::mem::take(&mut self.answers) {
            let key = key::answer_stats(owner);
            if stats == AnswerStats::default() {
                self.delete(Table::Owned, &key);
            } else {
                self.put(Table::Owned, &key, record::answer_stats(owner, stats)?);
            }
        }
        Ok(())
    }

    fn put(&mut self, table: Table, key: &[u8], value: Vec<u8>) {
        self.ops.push(Op::Put(table, key.to_vec(), value));
    }

    fn delete(&mut self, table: Table, key: &[u8]) {
        self.ops.push(Op::Delete(table, key.to_vec()));
    }

    fn stats_of(&mut self, owner: UserId) -> Result<&mut Stats, StoreError> {
        let at = match self.stats.iter().position(|(of, _)| *of == owner) {
            Some(at) => at,
            None => {
                let stats =
                    self.view.stats(owner)?.ok_or_else(|| damaged(owner, "missing"))?;
                self.stats.push((owner, stats));
                self.stats.len() - 1
            }
        };
        let (_, stats) = self.stats.get_mut(at).expect("found or pushed just above");
        Ok(stats)
    }
}

fn less(count: u64, by: u64, owner: UserId) -> Result<u64, StoreError> {
    count
        .checked_sub(by)
        .ok_or_else(|| damaged(owner, "counts fewer tasks than there are"))
}

fn damaged(owner: UserId, why: &str) -> StoreError {
    codec::damaged(Table::Owned, &key::stats(owner), &why)
}
