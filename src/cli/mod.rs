//! The command line: one file per command.

mod check;
mod completions;
mod config;
mod healthcheck;
mod input;
mod openapi;
mod output;
mod serve;
mod user;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::config::{Config, ConfigError, Options};
use crate::domain::chain::Chain;
use crate::service;
use crate::store::{OpenError, StoreError};

/// The version, and the commit if whoever built this said which.
fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let commit = option_env!("GIT_SHA").filter(|commit| !commit.is_empty());
        let commit = commit.map(|commit| format!(" ({commit})")).unwrap_or_default();
        format!("{}{commit}", env!("CARGO_PKG_VERSION"))
    });
    &VERSION
}

/// A personal task server: one binary, one data file
#[derive(Debug, Parser)]
#[command(name = "duly", version = version(), about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (what happens without a command)
    Serve(Options),
    /// Ask a running server whether it is ready; exits 0 if so
    Healthcheck(Options),
    /// Verify every value, index entry and count of the data file
    Check(Options),
    /// Print the settings in force, secrets hidden
    Config(Options),
    /// Print the OpenAPI document
    Openapi(openapi::Arguments),
    /// Manage accounts, while the server does not run
    #[command(subcommand)]
    User(user::Command),
    /// Print a script that completes commands in a shell
    Completions(completions::Arguments),
}

/// Why a command failed, in one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Service(#[from] service::Error),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Damaged(String),
    #[error("{0}")]
    NotReady(String),
    #[error("the data file failed: start again, and look at the disk if it goes on")]
    StoreFailed,
    #[error("{what}: {cause}")]
    Io { what: String, cause: std::io::Error },
}

impl CommandError {
    fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |cause| Self::Io { what, cause }
    }

    /// The numbers of `sysexits.h`, which supervisors can tell apart.
    fn exit_code(&self) -> u8 {
        use service::Error as E;
        match self {
            Self::Service(E::StorageCorrupt(_)) => 65,
            Self::Service(
                E::Unavailable(_) | E::OutcomeUnknown(_) | E::DiskFull | E::Internal(_),
            ) => 74,
            Self::NotReady(_) | Self::Service(_) => 1,
            Self::Usage(_) => 64,
            Self::Damaged(_) | Self::Store(StoreError::Damaged { .. }) => 65,
            Self::Open(error) => open_code(error),
            Self::Io { .. } | Self::Store(_) | Self::StoreFailed => 74,
            Self::Config(_) => 78,
        }
    }
}

fn open_code(error: &OpenError) -> u8 {
    match error {
        OpenError::Damaged { .. } | OpenError::Newer { .. } | OpenError::Older { .. } => {
            65
        }
        OpenError::Missing { .. } => 66,
        OpenError::InUse { .. } => 73,
        OpenError::Io { .. } => 74,
        OpenError::Upgrade { cause, .. } => open_code(cause),
    }
}

/// Parses the command line, does what was asked, and says how it went.
pub fn main() -> ExitCode {
    if let Err(error) = crate::config::read_dotenv() {
        return fail(&error.into());
    }
    let cli = match Cli::parse_from_arguments(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are asked for, and no fault.
            let code = if error.use_stderr() { 64 } else { 0 };
            return if error.print().is_ok() { code.into() } else { 74.into() };
        }
    };
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &CommandError) -> ExitCode {
    // What goes wrong inside a command has its cause in the log of the server; here it is all there is.
    match error {
        CommandError::Service(error) => output::error(&format!("duly: {}", Chain(error))),
        CommandError::Store(error) => output::error(&format!("duly: {}", Chain(error))),
        other => output::error(&format!("duly: {other}")),
    }
    error.exit_code().into()
}

impl Cli {
    fn parse_from_arguments(
        arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, clap::Error> {
        let command = crate::config::without_empty_variables(Self::command());
        Self::from_arg_matches(&command.try_get_matches_from(arguments)?)
    }

    fn run(self) -> Result<(), CommandError> {
        match self.command {
            None => {
                // As if `serve` had been typed, so that its settings come from the environment.
                let cli = Self::parse_from_arguments(["duly", "serve"]);
                match cli.map(|cli| cli.command) {
                    Ok(Some(command)) => command.run(),
                    _ => Err(CommandError::Usage("try duly --help".to_owned())),
                }
            }
            Some(command) => command.run(),
        }
    }
}

impl Command {
    fn run(self) -> Result<(), CommandError> {
        match self {
            Self::Serve(options) => serve::run(&options.check()?),
            Self::Healthcheck(options) => healthcheck::run(&options.check()?),
            Self::Check(options) => check::run(&options.check()?),
            Self::Config(options) => {
                config::run(&options.check()?);
                Ok(())
            }
            Self::Openapi(arguments) => openapi::run(arguments),
            Self::User(command) => user::run(command),
            Self::Completions(arguments) => {
                completions::run(&arguments);
                Ok(())
            }
        }
    }
}

/// Opens the data file of an installation.
fn open_store(
    config: &Config,
    create: bool,
    check_pages: bool,
) -> Result<crate::store::redb::RedbStore, OpenError> {
    let options = crate::store::redb::Options {
        cache_bytes: config.cache_bytes,
        reserve_bytes: config.disk_reserve_bytes,
        create,
        check_pages,
        ..crate::store::redb::Options::default()
    };
    crate::store::redb::RedbStore::open(config.database.path(), &options)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn arguments_are_well_formed() {
        super::Cli::command().debug_assert();
    }
}
