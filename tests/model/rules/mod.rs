//! Model of the rules of accounts, credentials and tasks.
//!
//! It shares no decision with the program: it reads everything, one write after the other. A rule that is broken in
//! `store/decide` or in the changes of a task gives another result than the model.

mod accounts;
mod import;
mod lists;
mod patch;
mod tasks;

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use duly::domain::access::Access;
use duly::domain::audit::{Act, AuditAction};
use duly::domain::due::DueRange;
use duly::domain::email::Email;
use duly::domain::id::{InvitationId, SessionId, TaskId, TokenId, UserId};
use duly::domain::idempotency::{IdempotencyKey, IdempotencyNote, IdempotencyRecord};
use duly::domain::invitation::Invitation;
use duly::domain::list::{ListDone, ListRefused, ListState, ListWrite};
use duly::domain::network::Network;
use duly::domain::page::{AuditPage, AuditPart, Page, TaskPage, UserOrder, UserPage};
use duly::domain::password::PasswordHash;
use duly::domain::quota::{Quota, Usage};
use duly::domain::session::{Refreshed, Refreshing, Renewed, Session};
use duly::domain::sweep::SweepProgress;
use duly::domain::task::{
    ChangePage, ChangeQuery, HistoryEntry, HistoryRetention, Task, TaskHistory,
    TaskQuery, TaskSummary, TaskWrite, TaskWritten, TrashPage, UndoPlan, UndoScope,
};
use duly::domain::timestamp::Timestamp;
use duly::domain::token::PersonalToken;
use duly::domain::transfer::{Chunk, Exported, ImportOptions, Imported};
use duly::domain::user::{Credential, Ended, Ending, NewUser, Refused, User, UserChange};
use duly::store::{Failure, ImportError, Store, StoreError, WriteContext};
use tokio::sync::{mpsc, watch};

use self::import::Import;
use crate::harness::memory::MemoryStore;

/// Store that reads like the one in memory, and writes by the rules of the model. Every
/// write counts as one of the program itself.
#[derive(Debug, Default)]
pub(crate) struct RulesStore(MemoryStore);

impl RulesStore {
    /// Creates a store that limits accounts. It counts no bytes.
    pub(crate) fn with(quota: Quota) -> Self {
        Self(MemoryStore::with(quota))
    }
}

#[async_trait]
impl Store for RulesStore {
    async fn user_create(
        &self,
        new: NewUser,
        _context: WriteContext<Result<User, Refused>>,
    ) -> Result<Result<User, Refused>, StoreError> {
        Ok(self.0.state().register(new))
    }

    async fn user_get(&self, id: UserId) -> Result<Option<Credential>, StoreError> {
        self.0.user_get(id).await
    }

    async fn user_by_email(
        &self,
        email: Email,
    ) -> Result<Option<Credential>, StoreError> {
        self.0.user_by_email(email).await
    }

    async fn user_list(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError> {
        self.0.user_list(after, limit).await
    }

    async fn user_page(
        &self,
        containing: Option<String>,
        order: UserOrder,
        page: Page,
    ) -> Result<UserPage, StoreError> {
        self.0.user_page(containing, order, page).await
    }

    async fn user_usage(&self, id: UserId) -> Result<Option<Usage>, StoreError> {
        self.0.user_usage(id).await
    }

    async fn user_patch(
        &self,
        id: UserId,
        change: UserChange,
        _context: WriteContext<Result<(User, Ended), Refused>>,
    ) -> Result<Result<(User, Ended), Refused>, StoreError> {
        let mut state = self.0.state();
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
        match self.0.state().users.get_mut(&id) {
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
        let mut state = self.0.state();
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
        state.lists.retain(|(user, _), _| *user != id);
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
        let mut state = self.0.state();
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
        self.0.state().touch(user, access, at, address);
        Ok(())
    }

    async fn session_create(
        &self,
        session: Session,
        expected: Option<PasswordHash>,
        _context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        let mut state = self.0.state();
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
        self.0.session_get(user, id).await
    }

    async fn session_list(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        self.0.session_list(user).await
    }

    async fn session_refresh(
        &self,
        user: UserId,
        id: SessionId,
        refreshing: Refreshing,
        _context: WriteContext<Renewed>,
    ) -> Result<Renewed, StoreError> {
        let mut state = self.0.state();
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
        Ok(self.0.state().sessions.remove(&(user, id)).is_some())
    }

    async fn token_create(
        &self,
        token: PersonalToken,
        _context: WriteContext<Option<bool>>,
    ) -> Result<Option<bool>, StoreError> {
        let mut state = self.0.state();
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
        self.0.token_get(user, id).await
    }

    async fn token_list(&self, user: UserId) -> Result<Vec<PersonalToken>, StoreError> {
        self.0.token_list(user).await
    }

    async fn token_delete(
        &self,
        user: UserId,
        id: TokenId,
        _context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        Ok(self.0.state().tokens.remove(&(user, id)).is_some())
    }

    async fn invitation_create(
        &self,
        invitation: Invitation,
        by: Act,
        _context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        let mut state = self.0.state();
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
        self.0.invitation_list().await
    }

    async fn invitation_delete(
        &self,
        id: InvitationId,
        by: Act,
        _context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        let mut state = self.0.state();
        let found = state.invitations.remove(&id).is_some();
        if found {
            state.audit(by, AuditAction::InvitationDeleted, None);
        }
        Ok(found)
    }

    async fn audit_list(&self, page: Page) -> Result<AuditPage, StoreError> {
        self.0.audit_list(page).await
    }

    async fn audit_about(
        &self,
        user: UserId,
        after: u64,
        limit: usize,
    ) -> Result<AuditPart, StoreError> {
        self.0.audit_about(user, after, limit).await
    }

    async fn idempotency_get(
        &self,
        owner: UserId,
        key: IdempotencyKey,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        self.0.idempotency_get(owner, key).await
    }

    async fn idempotency_list(
        &self,
        owner: UserId,
        after: Option<IdempotencyNote>,
        limit: usize,
    ) -> Result<Vec<IdempotencyNote>, StoreError> {
        self.0.idempotency_list(owner, after, limit).await
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

    async fn tombstone_sweep(
        &self,
        _after: Option<UserId>,
        _now: Timestamp,
        _retention: Duration,
    ) -> Result<SweepProgress, StoreError> {
        Ok(SweepProgress::default())
    }

    async fn history_list(
        &self,
        owner: UserId,
        id: TaskId,
        limit: usize,
    ) -> Result<Option<TaskHistory>, StoreError> {
        self.0.history_list(owner, id, limit).await
    }

    async fn history_after(
        &self,
        owner: UserId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        self.0.history_after(owner, after, limit).await
    }

    async fn trash_list(
        &self,
        owner: UserId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Option<TrashPage>, StoreError> {
        self.0.trash_list(owner, before, limit).await
    }

    async fn trash_empty(
        &self,
        owner: UserId,
        id: Option<TaskId>,
        context: WriteContext<u64>,
    ) -> Result<u64, StoreError> {
        self.0.trash_empty(owner, id, context).await
    }

    async fn undo_plan(
        &self,
        owner: UserId,
        scope: UndoScope,
    ) -> Result<UndoPlan, StoreError> {
        self.0.undo_plan(owner, scope).await
    }

    async fn history_sweep(
        &self,
        after: Option<UserId>,
        now: Timestamp,
        retention: HistoryRetention,
    ) -> Result<SweepProgress, StoreError> {
        self.0.history_sweep(after, now, retention).await
    }

    async fn change_list(
        &self,
        owner: UserId,
        query: ChangeQuery,
    ) -> Result<Option<ChangePage>, StoreError> {
        self.0.change_list(owner, query).await
    }

    fn change_watch(&self, owner: UserId) -> watch::Receiver<u64> {
        self.0.change_watch(owner)
    }

    fn epoch(&self) -> u64 {
        self.0.epoch()
    }

    async fn list_write(
        &self,
        owner: UserId,
        write: ListWrite,
        _context: WriteContext<Option<Result<ListDone, ListRefused>>>,
    ) -> Result<Option<Result<ListDone, ListRefused>>, StoreError> {
        Ok(self.0.state().write_list(owner, write))
    }

    async fn list_all(
        &self,
        owner: UserId,
    ) -> Result<Option<Vec<ListState>>, StoreError> {
        self.0.list_all(owner).await
    }

    async fn task_write(
        &self,
        owner: UserId,
        write: TaskWrite,
        _context: WriteContext<Option<TaskWritten>>,
    ) -> Result<Option<TaskWritten>, StoreError> {
        Ok(self.0.state().write(owner, write))
    }

    async fn task_get(
        &self,
        owner: UserId,
        id: TaskId,
    ) -> Result<Option<Task>, StoreError> {
        self.0.task_get(owner, id).await
    }

    async fn task_list(
        &self,
        owner: UserId,
        query: TaskQuery,
    ) -> Result<TaskPage, StoreError> {
        self.0.task_list(owner, query).await
    }

    async fn task_after(
        &self,
        owner: UserId,
        after: Option<TaskId>,
        limit: usize,
    ) -> Result<Vec<Task>, StoreError> {
        self.0.task_after(owner, after, limit).await
    }

    async fn task_summary(
        &self,
        owner: UserId,
        overdue: DueRange,
    ) -> Result<TaskSummary, StoreError> {
        self.0.task_summary(owner, overdue).await
    }

    async fn export(
        &self,
        whose: Option<UserId>,
        out: mpsc::Sender<Exported>,
    ) -> Result<(), StoreError> {
        self.0.export(whose, out).await
    }

    async fn import(
        &self,
        options: ImportOptions,
        mut chunks: mpsc::Receiver<Chunk>,
        done: watch::Sender<Imported>,
    ) -> Result<(), ImportError> {
        {
            let mut state = self.0.state();
            state.last_user = state.last_user.max(options.ids.user - 1);
            state.last_task = state.last_task.max(options.ids.task - 1);
        }
        let mut owner = None;
        while let Some(chunk) = chunks.recv().await {
            let mut state = self.0.state();
            let mut after = state.clone();
            let imported = Import::new(&mut after, owner, options, chunk.at);
            let (more, last) = imported.take_in(chunk.records)?;
            *state = after;
            owner = last;
            done.send_modify(|done| *done = done.plus(more));
        }
        Ok(())
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.0.ready().await
    }

    async fn failed(&self) -> Failure {
        self.0.failed().await
    }
}
