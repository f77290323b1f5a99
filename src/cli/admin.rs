//! Commands that a running server carries out; without a server, they open the data file themselves.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use serde_json::Value;
use zeroize::Zeroizing;

use super::progress::Bar;
use super::{CommandError, output};
use crate::auth::password::{Cost, Hasher};
use crate::auth::token::Keys;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::control::client::{self, Lines, Order};
use crate::control::{self, Command, Failure, Form, Input, Parts, Reply, Sink};
use crate::domain::network::LogNetworks;
use crate::domain::progress::Step;
use crate::random::{Random as _, SystemRandom};
use crate::service::{self, Events, Service, Wiring};
use crate::store::OpenError;
use crate::store::redb::{Options, Progress, RedbStore};

/// A command with its input and options.
pub(super) struct Task<'a> {
    pub(super) command: Command,
    /// Form of the answer.
    pub(super) form: Form,
    /// File to write to, and its name for messages.
    pub(super) file: Option<(&'a File, &'a Path)>,
    /// Lines to import.
    pub(super) lines: Lines,
    /// Options for the data file, if no server runs.
    pub(super) options: Options,
}

impl Task<'_> {
    /// Creates a task without input.
    pub(super) fn new(command: Command, config: &Config) -> Self {
        let upgrade = command.writes();
        let options = Options { create: false, upgrade, ..super::store_options(config) };
        let lines = Box::new(std::iter::empty());
        Self { command, form: Form::Text, file: None, lines, options }
    }
}

/// Carries out a command that needs no input.
pub(super) fn ask(config: &Config, command: Command) -> Result<(), CommandError> {
    ask_in(config, command, Form::Text)
}

/// Carries out a command that needs no input, with an answer in this form.
pub(super) fn ask_in(
    config: &Config,
    command: Command,
    form: Form,
) -> Result<(), CommandError> {
    let task = Task { form, ..Task::new(command, config) };
    carry_out(config, task, &mut Screen::new(form))
}

/// Carries out a command, and returns the objects of its answer.
pub(super) fn look(
    config: &Config,
    command: Command,
) -> Result<Vec<Value>, CommandError> {
    let mut answer = Objects::default();
    let task = Task { form: Form::Json, ..Task::new(command, config) };
    carry_out(config, task, &mut answer)?;
    Ok(answer.found)
}

/// Carries out a command, in the server if one runs.
pub(super) fn carry_out(
    config: &Config,
    task: Task<'_>,
    sink: &mut dyn Sink,
) -> Result<(), CommandError> {
    let Task { command, form, file, lines, options } = task;
    if let Some(stream) = connect(config)? {
        let file = file.map(|(file, _)| file);
        client::ask(&stream, Order { command, form, file }, lines, sink)?;
        return Ok(());
    }
    let opening = opening(&command);
    let store = match open(config, &options, opening, sink) {
        Err(error) => return Err(dead(config, error)),
        Ok(opened) => Arc::new(opened),
    };
    let parts = parts(config, store)?;
    let file = match file {
        Some((file, name)) => {
            let file =
                file.try_clone().map_err(CommandError::io("could not use the file"))?;
            Some((file, name))
        }
        None => None,
    };
    let mut lines = lines;
    let input = Input { lines: &mut lines, file };
    let sink = &mut Rest { from: opening, sink };
    block_on(control::run(&parts, command, form, input, sink))??;
    Ok(())
}

/// Returns the share of a command's time that opening the data file takes, in thousandths, measured with 200,000
/// tasks.
const fn opening(command: &Command) -> u16 {
    match command {
        Command::Check => 130,
        Command::Backup => 75,
        Command::Export { .. } => 400,
        // The lines move the bar, from its beginning.
        Command::Import { .. } => 0,
        _ => Step::WHOLE,
    }
}

/// Opens the data file and reports how many of its pages are checked.
fn open(
    config: &Config,
    options: &Options,
    opening: u16,
    sink: &mut dyn Sink,
) -> Result<RedbStore, OpenError> {
    let path = config.database.path();
    if opening == 0 {
        return RedbStore::open(path, options);
    }
    let mut tell = |step: Step| {
        // A failure to draw the bar stops no command.
        drop(sink.send(step.within(0, opening).into()));
        ControlFlow::Continue(())
    };
    RedbStore::open_watched(path, options, &mut Progress::new(&mut tell))
}

/// Receiver of the answers of a command that is the last part of longer work.
struct Rest<'a> {
    from: u16,
    sink: &'a mut dyn Sink,
}

impl Sink for Rest<'_> {
    fn send(&mut self, reply: Reply) -> io::Result<()> {
        self.sink.send(match reply.step() {
            Some(step) => step.within(self.from, Step::WHOLE).into(),
            None => reply,
        })
    }
}

/// Connects to the server of an installation. `None` if no server responds.
pub(super) fn connect(config: &Config) -> Result<Option<UnixStream>, CommandError> {
    let Some(socket) = &config.control_socket else { return Ok(None) };
    let what = format!("cannot reach the server through {}", socket.display());
    client::connect(socket, config.database.path()).map_err(CommandError::io(what))
}

/// Runs a future to its end.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(CommandError::io("the threads could not be started"))?;
    Ok(runtime.block_on(future))
}

/// Returns the parts that commands work on without a server.
pub(super) fn parts(
    config: &Config,
    store: Arc<RedbStore>,
) -> Result<Parts, CommandError> {
    Ok(Parts { service: service(config, Arc::<RedbStore>::clone(&store))?, store })
}

/// Adds advice to the error of a command that needs the data file to itself: stop the server, or `otherwise`.
pub(super) fn in_use(error: OpenError, otherwise: &str) -> CommandError {
    match error {
        OpenError::InUse { .. } => {
            let message = format!("{error}: stop the server first, or {otherwise}");
            Failure::new(Failure::IN_USE, message).into()
        }
        error => error.into(),
    }
}

/// Adds advice to the error of a data file that is in use by a process that does not respond.
pub(super) fn dead(config: &Config, error: OpenError) -> CommandError {
    if !matches!(error, OpenError::InUse { .. }) {
        return error.into();
    }
    let advice = match &config.control_socket {
        Some(socket) => format!(
            "{error}, and no server responds at {}: if a server is running, set CONTROL_SOCKET to its value, or restart it",
            socket.display()
        ),
        None => format!("{error}, and CONTROL_SOCKET is off: stop the server first"),
    };
    Failure::new(Failure::IN_USE, advice).into()
}

/// Starts the service without a server. Its tokens are never issued.
fn service(config: &Config, store: Arc<RedbStore>) -> Result<Service, CommandError> {
    let random = Arc::new(SystemRandom);
    let failed = || CommandError::io("the service could not be started");
    let mut key = Zeroizing::new([0; 32]);
    random.fill(key.as_mut_slice()).map_err(failed())?;
    let hasher = Hasher::start(Cost::OWASP, 1, Arc::<SystemRandom>::clone(&random));
    let wiring = Wiring {
        store,
        hasher: hasher.map_err(failed())?,
        keys: Keys::only(key.as_slice()),
        clock: Arc::new(SystemClock),
        random,
    };
    Ok(Service::new(service::Parts {
        // The operator is neither throttled nor logged.
        throttle: None,
        events: Events::new(LogNetworks::Off),
        ..service::Parts::new(config, wiring)
    }))
}

/// Flag for answers that programs read.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Json {
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

impl Json {
    pub(super) const fn form(self) -> Form {
        if self.json { Form::Json } else { Form::Text }
    }
}

/// Receiver that keeps the objects of a JSON answer, and shows progress.
#[derive(Default)]
pub(super) struct Objects {
    pub(super) found: Vec<Value>,
    pub(super) bar: Option<Bar>,
}

impl Sink for Objects {
    fn send(&mut self, reply: Reply) -> io::Result<()> {
        if let (Some(step), Some(bar)) = (reply.step(), &self.bar) {
            bar.step(step);
        }
        if let Reply::Line(line) = reply {
            self.found.push(object(&line)?);
        }
        Ok(())
    }
}

/// Parses a line of a JSON answer. A server of the previous version answers in text.
fn object(line: &str) -> io::Result<Value> {
    let found = serde_json::from_str(line).ok().filter(Value::is_object);
    found.ok_or_else(|| {
        io::Error::other("the server is older than this program: restart the server")
    })
}

/// Receiver that prints answers on standard output, and progress on a terminal.
pub(super) struct Screen {
    bar: Bar,
    form: Form,
    /// Part of longer work that this command is, in thousandths from its beginning. Its answers are not shown
    /// then.
    part: Option<u16>,
}

impl Screen {
    pub(super) fn new(form: Form) -> Self {
        Self { bar: Bar::get(), form, part: None }
    }

    /// Creates a screen with progress and no answers, for a command that is the first part of longer work, up to
    /// `to` thousandths.
    pub(super) fn part(to: u16) -> Self {
        Self { bar: Bar::get(), form: Form::Text, part: Some(to) }
    }
}

impl Sink for Screen {
    fn send(&mut self, reply: Reply) -> io::Result<()> {
        if let Some(step) = reply.step() {
            self.bar.step(step.within(0, self.part.unwrap_or(Step::WHOLE)));
        }
        match reply {
            Reply::Line(_) if self.part.is_some() => {}
            Reply::Line(line) => {
                self.bar.clear();
                if self.form == Form::Json {
                    object(&line)?;
                }
                output::relayed(&line)?;
            }
            Reply::Progress(..)
            | Reply::Step { .. }
            | Reply::Done
            | Reply::Failed { .. } => {}
        }
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.part.is_none() {
            self.bar.clear();
        }
    }
}
