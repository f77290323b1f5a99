//! Changes to accounts as data.

use super::{Credential, Role, User};
use crate::domain::audit::Act;
use crate::domain::email::Email;
use crate::domain::id::SessionId;
use crate::domain::label::Label;
use crate::domain::password::PasswordHash;
use crate::domain::quota::QuotaPatch;
use crate::domain::time_zone::TimeZone;

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
        let Credential { user, password, networks } = old.clone();
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
            networks,
        }
    }
}

/// A change to an account, and what goes with it.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// What changes.
    pub patch: UserPatch,
    /// Changes to its own limits.
    pub quota: QuotaPatch,
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
    /// There are as many accounts as there may be.
    Full,
    /// The invitation was used, has expired, never was, or is for another address.
    BadInvitation,
}
