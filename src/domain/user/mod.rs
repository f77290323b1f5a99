//! Accounts.

mod change;
mod role;

pub use self::change::{Ended, Ending, Refused, UserChange, UserPatch};
pub use self::role::Role;
use super::audit::Act;
use super::digest::SecretDigest;
use super::email::Email;
use super::id::{InvitationId, UserId};
use super::label::Label;
use super::password::PasswordHash;
use super::time_zone::TimeZone;
use super::timestamp::Timestamp;

/// One person's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Never changes.
    pub id: UserId,
    /// As typed.
    pub email: Email,
    /// What the account may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// What its owner wants to be called.
    pub display_name: Option<Label>,
    /// Where its owner lives, as far as the clock goes.
    pub time_zone: Option<TimeZone>,
    /// Whether nobody may use it.
    pub disabled: bool,
    /// Whether nothing may be done with it before its password is changed.
    pub must_change_password: bool,
}

impl User {
    /// Whether it counts among those of whom there must be one left.
    pub const fn is_active_admin(&self) -> bool {
        matches!(self.role, Role::Admin) && !self.disabled
    }
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
    /// Whether the password is only good for setting another.
    pub must_change_password: bool,
    /// The time of registration.
    pub created_at: Timestamp,
    /// What lets it in.
    pub admission: Admission,
}

impl NewUser {
    /// Gives it an id.
    pub fn into_credential(self, id: UserId) -> Credential {
        Credential {
            user: User {
                id,
                email: self.email,
                role: self.role,
                created_at: self.created_at,
                display_name: None,
                time_zone: None,
                disabled: false,
                must_change_password: self.must_change_password,
            },
            password: self.password,
        }
    }
}

/// Why an account may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Anybody may.
    Open,
    /// Somebody was invited. The invitation is used up.
    Invited(InvitationId, SecretDigest),
    /// Somebody makes it for somebody else.
    By(Act),
}
