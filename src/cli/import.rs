//! `duly import`

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use super::CommandError;
use super::admin::{self, Screen, Task};
use super::confirm::Sure;
use super::{input, interrupt, progress, settings};
use crate::config::{Config, Options};
use crate::control::client;
use crate::control::{Command, Failure, Form, Reply, Sink};
use crate::files::not_opened;
use crate::service::export_format::MAX_LINE;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// File to import [default: -, standard input]
    file: Option<PathBuf>,

    /// Overwrite existing tasks; otherwise they stay as they are
    #[arg(long)]
    replace: bool,

    /// Also create administrator accounts; otherwise the import stops at one that does not exist here
    #[arg(long)]
    allow_admins: bool,

    #[command(flatten)]
    sure: Sure,

    #[command(flatten)]
    options: Options,
}

/// Imports JSON Lines, some hundreds in a transaction. Importing twice has the same result as once, so an
/// interrupted import is simply run again.
pub(super) fn run(arguments: Arguments) -> Result<(), CommandError> {
    let Arguments { file, replace, allow_admins, sure, options } = arguments;
    let config = settings::of_data(options)?;
    let command = Command::Import { replace, allow_admins };
    match file.filter(|path| path != Path::new("-")) {
        None => {
            let stdin = input::stdin()
                .map_err(CommandError::io("standard input cannot be read"))?;
            take_in(&config, command, stdin, input::length())
        }
        Some(path) => {
            if replace {
                let (database, path) = (config.database.path().display(), path.display());
                let question =
                    format!("Overwrite tasks in {database} with those in {path}?");
                sure.ask(|| Ok(question))?;
            }
            let what = format!("{} cannot be read", path.display());
            let file = match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(Failure::new(
                        Failure::MISSING,
                        format!("{what}: {error}"),
                    )
                    .into());
                }
                opened => opened.map_err(|error| not_opened(&path, error)),
            };
            let file = file.map_err(CommandError::io(what))?;
            let length = progress::length(&file);
            take_in(&config, command, file, length)
        }
    }
}

fn take_in(
    config: &Config,
    command: Command,
    from: impl Read + Send + 'static,
    length: Option<u64>,
) -> Result<(), CommandError> {
    let (from, bytes) = progress::counted(from);
    let lines = client::lines(BufReader::new(from), MAX_LINE);
    let lines = progress::of_import(Box::new(lines), bytes, length);
    let mut task = Task { lines, ..Task::new(command, config) };
    // The usual case is a new installation.
    task.options.create = true;
    carry_out(config, task)
}

/// Carries out an import. If it is interrupted, the lines before that are imported and counted.
pub(super) fn carry_out(config: &Config, task: Task<'_>) -> Result<(), CommandError> {
    interrupt::begin();
    let mut counting = Counting { screen: Screen::new(Form::Text), counts: None };
    let task = Task { lines: interrupt::until_interrupted(task.lines), ..task };
    match admin::carry_out(config, task, &mut counting) {
        Err(_) if interrupt::came() => {
            let counts = counting.counts.as_deref().unwrap_or("nothing was imported");
            let again = "run the same command again to import the rest";
            Err(interrupt::error(format!("{counts}; {again}")))
        }
        outcome => outcome,
    }
}

/// The screen, and its first line, which counts what was imported.
struct Counting {
    screen: Screen,
    counts: Option<String>,
}

impl Sink for Counting {
    fn send(&mut self, reply: Reply) -> io::Result<()> {
        if let (Reply::Line(line), None) = (&reply, &self.counts) {
            self.counts = Some(line.clone());
        }
        self.screen.send(reply)
    }
}
