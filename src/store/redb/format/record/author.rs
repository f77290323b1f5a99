//! Authors as parts of stored records.

use bincode::{BorrowDecode, Encode};

use super::label;
use crate::domain::author::Author;
use crate::domain::id::{SessionId, TokenId};

#[derive(Encode, BorrowDecode)]
pub(super) enum AuthorV1<'a> {
    Unknown,
    Session([u8; SessionId::LEN]),
    Token([u8; TokenId::LEN], &'a str),
    Import,
}

impl<'a> AuthorV1<'a> {
    pub(super) fn of(author: &'a Author) -> Self {
        match author {
            Author::Unknown => Self::Unknown,
            Author::Session(id) => Self::Session(id.to_bytes()),
            Author::Token(id, name) => Self::Token(id.to_bytes(), name.as_str()),
            Author::Import => Self::Import,
        }
    }

    pub(super) fn author(self) -> Author {
        match self {
            Self::Unknown => Author::Unknown,
            Self::Session(id) => Author::Session(SessionId::from_bytes(id)),
            Self::Token(id, name) => Author::Token(TokenId::from_bytes(id), label(name)),
            Self::Import => Author::Import,
        }
    }
}
