//! Randomness. The only module that asks the operating system for it.

use std::fmt;
use std::io;

/// Source of random bytes.
pub trait Random: fmt::Debug + Send + Sync {
    /// Fills `out` with random bytes fit for secrets.
    ///
    /// # Errors
    ///
    /// Fails if the operating system has none to give. `out` must not be used then.
    fn fill(&self, out: &mut [u8]) -> io::Result<()>;
}

/// Randomness of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, out: &mut [u8]) -> io::Result<()> {
        getrandom::fill(out).map_err(io::Error::other)
    }
}
