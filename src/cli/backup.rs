//! `duly backup`

use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::admin::{self, Json, Objects, Screen, Task};
use super::interrupt::Left;
use super::progress::{self, Bar};
use super::{CommandError, output, restore, settings};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Options};
use crate::control::{Command, Form, Sink};
use crate::domain::progress::Step;
use crate::files::{folder_of, give_to_owner_of, make_private};
use crate::jobs::backup;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// File to create, or - for standard output [default: a name with the time, in BACKUP_DIR or beside the data file]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,

    #[command(flatten)]
    json: Json,

    #[command(flatten)]
    options: Options,
}

impl Arguments {
    pub(super) fn left(&self) -> Left {
        match &self.to {
            Some(path) if path.as_os_str() == "-" => {
                Left::Said("the output is not a complete backup")
            }
            _ => Left::NO_FILE,
        }
    }
}

/// Copies the data file, whether or not a server runs, and verifies the copy before it gets its name.
pub(super) fn run(arguments: Arguments) -> Result<(), CommandError> {
    let Arguments { to, json, options } = arguments;
    let (config, path, is_servers) = match to {
        Some(path) => (settings::of_data(options)?, path, false),
        None => {
            let config = settings::of_backups(options)?;
            let path = default_path(&config)?;
            (config, path, true)
        }
    };
    if path == Path::new("-") {
        return to_output(&config);
    }
    output::check_free(&path)?;
    let mut report = Objects { found: Vec::new(), bar: Some(Bar::get()) };
    let sink: &mut dyn Sink = match json.form() {
        Form::Text => &mut Screen::new(Form::Text),
        Form::Json => &mut report,
    };
    let made = into(&config, &path, is_servers, json.form(), sink);
    progress::clear();
    made?;
    let path = path.display().to_string();
    match report.found.pop() {
        Some(Value::Object(mut members)) => {
            members.insert("file".to_owned(), path.into());
            output::line(&Value::Object(members).to_string())
        }
        _ => output::line(&path),
    }
}

/// Makes an unnamed copy, and prints it once it is verified.
fn to_output(config: &Config) -> Result<(), CommandError> {
    let mut copy = restore::scratch(config)?;
    let mut task = Task::new(Command::Backup, config);
    task.file = Some((&copy, Path::new("the copy")));
    let made = admin::carry_out(config, task, &mut Screen::part(Step::WHOLE));
    progress::clear();
    made?;
    let failed = || CommandError::io("could not write the backup");
    copy.rewind().map_err(failed())?;
    io::copy(&mut copy, &mut output::pipe()).map_err(failed())?;
    output::pipe().flush().map_err(failed())
}

/// Makes the file, for the owner of the data file if it becomes a backup of the server.
fn into(
    config: &Config,
    path: &Path,
    is_servers: bool,
    form: Form,
    sink: &mut dyn Sink,
) -> Result<(), CommandError> {
    let named = |error: io::Error| {
        let what = format!("could not create the backup {}", path.display());
        CommandError::io(what)(error)
    };
    make_private(path, |file| -> Result<(), Stopped> {
        if is_servers {
            // The server must be able to count and remove a backup that root makes for it.
            give_to_owner_of(&file, config.database.path())?;
        }
        let mut task = Task { form, ..Task::new(Command::Backup, config) };
        task.file = Some((&file, path));
        admin::carry_out(config, task, sink).map_err(Stopped::Command)?;
        Ok(())
    })
    .map_err(|stopped| match stopped {
        Stopped::Command(error) => error,
        Stopped::Io(error) => named(error),
    })
}

enum Stopped {
    Command(CommandError),
    Io(io::Error),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn default_path(config: &Config) -> Result<PathBuf, CommandError> {
    let data = config.database.path();
    let folder = match &config.backups {
        Some(backups) => {
            let folder = &backups.folder;
            let what = format!("could not create BACKUP_DIR, {}", folder.display());
            backup::make_folder(folder).map_err(CommandError::io(what))?;
            folder.clone()
        }
        None => folder_of(data),
    };
    // Best effort: nothing depends on it.
    drop(backup::remove_left_behind(&folder, data));
    Ok(folder.join(backup::name(data, SystemClock.now())))
}
