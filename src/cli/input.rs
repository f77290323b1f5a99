//! Reading secrets.

use std::io::{self, IsTerminal as _, Read as _};

use zeroize::Zeroizing;

use super::CommandError;

/// Longest line that is read, in bytes.
const MAX_BYTES: usize = 4096;

/// A new password: asked for twice without echo on a terminal, else the first line of standard input. Never
/// an argument, which everybody on the machine could read.
pub(super) fn new_password() -> Result<Zeroizing<String>, CommandError> {
    let failed = || CommandError::io("the password could not be read");
    if !io::stdin().is_terminal() {
        let mut text = Zeroizing::new(String::with_capacity(MAX_BYTES));
        let mut input = io::stdin().take(MAX_BYTES as u64);
        input.read_to_string(&mut text).map_err(failed())?;
        return Ok(text.lines().next().unwrap_or_default().to_owned().into());
    }
    let first =
        Zeroizing::new(rpassword::prompt_password("Password: ").map_err(failed())?);
    let second =
        Zeroizing::new(rpassword::prompt_password("Once more: ").map_err(failed())?);
    if first == second {
        Ok(first)
    } else {
        Err(CommandError::Usage("the two passwords differ".to_owned()))
    }
}
