//! Commands that change accounts.

use serde_json::json;

use super::answer::{Answer, count};
use super::run::Parts;
use super::{Command, Failure};
use crate::domain::user::Role;
use crate::service::{AllEnded, NewAccount};

/// Carries out a command that changes accounts.
pub(super) async fn run(
    parts: &Parts,
    command: Command,
    answer: &mut Answer<'_>,
) -> Result<(), Failure> {
    let service = &parts.service;
    match command {
        Command::UserAdd { email, password, admin } => {
            let new = NewAccount { email, password: password.0 };
            let role = if admin { Role::Admin } else { Role::User };
            let user = service.user_add(new, role).await?;
            let (id, email) = (user.id, user.email);
            answer.line(format!("added {} {id}, {}", role_name(role), email.as_str()))
        }
        Command::UserRole { email, role } => {
            let role = Role::from_name(&role).ok_or_else(|| {
                Failure::new(Failure::USAGE, "the role must be user or admin")
            })?;
            service.user_set_role(&email, role).await?;
            answer.line(format!("{email} now has the role {}", role.as_str()))
        }
        Command::UserDisable { email, disabled } => {
            service.user_set_disabled(&email, disabled).await?;
            answer.line(if disabled {
                format!("{email} is disabled: its sessions have ended, and its tokens are rejected")
            } else {
                format!("{email} is enabled again")
            })
        }
        Command::UserInvite { email, days } => invite(parts, email, days, answer).await,
        Command::UserSetPassword { email, password } => {
            service.user_set_password(&email, password.0).await?;
            answer.line(format!(
                "the password of {email} is set: all sessions and personal tokens have ended"
            ))
        }
        Command::UserEndAccess { email } => end_access(parts, email, answer).await,
        Command::UserDelete { email } => {
            let usage = service.user_delete(&email).await?;
            let tasks = count(usage.tasks, "task");
            answer.line(format!("{email} is deleted, with {tasks} and all other data"))
        }
        _ => Err(Failure::new(Failure::PROTOCOL, "the command does not change accounts")),
    }
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Admin => "administrator",
    }
}

async fn invite(
    parts: &Parts,
    email: Option<String>,
    days: Option<u64>,
    answer: &mut Answer<'_>,
) -> Result<(), Failure> {
    let (invitation, secret) = parts.service.user_invite(email, days).await?;
    let email = invitation.email.as_ref().map(|email| email.as_str());
    let until = invitation.expires_at.to_string();
    let line = || {
        let secret = secret.expose();
        match email {
            Some(email) => format!("{secret}\tvalid for {email}, until {until}"),
            None => format!("{secret}\tvalid for one account, until {until}"),
        }
    };
    let members = [
        ("invitation", json!(secret.expose())),
        ("email", json!(email)),
        ("expires_at", json!(until)),
    ];
    answer.say(line, members)
}

async fn end_access(
    parts: &Parts,
    email: Option<String>,
    answer: &mut Answer<'_>,
) -> Result<(), Failure> {
    let (ended, left) = match email {
        Some(email) => (parts.service.access_end(&email).await?, None),
        None => parts.service.access_end_all().await?,
    };
    let AllEnded { accounts, sessions, tokens, answers } = ended;
    answer.line(format!(
        "{} and {} of {} ended, {} removed",
        count(sessions, "session"),
        count(tokens, "personal token"),
        count(accounts, "user"),
        count(answers, "stored response"),
    ))?;
    left.map_or(Ok(()), |left| Err(left.into()))
}
