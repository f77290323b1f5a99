//! Store in memory: the decisions of the program over a few sorted maps.
//!
//! Its results are the expected results of every store.

mod apply;
mod snapshot;
mod state;

use std::cmp::Reverse;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use duly::domain::access::Access;
use duly::domain::audit::Act;
use duly::domain::due::DueRange;
use duly::domain::email::Email;
use duly::domain::id::{InvitationId, SessionId, TaskId, TokenId, UserId};
use duly::domain::id_set::TaskIds;
use duly::domain::idempotency::{IdempotencyKey, IdempotencyNote, IdempotencyRecord};
use duly::domain::invitation::Invitation;
use duly::domain::list::{ListDone, ListRefused, ListState, ListWrite};
use duly::domain::page::{AuditPage, AuditPart, Page, TaskPage, UserOrder, UserPage};
use duly::domain::password::PasswordHash;
use duly::domain::quota::{Quota, Usage};
use duly::domain::session::{Refreshing, Renewed, Session};
use duly::domain::sweep::SweepProgress;
use duly::domain::task::{
    ChangePage, ChangeQuery, HistoryEntry, HistoryRetention, Task, TaskHistory,
    TaskQuery, TaskSummary, TaskWrite, TaskWritten, TrashPage, UndoPlan, UndoScope,
};
use duly::domain::timestamp::Timestamp;
use duly::domain::token::PersonalToken;
use duly::domain::transfer::{Chunk, Exported, ImportOptions, Imported, NextIds, Record};
use duly::domain::user::{
    Account, Credential, Ended, Ending, NewUser, Refused, User, UserChange,
};
use duly::store::decide::import::ImportState;
use duly::store::decide::{
    Decision, IdempotencyAge, IdempotencyBounds, Snapshot, accounts, history,
    idempotency, import, in_context, invitations, lists, sessions, tasks, tokens,
    tombstones,
};
use duly::store::{Failure, ImportError, Store, StoreError, WriteContext};
use tokio::sync::{mpsc, watch};

pub(crate) use self::state::{State, part};

const BOUNDS: IdempotencyBounds = IdempotencyBounds { records: 16_384, bytes: 16 << 20 };

/// Store of a few sorted maps behind one lock. Its data is lost when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    state: Mutex<State>,
    /// Number of writes.
    changed: watch::Sender<u64>,
}

impl MemoryStore {
    /// Creates a store that limits accounts. It counts no bytes.
    pub(crate) fn with(quota: Quota) -> Self {
        let state = Mutex::new(State { quota, ..State::default() });
        Self { state, changed: watch::Sender::default() }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn decide<T>(
        &self,
        mut context: WriteContext<T>,
        decide: impl FnOnce(&dyn Snapshot) -> Result<Decision<T>, StoreError>,
    ) -> Result<T, StoreError> {
        let mut state = self.state();
        let Decision { result, changes } =
            in_context(&*state, &mut context, BOUNDS, decide)?;
        for change in changes {
            state.apply(change);
        }
        self.changed.send_modify(|number| *number += 1);
        Ok(result)
    }
}

impl MemoryStore {
    fn reserve(&self, import: &mut ImportState, ids: NextIds) -> Result<(), ImportError> {
        self.decide(WriteContext::system(), |_| Ok(import::reserve(ids)))?;
        let state = self.state();
        let mut taken = TaskIds::default();
        for id in state.tasks.keys() {
            taken.insert(*id);
        }
        import.set_ids(state.next_ids(), taken);
        Ok(())
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn user_create(
        &self,
        new: NewUser,
        context: WriteContext<Result<User, Refused>>,
    ) -> Result<Result<User, Refused>, StoreError> {
        let quota = self.state().quota;
        self.decide(context, |snapshot| accounts::create(snapshot, new, quota.accounts))
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
        context: WriteContext<Result<(User, Ended), Refused>>,
    ) -> Result<Result<(User, Ended), Refused>, StoreError> {
        self.decide(context, |snapshot| accounts::patch(snapshot, id, change))
    }

    async fn user_rehash(
        &self,
        id: UserId,
        old: PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError> {
        self.decide(WriteContext::system(), |snapshot| {
            accounts::rehash(snapshot, id, &old, new)
        })
    }

    async fn user_delete(
        &self,
        id: UserId,
        expected: Option<PasswordHash>,
        by: Option<Act>,
        context: WriteContext<Result<(), Refused>>,
    ) -> Result<Result<(), Refused>, StoreError> {
        self.decide(context, |snapshot| {
            accounts::delete(snapshot, id, expected.as_ref(), by)
        })
    }

    async fn access_end(
        &self,
        id: UserId,
        ending: Ending,
        by: Option<Act>,
        context: WriteContext<Result<Ended, Refused>>,
    ) -> Result<Result<Ended, Refused>, StoreError> {
        self.decide(context, |snapshot| accounts::end_access(snapshot, id, ending, by))
    }

    async fn access_touch(
        &self,
        user: UserId,
        access: Access,
        at: Timestamp,
        address: Option<IpAddr>,
    ) -> Result<(), StoreError> {
        self.decide(WriteContext::system(), |snapshot| {
            tokens::touch(snapshot, user, access, at, address)
        })
    }

    async fn session_create(
        &self,
        session: Session,
        expected: Option<PasswordHash>,
        context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        self.decide(context, |snapshot| {
            sessions::create(snapshot, session, expected.as_ref())
        })
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
        context: WriteContext<Renewed>,
    ) -> Result<Renewed, StoreError> {
        self.decide(context, |snapshot| {
            sessions::refresh(snapshot, user, id, &refreshing)
        })
    }

    async fn session_delete(
        &self,
        user: UserId,
        id: SessionId,
        context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        self.decide(context, |snapshot| sessions::delete(snapshot, user, id))
    }

    async fn token_create(
        &self,
        token: PersonalToken,
        context: WriteContext<Option<bool>>,
    ) -> Result<Option<bool>, StoreError> {
        self.decide(context, |snapshot| tokens::create(snapshot, token))
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
        context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        self.decide(context, |snapshot| tokens::delete(snapshot, user, id))
    }

    async fn invitation_create(
        &self,
        invitation: Invitation,
        by: Act,
        context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        self.decide(context, |snapshot| invitations::create(snapshot, invitation, by))
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
        context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        self.decide(context, |snapshot| invitations::delete(snapshot, id, by))
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

    async fn idempotency_get(
        &self,
        owner: UserId,
        key: IdempotencyKey,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let state = self.state();
        let is_enabled = state.users.get(&owner).is_some_and(|it| !it.user.disabled);
        Ok(state.idempotency.get(&(owner, key)).filter(|_| is_enabled).cloned())
    }

    async fn idempotency_list(
        &self,
        owner: UserId,
        after: Option<IdempotencyNote>,
        limit: usize,
    ) -> Result<Vec<IdempotencyNote>, StoreError> {
        let state = self.state();
        let note = |age: IdempotencyAge| {
            let bytes = state.idempotency[&(owner, age.key)].sealed.len() as u64;
            IdempotencyNote { key: age.key, made_at: age.made_at, bytes }
        };
        let after = after.map(|it| IdempotencyAge { made_at: it.made_at, key: it.key });
        Ok(state.idempotency_by_age(owner, after, limit)?.into_iter().map(note).collect())
    }

    async fn idempotency_sweep(
        &self,
        after: Option<UserId>,
        now: Timestamp,
    ) -> Result<SweepProgress, StoreError> {
        self.decide(WriteContext::system(), |snapshot| {
            idempotency::sweep(snapshot, after, now)
        })
    }

    async fn idempotency_forget(&self, owner: UserId) -> Result<u64, StoreError> {
        self.decide(WriteContext::system(), |snapshot| {
            idempotency::forget(snapshot, owner)
        })
    }

    async fn tombstone_sweep(
        &self,
        after: Option<UserId>,
        now: Timestamp,
        retention: Duration,
    ) -> Result<SweepProgress, StoreError> {
        self.decide(WriteContext::system(), |snapshot| {
            tombstones::sweep(snapshot, after, now, retention)
        })
    }

    async fn history_list(
        &self,
        owner: UserId,
        id: TaskId,
        limit: usize,
    ) -> Result<Option<TaskHistory>, StoreError> {
        history::of_task(&*self.state(), owner, id, limit)
    }

    async fn history_after(
        &self,
        owner: UserId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        self.state().history_from(owner, after + 1, limit)
    }

    async fn trash_list(
        &self,
        owner: UserId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Option<TrashPage>, StoreError> {
        history::trash_page(&*self.state(), owner, before, limit)
    }

    async fn trash_empty(
        &self,
        owner: UserId,
        id: Option<TaskId>,
        context: WriteContext<u64>,
    ) -> Result<u64, StoreError> {
        self.decide(context, |snapshot| history::empty(snapshot, owner, id))
    }

    async fn undo_plan(
        &self,
        owner: UserId,
        scope: UndoScope,
    ) -> Result<UndoPlan, StoreError> {
        history::plan(&*self.state(), owner, scope)
    }

    async fn history_sweep(
        &self,
        after: Option<UserId>,
        now: Timestamp,
        retention: HistoryRetention,
    ) -> Result<SweepProgress, StoreError> {
        let quota = self.state().quota;
        let sweep = |snapshot: &dyn Snapshot| {
            history::sweep(snapshot, after, now, retention, &quota)
        };
        self.decide(WriteContext::system(), sweep)
    }

    async fn change_list(
        &self,
        owner: UserId,
        query: ChangeQuery,
    ) -> Result<Option<ChangePage>, StoreError> {
        Ok(self.state().changes(owner, query))
    }

    fn change_watch(&self, _owner: UserId) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn epoch(&self) -> u64 {
        1
    }

    async fn list_write(
        &self,
        owner: UserId,
        write: ListWrite,
        context: WriteContext<Option<Result<ListDone, ListRefused>>>,
    ) -> Result<Option<Result<ListDone, ListRefused>>, StoreError> {
        let quota = self.state().quota;
        self.decide(context, |snapshot| lists::write(snapshot, owner, write, &quota))
    }

    async fn list_all(
        &self,
        owner: UserId,
    ) -> Result<Option<Vec<ListState>>, StoreError> {
        let state = self.state();
        Ok(state.users.contains_key(&owner).then(|| state.list_states(owner)))
    }

    async fn task_write(
        &self,
        owner: UserId,
        write: TaskWrite,
        context: WriteContext<Option<TaskWritten>>,
    ) -> Result<Option<TaskWritten>, StoreError> {
        let quota = self.state().quota;
        self.decide(context, |snapshot| tasks::write(snapshot, owner, write, &quota))
    }

    async fn task_get(
        &self,
        owner: UserId,
        id: TaskId,
    ) -> Result<Option<Task>, StoreError> {
        Ok(self.state().find(owner, id).cloned())
    }

    async fn task_list(
        &self,
        owner: UserId,
        query: TaskQuery,
    ) -> Result<TaskPage, StoreError> {
        Ok(self.state().task_page(query, owner))
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
        Ok(self.state().summary(owner, &overdue))
    }

    async fn export(
        &self,
        whose: Option<UserId>,
        out: mpsc::Sender<Exported>,
    ) -> Result<(), StoreError> {
        let state = self.state().clone();
        let mut records = Vec::new();
        for (id, found) in &state.users {
            if whose.is_none_or(|whose| whose == *id) {
                records.push(Record::User(found.clone()));
                records.extend(state.lists_of(*id).cloned().map(Record::List));
                records.extend(state.tasks_of(*id).cloned().map(Record::Task));
            }
        }
        // The receiver is gone if this fails, which is no error.
        let start =
            Exported::Start { ids: state.next_ids(), records: records.len() as u64 };
        let _ = out.send(start).await;
        let _ = out.send(Exported::Records(records)).await;
        Ok(())
    }

    async fn import(
        &self,
        options: ImportOptions,
        mut chunks: mpsc::Receiver<Chunk>,
        done: watch::Sender<Imported>,
    ) -> Result<(), ImportError> {
        let mut import = ImportState::new(options, !self.state().users.is_empty());
        let first = import.first_ids();
        self.reserve(&mut import, first)?;
        while let Some(chunk) = chunks.recv().await {
            if let Some(ids) = import.ids_of(&chunk)? {
                self.reserve(&mut import, ids)?;
            }
            let (after, imported) = self.decide(WriteContext::system(), |snapshot| {
                import.import(snapshot, chunk)
            })?;
            let imported = imported?;
            done.send_modify(|done| *done = done.plus(imported));
            import = after;
        }
        Ok(())
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn failed(&self) -> Failure {
        std::future::pending().await
    }
}
