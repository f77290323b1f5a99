//! The log, and what happens on a panic.

use std::backtrace::Backtrace;
use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{ConfigError, LogFormat};
use crate::store::redb::is_caught;

/// Starts logging to standard error, and logs panics from now on.
///
/// A panic is logged by its place, not its text: that could quote a request.
///
/// # Errors
///
/// When `level` is not a filter.
pub fn start(format: LogFormat, level: &str) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(level).map_err(|_| ConfigError {
        variable: "LOG_LEVEL",
        reason:
            "must be a level such as info, or a filter such as info,duly::store=debug"
                .to_owned(),
    })?;
    let log = fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => {
            log.json().flatten_event(true).with_current_span(false).try_init()
        }
    };
    if started.is_err() {
        tracing::debug!("the log was started before");
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        if is_caught() {
            tracing::debug!(place, "pages make no sense");
            return;
        }
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        tracing::error!(place, thread, backtrace = %Backtrace::capture(), "a panic");
    }));
    Ok(())
}
