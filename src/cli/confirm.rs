//! Confirmation before something is deleted or replaced.

use std::io::{self, IsTerminal as _, Read as _};

use clap::Args;

use super::{CommandError, output};
use crate::control::Failure;

/// Maximum length of an answer that is read, in bytes.
const MAX_BYTES: u64 = 64;

#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Sure {
    /// Do not ask for confirmation on a terminal
    #[arg(long)]
    yes: bool,
}

impl Sure {
    /// Asks for confirmation on a terminal.
    ///
    /// # Errors
    ///
    /// Fails with the errors of `question`, and with [`Failure::NO`] if the answer is no.
    pub(super) fn ask(
        self,
        question: impl FnOnce() -> Result<String, CommandError>,
    ) -> Result<(), CommandError> {
        if self.yes || !io::stdin().is_terminal() {
            return Ok(());
        }
        if !io::stderr().is_terminal() {
            let message = "cannot ask for confirmation, because standard error is not a terminal: use --yes to continue without it";
            return Err(CommandError::Usage(message.to_owned()));
        }
        output::prompt(&format!("{} [y/N] ", question()?));
        let mut answer = String::new();
        let mut line = io::BufReader::new(io::stdin().take(MAX_BYTES));
        io::BufRead::read_line(&mut line, &mut answer)
            .map_err(CommandError::io("the answer could not be read"))?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Failure::new(Failure::NO, "nothing was changed").into()),
        }
    }
}
