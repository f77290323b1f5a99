//! Carries commands out, in a server or in a process of their own.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::{Command, Failure, Reply, usage};
use crate::domain::audit::{Actor, AuditRecord};
use crate::domain::page::{AuditPage, Page};
use crate::domain::transfer::{Existing, Imported};
use crate::domain::user::Role;
use crate::service::transfer::Import;
use crate::service::{AllEnded, NewAccount, Service};
use crate::store::Store as _;
use crate::store::redb::{RedbStore, Report};

/// What commands work on.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The program.
    pub service: Service,
    /// The data file, for what only a file can do.
    pub store: Arc<RedbStore>,
}

/// Where answers go.
pub trait Sink {
    /// Passes a line on. Blocks while the receiver is behind.
    ///
    /// # Errors
    ///
    /// When nobody listens any more.
    fn send(&mut self, reply: Reply) -> io::Result<()>;
}

/// What comes with a command.
pub struct Input<'a> {
    /// Lines to import, without their ends; an error ends the import.
    pub lines: &'a mut dyn Iterator<Item = io::Result<String>>,
    /// The file to write a backup to, and its name for messages.
    pub file: Option<(File, &'a Path)>,
}

impl std::fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Carries a command out. Blocks its thread where it reads, writes or waits for the disk.
///
/// # Errors
///
/// Why not, for the operator.
pub async fn run(
    parts: &Parts,
    command: Command,
    input: Input<'_>,
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    let service = &parts.service;
    match command {
        Command::UserList => usage::list(parts, None, sink).await,
        Command::UserLargest { by } => usage::list(parts, Some(&by), sink).await,
        Command::UserQuota { email, tasks, mib } => {
            usage::quota(parts, &email, (tasks, mib), sink).await
        }
        Command::UserAdd { email, password, admin } => {
            let new = NewAccount { email, password: password.0 };
            let role = if admin { Role::Admin } else { Role::User };
            let user = service.user_add(new, role).await?;
            say(sink, format!("added user {}", user.id))
        }
        Command::UserRole { email, role } => {
            let role = Role::from_name(&role).ok_or_else(|| {
                Failure::new(Failure::USAGE, "the role must be user or admin")
            })?;
            service.user_set_role(&email, role).await?;
            say(sink, format!("is now {}", role.as_str()))
        }
        Command::UserSetPassword { email, password } => {
            service.user_set_password(&email, password.0).await?;
            say(sink, "password set, all sessions and personal tokens ended")
        }
        Command::UserEndAccess { email } => {
            let (ended, left) = match email {
                Some(email) => (service.access_end(&email).await?, None),
                None => service.access_end_all().await?,
            };
            let AllEnded { accounts, sessions, tokens, answers } = ended;
            say(
                sink,
                format!(
                    "{sessions} sessions and {tokens} personal tokens of {accounts} users ended, {answers} kept answers removed"
                ),
            )?;
            left.map_or(Ok(()), |left| Err(left.into()))
        }
        Command::UserDelete { email } => {
            service.user_delete(&email).await?;
            say(sink, "deleted")
        }
        Command::Audit => audit(parts, sink).await,
        Command::Check => {
            let mut is_heard = true;
            let report = parts.store.verify(&mut |done, total| {
                // Whoever has left is not told again; the rest is a matter of seconds.
                is_heard = is_heard && progress(sink, done, total).is_continue();
            })?;
            tell(&report, sink)
        }
        Command::Backup => {
            let Some((file, name)) = input.file else {
                return Err(Failure::new(Failure::PROTOCOL, "no file came along"));
            };
            let report = parts
                .store
                .copy_into(&file, name, &mut |done, total| progress(sink, done, total))?;
            let Report { users, sessions, tokens, tasks, .. } = report;
            say(
                sink,
                format!(
                    "{users} users, {sessions} sessions, {tokens} tokens, {tasks} tasks"
                ),
            )
        }
        Command::Export { email } => {
            let email = email.as_deref();
            service.export(email, |line| say(sink, line)).await
        }
        Command::Import { replace, allow_admins } => {
            let existing = if replace { Existing::Replace } else { Existing::Keep };
            let import = Import::new(service.clone(), existing, allow_admins);
            take_in(import, input, sink).await
        }
    }
}

async fn audit(parts: &Parts, sink: &mut dyn Sink) -> Result<(), Failure> {
    let mut page = Page { skip: 0, limit: Page::MAX_LIMIT };
    let mut told = u64::MAX;
    loop {
        let AuditPage { records, .. } = parts.store.audit_list(page).await?;
        // Records that were added meanwhile have moved the others along.
        for AuditRecord { id, act, action, target } in
            records.iter().filter(|record| record.id < told)
        {
            let actor = match act.actor {
                Actor::Operator => "operator".to_owned(),
                Actor::Admin(id) => format!("user {id}"),
            };
            let target = target.map_or_else(|| "-".to_owned(), |id| format!("user {id}"));
            let (at, action) = (act.at, action.as_str());
            say(sink, format!("{id}\t{at}\t{actor}\t{action}\t{target}"))?;
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
    "imports are not held to MAX_ACCOUNTS, MAX_TASKS_PER_ACCOUNT and MAX_MIB_PER_ACCOUNT";

async fn take_in(
    mut import: Import,
    input: Input<'_>,
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    let outcome = async {
        for line in input.lines {
            import.add(&line?).await?;
        }
        import.finish().await?;
        Ok(())
    };
    let outcome: Result<(), Failure> = outcome.await;
    // Also after an error: chunks before it are in.
    let done = import.done();
    if outcome.is_ok() || done != Imported::default() {
        say(sink, counts(done))?;
    }
    if done.users_added + done.tasks_added + done.tasks_replaced > 0 {
        say(sink, NOT_HELD)?;
    }
    outcome
}

fn counts(done: Imported) -> String {
    format!(
        "{} users added, {} there already; {} tasks added, {} replaced, {} there already, {} of \
         them different and kept",
        done.users_added,
        done.users_found,
        done.tasks_added,
        done.tasks_replaced,
        done.tasks_same + done.tasks_kept,
        done.tasks_kept
    )
}

/// Prints what a check has seen.
fn tell(report: &Report, sink: &mut dyn Sink) -> Result<(), Failure> {
    for finding in &report.findings {
        say(sink, finding)?;
    }
    for (one, other) in &report.namesakes {
        let pair = format!("{one:?} and {other:?}");
        say(sink, format!("{pair} have one email address in two spellings"))?;
    }
    let Report { users, sessions, tokens, tasks, to_purge, problems, .. } = report;
    say(
        sink,
        format!(
            "{users} users, {sessions} sessions, {tokens} tokens, {tasks} tasks, {to_purge} rows to purge: {problems} problems"
        ),
    )?;
    if *problems == 0 {
        Ok(())
    } else {
        Err(Failure::new(Failure::DAMAGED, "the data is damaged: restore a backup"))
    }
}

pub(super) fn say(sink: &mut dyn Sink, line: impl ToString) -> Result<(), Failure> {
    Ok(sink.send(Reply::Line(line.to_string()))?)
}

/// A client that went away wants nothing more.
fn progress(sink: &mut dyn Sink, done: u64, total: u64) -> ControlFlow<()> {
    match sink.send(Reply::Progress(done, total)) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}
