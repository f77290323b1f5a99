//! Who is asking. Knows nothing of HTTP, and nothing of the store.

mod hmac;
pub mod password;
pub mod strength;
pub mod throttle;
pub mod token;

use std::fmt;

use zeroize::Zeroizing;

use crate::domain::id::SessionId;
use crate::domain::user::User;

/// Proof that somebody was authenticated: an account and the session that was used.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub user: User,
    /// By which log-in.
    pub session: SessionId,
}

/// A text that must not be printed, wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, to be given to the one person it is for.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
