//! Interruption of commands, as by Ctrl-C: unfinished work is removed, and one line says so.
//!
//! The command runs on its own thread, so that the process ends at once, whatever the command waits for: the disk, a
//! server, or a pipe that has no reader.

mod signals;

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;
use std::{io, panic, thread};

use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::{CommandError, progress};
use crate::control::client::Lines;
use crate::files;

/// Maximum time for an import to finish its work in progress and to count.
const COUNTING: Duration = Duration::from_secs(5);

/// Stack of the thread, in bytes: that of a main thread.
const STACK: usize = 8 << 20;

/// Number of the signal that arrived; 0 for none.
static CAME: AtomicI32 = AtomicI32::new(0);

/// Whether some of the input may have been imported.
static BEGUN: AtomicBool = AtomicBool::new(false);

/// Whether this process was asked to end.
pub(super) fn came() -> bool {
    CAME.load(Ordering::Relaxed) != 0
}

/// Records that input is imported from now on.
pub(super) fn begin() {
    BEGUN.store(true, Ordering::Relaxed);
}

/// Returns the error of an interrupted command that left things in this state.
pub(super) fn error(left: impl Into<String>) -> CommandError {
    let number = CAME.load(Ordering::Relaxed);
    let signal = match number {
        2 => "SIGINT",
        15 => "SIGTERM",
        _ => "SIGHUP",
    };
    let code = u8::try_from(128 + number).unwrap_or(u8::MAX);
    CommandError::Interrupted { signal, code, left: left.into() }
}

/// Wraps lines so that they end with an error once this process was asked to end.
pub(super) fn until_interrupted(mut lines: Lines) -> Lines {
    Box::new(std::iter::from_fn(move || {
        if came() { Some(Err(io::Error::other("interrupted"))) } else { lines.next() }
    }))
}

/// State in which an interrupted command leaves things.
#[derive(Clone, Copy, Debug)]
pub(super) enum Left {
    /// This text, unless the command has completed a file by then.
    Said(&'static str),
    /// Some of the input was imported, and the command counts it.
    Counted,
}

impl Left {
    pub(super) const UNCHANGED: Self = Self::Said("nothing was changed");
    pub(super) const NO_FILE: Self = Self::Said("no file was created");
}

/// Runs a command to its end, or until a signal arrives.
pub(super) fn run(
    left: Left,
    command: impl FnOnce() -> Result<(), CommandError> + Send + 'static,
) -> Result<(), CommandError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(CommandError::io("the command could not be started"))?.block_on(
        async {
            let mut signals = signals::listen()
                .map_err(CommandError::io("could not install signal handlers"))?;
            let (done, mut ended) = oneshot::channel();
            // After a signal, the outcome has no receiver.
            let work = move || drop(done.send(command()));
            let working = thread::Builder::new().stack_size(STACK).spawn(work);
            let working =
                working.map_err(CommandError::io("the command could not be started"))?;
            let number = tokio::select! {
                outcome = &mut ended => match (outcome, working.join()) {
                    (Ok(outcome), _) => return outcome,
                    (Err(_), Err(panic)) => panic::resume_unwind(panic),
                    (Err(_), Ok(())) => return Ok(()),
                },
                Some(number) = signals.recv() => number,
            };
            CAME.store(number, Ordering::Relaxed);
            // The message must stand below nothing else.
            progress::clear();
            match left {
                Left::Said(left) => Err(match files::abandon() {
                    Some(made) => error(format!(
                        "{} was already complete and is kept",
                        made.display()
                    )),
                    None => error(left),
                }),
                Left::Counted if !BEGUN.load(Ordering::Relaxed) => {
                    Err(error("nothing was changed"))
                }
                Left::Counted => tokio::select! {
                    Ok(outcome) = ended => outcome,
                    // A second signal ends the wait.
                    Some(_) = signals.recv() => Err(error(UNCOUNTED)),
                    () = tokio::time::sleep(COUNTING) => Err(error(UNCOUNTED)),
                },
            }
        },
    )
}

const UNCOUNTED: &str =
    "imported data is kept; run the same command again to import the rest";
