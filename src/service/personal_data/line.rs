//! Lines of an export of personal data.

use serde_json::{Value, json};

use crate::domain::audit::{Actor, AuditRecord};
use crate::domain::author::Author;
use crate::domain::email::Email;
use crate::domain::hex::hex;
use crate::domain::id::UserId;
use crate::domain::idempotency::{IdempotencyNote, IdempotencyRecord};
use crate::domain::invitation::Invitation;
use crate::domain::label::Label;
use crate::domain::list::TaskList;
use crate::domain::quota::Usage;
use crate::domain::session::Session;
use crate::domain::task::{HistoryEntry, Task, Trashed};
use crate::domain::time_zone::TimeZone;
use crate::domain::token::PersonalToken;
use crate::domain::user::Credential;
use crate::service::export_format;

pub(super) fn line(name: &str, value: &Value) -> String {
    format!("{}\n", json!({ name: value }))
}

pub(super) fn user(found: &Credential, usage: Usage) -> String {
    let user = &found.user;
    let networks = found.networks.iter().map(|network| network.address().to_string());
    let about = json!({
        "id": user.id.get(),
        "email": user.email.as_str(),
        "role": user.role.as_str(),
        "created_at": user.created_at.to_string(),
        "display_name": user.display_name.as_ref().map(Label::as_str),
        "time_zone": user.time_zone.as_ref().map(TimeZone::as_str),
        "disabled": user.disabled,
        "must_change_password": user.must_change_password,
        "networks": networks.collect::<Vec<_>>(),
        "bytes": usage.bytes,
        "max_tasks": usage.own.tasks,
        "max_mib": usage.own.mib,
    });
    line("user", &about)
}

pub(super) fn session(session: &Session) -> String {
    let about = json!({
        "id": session.id.to_string(),
        "client": session.client.as_ref().map(Label::as_str),
        "address": session.address.map(|address| address.to_string()),
        "created_at": session.created_at.to_string(),
        "last_used_at": session.last_used_at.to_string(),
        "expires_at": session.expires_at.to_string(),
    });
    line("session", &about)
}

pub(super) fn token(token: &PersonalToken) -> String {
    let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
    let about = json!({
        "id": token.id.to_string(),
        "name": token.name.as_str(),
        "scopes": scopes,
        "created_at": token.created_at.to_string(),
        "expires_at": token.expires_at.map(|time| time.to_string()),
        "last_used_at": token.last_used_at.map(|time| time.to_string()),
    });
    line("token", &about)
}

pub(super) fn invitation(made: &Invitation) -> String {
    let about = json!({
        "id": made.id.to_string(),
        "email": made.email.as_ref().map(Email::as_str),
        "created_at": made.created_at.to_string(),
        "expires_at": made.expires_at.to_string(),
    });
    line("invitation", &about)
}

/// Returns the line of an audit record. An administrator who acted on this account is named by role alone: the identity
/// is that person's data.
pub(super) fn audit(record: &AuditRecord, whose: UserId) -> String {
    let actor = match record.act.actor {
        Actor::Admin(id) if id == whose => "self",
        Actor::Admin(_) => "administrator",
        Actor::Operator => "operator",
    };
    let about = json!({
        "id": record.id,
        "at": record.act.at.to_string(),
        "actor": actor,
        "action": record.action.as_str(),
        "target_id": record.target.map(UserId::get),
    });
    line("audit", &about)
}

pub(super) fn answer(note: &IdempotencyNote) -> String {
    let about = json!({
        "key_hash": hex(&note.key.to_bytes()),
        "created_at": note.made_at.to_string(),
        "expires_at": note.made_at.plus(IdempotencyRecord::RETENTION).to_string(),
        "bytes": note.bytes,
    });
    line("answer", &about)
}

/// Returns the line of a list, which is as in an export but for the owner: that is the account of this export.
pub(super) fn list(list: &TaskList) -> String {
    line("list", &without_owner(export_format::list(list)))
}

/// Returns the line of a task, like that of a list.
pub(super) fn task(task: &Task) -> String {
    line("task", &without_owner(export_format::task(task)))
}

/// Returns the line of a change of a task, with the values that it has replaced.
pub(super) fn change(entry: &HistoryEntry) -> String {
    let HistoryEntry { task, seq, unit, at, author, was, deletion, .. } = entry;
    let about = json!({
        "task_id": task.get(),
        "change": seq,
        "batch": unit,
        "at": at.to_string(),
        "by": by(author),
        "before": export_format::values(was),
        "deletion": deletion.as_ref().map(|deletion| json!({
            "change": deletion.seq,
            "batch": deletion.unit,
            "at": deletion.at.to_string(),
            "by": by(&deletion.author),
        })),
    });
    line("change", &about)
}

/// Returns the line of a task in the trash.
pub(super) fn deleted_task(deleted: &Trashed) -> String {
    let Trashed { tombstone, task } = deleted;
    let about = json!({
        "deleted_at": tombstone.at.to_string(),
        "change": tombstone.seq,
        "batch": tombstone.unit,
        "by": by(&tombstone.author),
        "task": without_owner(export_format::task(task)),
    });
    line("deleted_task", &about)
}

fn by(author: &Author) -> Value {
    match author {
        Author::Unknown => json!({ "kind": "unknown" }),
        Author::Import => json!({ "kind": "import" }),
        Author::Session(id) => json!({ "kind": "session", "id": id.to_string() }),
        Author::Token(id, name) => {
            json!({ "kind": "token", "id": id.to_string(), "name": name.as_str() })
        }
    }
}

fn without_owner(mut about: Value) -> Value {
    if let Some(members) = about.as_object_mut() {
        members.remove("owner_id");
    }
    about
}
