//! A store in memory, simple enough to be obviously right.
//!
//! What it answers is what every store has to answer.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use duly::domain::email::CanonicalEmail;
use duly::domain::id::{SessionId, TaskId, UserId};
use duly::domain::page::{Page, TaskPage};
use duly::domain::password::PasswordHash;
use duly::domain::session::Session;
use duly::domain::task::{NewTask, Task, TaskCounts, TaskFilter, TaskPatch};
use duly::domain::timestamp::Timestamp;
use duly::domain::transfer::{
    Chunk, Conflict, Exported, Imported, NextIds, Owner, Record,
};
use duly::domain::user::{Credential, NewUser, User};
use duly::store::{Failure, Store, StoreError, Taken};
use tokio::sync::mpsc;

use super::import::Import;

/// Three sorted maps behind one lock. Keeps nothing when dropped.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) last_user: u64,
    pub(super) last_task: u64,
    pub(super) users: BTreeMap<UserId, Credential>,
    sessions: BTreeMap<(UserId, SessionId), Session>,
    pub(super) tasks: BTreeMap<TaskId, Task>,
    newest: BTreeMap<UserId, Timestamp>,
}

impl MemoryStore {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    pub(super) fn by_email(&self, email: &CanonicalEmail) -> Option<&Credential> {
        self.users.values().find(|found| found.user.email.canonical() == *email)
    }

    /// Takes in a task as it was.
    pub(super) fn restore(&mut self, task: Task) {
        let newest = self.newest.entry(task.owner).or_insert(Timestamp::EPOCH);
        *newest = (*newest).max(task.created_at);
        self.tasks.insert(task.id, task);
    }

    fn task(&self, owner: UserId, id: TaskId) -> Option<&Task> {
        self.tasks.get(&id).filter(|task| task.owner == owner)
    }

    fn tasks_of(&self, owner: UserId) -> impl Iterator<Item = &Task> {
        self.tasks.values().filter(move |task| task.owner == owner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn user_create(&self, new: NewUser) -> Result<Option<User>, StoreError> {
        let mut state = self.state();
        if state.by_email(&new.email.canonical()).is_some() {
            return Ok(None);
        }
        state.last_user += 1;
        let NewUser { email, password, role, created_at } = new;
        let user = User { id: UserId::new(state.last_user), email, role, created_at };
        state.users.insert(user.id, Credential { user: user.clone(), password });
        Ok(Some(user))
    }

    async fn user_by_email(
        &self,
        email: CanonicalEmail,
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

    async fn user_set_password(
        &self,
        id: UserId,
        password: PasswordHash,
    ) -> Result<bool, StoreError> {
        let mut state = self.state();
        let Some(found) = state.users.get_mut(&id) else { return Ok(false) };
        found.password = password;
        state.sessions.retain(|_, session| session.user != id);
        Ok(true)
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

    async fn user_delete(&self, id: UserId) -> Result<bool, StoreError> {
        let mut state = self.state();
        state.sessions.retain(|_, session| session.user != id);
        state.tasks.retain(|_, task| task.owner != id);
        state.newest.remove(&id);
        Ok(state.users.remove(&id).is_some())
    }

    async fn session_create(&self, session: Session) -> Result<bool, StoreError> {
        let mut state = self.state();
        if !state.users.contains_key(&session.user) {
            return Ok(false);
        }
        state.sessions.remove(&(session.user, session.id));
        state.sessions.retain(|_, old| {
            old.user != session.user || old.expires_at > session.created_at
        });
        let mut others: Vec<(Timestamp, SessionId)> = state
            .sessions
            .values()
            .filter(|old| old.user == session.user)
            .map(|old| (old.created_at, old.id))
            .collect();
        others.sort_unstable();
        let surplus = (others.len() + 1).saturating_sub(Session::MAX_PER_USER);
        for (_, id) in others.into_iter().take(surplus) {
            state.sessions.remove(&(session.user, id));
        }
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

    async fn task_create(
        &self,
        owner: UserId,
        new: NewTask,
    ) -> Result<Option<Task>, StoreError> {
        let mut state = self.state();
        if !state.users.contains_key(&owner) {
            return Ok(None);
        }
        state.last_task += 1;
        let newest = state.newest.get(&owner).copied().unwrap_or(Timestamp::EPOCH);
        let new = new.no_earlier_than(newest);
        state.newest.insert(owner, new.created_at.max(newest));
        let task = new.into_task(owner, TaskId::new(state.last_task));
        state.tasks.insert(task.id, task.clone());
        Ok(Some(task))
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
        filter: TaskFilter,
        page: Page,
    ) -> Result<TaskPage, StoreError> {
        let state = self.state();
        let wanted =
            |task: &&Task| filter.completed.is_none_or(|it| it == task.completed);
        let mut tasks: Vec<Task> =
            state.tasks_of(owner).filter(wanted).cloned().collect();
        tasks.sort_by_key(|task| Reverse((task.created_at, task.id)));
        let total = u64::try_from(tasks.len()).unwrap();
        let skip = usize::try_from(page.skip.min(total)).unwrap();
        let tasks = tasks.into_iter().skip(skip).take(usize::from(page.limit)).collect();
        Ok(TaskPage { tasks, total })
    }

    async fn task_counts(&self, owner: UserId) -> Result<TaskCounts, StoreError> {
        let state = self.state();
        let mut counts = TaskCounts::default();
        for task in state.tasks_of(owner) {
            counts.total += 1;
            counts.open += u64::from(!task.completed);
        }
        Ok(counts)
    }

    async fn task_patch(
        &self,
        owner: UserId,
        id: TaskId,
        patch: TaskPatch,
        now: Timestamp,
    ) -> Result<Option<Task>, StoreError> {
        let mut state = self.state();
        let Some(old) = state.task(owner, id) else { return Ok(None) };
        let new = patch.apply(old, now);
        state.tasks.insert(id, new.clone());
        Ok(Some(new))
    }

    async fn task_delete(&self, owner: UserId, id: TaskId) -> Result<bool, StoreError> {
        let mut state = self.state();
        let found = state.task(owner, id).is_some();
        if found {
            state.tasks.remove(&id);
        }
        Ok(found)
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
        let _ = out.send(Exported::Ids(next)).await;
        let _ = out.send(Exported::Records(records)).await;
        Ok(())
    }

    async fn import_begin(&self, ids: NextIds) -> Result<Option<Arc<Taken>>, StoreError> {
        let mut state = self.state();
        state.last_user = state.last_user.max(ids.user - 1);
        state.last_task = state.last_task.max(ids.task - 1);
        // It looks for itself what is taken.
        Ok(Some(Arc::default()))
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
