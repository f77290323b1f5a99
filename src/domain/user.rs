//! Accounts, and changes to accounts as data.

use super::audit::Act;
use super::digest::SecretDigest;
use super::email::Email;
use super::id::{InvitationId, SessionId, UserId};
use super::label::Label;
use super::password::PasswordHash;
use super::time_zone::TimeZone;
use super::timestamp::Timestamp;

/// What an account may do beyond its own things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing.
    User,
    /// Manage accounts.
    Admin,
}

impl Role {
    /// The name clients see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    /// The role of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::User, Self::Admin].into_iter().find(|role| role.as_str() == name)
    }
}

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

/// A change to an account. What is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct UserPatch {
    /// Another address.
    pub email: Option<Email>,
    /// Another name, or none.
    pub display_name: Option<Option<Label>>,
    /// Another time zone, or none.
    pub time_zone: Option<Option<TimeZone>>,
    /// Another role.
    pub role: Option<Role>,
    /// Disabled, or enabled again. Disabling ends all access.
    pub disabled: Option<bool>,
    /// Whether the password must be changed first.
    pub must_change_password: Option<bool>,
    /// Another password.
    pub password: Option<PasswordHash>,
}

impl UserPatch {
    /// The account with the changes made.
    pub fn apply(self, old: &Credential) -> Credential {
        let Credential { user, password } = old.clone();
        Credential {
            user: User {
                email: self.email.unwrap_or(user.email),
                display_name: self.display_name.unwrap_or(user.display_name),
                time_zone: self.time_zone.unwrap_or(user.time_zone),
                role: self.role.unwrap_or(user.role),
                disabled: self.disabled.unwrap_or(user.disabled),
                must_change_password: self
                    .must_change_password
                    .unwrap_or(user.must_change_password),
                ..user
            },
            password: self.password.unwrap_or(password),
        }
    }
}

/// A change to an account, and what goes with it.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// What changes.
    pub patch: UserPatch,
    /// What ends.
    pub ending: Ending,
    /// The hash that the account must still have, for whoever has proven to know the password.
    pub expected: Option<PasswordHash>,
    /// Who does it, if not the owner. Leaves an audit record.
    pub by: Option<Act>,
}

/// Which access to an account ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// None.
    #[default]
    Nothing,
    /// Every personal token, and every session but this one.
    AllBut(SessionId),
    /// Every personal token and every session.
    Everything,
}

/// How much access was ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Sessions.
    pub sessions: u64,
    /// Personal tokens.
    pub tokens: u64,
}

/// Why an account was not made, changed or deleted. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is no such account.
    Missing,
    /// Somebody else has the address.
    EmailTaken,
    /// The password is not the one that was proven any more.
    PasswordChanged,
    /// There would be no administrator left.
    LastAdmin,
    /// The invitation was used, has expired, never was, or is for another address.
    BadInvitation,
}
