//! Invitations: a way in where not everybody may register.

use super::digest::SecretDigest;
use super::email::{CanonicalEmail, Email};
use super::id::{InvitationId, UserId};
use super::timestamp::Timestamp;

/// Good for one registration. Gone once it was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Names it.
    pub id: InvitationId,
    /// The only address it is good for, if not for any.
    pub email: Option<Email>,
    /// The administrator who invites; `None` is the operator.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
    /// Of its secret.
    pub digest: SecretDigest,
}

impl Invitation {
    /// Most invitations there can be. Expired ones are removed when another is made.
    pub const MAX: usize = 1000;

    /// Whether somebody with this secret and this address may register. Without an address only one for any is
    /// good.
    pub fn admits(
        &self,
        digest: SecretDigest,
        email: Option<&CanonicalEmail>,
        now: Timestamp,
    ) -> bool {
        let wanted = self.email.as_ref().map(Email::canonical);
        self.digest == digest
            && self.expires_at > now
            && (wanted.is_none() || wanted.as_ref() == email)
    }
}
