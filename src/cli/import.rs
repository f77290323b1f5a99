//! `duly import`

use std::fs::File;
use std::io::{self, BufReader};
use std::path::PathBuf;

use clap::Args;

use super::CommandError;
use super::admin::{self, Screen, Task};
use crate::config::{Config, Options};
use crate::control::Command;
use crate::control::client::{self, Lines};
use crate::service::lines::MAX_LINE;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The export [default: standard input]
    file: Option<PathBuf>,

    /// Change tasks that are there already to what comes in; otherwise they stay as they are
    #[arg(long)]
    replace: bool,

    /// Take in accounts of administrators too; otherwise the import stops at one that is not there
    #[arg(long)]
    allow_admins: bool,

    #[command(flatten)]
    options: Options,
}

/// Takes JSON Lines in, some hundreds in a transaction. Doing so twice is the same as doing it once, so an
/// import that was cut short is simply run again.
pub(super) fn run(arguments: Arguments) -> Result<(), CommandError> {
    let config = arguments.options.check()?;
    let Arguments { replace, allow_admins, .. } = arguments;
    let command = Command::Import { replace, allow_admins };
    match arguments.file {
        None => {
            let lines = client::lines(BufReader::new(io::stdin()), MAX_LINE);
            take_in(&config, command, Box::new(lines))
        }
        Some(path) => {
            let what = format!("{} cannot be read", path.display());
            let file = File::open(path).map_err(CommandError::io(what))?;
            let lines = client::lines(BufReader::new(file), MAX_LINE);
            take_in(&config, command, Box::new(lines))
        }
    }
}

fn take_in(config: &Config, command: Command, lines: Lines) -> Result<(), CommandError> {
    let mut task = Task { lines, ..Task::new(command, config) };
    // The usual case is a new installation.
    task.options.create = true;
    admin::carry_out(config, task, &mut Screen::new())?;
    Ok(())
}
