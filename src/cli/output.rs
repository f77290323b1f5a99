//! Output of commands. The only place that writes to standard output and standard error.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::CommandError;
use crate::control::Failure;

/// Checks that a file to create does not exist, before all the work. The end of the work makes sure that nothing is
/// overwritten.
///
/// # Errors
///
/// Fails if the file exists.
pub(super) fn check_free(path: &Path) -> Result<(), CommandError> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    let message = format!("{} already exists: choose another name", path.display());
    Err(Failure::new(Failure::IO, message).into())
}

/// Prints a line of the answer.
///
/// # Errors
///
/// Fails if standard output cannot be written, as on a full disk.
pub(super) fn line(text: &str) -> Result<(), CommandError> {
    text_only(&format!("{text}\n"))
}

/// Prints text unchanged.
///
/// # Errors
///
/// Fails if standard output cannot be written, as on a full disk.
pub(super) fn text_only(text: &str) -> Result<(), CommandError> {
    passed_on(text)
        .map_err(|cause| CommandError::Io { what: STANDARD_OUTPUT.to_owned(), cause })
}

/// Prints a line from another source.
///
/// # Errors
///
/// Fails if standard output cannot be written, which the error says by itself.
pub(super) fn relayed(text: &str) -> io::Result<()> {
    passed_on(&format!("{text}\n")).map_err(|error| {
        io::Error::new(error.kind(), format!("{STANDARD_OUTPUT}: {error}"))
    })
}

/// Whether standard output is a file.
pub(super) fn is_file() -> bool {
    let file = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    file.and_then(|file| file.metadata()).is_ok_and(|found| found.is_file())
}

const STANDARD_OUTPUT: &str = "standard output cannot be written";

/// Writes to standard output. A closed pipe is no error: its reader does not want the rest.
fn passed_on(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Returns standard output, for a long answer.
pub(super) fn pipe() -> impl io::Write {
    io::stdout()
}

/// Maximum time to write an error, since the pipe may have no reader.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Prints a question, without a line break.
pub(super) fn prompt(text: &str) {
    let mut err = io::stderr();
    drop(err.write_all(text.as_bytes()).and_then(|()| err.flush()));
}

/// Prints an error. A pipe without a reader does not block the process.
pub(super) fn error(text: &str) {
    let line = format!("{text}\n");
    let print = move || drop(io::stderr().write_all(line.as_bytes()));
    if io::stderr().is_terminal() {
        return print();
    }
    let (printed, told) = mpsc::channel();
    let printing = thread::Builder::new().spawn(move || {
        print();
        let _heard = printed.send(());
    });
    // Without a thread nothing is printed: the exit code must suffice.
    if printing.is_ok() {
        let _is_printed = told.recv_timeout(LAST_WORDS);
    }
}
