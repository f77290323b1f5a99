//! Logging, including panics.

mod json;
mod queue;
mod writer;

use std::backtrace::Backtrace;
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::JsonFields;

use self::json::JsonLines;
use self::queue::{Handles, Queue};
use crate::config::{ConfigError, LogFormat};
use crate::store::redb::is_caught;

/// Maximum time to write the last lines when the process ends.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Writer of the log, on its own thread. Logging never waits for it, whatever becomes of the lines. Warnings and errors
/// are written at once, other lines up to 20 ms later, many at a time.
///
/// Dropping it allows a second for waiting lines to be written.
#[derive(Debug)]
pub struct Log(Arc<Queue>);

/// Counter of lost log lines.
#[derive(Clone, Debug)]
pub struct LostLines(Arc<Queue>);

impl Log {
    /// Creates a log on standard error.
    ///
    /// # Errors
    ///
    /// Fails if the system provides no descriptor or no thread.
    pub fn to_stderr() -> io::Result<Self> {
        // Not through the lock of `io::stderr`: a write that never ends would hold it, and the last words of the
        // process would wait for it.
        let out = File::from(io::stderr().as_fd().try_clone_to_owned()?);
        let queue = Arc::new(Queue::default());
        let lines = Arc::clone(&queue);
        // The thread is not joined: it may wait for a reader that never reads.
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer::write_lines(&lines, &out))?;
        Ok(Self(queue))
    }

    /// Writes a text for a human reader among the lines, not in their format.
    pub fn say(&self, text: &str) {
        self.0.push(text.as_bytes(), true);
    }

    /// Returns the counter of lost lines.
    pub fn lost_lines(&self) -> LostLines {
        LostLines(Arc::clone(&self.0))
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.close(LAST_LINES);
    }
}

impl LostLines {
    /// Returns the number of lines that did not fit into the queue or could not be written since the start.
    pub fn dropped(&self) -> u64 {
        self.0.dropped()
    }
}

/// Starts logging, including panics.
///
/// A panic is logged with its location, not its message, which could quote a request.
///
/// # Errors
///
/// Fails if `level` is not a filter.
pub fn start(log: &Log, format: LogFormat, level: &str) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(level).map_err(|_| ConfigError {
        variable: "LOG_LEVEL",
        reason:
            "must be a level such as info, or a filter such as info,duly::store=debug"
                .to_owned(),
    })?;
    // The crate would report its own errors on standard error, and panic if that fails.
    let log = fmt()
        .with_env_filter(filter)
        .with_writer(Handles(Arc::clone(&log.0)))
        .log_internal_errors(false);
    let started = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log
            .event_format(JsonLines::default())
            .fmt_fields(JsonFields::new())
            .try_init(),
    };
    if started.is_err() {
        tracing::debug!("the log was already initialised");
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        if is_caught() {
            tracing::debug!(place, "caught a panic over damaged pages");
            return;
        }
        let thread = thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        tracing::error!(place, thread, backtrace = %Backtrace::capture(), "a thread panicked");
    }));
    Ok(())
}
