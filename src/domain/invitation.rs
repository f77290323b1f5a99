//! Invitations, for servers with closed registration.

use super::digest::SecretDigest;
use super::email::{CanonicalEmail, Email};
use super::id::{InvitationId, UserId};
use super::timestamp::Timestamp;

/// Invitation for one registration. Removed when used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Identifier.
    pub id: InvitationId,
    /// Required email address; `None` for any.
    pub email: Option<Email>,
    /// Administrator who created it; `None` for the operator.
    pub created_by: Option<UserId>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Expiry time.
    pub expires_at: Timestamp,
    /// Digest of the secret.
    pub digest: SecretDigest,
}

impl Invitation {
    /// Maximum number of invitations. Expired ones are removed when another is created.
    pub const MAX: usize = 1000;

    /// Whether this secret and address may register. Without an address, only an invitation for any address is
    /// accepted.
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
