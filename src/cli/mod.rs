//! The command line: one file per command.

mod admin;
mod audit;
mod backup;
mod check;
mod compact;
mod completions;
mod config;
mod confirm;
mod export;
mod healthcheck;
mod help;
mod import;
mod input;
mod interrupt;
mod limit;
mod manual;
mod openapi;
mod output;
mod progress;
mod restore;
mod scrapes;
mod serve;
mod settings;
mod upgrade;
mod user;
mod welcome;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use self::interrupt::Left;
use crate::config::{Config, ConfigError, ConfigErrors, KeyError, Options};
use crate::control::Failure;
use crate::store::OpenError;
use crate::store::redb;

/// Returns the version, with the commit if it was set at build time.
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
#[command(name = "duly", version = version(), about, term_width = 80, after_help = help::ROOT)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (the default command)
    Serve(Options),
    /// Check whether a running server is ready; exits 0 if so
    Healthcheck(Options),
    /// Verify every value, index entry and count of the data file
    Check(check::Arguments),
    /// Print the settings in force, with secrets hidden
    Config(Options),
    /// Print the OpenAPI document
    Openapi(openapi::Arguments),
    /// Manage accounts, also while the server runs
    #[command(subcommand)]
    User(user::Command),
    /// List administrative actions: number, time, actor, action, target
    Audit(audit::Arguments),
    /// Create a verified backup, also while the server runs
    Backup(backup::Arguments),
    /// Restore a whole backup, or one account into a running server
    Restore(restore::Arguments),
    /// Export everything, or one account, as JSON Lines
    Export(export::Arguments),
    /// Import an export; account limits are not enforced
    Import(import::Arguments),
    /// Upgrade the data file, or test the upgrade on a copy
    Upgrade(upgrade::Arguments),
    /// Compact the data file after many deletions; the server must not run
    Compact(Options),
    /// Print a shell completion script
    Completions(completions::Arguments),
    /// Print the manual page, or write one for each command
    Man(manual::Arguments),
}

/// Failure of a command, in one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Damaged(String),
    #[error("{0}")]
    NotReady(String),
    #[error("interrupted by {signal}: {left}")]
    Interrupted { signal: &'static str, code: u8, left: String },
    #[error(
        "the data file failed: restart the server, and check the disk if it fails again"
    )]
    StoreFailed,
    #[error("{what}: {cause}")]
    Io { what: String, cause: std::io::Error },
}

impl CommandError {
    fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |cause| Self::Io { what, cause }
    }

    /// Returns an exit code of `sysexits.h`, which supervisors can tell apart.
    fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(failure) => failure.code,
            Self::NotReady(_) => Failure::NO,
            Self::Usage(_) => Failure::USAGE,
            Self::Damaged(_) => Failure::DAMAGED,
            Self::Open(error) => Failure::from(error).code,
            Self::Io { .. } | Self::StoreFailed => Failure::IO,
            Self::Config(_) => Failure::CONFIG,
            Self::Interrupted { code, .. } => *code,
        }
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error.into())
    }
}

impl From<KeyError> for CommandError {
    fn from(error: KeyError) -> Self {
        let what = error.to_string();
        match error {
            KeyError::Setting(error) => error.into(),
            KeyError::Io { cause, .. } => Self::Io { what, cause },
        }
    }
}

/// Parses the command line, carries out the command, and reports the outcome.
pub fn main() -> ExitCode {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // Damage is reported in its own line.
        if !redb::is_caught() {
            hook(panic);
        }
    }));
    // Before any secret is read.
    let hidden = limit::hide()
        .map_err(CommandError::io("could not make the memory of the process private"));
    if let Err(error) = hidden {
        return fail(&error);
    }
    let settings = crate::config::read_dotenv();
    let cli = match Cli::parse_from_arguments(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are not errors.
            let code = if error.use_stderr() { 64 } else { 0 };
            return if error.print().is_ok() { code.into() } else { 74.into() };
        }
    };
    if let (Err(error), true) = (settings, cli.needs_settings()) {
        return fail(&error.into());
    }
    let survived =
        limit::survive().map_err(CommandError::io("could not install signal handlers"));
    match survived.and_then(|()| cli.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &CommandError) -> ExitCode {
    for line in error.to_string().lines() {
        output::error(&format!("duly: {line}"));
    }
    error.exit_code().into()
}

impl Cli {
    fn parse_from_arguments(
        arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, clap::Error> {
        let command = help::arranged(Self::command());
        let command = crate::config::without_empty_variables(command);
        Self::from_arg_matches(&command.try_get_matches_from(arguments)?)
    }

    const fn needs_settings(&self) -> bool {
        !matches!(self.command, Some(Command::Completions(_) | Command::Man(_)))
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
            Self::Healthcheck(options) => {
                healthcheck::run(&settings::of_address(options)?)
            }
            Self::Check(arguments) => {
                interrupt::run(Left::UNCHANGED, || check::run(arguments))
            }
            Self::Config(options) => config::run(&options.check()?),
            Self::Openapi(arguments) => openapi::run(arguments),
            Self::User(command) => user::run(command),
            Self::Audit(arguments) => audit::run(arguments),
            Self::Backup(arguments) => {
                interrupt::run(arguments.left(), || backup::run(arguments))
            }
            Self::Restore(arguments) => {
                interrupt::run(arguments.left(), || restore::run(arguments))
            }
            Self::Export(arguments) => {
                interrupt::run(arguments.left(), || export::run(arguments))
            }
            Self::Import(arguments) => {
                interrupt::run(Left::Counted, || import::run(arguments))
            }
            Self::Upgrade(arguments) => {
                interrupt::run(Left::UNCHANGED, || upgrade::run(arguments))
            }
            Self::Compact(options) => {
                interrupt::run(Left::UNCHANGED, || compact::run(options))
            }
            Self::Completions(arguments) => completions::run(&arguments),
            Self::Man(arguments) => manual::run(&arguments),
        }
    }
}

/// Returns the options of an installation for opening its data file.
fn store_options(config: &Config) -> redb::Options {
    redb::Options {
        cache_bytes: config.cache_bytes,
        reserve_bytes: config.disk_reserve_bytes,
        check_pages: config.check_at_start,
        quota: config.quota,
        ..redb::Options::default()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn arguments_are_well_formed() {
        super::Cli::command().debug_assert();
    }
}
