//! Implementation of [`Store`] on the file. Says of each method whether it reads or writes, and nothing else.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use redb::ReadTransaction;
use tokio::sync::{mpsc, watch};

use crate::domain::access::Access;
use crate::domain::audit::Act;
use crate::domain::due::DueRange;
use crate::domain::email::Email;
use crate::domain::id::{InvitationId, SessionId, TaskId, TokenId, UserId};
use crate::domain::idempotency::{IdempotencyKey, IdempotencyNote, IdempotencyRecord};
use crate::domain::invitation::Invitation;
use crate::domain::list::{ListAction, ListDone, ListRefused, ListState, ListWrite};
use crate::domain::page::{AuditPage, AuditPart, Page, TaskPage, UserOrder, UserPage};
use crate::domain::password::PasswordHash;
use crate::domain::quota::Usage;
use crate::domain::session::{Refreshing, Renewed, Session};
use crate::domain::sweep::SweepProgress;
use crate::domain::task::{
    ChangePage, ChangeQuery, HistoryEntry, HistoryRetention, Task, TaskAction,
    TaskHistory, TaskOp, TaskQuery, TaskSummary, TaskWrite, TaskWritten, TrashPage,
    UndoPlan, UndoScope,
};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::PersonalToken;
use crate::domain::transfer::{Chunk, Exported, ImportOptions, Imported};
use crate::domain::user::{
    Admission, Credential, Ended, Ending, NewUser, Refused, User, UserChange,
};
use crate::store::decide::{self, Decision, Snapshot};
use crate::store::metrics::StoreMetrics;
use crate::store::redb::engine::queue::{Flow, Ticket};
use crate::store::redb::engine::space::Growth;
use crate::store::redb::engine::work::Work;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::{key, table};
use crate::store::redb::list::ReadBudget;
use crate::store::redb::{
    RedbStore, audit, changes, export, history, idempotency, invitations, list, lists,
    quota, sessions, tasks, tokens, tombstones, users,
};
use crate::store::{Failure, ImportError, Store, StoreError, WriteContext};

/// Planned work of the deletion of an account; at most [`crate::store::redb::Options::delete_at_once`] of its tasks go at once.
const DELETED_ACCOUNT: Work = Work::new(4_000, 0);

#[async_trait]
impl Store for RedbStore {
    async fn user_create(
        &self,
        new: NewUser,
        context: WriteContext<Result<User, Refused>>,
    ) -> Result<Result<User, Refused>, StoreError> {
        let flow = match new.admission {
            Admission::Open | Admission::Invited(..) => Flow::Registrations,
            Admission::By(_) => Flow::Operator,
        };
        let ticket = Ticket::access(flow);
        let most = self.quota.accounts;
        let decide =
            move |snapshot: &dyn Snapshot| decide::accounts::create(snapshot, new, most);
        let outcome = self.writer.write(ticket, Growth::Adds, context, decide).await;
        outcome.inspect(|made| self.shared.health.meters.registered(made))
    }

    async fn user_get(&self, id: UserId) -> Result<Option<Credential>, StoreError> {
        self.read(|txn| users::get(txn, id))
    }

    async fn user_by_email(
        &self,
        email: Email,
    ) -> Result<Option<Credential>, StoreError> {
        self.read(|txn| users::by_email(txn, &email))
    }

    async fn user_list(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError> {
        self.read_admin(move |txn| users::list(txn, after, limit)).await
    }

    async fn password_list(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<(UserId, PasswordHash)>, StoreError> {
        self.read_admin(move |txn| users::passwords(txn, after, limit)).await
    }

    async fn user_page(
        &self,
        containing: Option<String>,
        order: UserOrder,
        page: Page,
    ) -> Result<UserPage, StoreError> {
        self.read_admin(move |txn| users::page(txn, containing.as_deref(), order, page))
            .await
    }

    async fn user_usage(&self, id: UserId) -> Result<Option<Usage>, StoreError> {
        self.read(|txn| quota::usage(&table::open(txn, Table::Owned)?, id))
    }

    async fn user_patch(
        &self,
        id: UserId,
        change: UserChange,
        context: WriteContext<Result<(User, Ended), Refused>>,
    ) -> Result<Result<(User, Ended), Refused>, StoreError> {
        let ticket = Ticket::access(Flow::of(id, change.by));
        // Names can wait for space, which their idempotency records would take from log-ins. Passwords and access cannot.
        let is_profile = change.patch.password.is_none() && change.by.is_none();
        let growth = if is_profile { Growth::Adds } else { Growth::AddsLittle };
        let decide =
            move |snapshot: &dyn Snapshot| decide::accounts::patch(snapshot, id, change);
        self.writer.write(ticket, growth, context, decide).await
    }

    async fn user_rehash(
        &self,
        id: UserId,
        old: PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError> {
        let decide = move |snapshot: &dyn Snapshot| {
            decide::accounts::rehash(snapshot, id, &old, new)
        };
        let ticket = Ticket::access(Flow::Account(id));
        self.writer
            .write(ticket, Growth::AddsLittle, WriteContext::system(), decide)
            .await
    }

    async fn user_delete(
        &self,
        id: UserId,
        expected: Option<PasswordHash>,
        by: Option<Act>,
        context: WriteContext<Result<(), Refused>>,
    ) -> Result<Result<(), Refused>, StoreError> {
        let decide = move |snapshot: &dyn Snapshot| {
            decide::accounts::delete(snapshot, id, expected.as_ref(), by)
        };
        let ticket = Ticket::data(Flow::of(id, by), DELETED_ACCOUNT);
        self.writer.write(ticket, Growth::Frees, context, decide).await
    }

    async fn access_end(
        &self,
        id: UserId,
        ending: Ending,
        by: Option<Act>,
        context: WriteContext<Result<Ended, Refused>>,
    ) -> Result<Result<Ended, Refused>, StoreError> {
        let decide = move |snapshot: &dyn Snapshot| {
            decide::accounts::end_access(snapshot, id, ending, by)
        };
        let ticket = Ticket::access(Flow::of(id, by));
        self.writer.write(ticket, Growth::Frees, context, decide).await
    }

    async fn access_touch(
        &self,
        user: UserId,
        access: Access,
        at: Timestamp,
        address: Option<IpAddr>,
    ) -> Result<(), StoreError> {
        let decide = move |snapshot: &dyn Snapshot| {
            decide::tokens::touch(snapshot, user, access, at, address)
        };
        let ticket = Ticket::access(Flow::Account(user));
        self.writer.write(ticket, Growth::Adds, WriteContext::system(), decide).await
    }

    async fn session_create(
        &self,
        session: Session,
        expected: Option<PasswordHash>,
        context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        let ticket = Ticket::access(Flow::Account(session.user));
        let decide = move |snapshot: &dyn Snapshot| {
            decide::sessions::create(snapshot, session, expected.as_ref())
        };
        self.writer.write(ticket, Growth::AddsLittle, context, decide).await
    }

    async fn session_get(
        &self,
        user: UserId,
        id: SessionId,
    ) -> Result<Option<(User, Session)>, StoreError> {
        let read = || self.read(|txn| sessions::get(txn, user, id));
        self.accesses.session(user, id, read)
    }

    async fn session_list(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        self.read(|txn| sessions::list(txn, user))
    }

    async fn session_refresh(
        &self,
        user: UserId,
        id: SessionId,
        refreshing: Refreshing,
        context: WriteContext<Renewed>,
    ) -> Result<Renewed, StoreError> {
        let decide = move |snapshot: &dyn Snapshot| {
            decide::sessions::refresh(snapshot, user, id, &refreshing)
        };
        let ticket = Ticket::access(Flow::Account(user));
        self.writer.write(ticket, Growth::AddsLittle, context, decide).await
    }

    async fn session_delete(
        &self,
        user: UserId,
        id: SessionId,
        context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        let ticket = Ticket::access(Flow::Account(user));
        self.writer
            .write(ticket, Growth::Frees, context, move |snapshot| {
                decide::sessions::delete(snapshot, user, id)
            })
            .await
    }

    async fn token_create(
        &self,
        token: PersonalToken,
        context: WriteContext<Option<bool>>,
    ) -> Result<Option<bool>, StoreError> {
        let ticket = Ticket::access(Flow::Account(token.user));
        self.writer
            .write(ticket, Growth::Adds, context, move |snapshot| {
                decide::tokens::create(snapshot, token)
            })
            .await
    }

    async fn token_get(
        &self,
        user: UserId,
        id: TokenId,
    ) -> Result<Option<(User, PersonalToken)>, StoreError> {
        let read = || self.read(|txn| tokens::get(txn, user, id));
        self.accesses.token(user, id, read)
    }

    async fn token_list(&self, user: UserId) -> Result<Vec<PersonalToken>, StoreError> {
        self.read(|txn| tokens::list(txn, user))
    }

    async fn token_delete(
        &self,
        user: UserId,
        id: TokenId,
        context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        let ticket = Ticket::access(Flow::Account(user));
        self.writer
            .write(ticket, Growth::Frees, context, move |snapshot| {
                decide::tokens::delete(snapshot, user, id)
            })
            .await
    }

    async fn invitation_create(
        &self,
        invitation: Invitation,
        by: Act,
        context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        let decide = move |snapshot: &dyn Snapshot| {
            decide::invitations::create(snapshot, invitation, by)
        };
        self.writer
            .write(Ticket::access(Flow::Operator), Growth::Adds, context, decide)
            .await
    }

    async fn invitation_list(&self) -> Result<Vec<Invitation>, StoreError> {
        self.read(invitations::list)
    }

    async fn invitation_delete(
        &self,
        id: InvitationId,
        by: Act,
        context: WriteContext<bool>,
    ) -> Result<bool, StoreError> {
        let decide =
            move |snapshot: &dyn Snapshot| decide::invitations::delete(snapshot, id, by);
        self.writer
            .write(Ticket::access(Flow::Operator), Growth::Frees, context, decide)
            .await
    }

    async fn audit_list(&self, page: Page) -> Result<AuditPage, StoreError> {
        self.read_admin(move |txn| audit::list(txn, page)).await
    }

    async fn audit_about(
        &self,
        user: UserId,
        after: u64,
        limit: usize,
    ) -> Result<AuditPart, StoreError> {
        // Records of all accounts are examined.
        self.read_long(user, move |txn| audit::about(txn, user, after, limit)).await
    }

    async fn idempotency_get(
        &self,
        owner: UserId,
        key: IdempotencyKey,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        self.read(|txn| idempotency::get(txn, owner, key))
    }

    async fn idempotency_list(
        &self,
        owner: UserId,
        after: Option<IdempotencyNote>,
        limit: usize,
    ) -> Result<Vec<IdempotencyNote>, StoreError> {
        self.read(|txn| idempotency::list(txn, owner, after, limit))
    }

    async fn idempotency_sweep(
        &self,
        after: Option<UserId>,
        now: Timestamp,
    ) -> Result<SweepProgress, StoreError> {
        let ticket = Ticket::data(Flow::Server, idempotency::SWEEP);
        self.writer
            .write(ticket, Growth::Frees, WriteContext::system(), move |snapshot| {
                decide::idempotency::sweep(snapshot, after, now)
            })
            .await
    }

    async fn idempotency_forget(&self, owner: UserId) -> Result<u64, StoreError> {
        let ticket = Ticket::data(Flow::Operator, idempotency::SWEEP);
        self.writer
            .write(ticket, Growth::Frees, WriteContext::system(), move |snapshot| {
                decide::idempotency::forget(snapshot, owner)
            })
            .await
    }

    async fn tombstone_sweep(
        &self,
        after: Option<UserId>,
        now: Timestamp,
        retention: Duration,
    ) -> Result<SweepProgress, StoreError> {
        let ticket = Ticket::data(Flow::Server, tombstones::SWEEP);
        let decide = move |snapshot: &dyn Snapshot| {
            decide::tombstones::sweep(snapshot, after, now, retention)
        };
        self.writer.write(ticket, Growth::Frees, WriteContext::system(), decide).await
    }

    async fn change_list(
        &self,
        owner: UserId,
        query: ChangeQuery,
    ) -> Result<Option<ChangePage>, StoreError> {
        self.read(|txn| changes::page(txn, owner, &query))
    }

    fn change_watch(&self, owner: UserId) -> watch::Receiver<u64> {
        self.watches.subscribe(owner)
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }

    async fn list_write(
        &self,
        owner: UserId,
        write: ListWrite,
        context: WriteContext<Option<Result<ListDone, ListRefused>>>,
    ) -> Result<Option<Result<ListDone, ListRefused>>, StoreError> {
        if write.dry_run {
            return self.list_try(owner, write, context.authority).await;
        }
        let (growth, planned) = match write.action {
            ListAction::Create(_) | ListAction::Patch(..) => (Growth::Adds, lists::PUT),
            ListAction::Delete(..) => (Growth::Frees, lists::EMPTY),
        };
        let ticket = Ticket::data(Flow::Account(owner), planned);
        let quota = self.quota;
        let decide = move |snapshot: &dyn Snapshot| {
            decide::lists::write(snapshot, owner, write, &quota)
        };
        self.writer.write(ticket, growth, context, decide).await
    }

    async fn list_all(
        &self,
        owner: UserId,
    ) -> Result<Option<Vec<ListState>>, StoreError> {
        self.read(|txn| lists::all(txn, owner))
    }

    async fn task_write(
        &self,
        owner: UserId,
        write: TaskWrite,
        context: WriteContext<Option<TaskWritten>>,
    ) -> Result<Option<TaskWritten>, StoreError> {
        if write.dry_run {
            return self.task_try(owner, write, context.authority).await;
        }
        let frees = |op: &TaskOp| matches!(op.action, TaskAction::Delete(_));
        let growth =
            if write.ops.iter().all(frees) { Growth::Frees } else { Growth::Adds };
        let ticket = Ticket::data(Flow::Account(owner), tasks::planned(&write));
        let quota = self.quota;
        let decide = move |snapshot: &dyn Snapshot| {
            decide::tasks::write(snapshot, owner, write, &quota)
        };
        let outcome = self.writer.write(ticket, growth, context, decide).await;
        outcome.inspect(|written| self.shared.health.meters.written(written.as_ref()))
    }

    async fn task_get(
        &self,
        owner: UserId,
        id: TaskId,
    ) -> Result<Option<Task>, StoreError> {
        self.read(|txn| tasks::get(txn, owner, id))
    }

    async fn task_list(
        &self,
        owner: UserId,
        query: TaskQuery,
    ) -> Result<TaskPage, StoreError> {
        let mut cost = ReadBudget::short(self.reads);
        if let Some(page) = self.read(|txn| list::list(txn, owner, &query, &mut cost))? {
            return Ok(page);
        }
        let mut cost = ReadBudget::long(self.reads);
        let page = self
            .read_long(owner, move |txn| list::list(txn, owner, &query, &mut cost))
            .await?;
        Ok(page.unwrap_or(TaskPage::EMPTY))
    }

    async fn task_after(
        &self,
        owner: UserId,
        after: Option<TaskId>,
        limit: usize,
    ) -> Result<Vec<Task>, StoreError> {
        self.read(|txn| tasks::after(txn, owner, after, limit))
    }

    async fn history_list(
        &self,
        owner: UserId,
        id: TaskId,
        limit: usize,
    ) -> Result<Option<TaskHistory>, StoreError> {
        self.read(|txn| history::of_task(txn, owner, id, limit))
    }

    async fn history_after(
        &self,
        owner: UserId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        self.read(|txn| history::after(txn, owner, after, limit))
    }

    async fn trash_list(
        &self,
        owner: UserId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Option<TrashPage>, StoreError> {
        self.read(|txn| history::trash(txn, owner, before, limit))
    }

    async fn trash_empty(
        &self,
        owner: UserId,
        id: Option<TaskId>,
        context: WriteContext<u64>,
    ) -> Result<u64, StoreError> {
        let ticket = Ticket::data(Flow::Account(owner), tombstones::SWEEP);
        let decide =
            move |snapshot: &dyn Snapshot| decide::history::empty(snapshot, owner, id);
        self.writer.write(ticket, Growth::Frees, context, decide).await
    }

    async fn undo_plan(
        &self,
        owner: UserId,
        scope: UndoScope,
    ) -> Result<UndoPlan, StoreError> {
        // All changes and tasks of the account may be examined.
        self.read_long(owner, move |txn| history::plan(txn, owner, scope)).await
    }

    async fn history_sweep(
        &self,
        after: Option<UserId>,
        now: Timestamp,
        retention: HistoryRetention,
    ) -> Result<SweepProgress, StoreError> {
        let ticket = Ticket::data(Flow::Server, tombstones::SWEEP);
        let (quota, context) = (self.quota, WriteContext::system());
        let decide = move |snapshot: &dyn Snapshot| {
            decide::history::sweep(snapshot, after, now, retention, &quota)
        };
        self.writer.write(ticket, Growth::Frees, context, decide).await
    }

    async fn task_summary(
        &self,
        owner: UserId,
        overdue: DueRange,
    ) -> Result<TaskSummary, StoreError> {
        let mut cost = ReadBudget::short(self.reads);
        if let Some(summary) =
            self.read(|txn| list::summary(txn, owner, &overdue, &mut cost))?
        {
            return Ok(summary);
        }
        let mut cost = ReadBudget::long(self.reads);
        let read =
            move |txn: &ReadTransaction| list::summary(txn, owner, &overdue, &mut cost);
        Ok(self.read_long(owner, read).await?.unwrap_or_default())
    }

    async fn export(
        &self,
        whose: Option<UserId>,
        out: mpsc::Sender<Exported>,
    ) -> Result<(), StoreError> {
        self.read_admin(move |txn| export::export(txn, whose, &out)).await
    }

    async fn import(
        &self,
        options: ImportOptions,
        chunks: mpsc::Receiver<Chunk>,
        done: watch::Sender<Imported>,
    ) -> Result<(), ImportError> {
        self.import_chunks(options, chunks, done).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let unwell = |what| Err(StoreError::unavailable(std::io::Error::other(what)));
        if self.shared.health.is_failed() {
            return unwell("the store has failed");
        }
        if self.shared.health.is_damaged() {
            return unwell("the data file is damaged");
        }
        self.read(|txn| table::number(&table::open(txn, Table::Meta)?, key::FORMAT))?;
        // An empty write: a result means that the thread runs.
        let ticket = Ticket::access(Flow::Server);
        self.writer
            .write(ticket, Growth::Frees, WriteContext::system(), |_| {
                Ok(Decision::unchanged(()))
            })
            .await
    }

    async fn metrics(&self) -> Option<StoreMetrics> {
        Some(self.numbers().await)
    }

    async fn failed(&self) -> Failure {
        self.shared.health.failed().await
    }
}
