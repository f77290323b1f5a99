//! A store in memory, simple enough to be obviously right.
//!
//! What it answers is what every store has to answer.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use duly::domain::access::Access;
use duly::domain::audit::{Act, AuditAction};
use duly::domain::due::DueRange;
use duly::domain::email::Email;
use duly::domain::id::{InvitationId, SessionId, TaskId, TokenId, UserId};
use duly::domain::idempotency::{
    IdempotencyKey, IdempotencyNote, IdempotencyRecord, SweepProgress,
};
use duly::domain::invitation::Invitation;
use duly::domain::network::Network;
use duly::domain::page::{AuditPage, AuditPart, Page, TaskPage, UserOrder, UserPage};
use duly::domain::password::PasswordHash;
use duly::domain::quota::{Quota, Usage};
use duly::domain::session::{Refreshed, Refreshing, Renewed, Session};
use duly::domain::tag::Tag;
use duly::domain::task::{
    Start, TagCounts, Task, TaskCounts, TaskQuery, TaskSummary, TaskWrite, TaskWritten,
};
use duly::domain::timestamp::Timestamp;
use duly::domain::token::PersonalToken;
use duly::domain::transfer::{
    Chunk, Conflict, Exported, Imported, NextIds, Owner, Record,
};
use duly::domain::user::{
    Account, Admission, Credential, Ended, Ending, NewUser, Refused, Role, User,
    UserChange,
};
use duly::store::{Failure, Store, StoreError, Taken, WriteContext};
use tokio::sync::mpsc;

use super::import::Import;
use super::state::{State, part};

/// A few sorted maps behind one lock. Keeps nothing when dropped.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// A store that holds accounts to limits. It counts no bytes.
    pub(crate) fn with(quota: Quota) -> Self {
        Self { state: Mutex::new(State { quota, ..State::default() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn user_create(
        &self,
        new: NewUser,
        _context: WriteContext<Result<User, Refused>>,
    ) -> Result<Result<User, Refused>, StoreError> {
        let mut state = self.state();
        let id = UserId::new(state.last_user + 1);
        if let Admission::Invited(invitation, digest) = new.admission
            && !state.is_invited(invitation, digest, &new)
        {
            return Ok(Err(Refused::BadInvitation));
        }
        let count = u64::try_from(state.users.len()).unwrap();
        if state.quota.accounts.is_some_and(|most| count >= most) {
            return Ok(Err(Refused::Full));
        }
        if state.by_email(&new.email).is_some() {
            return Ok(Err(Refused::EmailTaken));
        }
        match new.admission {
            Admission::Open => {}
            Admission::By(act) => {
                state.audit(act, AuditAction::UserCreated, Some(id));
                if new.role == Role::Admin {
                    state.audit(act, AuditAction::AdminMade, Some(id));
                }
            }
            Admission::Invited(invitation, _) => {
                state.invitations.remove(&invitation);
            }
        }
        state.last_user += 1;
        let credential = new.into_credential(id);
        let user = credential.user.clone();
        state.users.insert(user.id, credential);
        Ok(Ok(user))
    }

    async fn user_get(&self, id: UserId) -> Result<Option<Credential>, StoreError> {
        Ok(self.state().users.get(&id).cloned())
    }

    async fn user_by_email(
        &self,
        email: Email,
    ) -> Result<Option<Credential>, StoreError> {
        Ok(self.state().by_email(&email).cloned())
    }

    async fn user_list(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError> {
        let state = self.state();
        let users = state.users.values().map(|found| &found.user);
        Ok(users.filter(|user| Some(user.id) > after).take(limit).cloned().collect())
    }

    async fn user_page(
        &self,
        containing: Option<String>,
        _order: UserOrder,
        page: Page,
    ) -> Result<UserPage, StoreError> {
        let text = containing.unwrap_or_default();
        let state = self.state();
        let mut users = Vec::new();
        for Credential { user, .. } in state.users.values().rev() {
            if user.email.contains(&text) {
                let (user, usage) = (user.clone(), state.usage(user.id));
                users.push(Account { user, usage });
            }
        }
        let total = u64::try_from(users.len()).unwrap();
        Ok(UserPage { users: part(users, page), total })
    }

    async fn user_usage(&self, id: UserId) -> Result<Option<Usage>, StoreError> {
        let state = self.state();
        Ok(state.users.contains_key(&id).then(|| state.usage(id)))
    }

    async fn user_patch(
        &self,
        id: UserId,
        change: UserChange,
        _context: WriteContext<Result<(User, Ended), Refused>>,
    ) -> Result<Result<(User, Ended), Refused>, StoreError> {
        let mut state = self.state();
        let Some(old) = state.users.get(&id).cloned() else {
            return Ok(Err(Refused::Missing));
        };
        let UserChange { patch, quota, ending, expected, by } = change;
        let own = state.own.get(&id).copied().unwrap_or_default();
        if expected.is_some_and(|expected| expected != old.password) {
            return Ok(Err(Refused::PasswordChanged));
        }
        let new = patch.apply(&old);
        let taken = state.by_email(&new.user.email);
        if taken.is_some_and(|found| found.user.id != id) {
            return Ok(Err(Refused::EmailTaken));
        }
        if !new.user.is_active_admin() && state.is_last_admin(id) {
            return Ok(Err(Refused::LastAdmin));
        }
        let ended = if new.user.disabled && !old.user.disabled {
            let tokens = state.tokens.clone();
            let ended = state.end(id, Ending::Everything);
            state.tokens = tokens;
            Ended { tokens: 0, ..ended }
        } else {
            state.end(id, ending)
        };
        if let Some(act) = by {
            state.audit_patch(act, &old, &new);
            if quota.apply(own) != own {
                state.audit(act, AuditAction::QuotaSet, Some(id));
            }
        }
        if old.user.is_active_admin() && !new.user.is_active_admin() {
            state.invitations.retain(|_, found| found.created_by != Some(id));
        }
        state.own.insert(id, quota.apply(own));
        let user = new.user.clone();
        state.users.insert(id, new);
        Ok(Ok((user, ended)))
    }

    async fn user_rehash(
        &self,
        id: UserId,
        old: PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError> {
        match self.state().users.get_mut(&id) {
            Some(found) if found.password == old => {
                found.password = new;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn user_delete(
        &self,
        id: UserId,
        expected: Option<PasswordHash>,
        by: Option<Act>,
        _context: WriteContext<Result<(), Refused>>,
    ) -> Result<Result<(), Refused>, StoreError> {
        let mut state = self.state();
        let Some(found) = state.users.get(&id) else { return Ok(Err(Refused::Missing)) };
        if expected.is_some_and(|expected| expected != found.password) {
            return Ok(Err(Refused::PasswordChanged));
        }
        if state.is_last_admin(id) {
            return Ok(Err(Refused::LastAdmin));
        }
        if let Some(act) = by {
            state.audit(act, AuditAction::UserDeleted, Some(id));
        }
        state.end(id, Ending::Everything);
        state.invitations.retain(|_, found| found.created_by != Some(id));
        state.tasks.retain(|_, task| task.owner != id);
        state.newest.remove(&id);
        state.own.remove(&id);
        state.users.remove(&id);
        Ok(Ok(()))
    }

    async fn access_end(
        &self,
        id: UserId,
        ending: Ending,
        by: Option<Act>,
        _context: WriteContext<Result<Ended, Refused>>,
    ) -> Result<Result<Ended, Refused>, StoreError> {
        let mut state = self.state();
        if !state.users.contains_key(&id) {
            return Ok(Err(Refused::Missing));
        }
        if let Some(act) = by {
            state.audit(act, AuditAction::AccessEnded, Some(id));
        }
        Ok(Ok(state.end(id, ending)))
    }

    async fn access_touch(
        &self,
        user: UserId,
        access: Access,
        at: Timestamp,
        address: Option<IpAddr>,
    ) -> Result<(), StoreError> {
        self.state().touch(user, access, at, address);
        Ok(())
    }

    async fn session_create(
        &self,
        session: Session,
        expected: Option<PasswordHash>,
        _context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        let mut state = self.state();
        let welcome = |found: &Credential| {
            !found.user.disabled && expected.is_none_or(|it| it == found.password)
        };
        if !state.users.get(&session.user).is_some_and(welcome) {
            return Ok(false);
        }
        let owner = state.users.get_mut(&session.user).unwrap();
        let network = session.address.map(Network::of);
        if let Some(network) = network.filter(|it| !owner.networks.contains(it)) {
            owner.networks.insert(0, network);
            owner.networks.truncate(Credential::MAX_NETWORKS);
        }
        state.make_room_for(&session);
        state.sessions.insert((session.user, session.id), session);
        Ok(true)
    }

    async fn session_get(
        &self,
        user: UserId,
        id: SessionId,
    ) -> Result<Option<(User, Session)>, StoreError> {
        let state = self.state();
        let session = state.sessions.get(&(user, id));
        Ok(session.map(|session| (state.users[&user].user.clone(), session.clone())))
    }

    async fn session_list(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let state = self.state();
        let sessions = state.sessions.values().filter(|session| session.user == user);
        Ok(sessions.cloned().collect())
    }

    async fn session_refresh(
        &self,
        user: UserId,
        id: SessionId,
        refreshing: Refreshing,
        _context: WriteContext<Renewed>,
    ) -> Result<Renewed, StoreError> {
        let mut state = self.state();
        let Some(old) = state.sessions.get(&(user, id)) else {
            return Ok(Refreshed::Unknown);
        };
        let owner = state.users[&user].user.clone();
        Ok(match old.refresh(&refreshing) {
            Refreshed::Renewed(new) => {
                state.sessions.insert((user, id), new.clone());
                Refreshed::Renewed((owner, new))
            }
            Refreshed::Reused => {
                state.sessions.remove(&(user, id));
                Refreshed::Reused
            }
            Refreshed::Unknown => Refreshed::Unknown,
        })
    }

    async fn session_delete(
        &self,
        user: UserId,
        id: SessionId,
        _context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        Ok(self.state().sessions.remove(&(user, id)).is_some())
    }

    async fn token_create(
        &self,
        token: PersonalToken,
        _context: WriteContext<Option<bool>>,
    ) -> Result<Option<bool>, StoreError> {
        let mut state = self.state();
        if state.users.get(&token.user).is_none_or(|found| found.user.disabled) {
            return Ok(None);
        }
        let count = state.tokens.keys().filter(|(user, _)| *user == token.user).count();
        if count >= PersonalToken::MAX_PER_USER {
            return Ok(Some(false));
        }
        state.tokens.insert((token.user, token.id), token);
        Ok(Some(true))
    }

    async fn token_get(
        &self,
        user: UserId,
        id: TokenId,
    ) -> Result<Option<(User, PersonalToken)>, StoreError> {
        let state = self.state();
        let token = state.tokens.get(&(user, id));
        Ok(token.map(|token| (state.users[&user].user.clone(), token.clone())))
    }

    async fn token_list(&self, user: UserId) -> Result<Vec<PersonalToken>, StoreError> {
        let state = self.state();
        let tokens = state.tokens.values().filter(|token| token.user == user);
        Ok(tokens.cloned().collect())
    }

    async fn token_delete(
        &self,
        user: UserId,
        id: TokenId,
        _context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        Ok(self.state().tokens.remove(&(user, id)).is_some())
    }

    async fn invitation_create(
        &self,
        invitation: Invitation,
        by: Act,
        _context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        let mut state = self.state();
        let now = invitation.created_at;
        let live = state.invitations.values().filter(|it| it.expires_at > now).count();
        if live >= Invitation::MAX {
            return Ok(false);
        }
        state.invitations.retain(|_, it| it.expires_at > now);
        state.audit(by, AuditAction::InvitationCreated, None);
        state.invitations.insert(invitation.id, invitation);
        Ok(true)
    }

    async fn invitation_list(&self) -> Result<Vec<Invitation>, StoreError> {
        let mut all: Vec<_> = self.state().invitations.values().cloned().collect();
        all.sort_by_key(|found| Reverse((found.created_at, found.id)));
        Ok(all)
    }

    async fn invitation_delete(
        &self,
        id: InvitationId,
        by: Act,
        _context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        let mut state = self.state();
        let found = state.invitations.remove(&id).is_some();
        if found {
            state.audit(by, AuditAction::InvitationDeleted, None);
        }
        Ok(found)
    }

    async fn audit_list(&self, page: Page) -> Result<AuditPage, StoreError> {
        let records: Vec<_> = self.state().audited.iter().rev().copied().collect();
        let total = u64::try_from(records.len()).unwrap();
        Ok(AuditPage { records: part(records, page), total })
    }

    async fn audit_about(
        &self,
        user: UserId,
        after: u64,
        limit: usize,
    ) -> Result<AuditPart, StoreError> {
        Ok(self.state().audit_about(user, after, limit))
    }

    /// Keeps none: what is done once is nothing to a model of what is done.
    async fn idempotency_get(
        &self,
        _owner: UserId,
        _key: IdempotencyKey,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        Ok(None)
    }

    async fn idempotency_list(
        &self,
        _owner: UserId,
        _after: Option<IdempotencyNote>,
        _limit: usize,
    ) -> Result<Vec<IdempotencyNote>, StoreError> {
        Ok(Vec::new())
    }

    async fn idempotency_sweep(
        &self,
        _after: Option<UserId>,
        _now: Timestamp,
    ) -> Result<SweepProgress, StoreError> {
        Ok(SweepProgress::default())
    }

    async fn idempotency_forget(&self, _owner: UserId) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn task_write(
        &self,
        owner: UserId,
        write: TaskWrite,
        _context: WriteContext<Option<TaskWritten>>,
    ) -> Result<Option<TaskWritten>, StoreError> {
        Ok(self.state().write(owner, write))
    }

    async fn task_get(
        &self,
        owner: UserId,
        id: TaskId,
    ) -> Result<Option<Task>, StoreError> {
        Ok(self.state().task(owner, id).cloned())
    }

    async fn task_list(
        &self,
        owner: UserId,
        query: TaskQuery,
    ) -> Result<TaskPage, StoreError> {
        let state = self.state();
        let TaskQuery { filter, order, start, limit } = query;
        let fitting = state.tasks_of(owner).filter(|task| filter.fits(task));
        let mut tasks: Vec<Task> = fitting.cloned().collect();
        tasks.sort_by(|a, b| order.place(a).compare(&order.place(b), order));
        let total = u64::try_from(tasks.len()).unwrap();
        let rest: Vec<Task> = match start {
            Start::Skip(skip) => tasks
                .into_iter()
                .skip(usize::try_from(skip).unwrap_or(usize::MAX))
                .collect(),
            Start::After(place) => {
                let is_after =
                    |task: &Task| order.place(task).compare(&place, order).is_gt();
                tasks.into_iter().filter(is_after).collect()
            }
        };
        let limit = usize::from(limit);
        let more = rest.len() > limit;
        Ok(TaskPage { tasks: rest.into_iter().take(limit).collect(), total, more })
    }

    async fn task_after(
        &self,
        owner: UserId,
        after: Option<TaskId>,
        limit: usize,
    ) -> Result<Vec<Task>, StoreError> {
        let state = self.state();
        let tasks = state.tasks_of(owner).filter(|task| Some(task.id) > after);
        Ok(tasks.take(limit).cloned().collect())
    }

    async fn task_summary(
        &self,
        owner: UserId,
        overdue: DueRange,
    ) -> Result<TaskSummary, StoreError> {
        let state = self.state();
        let mut summary = TaskSummary::default();
        let mut tags: BTreeMap<Tag, TaskCounts> = BTreeMap::new();
        let count = |counts: &mut TaskCounts, task: &Task| {
            counts.total += 1;
            counts.open += u64::from(!task.is_completed());
        };
        for task in state.tasks_of(owner) {
            count(&mut summary.counts, task);
            let is_due = task.due.as_ref().is_some_and(|due| overdue.contains(due));
            summary.overdue += u64::from(is_due && !task.is_completed());
            for tag in task.tags.iter() {
                count(tags.entry(tag.clone()).or_default(), task);
            }
        }
        summary.tags =
            tags.into_iter().map(|(tag, counts)| TagCounts { tag, counts }).collect();
        Ok(summary)
    }

    async fn export(
        &self,
        whose: Option<UserId>,
        out: mpsc::Sender<Exported>,
    ) -> Result<(), StoreError> {
        let state = self.state().clone();
        let next = NextIds { user: state.last_user + 1, task: state.last_task + 1 };
        let mut records = Vec::new();
        for (id, found) in &state.users {
            if whose.is_none_or(|whose| whose == *id) {
                records.push(Record::User(found.clone()));
                records.extend(state.tasks_of(*id).cloned().map(Record::Task));
            }
        }
        // Nobody listens any more if this fails, which is not an error.
        let start = Exported::Start { ids: next, records: records.len() as u64 };
        let _ = out.send(start).await;
        let _ = out.send(Exported::Records(records)).await;
        Ok(())
    }

    async fn import_begin(&self, ids: NextIds) -> Result<Option<Arc<Taken>>, StoreError> {
        let mut state = self.state();
        state.last_user = state.last_user.max(ids.user - 1);
        state.last_task = state.last_task.max(ids.task - 1);
        let next = NextIds { user: state.last_user + 1, task: state.last_task + 1 };
        // It looks for itself what is taken.
        Ok(Some(Arc::new(Taken { next, ..Taken::default() })))
    }

    async fn import(
        &self,
        chunk: Chunk,
        _taken: Arc<Taken>,
        now: Timestamp,
    ) -> Result<Result<(Imported, Option<Owner>), Conflict>, StoreError> {
        let mut state = self.state();
        let mut after = state.clone();
        let outcome = Import::new(&mut after, &chunk, now).take_in(chunk.records);
        if outcome.is_ok() {
            *state = after;
        }
        Ok(outcome)
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn failed(&self) -> Failure {
        std::future::pending().await
    }
}
