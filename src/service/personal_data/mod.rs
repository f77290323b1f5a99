//! All data that is kept about one person, for that person: JSON Lines, version 3.
//!
//! ```text
//! {"personal_data":{"version":3,"created_at":"..."}}
//! {"user":{"id":1,"email":"...","role":"user",...}}
//! {"session":{"id":"...","client":"...","address":"...",...}}
//! {"token":{"id":"...","name":"...","scopes":["tasks:read"],...}}
//! {"invitation":{"id":"...","email":null,...}}
//! {"audit":{"id":1,"at":"...","actor":"operator","action":"admin_made","target_id":1}}
//! {"answer":{"key_hash":"...","created_at":"...","expires_at":"...","bytes":310}}
//! {"list":{"id":1,"name":"Tasks",...}}
//! {"task":{"id":1,"title":"...",...}}
//! {"change":{"task_id":1,"change":7,"batch":7,"at":"...","by":{"kind":"session",...},"before":{"title":"..."}}}
//! {"deleted_task":{"deleted_at":"...","change":9,"batch":9,"by":{...},"task":{"id":2,"title":"...",...}}}
//! {"end":{"sessions":1,...,"lists":1,"tasks":1,"changes":1,"deleted_tasks":1}}
//! ```
//!
//! Secrets that only prove an identity are excluded: the password hash and the digests of tokens and invitations. Audit
//! records cover the actions of this person and the actions on this account. Of an answer kept for an
//! `Idempotency-Key`, only unsealed members are included; its content may be a secret that is shown once.
//!
//! The last line tells a whole file from a truncated one. Long lists are read a few items at a time, so that no
//! snapshot of the store is held for a client that reads slowly; a task that changes during the export is included as
//! it was when read.

mod line;

use serde_json::json;

use super::state::OwnExport;
use super::{Error, Service};
use crate::auth::Caller;
use crate::auth::permission::Account;
use crate::domain::id::{InvitationId, ListId, TaskId};
use crate::domain::idempotency::IdempotencyNote;
use crate::domain::permission::Denied;
use crate::domain::scope::Scope;

/// Items that are read together.
const TOGETHER: usize = 20;

/// Audit records that are scanned together, of which few are about one account.
const LOOKED_AT: usize = 500;

/// An export in progress. Ends after an error.
#[derive(Debug)]
pub struct PersonalData {
    service: Service,
    caller: Caller<Account>,
    /// Lines that come before the long lists.
    first: Option<String>,
    next: Next,
    sent: Sent,
    _held: OwnExport,
}

/// The list to read next, and the item after which it continues.
#[derive(Clone, Copy, Debug)]
enum Next {
    Invitations(Option<InvitationId>),
    Audit(u64),
    Answers(Option<IdempotencyNote>),
    Lists(Option<ListId>),
    Tasks(Option<TaskId>),
    Changes(u64),
    Trash(Option<u64>),
    End,
    Nothing,
}

/// Counts of items sent.
#[derive(Debug, Default)]
struct Sent {
    sessions: usize,
    tokens: usize,
    invitations: usize,
    audit: usize,
    answers: usize,
    lists: usize,
    tasks: usize,
    changes: usize,
    deleted: usize,
}

impl Service {
    /// Begins an export of all data about the caller.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`] for a token that may not read tasks, [`Error::AccountBusy`] while the account has another
    /// export, and store errors.
    pub async fn personal_data(
        &self,
        caller: &Caller<Account>,
    ) -> Result<PersonalData, Error> {
        if !caller.scopes.contain(Scope::TasksRead) {
            return Err(Denied::Scope(Scope::TasksRead).into());
        }
        let held = OwnExport::begin(&self.0.state.exporting, caller.user.id);
        let mut data = PersonalData {
            service: self.clone(),
            caller: caller.clone(),
            first: None,
            next: Next::Invitations(None),
            sent: Sent::default(),
            _held: held.ok_or(Error::AccountBusy)?,
        };
        // An error here can still be reported with a status.
        data.first = Some(data.account().await?);
        Ok(data)
    }
}

impl PersonalData {
    /// Maximum size of one part, in bytes: `TOGETHER` tasks of maximum length, with every character escaped.
    pub const MOST_BYTES: usize = TOGETHER * 20 * 1024;

    /// Returns the next lines, each with its line end; `None` after the last.
    ///
    /// # Errors
    ///
    /// [`Error::BadToken`] once the credential has ended, and store errors.
    pub async fn next(&mut self) -> Result<Option<String>, Error> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        loop {
            let now = std::mem::replace(&mut self.next, Next::Nothing);
            if matches!(now, Next::Nothing) {
                return Ok(None);
            }
            // A caller who has lost access gets no more data.
            self.service.reauthorize(&self.caller).await?;
            let lines = match now {
                Next::Invitations(after) => self.invitations(after).await?,
                Next::Audit(after) => self.audit(after).await?,
                Next::Answers(after) => self.answers(after).await?,
                Next::Lists(after) => self.lists(after).await?,
                Next::Tasks(after) => self.tasks(after).await?,
                Next::Changes(after) => self.changes(after).await?,
                Next::Trash(before) => self.trash(before).await?,
                Next::End | Next::Nothing => self.end(),
            };
            if !lines.is_empty() {
                return Ok(Some(lines));
            }
            // A long list without items of this account must not block the exports of others.
            tokio::task::yield_now().await;
        }
    }

    async fn account(&mut self) -> Result<String, Error> {
        let (store, id) = (&self.service.0.store, self.caller.user.id);
        let user = store.user_get(id).await?.ok_or(Error::BadToken)?;
        let usage = store.user_usage(id).await?.ok_or(Error::BadToken)?;
        let (sessions, tokens) =
            (store.session_list(id).await?, store.token_list(id).await?);
        let now = self.service.0.clock.now().to_string();
        let head = json!({ "version": 3, "created_at": now });
        let mut lines = line::line("personal_data", &head);
        lines.push_str(&line::user(&user, usage));
        lines.extend(sessions.iter().map(line::session));
        lines.extend(tokens.iter().map(line::token));
        (self.sent.sessions, self.sent.tokens) = (sessions.len(), tokens.len());
        Ok(lines)
    }

    async fn invitations(
        &mut self,
        after: Option<InvitationId>,
    ) -> Result<String, Error> {
        let mut made = self.service.0.store.invitation_list().await?;
        let mine = self.caller.user.id;
        made.retain(|it| it.created_by == Some(mine) && Some(it.id) > after);
        made.sort_by_key(|it| it.id);
        made.truncate(TOGETHER);
        self.sent.invitations += made.len();
        let last = made.last().map(|last| last.id);
        self.next = last.map_or(Next::Audit(0), |last| Next::Invitations(Some(last)));
        Ok(made.iter().map(line::invitation).collect())
    }

    async fn audit(&mut self, after: u64) -> Result<String, Error> {
        let id = self.caller.user.id;
        let part = self.service.0.store.audit_about(id, after, LOOKED_AT).await?;
        self.sent.audit += part.records.len();
        self.next = part.next.map_or(Next::Answers(None), Next::Audit);
        Ok(part.records.iter().map(|record| line::audit(record, id)).collect())
    }

    async fn answers(&mut self, after: Option<IdempotencyNote>) -> Result<String, Error> {
        let id = self.caller.user.id;
        let notes = self.service.0.store.idempotency_list(id, after, TOGETHER).await?;
        self.sent.answers += notes.len();
        let last = notes.last().copied();
        self.next = last.map_or(Next::Lists(None), |last| Next::Answers(Some(last)));
        Ok(notes.iter().map(line::answer).collect())
    }

    async fn lists(&mut self, after: Option<ListId>) -> Result<String, Error> {
        let all = self.service.0.store.list_all(self.caller.user.id).await?;
        let lists = all.unwrap_or_default().into_iter().map(|state| state.list);
        let mut lists: Vec<_> = lists.filter(|list| Some(list.id) > after).collect();
        lists.sort_by_key(|list| list.id);
        lists.truncate(TOGETHER);
        self.sent.lists += lists.len();
        let last = lists.last().map(|last| last.id);
        self.next = last.map_or(Next::Tasks(None), |last| Next::Lists(Some(last)));
        Ok(lists.iter().map(line::list).collect())
    }

    async fn tasks(&mut self, after: Option<TaskId>) -> Result<String, Error> {
        let id = self.caller.user.id;
        let tasks = self.service.0.store.task_after(id, after, TOGETHER).await?;
        self.sent.tasks += tasks.len();
        let last = tasks.last().map(|last| last.id);
        self.next = last.map_or(Next::Changes(0), |last| Next::Tasks(Some(last)));
        Ok(tasks.iter().map(line::task).collect())
    }

    async fn changes(&mut self, after: u64) -> Result<String, Error> {
        let id = self.caller.user.id;
        let changes = self.service.0.store.history_after(id, after, TOGETHER).await?;
        self.sent.changes += changes.len();
        let last = changes.last().map(|last| last.seq);
        self.next = last.map_or(Next::Trash(None), Next::Changes);
        Ok(changes.iter().map(line::change).collect())
    }

    async fn trash(&mut self, before: Option<u64>) -> Result<String, Error> {
        let id = self.caller.user.id;
        let page = self.service.0.store.trash_list(id, before, TOGETHER).await?;
        let deleted = page.map(|page| page.tasks).unwrap_or_default();
        self.sent.deleted += deleted.len();
        let last = deleted.last().map(|last| last.tombstone.seq);
        self.next = last.map_or(Next::End, |last| Next::Trash(Some(last)));
        Ok(deleted.iter().map(line::deleted_task).collect())
    }

    fn end(&self) -> String {
        let Sent { sessions, tokens, invitations, audit, .. } = self.sent;
        let Sent { answers, lists, tasks, changes, deleted, .. } = self.sent;
        let end = json!({
            "sessions": sessions,
            "tokens": tokens,
            "invitations": invitations,
            "audit": audit,
            "answers": answers,
            "lists": lists,
            "tasks": tasks,
            "changes": changes,
            "deleted_tasks": deleted,
        });
        line::line("end", &end)
    }
}
