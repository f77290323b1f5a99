//! Execution of commands, in a server or in a process of their own.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::{Answer, count};
use super::{Command, Failure, Form, Reply, usage, users};
use crate::domain::audit::{Actor, AuditRecord};
use crate::domain::page::{AuditPage, Page};
use crate::domain::progress::Step;
use crate::domain::transfer::{Existing, Imported};
use crate::service::{IdleRules, Service};
use crate::store::Store as _;
use crate::store::redb::{Progress, RedbStore, Report};

/// Components that commands work on.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The service.
    pub service: Service,
    /// The data file, for operations on the file itself.
    pub store: Arc<RedbStore>,
}

/// Receiver of answers.
pub trait Sink: Send {
    /// Passes a line on. Blocks while the receiver is behind.
    ///
    /// # Errors
    ///
    /// Fails if the receiver is gone.
    fn send(&mut self, reply: Reply) -> io::Result<()>;
}

/// Input of a command.
pub struct Input<'a> {
    /// Lines to import, without their ends; an error ends the import.
    pub lines: &'a mut dyn Iterator<Item = io::Result<String>>,
    /// File to write a backup to, and its name for messages.
    pub file: Option<(File, &'a Path)>,
}

impl std::fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Carries out a command, and answers in a form. Blocks its thread where it reads, writes or waits for the disk.
///
/// # Errors
///
/// Fails with a message for the operator.
pub async fn run(
    parts: &Parts,
    command: Command,
    form: Form,
    input: Input<'_>,
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    let service = &parts.service;
    let answer = &mut Answer { form, sink };
    match command {
        Command::UserList => usage::list(parts, None, answer).await,
        Command::UserLargest { by } => usage::list(parts, Some(&by), answer).await,
        Command::UserQuota { email, tasks, mib } => {
            usage::quota(parts, &email, (tasks, mib), answer).await
        }
        Command::UserAdd { .. }
        | Command::UserRole { .. }
        | Command::UserDisable { .. }
        | Command::UserInvite { .. }
        | Command::UserSetPassword { .. }
        | Command::UserEndAccess { .. }
        | Command::UserDelete { .. } => users::run(parts, command, answer).await,
        Command::Audit => audit(parts, answer).await,
        Command::Check => {
            let mut told = |step| answer.step(step);
            let progress = &mut Progress::new(&mut told);
            let report = parts.store.verify_watched(progress)?;
            if progress.is_stopped() {
                return Err(Failure::new(
                    Failure::IO,
                    "stopped before the check was complete",
                ));
            }
            tell(&report, answer)
        }
        Command::Backup => {
            let Some((file, name)) = input.file else {
                return Err(Failure::new(Failure::PROTOCOL, "the request has no file"));
            };
            let mut told = |step| answer.step(step);
            let report =
                parts.store.copy_into(&file, name, &mut Progress::new(&mut told))?;
            answer.say(|| contents(&report), members(&report))
        }
        Command::Export { email } => {
            let email = email.as_deref();
            let mut told = None;
            let each = |line: &str, step: Step| {
                if told != Some(step.at) {
                    told = Some(step.at);
                    answer.sink.send(step.into())?;
                }
                answer.line(line)
            };
            service.export(email, each).await
        }
        Command::Import { replace, allow_admins } => {
            let existing = if replace { Existing::Replace } else { Existing::Keep };
            let lines = input.lines.map(|line| line.map_err(Failure::from));
            let (done, idle, outcome) =
                service.import(existing, allow_admins, lines).await;
            imported(done, idle, outcome, answer)
        }
    }
}

async fn audit(parts: &Parts, answer: &mut Answer<'_>) -> Result<(), Failure> {
    let mut page = Page { skip: 0, limit: Page::MAX_LIMIT };
    let mut told = u64::MAX;
    loop {
        let AuditPage { records, .. } = parts.store.audit_list(page).await?;
        // Records added meanwhile have shifted the pages.
        for AuditRecord { id, act, action, target } in
            records.iter().filter(|record| record.id < told)
        {
            let actor = match act.actor {
                Actor::Operator => "operator".to_owned(),
                Actor::Admin(id) => format!("user {id}"),
            };
            let target = target.map(|id| format!("user {id}"));
            let (at, action) = (act.at.to_string(), action.as_str());
            let line = || {
                let target = target.as_deref().unwrap_or("-");
                format!("{id}\t{at}\t{actor}\t{action}\t{target}")
            };
            let members = [
                ("id", json!(id)),
                ("at", json!(at)),
                ("actor", json!(actor)),
                ("action", json!(action)),
                ("target", json!(target)),
            ];
            answer.say(line, members)?;
        }
        match records.last() {
            Some(last) => told = told.min(last.id),
            None => return Ok(()),
        }
        page.skip += u64::from(page.limit);
    }
}

/// Last line of the output of an import.
const NOT_HELD: &str =
    "imports ignore MAX_ACCOUNTS, MAX_TASKS_PER_ACCOUNT and MAX_MIB_PER_ACCOUNT";

/// Tells the counts of an import, also after an error: earlier chunks are imported.
fn imported(
    done: Imported,
    idle: IdleRules,
    outcome: Result<(), Failure>,
    answer: &mut Answer<'_>,
) -> Result<(), Failure> {
    if outcome.is_ok() || done != Imported::default() {
        answer.line(counts(done))?;
    }
    if done.users_added + done.tasks_added + done.tasks_replaced > 0 {
        answer.line(NOT_HELD)?;
    }
    let IdleRules { count: rules, first_line } = idle;
    if rules > 0 {
        let rules = count(rules, "recurrence rule");
        answer.line(format!(
            "warning: {rules} without effect, the first on line {first_line}: it has no occurrence after the due date, or \
             ends before it"
        ))?;
    }
    outcome
}

fn counts(done: Imported) -> String {
    let lists = done.lists_same + done.lists_kept;
    let lists = if done.lists_added + done.lists_replaced + lists > 0 {
        let added = count(done.lists_added, "list");
        let (replaced, kept) = (done.lists_replaced, done.lists_kept);
        format!(
            "; {added} added, {replaced} replaced, {lists} already present, {kept} of them different and kept"
        )
    } else {
        String::new()
    };
    format!(
        "{} added, {} already present; {} added, {} replaced, {} already present, {} of them different and kept{lists}",
        count(done.users_added, "user"),
        done.users_found,
        count(done.tasks_added, "task"),
        done.tasks_replaced,
        done.tasks_same + done.tasks_kept,
        done.tasks_kept
    )
}

/// Prints the result of a check.
fn tell(report: &Report, answer: &mut Answer<'_>) -> Result<(), Failure> {
    let Report { to_purge, problems, findings, namesakes, .. } = report;
    if answer.form == Form::Text {
        for finding in findings {
            answer.line(finding)?;
        }
        for (one, other) in namesakes {
            answer.line(format!(
                "users {one} and {other} have the same email address in two spellings"
            ))?;
        }
    }
    let line = || {
        let (contents, purge) = (contents(report), count(*to_purge, "row"));
        format!("{contents}, {purge} to purge: {}", count(*problems, "problem"))
    };
    let namesakes: Vec<_> =
        namesakes.iter().map(|(one, other)| [one.get(), other.get()]).collect();
    let rest = [
        ("rows_to_purge", json!(to_purge)),
        ("problems", json!(problems)),
        ("findings", json!(findings)),
        ("duplicate_emails", json!(namesakes)),
    ];
    answer.say(line, members(report).into_iter().chain(rest))?;
    if *problems == 0 {
        Ok(())
    } else {
        Err(Failure::new(Failure::DAMAGED, "the data is damaged: restore a backup"))
    }
}

/// Formats the counts of a data file.
pub fn contents(report: &Report) -> String {
    let Report { users, sessions, tokens, tasks, .. } = report;
    let (users, sessions) = (count(*users, "user"), count(*sessions, "session"));
    let (tokens, tasks) = (count(*tokens, "token"), count(*tasks, "task"));
    format!("{users}, {sessions}, {tokens}, {tasks}")
}

fn members(report: &Report) -> [(&'static str, Value); 4] {
    let Report { users, sessions, tokens, tasks, .. } = report;
    [
        ("users", json!(users)),
        ("sessions", json!(sessions)),
        ("tokens", json!(tokens)),
        ("tasks", json!(tasks)),
    ]
}
