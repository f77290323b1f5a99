//! All that is kept about one person, for that person: JSON Lines, version 1.
//!
//! ```text
//! {"personal_data":{"version":1,"created_at":"..."}}
//! {"user":{"id":1,"email":"...","role":"user",...}}
//! {"session":{"id":"...","client":"...","address":"...",...}}
//! {"token":{"id":"...","name":"...","scopes":["tasks:read"],...}}
//! {"task":{"id":1,"title":"...",...}}
//! {"end":{"sessions":1,"tokens":1,"tasks":1}}
//! ```
//!
//! Without what only proves who somebody is: the hash of the password and the digests of tokens. The last
//! line tells a whole file from one that was cut off. Tasks are read a few at a time, so that no moment of the
//! store is held for a client that reads slowly; one that changes meanwhile is there as it was when its turn came.

use super::state::OwnExport;
use super::{Error, Service};
use crate::auth::Caller;
use crate::auth::permission::{Account, Denied};
use crate::domain::id::TaskId;
use crate::domain::label::Label;
use crate::domain::scope::Scope;
use crate::domain::session::Session;
use crate::domain::task::{Description, Task};
use crate::domain::time_zone::TimeZone;
use crate::domain::token::PersonalToken;
use crate::domain::user::Credential;
use serde_json::{Value, json};

/// Tasks that are read together.
const TOGETHER: usize = 20;

/// Someone's data on its way. Ends after an error.
#[derive(Debug)]
pub struct PersonalData {
    service: Service,
    caller: Caller<Account>,
    /// Lines before the tasks.
    first: Option<String>,
    last_task: Option<TaskId>,
    sessions: usize,
    tokens: usize,
    tasks: u64,
    done: bool,
    _held: OwnExport,
}

impl Service {
    /// Begins to read all that is kept about the caller.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`] for a token that may not read tasks, [`Error::AccountBusy`] while the account has another
    /// export, and those of the store.
    pub async fn personal_data(
        &self,
        caller: &Caller<Account>,
    ) -> Result<PersonalData, Error> {
        if !caller.scopes.contain(Scope::TasksRead) {
            return Err(Denied::Scope(Scope::TasksRead).into());
        }
        let held = OwnExport::begin(&self.0.state.exporting, caller.user.id);
        let held = held.ok_or(Error::AccountBusy)?;
        let id = caller.user.id;
        let (store, now) = (&self.0.store, self.0.clock.now());
        let user = store.user_get(id).await?.ok_or(Error::BadToken)?;
        let (sessions, tokens) =
            (store.session_list(id).await?, store.token_list(id).await?);
        let head = json!({ "version": 1, "created_at": now.to_string() });
        let mut first = line("personal_data", &head);
        first.push_str(&line("user", &about_user(&user)));
        for session in &sessions {
            first.push_str(&line("session", &about_session(session)));
        }
        for token in &tokens {
            first.push_str(&line("token", &about_token(token)));
        }
        Ok(PersonalData {
            service: self.clone(),
            caller: caller.clone(),
            first: Some(first),
            last_task: None,
            sessions: sessions.len(),
            tokens: tokens.len(),
            tasks: 0,
            done: false,
            _held: held,
        })
    }
}

impl PersonalData {
    /// The most that one part takes, in bytes: as many of the longest tasks, in which each character is escaped.
    pub const MOST_BYTES: usize = TOGETHER * 20 * 1024;

    /// The next lines, each with its end. `None` after the last.
    ///
    /// # Errors
    ///
    /// [`Error::BadToken`] once the credential has ended, and those of the store.
    pub async fn next(&mut self) -> Result<Option<String>, Error> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        if self.done {
            return Ok(None);
        }
        self.done = true;
        // Whoever has lost access since gets no more.
        self.service.see_again(&self.caller).await?;
        let store = &self.service.0.store;
        let tasks =
            store.task_after(self.caller.user.id, self.last_task, TOGETHER).await?;
        let mut lines: String =
            tasks.iter().map(|task| line("task", &about_task(task))).collect();
        self.tasks += u64::try_from(tasks.len()).unwrap_or(u64::MAX);
        match tasks.last() {
            Some(last) => {
                self.last_task = Some(last.id);
                self.done = false;
            }
            None => {
                let Self { sessions, tokens, tasks, .. } = self;
                let end =
                    json!({ "sessions": sessions, "tokens": tokens, "tasks": tasks });
                lines.push_str(&line("end", &end));
            }
        }
        Ok(Some(lines))
    }
}

fn line(name: &str, value: &Value) -> String {
    format!("{}\n", json!({ name: value }))
}

fn about_user(found: &Credential) -> Value {
    let user = &found.user;
    let networks = found.networks.iter().map(|network| network.address().to_string());
    json!({
        "id": user.id.get(),
        "email": user.email.as_str(),
        "role": user.role.as_str(),
        "created_at": user.created_at.to_string(),
        "display_name": user.display_name.as_ref().map(Label::as_str),
        "time_zone": user.time_zone.as_ref().map(TimeZone::as_str),
        "disabled": user.disabled,
        "must_change_password": user.must_change_password,
        "networks": networks.collect::<Vec<_>>(),
    })
}

fn about_session(session: &Session) -> Value {
    json!({
        "id": session.id.to_string(),
        "client": session.client.as_ref().map(Label::as_str),
        "address": session.address.map(|address| address.to_string()),
        "created_at": session.created_at.to_string(),
        "last_used_at": session.last_used_at.to_string(),
        "expires_at": session.expires_at.to_string(),
    })
}

fn about_token(token: &PersonalToken) -> Value {
    let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
    json!({
        "id": token.id.to_string(),
        "name": token.name.as_str(),
        "scopes": scopes,
        "created_at": token.created_at.to_string(),
        "expires_at": token.expires_at.map(|time| time.to_string()),
        "last_used_at": token.last_used_at.map(|time| time.to_string()),
    })
}

fn about_task(task: &Task) -> Value {
    json!({
        "id": task.id.get(),
        "title": task.title.as_str(),
        "description": task.description.as_ref().map(Description::as_str),
        "completed": task.is_completed(),
        "completed_at": task.completed_at.map(|time| time.to_string()),
        "due": task.due.as_ref().map(|due| due.to_string()),
        "priority": task.priority.as_str(),
        "tags": task.tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(),
        "position": task.position.as_str(),
        "parent_id": task.parent.map(TaskId::get),
        "recurrence": task.recurrence.as_ref().map(|it| it.rule().to_string()),
        "created_at": task.created_at.to_string(),
        "updated_at": task.updated_at.to_string(),
        "revision": task.revision,
    })
}
