//! Account changes as data.

use super::{Credential, Role, User};
use crate::domain::audit::Act;
use crate::domain::email::Email;
use crate::domain::id::SessionId;
use crate::domain::label::Label;
use crate::domain::password::PasswordHash;
use crate::domain::quota::QuotaPatch;
use crate::domain::time_zone::TimeZone;

/// Change to an account. `None` keeps a field.
#[derive(Clone, Debug, Default)]
pub struct UserPatch {
    /// New email address.
    pub email: Option<Email>,
    /// New display name; `Some(None)` removes it.
    pub display_name: Option<Option<Label>>,
    /// New time zone; `Some(None)` removes it.
    pub time_zone: Option<Option<TimeZone>>,
    /// New role.
    pub role: Option<Role>,
    /// Whether the account is disabled. Disabling ends all access.
    pub disabled: Option<bool>,
    /// Whether the password must be changed first.
    pub must_change_password: Option<bool>,
    /// Hash of the new password.
    pub password: Option<PasswordHash>,
}

impl UserPatch {
    /// Applies the change to an account.
    pub fn apply(self, old: &Credential) -> Credential {
        let Self {
            email,
            display_name,
            time_zone,
            role,
            disabled,
            must_change_password,
            password,
        } = self;
        let old = old.clone();
        let user = old.user;
        Credential {
            user: User {
                id: user.id,
                email: email.unwrap_or(user.email),
                role: role.unwrap_or(user.role),
                created_at: user.created_at,
                display_name: display_name.unwrap_or(user.display_name),
                time_zone: time_zone.unwrap_or(user.time_zone),
                disabled: disabled.unwrap_or(user.disabled),
                must_change_password: must_change_password
                    .unwrap_or(user.must_change_password),
            },
            password: password.unwrap_or(old.password),
            networks: old.networks,
        }
    }
}

/// Change to an account, and its side effects.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// Changes to fields.
    pub patch: UserPatch,
    /// Changes to its own limits.
    pub quota: QuotaPatch,
    /// Access that ends.
    pub ending: Ending,
    /// Hash that the account must still have, for a caller that has proven to know the password.
    pub expected: Option<PasswordHash>,
    /// Actor, if not the owner. Leaves an audit record.
    pub by: Option<Act>,
}

/// Access to an account that ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// No access.
    #[default]
    Nothing,
    /// All personal tokens, and all sessions but this one.
    AllBut(SessionId),
    /// All personal tokens and sessions.
    Everything,
}

/// Sessions and personal tokens that were ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Number of sessions.
    pub sessions: u64,
    /// Number of personal tokens.
    pub tokens: u64,
}

/// Reason that an account was not created, changed or deleted. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The account does not exist.
    Missing,
    /// Another account has the address.
    EmailTaken,
    /// The password has changed since it was proven.
    PasswordChanged,
    /// No administrator would remain.
    LastAdmin,
    /// The maximum number of accounts is reached.
    Full,
    /// The invitation is used, expired, unknown, or for another address.
    BadInvitation,
}
