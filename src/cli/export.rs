//! `duly export`

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::admin::{self, Task};
use super::interrupt::Left;
use super::progress::Bar;
use super::{CommandError, output, settings};
use crate::config::{Config, Options};
use crate::control::{Command, Reply, Sink};
use crate::files::make_private;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Export only this account and its tasks
    #[arg(long, value_name = "EMAIL")]
    user: Option<String>,

    /// File to create [default: -, standard output]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,

    #[command(flatten)]
    options: Options,
}

impl Arguments {
    pub(super) fn left(&self) -> Left {
        match &self.to {
            Some(path) if path.as_os_str() != "-" => Left::NO_FILE,
            _ => Left::Said("the output is not a complete export"),
        }
    }
}

/// Writes a snapshot as JSON Lines. It contains password hashes, so only its owner may read the file.
pub(super) fn run(arguments: Arguments) -> Result<(), CommandError> {
    let config = settings::of_data(arguments.options)?;
    let email = arguments.user;
    let Some(path) = arguments.to.filter(|path| path != Path::new("-")) else {
        // A bar would overwrite lines on the same terminal, also in a pager.
        let bar = output::is_file().then(Bar::get);
        return write(&config, email, output::pipe(), bar);
    };
    output::check_free(&path)?;
    let what = format!("{} could not be written", path.display());
    let made = make_private(&path, |file| {
        write(&config, email, file, Some(Bar::get())).map_err(Stopped)
    });
    made.map_err(|Stopped(error)| match error {
        CommandError::Io { cause, .. } => CommandError::Io { what, cause },
        error => error,
    })
}

fn write(
    config: &Config,
    email: Option<String>,
    to: impl Write + Send,
    bar: Option<Bar>,
) -> Result<(), CommandError> {
    let task = Task::new(Command::Export { email }, config);
    let to = BufWriter::with_capacity(64 * 1024, to);
    let mut lines = Lines { to, is_closed: false, bar };
    let done = admin::carry_out(config, task, &mut lines).and_then(|()| {
        lines.flush().map_err(CommandError::io("the export could not be written"))
    });
    if let Some(bar) = &lines.bar {
        bar.clear();
    }
    // A reader that closed the pipe does not want the rest.
    if lines.is_closed { Ok(()) } else { done }
}

struct Lines<W: Write> {
    to: BufWriter<W>,
    is_closed: bool,
    bar: Option<Bar>,
}

impl<W: Write> Lines<W> {
    fn watch(&mut self, written: io::Result<()>) -> io::Result<()> {
        written.inspect_err(|error| {
            self.is_closed |= error.kind() == io::ErrorKind::BrokenPipe;
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.to.flush();
        self.watch(flushed)
    }
}

impl<W: Write + Send> Sink for Lines<W> {
    fn send(&mut self, reply: Reply) -> io::Result<()> {
        if let (Some(bar), Some(step)) = (&self.bar, reply.step()) {
            bar.step(step);
        }
        match reply {
            Reply::Line(line) => {
                let written = self
                    .to
                    .write_all(line.as_bytes())
                    .and_then(|()| self.to.write_all(b"\n"));
                self.watch(written)
            }
            Reply::Progress(..)
            | Reply::Step { .. }
            | Reply::Done
            | Reply::Failed { .. } => Ok(()),
        }
    }
}

struct Stopped(CommandError);

impl From<io::Error> for Stopped {
    fn from(cause: io::Error) -> Self {
        Self(CommandError::Io { what: String::new(), cause })
    }
}
