//! Reading standard input: secrets, and lines to import.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::os::fd::AsFd as _;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::{CommandError, interrupt, progress};

/// Maximum length of a line that is read, in bytes.
const MAX_BYTES: usize = 4096;

/// Reads a new password: asks twice without echo on a terminal, else reads the first line of standard input.
/// Passwords are never arguments, which every user of the machine can read.
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
    let second = Zeroizing::new(
        rpassword::prompt_password("Repeat password: ").map_err(failed())?,
    );
    if first == second {
        Ok(first)
    } else {
        Err(CommandError::Usage("the passwords do not match".to_owned()))
    }
}

/// Interval at which a wait for input checks for an interruption.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Returns standard input, which fails once this process was asked to end.
///
/// # Errors
///
/// Errors of the operating system.
pub(super) fn stdin() -> io::Result<impl Read> {
    Ok(Interruptible(File::from(io::stdin().as_fd().try_clone_to_owned()?)))
}

/// Returns the number of bytes on standard input, if it is a file.
pub(super) fn length() -> Option<u64> {
    let file = File::from(io::stdin().as_fd().try_clone_to_owned().ok()?);
    progress::length(&file)
}

struct Interruptible(File);

impl Read for Interruptible {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&LOOK)) {
                Ok(0) | Err(Errno::INTR) if interrupt::came() => {
                    return Err(io::Error::other("interrupted"));
                }
                Ok(0) | Err(Errno::INTR) => {}
                _ => return self.0.read(buf),
            }
        }
    }
}
