//! New accounts.

use super::{Credential, Role, User};
use crate::domain::audit::Act;
use crate::domain::digest::SecretDigest;
use crate::domain::email::Email;
use crate::domain::id::{InvitationId, UserId};
use crate::domain::password::PasswordHash;
use crate::domain::timestamp::Timestamp;

/// Account before the store assigns an id.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Email address as typed.
    pub email: Email,
    /// Hash of the password.
    pub password: PasswordHash,
    /// Role.
    pub role: Role,
    /// Whether the password is only valid for setting another.
    pub must_change_password: bool,
    /// Time of registration.
    pub created_at: Timestamp,
    /// Reason that the account may be created.
    pub admission: Admission,
}

impl NewUser {
    /// Assigns an id.
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
            networks: Vec::new(),
        }
    }
}

/// Reason that an account may be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Open registration.
    Open,
    /// Invitation, which is used up.
    Invited(InvitationId, SecretDigest),
    /// Act of an administrator or the operator.
    By(Act),
}
