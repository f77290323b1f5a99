//! New accounts.

use super::{Credential, Role, User};
use crate::domain::audit::Act;
use crate::domain::digest::SecretDigest;
use crate::domain::email::Email;
use crate::domain::id::{InvitationId, UserId};
use crate::domain::password::PasswordHash;
use crate::domain::timestamp::Timestamp;

/// An account before the store gives it an id.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// As typed.
    pub email: Email,
    /// Already hashed.
    pub password: PasswordHash,
    /// The role.
    pub role: Role,
    /// Whether the password is only good for setting another.
    pub must_change_password: bool,
    /// The time of registration.
    pub created_at: Timestamp,
    /// The reason why it may be made.
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
            networks: Vec::new(),
        }
    }
}

/// Why an account may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Registration is open.
    Open,
    /// By invitation, which is used up.
    Invited(InvitationId, SecretDigest),
    /// By an administrator or the operator.
    By(Act),
}
