//! `duly restore`

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use clap::Args;

use super::admin::{self, Task};
use super::confirm::Sure;
use super::interrupt::{self, Left};
use super::progress::Bar;
use super::{CommandError, import, input, output, settings, store_options};
use crate::config::{Config, Options};
use crate::control::{self, Command, Failure, Form, Input, Reply, Sink, count};
use crate::domain::progress::{Phase, Step};
use crate::files::folder_of;
use crate::store::redb::{self, Progress, RestoreError};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The backup, or - for standard input
    file: PathBuf,

    /// Replace a data file that is there; it is kept under another name
    #[arg(long)]
    force: bool,

    /// Bring only this account back, also into a running server: deleted tasks come back, changed ones are
    /// changed back, newer ones stay. Not held to the limits of accounts
    #[arg(long, value_name = "EMAIL", conflicts_with = "force")]
    user: Option<String>,

    /// Bring the account back although it is an administrator's and was deleted
    #[arg(long, requires = "user")]
    allow_admins: bool,

    #[command(flatten)]
    sure: Sure,

    #[command(flatten)]
    options: Options,
}

impl Arguments {
    pub(super) const fn left(&self) -> Left {
        if self.user.is_some() { Left::Counted } else { Left::UNCHANGED }
    }
}

pub(super) fn run(arguments: Arguments) -> Result<(), CommandError> {
    let Arguments { file, force, user, allow_admins, sure, options } = arguments;
    let config = settings::of_data(options)?;
    let (shown, data) = (file.display().to_string(), config.database.path().display());
    // Open until it was read.
    let (_taken, backup) = if file == Path::new("-") {
        let taken = taken(&config)?;
        let path = PathBuf::from(format!("/dev/fd/{}", taken.as_raw_fd()));
        (Some(taken), path)
    } else {
        (None, file)
    };
    match user {
        None => {
            if force && config.database.path().exists() {
                sure.ask(|| {
                    Ok(format!(
                        "Replace {data} by {shown}, and keep it under another name?"
                    ))
                })?;
            }
            whole(&config, &backup, force)
        }
        Some(email) => {
            sure.ask(|| {
                Ok(format!("Change tasks of {email} in {data} back to what {shown} has?"))
            })?;
            one(&config, &backup, email, allow_admins)
        }
    }
}

/// A backup from standard input, in a file without a name.
fn taken(config: &Config) -> Result<File, CommandError> {
    let copy = scratch(config)?;
    let read = input::stdin().and_then(|mut from| {
        let mut piece = vec![0; PIECE];
        loop {
            let length = from.read(&mut piece)?;
            let Some(read) = piece.get(..length).filter(|read| !read.is_empty()) else {
                return Ok(());
            };
            redb::has_room(&copy, config.disk_reserve_bytes)?;
            (&copy).write_all(read)?;
        }
    });
    match read {
        Ok(()) => Ok(copy),
        Err(_) if interrupt::came() => Err(interrupt::error("nothing was changed")),
        Err(cause) => Err(CommandError::io(
            "the backup on standard input could not be taken",
        )(cause)),
    }
}

/// Bytes of standard input that are read at once.
const PIECE: usize = 1 << 20;

/// Puts a backup in place of the data file, which no server may have open.
fn whole(config: &Config, backup: &Path, force: bool) -> Result<(), CommandError> {
    let path = config.database.path();
    let (bar, options) = (Bar::get(), store_options(config));
    let mut tell = bar.part(0, Step::WHOLE);
    let progress = &mut Progress::new(&mut tell);
    let restored = redb::restore(backup, path, force, &options, progress);
    bar.clear();
    let restored = match restored {
        Ok(restored) => restored,
        Err(RestoreError::Open(error)) => {
            return Err(admin::in_use(error, "name one account with --user"));
        }
        Err(RestoreError::Exists { path, latest, backup }) => {
            let path = path.display();
            let backup = backup.map(|report| report.latest);
            let latest = match (latest, backup) {
                (Some(here), Some(there)) if Some(here) > there => {
                    format!(
                        " and is newer than the backup: its latest change is of {here}"
                    )
                }
                (Some(here), _) => format!(", with changes up to {here}"),
                (None, _) => String::new(),
            };
            let message = format!(
                "{path} exists already{latest}. --force replaces it and keeps it under another name"
            );
            return Err(Failure::new(Failure::NO, message).into());
        }
    };
    let report = restored.report;
    output::line(&format!(
        "restored {}, {}, {}",
        count(report.users, "user"),
        count(report.sessions, "session"),
        count(report.tasks, "task")
    ))?;
    output::line(
        "a restore is not held to MAX_ACCOUNTS, MAX_TASKS_PER_ACCOUNT and MAX_MIB_PER_ACCOUNT",
    )?;
    if let Some(kept) = restored.kept {
        output::line(&format!("the file from before is {}", kept.display()))?;
    }
    Ok(())
}

/// Thousandths of the time of bringing one account back that it takes to copy and check the backup, measured with an
/// account that has all of 200,000 tasks.
const COPIED: u16 = 620;

/// Takes one account out of a backup and imports it. What is there of it already is changed to what the
/// backup has; what came later, and everybody else, stays as it is.
fn one(
    config: &Config,
    backup: &Path,
    email: String,
    allow_admins: bool,
) -> Result<(), CommandError> {
    let (bar, options) = (Bar::get(), store_options(config));
    let mut tell = bar.part(0, COPIED);
    let progress = &mut Progress::new(&mut tell);
    let copy = redb::open_copy(backup, &scratch(config)?, &options, progress)
        .inspect_err(|_| bar.clear())?;
    let parts = admin::parts(config, Arc::new(copy))?;
    // A few lines wait, so that an account of any size fits into memory.
    let (sender, lines) = mpsc::sync_channel(1024);
    let moved = bar.clone();
    std::thread::scope(|scope| {
        let exporting = scope.spawn(move || {
            let command = Command::Export { email: Some(email) };
            let mut none = std::iter::empty();
            let input = Input { lines: &mut none, file: None };
            admin::block_on(control::run(
                &parts,
                command,
                Form::Text,
                input,
                &mut Outbox { lines: sender, bar: moved },
            ))
        });
        let mut lines = lines.into_iter().peekable();
        // Nothing comes out of a backup that does not have the account, and then nothing must go in.
        if lines.peek().is_none() {
            return match exporting.join() {
                Ok(Ok(Err(failure))) => Err(failure.into()),
                Ok(Err(error)) => Err(error),
                _ => Err(Failure::new(Failure::DAMAGED, "the backup is empty").into()),
            };
        }
        let import = Command::Import { replace: true, allow_admins };
        let task = Task { lines: Box::new(lines), ..Task::new(import, config) };
        // Takes the lines along: whoever waits to send must not wait for somebody who has given up.
        let imported = import::carry_out(config, task, bar.clone());
        match exporting.join() {
            // What came out is not whole, which is why the import has failed. Whoever hangs up is told by
            // the import why.
            Ok(Ok(Err(failure))) if failure.code != Failure::IO && !interrupt::came() => {
                Err(failure.into())
            }
            _ => imported,
        }
    })
}

/// A file without a name, with room for a copy.
pub(super) fn scratch(config: &Config) -> Result<File, CommandError> {
    let folder = folder_of(config.database.path());
    tempfile::tempfile_in(&folder)
        .or_else(|_| tempfile::tempfile())
        .map_err(CommandError::io("no file for a copy could be made"))
}

/// Lines of an export on their way to an import.
struct Outbox {
    lines: mpsc::SyncSender<io::Result<String>>,
    bar: Bar,
}

impl Sink for Outbox {
    fn send(&mut self, reply: Reply) -> io::Result<()> {
        if let Some(step) = reply.step() {
            // A line is taken in soon after it came out.
            let step = Step { phase: Phase::Import, ..step };
            self.bar.step(step.within(COPIED, Step::WHOLE));
        }
        match reply {
            Reply::Line(line) => {
                self.lines.send(Ok(line)).map_err(|_| io::ErrorKind::BrokenPipe.into())
            }
            Reply::Progress(..)
            | Reply::Step { .. }
            | Reply::Done
            | Reply::Failed { .. } => Ok(()),
        }
    }
}
