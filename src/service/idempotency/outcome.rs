//! Outcomes of requests.

use std::fmt;
use std::io;

use zeroize::Zeroizing;

use super::wire::Stored;

/// Outcome of a request.
pub enum Outcome<A> {
    /// Executed now.
    Fresh(A),
    /// Executed before, with the outcome of that time.
    Replayed(A),
}

impl<A> Outcome<A> {
    /// Returns the outcome itself, from whatever time.
    pub const fn get(&self) -> &A {
        match self {
            Self::Fresh(outcome) | Self::Replayed(outcome) => outcome,
        }
    }
}

/// Outcome that can be stored and replayed.
pub trait Replayable: Sized + Send + 'static {
    /// Encodes the outcome.
    ///
    /// # Errors
    ///
    /// None in practice: stored forms are texts, numbers and flags.
    fn encode(&self) -> io::Result<Zeroizing<Vec<u8>>>;

    /// Decodes an outcome. `None` if the bytes are not a valid one.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

impl<A: Stored + Send + 'static> Replayable for A {
    fn encode(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        Ok(Zeroizing::new(serde_json::to_vec(&self.to_wire())?))
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().and_then(Self::from_wire)
    }
}

impl<A> fmt::Debug for Outcome<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh(_) => "Fresh(..)",
            Self::Replayed(_) => "Replayed(..)",
        })
    }
}
