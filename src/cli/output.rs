//! What commands print. The one place that writes to standard output and standard error.

use std::io::{self, Write as _};

/// Prints a line of the answer.
pub(super) fn line(text: &str) {
    text_only(text);
    text_only("\n");
}

/// Prints text as it is. Whoever closed the pipe does not want the rest.
pub(super) fn text_only(text: &str) {
    drop(io::stdout().write_all(text.as_bytes()));
}

/// Where an answer goes that is long.
pub(super) fn pipe() -> impl io::Write {
    io::stdout()
}

/// Prints a line about what went wrong.
pub(super) fn error(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}
