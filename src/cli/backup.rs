//! `duly backup`

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::admin::{self, Screen, Task};
use super::{CommandError, output};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Options};
use crate::control::{Command, Failure};
use crate::files::{folder_of, give_to_owner_of, make_private};
use crate::jobs::backup;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The file to make [default: a name with the time, in `BACKUP_DIR` or beside the data file]
    #[arg(long)]
    to: Option<PathBuf>,

    #[command(flatten)]
    options: Options,
}

/// Copies the data file, whether a server runs or not, and proves the copy before it gets its name.
pub(super) fn run(arguments: Arguments) -> Result<(), CommandError> {
    let config = arguments.options.check()?;
    let (path, is_servers) = match arguments.to {
        Some(path) => (path, false),
        None => (default_path(&config)?, true),
    };
    // Before all the work; that nothing is overwritten is seen to at its end.
    if path.symlink_metadata().is_ok() {
        let message = format!("{} exists already: choose another name", path.display());
        return Err(Failure::new(Failure::IO, message).into());
    }
    into(&config, &path, is_servers)?;
    output::line(&path.display().to_string())
}

/// Makes the file, for the owner of the data file if it is to be the server's.
fn into(config: &Config, path: &Path, is_servers: bool) -> Result<(), CommandError> {
    let named = |error: io::Error| {
        let what = format!("the backup {} could not be made", path.display());
        CommandError::io(what)(error)
    };
    make_private(path, |file| -> Result<(), Stopped> {
        if is_servers {
            // What root makes among the server's backups is for the server to count, and to remove.
            give_to_owner_of(&file, config.database.path())?;
        }
        let mut task = Task::new(Command::Backup, config);
        task.file = Some((&file, path));
        admin::carry_out(config, task, &mut Screen::new()).map_err(Stopped::Command)?;
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
            let what = format!("BACKUP_DIR cannot be made, {}", folder.display());
            backup::make_folder(folder).map_err(CommandError::io(what))?;
            folder.clone()
        }
        None => folder_of(data),
    };
    // As far as that is possible: nothing depends on it.
    drop(backup::remove_left_behind(&folder, data));
    Ok(folder.join(backup::name(data, SystemClock.now())))
}
