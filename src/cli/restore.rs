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
    /// Backup to restore, or - for standard input
    file: PathBuf,

    /// Replace an existing data file; the old one is kept under another name
    #[arg(long)]
    force: bool,

    /// Restore only this account, also into a running server: deleted tasks are created again, changed
    /// tasks are reverted, newer tasks stay. Account limits are not enforced
    #[arg(long, value_name = "EMAIL", conflicts_with = "force")]
    user: Option<String>,

    /// Restore the account even if it is a deleted administrator
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
    // Kept open until it was read.
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
                        "Replace {data} with {shown}, and keep the old file under another name?"
                    ))
                })?;
            }
            whole(&config, &backup, force)
        }
        Some(email) => {
            sure.ask(|| Ok(format!("Restore tasks of {email} in {data} from {shown}?")))?;
            one(&config, &backup, email, allow_admins)
        }
    }
}

/// Reads a backup from standard input into an unnamed file.
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
        Err(cause) => {
            Err(CommandError::io("could not copy the backup from standard input")(cause))
        }
    }
}

/// Number of bytes of standard input that are read at once.
const PIECE: usize = 1 << 20;

/// Replaces the data file with a backup. No server may have it open.
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
            return Err(admin::in_use(error, "restore one account with --user"));
        }
        Err(RestoreError::Exists { path, latest, backup }) => {
            let path = path.display();
            let backup = backup.map(|report| report.latest);
            let latest = match (latest, backup) {
                (Some(here), Some(there)) if Some(here) > there => {
                    format!(
                        " and is newer than the backup: its latest change was at {here}"
                    )
                }
                (Some(here), _) => format!(", with changes up to {here}"),
                (None, _) => String::new(),
            };
            let message = format!(
                "{path} already exists{latest}. --force replaces it and keeps the old file under another name"
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
        "a restore ignores MAX_ACCOUNTS, MAX_TASKS_PER_ACCOUNT and MAX_MIB_PER_ACCOUNT",
    )?;
    if let Some(kept) = restored.kept {
        output::line(&format!("the old file is kept as {}", kept.display()))?;
    }
    Ok(())
}

/// Share of the time of restoring an account that copying and checking the backup takes, in thousandths, measured
/// with an account that has all of 200,000 tasks.
const COPIED: u16 = 620;

/// Imports one account from a backup. Existing items are changed back to the backup; newer items, and all other
/// accounts, stay unchanged.
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
    // The queue is short, so that an account of any size fits into memory.
    let (sender, lines) = mpsc::sync_channel(1024);
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
                &mut Outbox { lines: sender, bar: Bar::get() },
            ))
        });
        let mut lines = lines.into_iter().peekable();
        // A backup without the account yields no lines, and then nothing may be imported.
        if lines.peek().is_none() {
            return match exporting.join() {
                Ok(Ok(Err(failure))) => Err(failure.into()),
                Ok(Err(error)) => Err(error),
                _ => Err(Failure::new(Failure::DAMAGED, "the backup is empty").into()),
            };
        }
        let import = Command::Import { replace: true, allow_admins };
        let task = Task { lines: Box::new(lines), ..Task::new(import, config) };
        // Consumes the lines, so that the sender does not wait for a receiver that has given up.
        let imported = import::carry_out(config, task);
        match exporting.join() {
            // An incomplete export makes the import fail, so its error is the cause; but if the export lost its
            // receiver, the import's error is.
            Ok(Ok(Err(failure))) if failure.code != Failure::IO && !interrupt::came() => {
                Err(failure.into())
            }
            _ => imported,
        }
    })
}

/// Creates an unnamed file with room for a copy.
pub(super) fn scratch(config: &Config) -> Result<File, CommandError> {
    let folder = folder_of(config.database.path());
    tempfile::tempfile_in(&folder)
        .or_else(|_| tempfile::tempfile())
        .map_err(CommandError::io("could not create a temporary file"))
}

/// Receiver that passes lines of an export on to an import.
struct Outbox {
    lines: mpsc::SyncSender<io::Result<String>>,
    bar: Bar,
}

impl Sink for Outbox {
    fn send(&mut self, reply: Reply) -> io::Result<()> {
        if let Some(step) = reply.step() {
            // A line is imported soon after it was exported.
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
