//! Authors of changes.

use super::id::{SessionId, TokenId};
use super::label::Label;

/// Credential or program that made a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// Unknown: the change is older than format 8 of the data file.
    Unknown,
    /// Login session.
    Session(SessionId),
    /// Personal token, with its name at the time of the change.
    Token(TokenId, Label),
    /// Import by the operator.
    Import,
}
