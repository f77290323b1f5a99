//! What somebody was let in by.

use super::id::{SessionId, TokenId};

/// A credential, by what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// A log-in.
    Session(SessionId),
    /// A personal token.
    Token(TokenId),
}
