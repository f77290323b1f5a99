//! Credentials that authenticate requests.

use super::id::{SessionId, TokenId};

/// Credential that authenticated a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Login session.
    Session(SessionId),
    /// Personal access token.
    Token(TokenId),
}
