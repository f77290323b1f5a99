//! `duly export`

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;

use super::admin::{self, Task};
use super::{CommandError, output};
use crate::config::{Config, Options};
use crate::control::{Command, Reply, Sink};
use crate::files::make_private;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only this account and its tasks
    #[arg(long, value_name = "EMAIL")]
    user: Option<String>,

    /// The file to make [default: standard output]
    #[arg(long)]
    to: Option<PathBuf>,

    #[command(flatten)]
    options: Options,
}

/// Writes JSON Lines of one moment. They hold hashes of passwords, so a file is made for its owner alone.
pub(super) fn run(arguments: Arguments) -> Result<(), CommandError> {
    let config = arguments.options.check()?;
    let email = arguments.user;
    let Some(path) = arguments.to else {
        return write(&config, email, output::pipe());
    };
    let what = format!("{} could not be written", path.display());
    make_private(&path, |file| write(&config, email, file).map_err(Stopped)).map_err(
        |Stopped(error)| match error {
            CommandError::Io { cause, .. } => CommandError::Io { what, cause },
            error => error,
        },
    )
}

fn write(
    config: &Config,
    email: Option<String>,
    to: impl Write,
) -> Result<(), CommandError> {
    let mut none = std::iter::empty();
    let task = Task::new(Command::Export { email }, config, &mut none);
    let mut lines = Lines(BufWriter::with_capacity(64 * 1024, to));
    admin::carry_out(config, task, &mut lines)?;
    lines.0.flush().map_err(CommandError::io("the export could not be written"))
}

struct Lines<W: Write>(BufWriter<W>);

impl<W: Write> Sink for Lines<W> {
    fn send(&mut self, reply: Reply) -> io::Result<()> {
        match reply {
            Reply::Line(line) => {
                self.0.write_all(line.as_bytes())?;
                self.0.write_all(b"\n")
            }
            Reply::Progress(..) | Reply::Done | Reply::Failed { .. } => Ok(()),
        }
    }
}

struct Stopped(CommandError);

impl From<io::Error> for Stopped {
    fn from(cause: io::Error) -> Self {
        Self(CommandError::Io { what: String::new(), cause })
    }
}
