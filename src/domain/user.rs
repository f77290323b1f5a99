//! Accounts.

use super::email::Email;
use super::id::UserId;
use super::password::PasswordHash;
use super::timestamp::Timestamp;

/// What an account may do beyond its own things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Nothing.
    User,
}

impl Role {
    /// The name clients see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
        }
    }
}

/// One person's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Never changes.
    pub id: UserId,
    /// As typed at registration.
    pub email: Email,
    /// What the account may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An account with what proves that somebody owns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The account.
    pub user: User,
    /// The hash to verify a password against.
    pub password: PasswordHash,
}

/// What is known of an account before the store gives it an id.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// As typed.
    pub email: Email,
    /// Already hashed.
    pub password: PasswordHash,
    /// What the account may do.
    pub role: Role,
    /// The time of registration.
    pub created_at: Timestamp,
}
