//! Refresh tokens: their content, and the digests that are stored.

use zeroize::Zeroizing;

use crate::auth::Secret;
use crate::auth::opaque::{REFRESH_TOKEN, digest};
use crate::domain::digest::SecretDigest;
use crate::domain::id::{SessionId, UserId};
use crate::domain::scope::Scopes;

/// Parts of a refresh token.
pub(super) struct RefreshToken {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    /// Id shared by all tokens of a session, which tells an old token from a forged one.
    pub(super) family: [u8; 16],
    pub(super) secret: [u8; 32],
    /// Scopes of the session. Encoded in the token, as one byte, only if not all: the digest of the family covers the
    /// scopes too, so no client can change them.
    pub(super) scopes: Scopes,
}

impl RefreshToken {
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Some(bytes) = REFRESH_TOKEN.read::<72>(text) {
            return Self::of(&bytes, Scopes::ALL);
        }
        let bytes: [u8; 73] = REFRESH_TOKEN.read(text)?;
        let (scopes, parts) = bytes.split_last_chunk::<1>().map(|it| (it.1[0], it.0))?;
        Self::of(parts.first_chunk()?, Scopes::from_bits(scopes)?)
    }

    fn of(bytes: &[u8; 72], scopes: Scopes) -> Option<Self> {
        let (user, rest) = bytes.split_first_chunk()?;
        let (session, rest) = rest.split_first_chunk()?;
        let (family, secret) = rest.split_first_chunk()?;
        Some(Self {
            user: UserId::new(u64::from_be_bytes(*user)),
            session: SessionId::from_bytes(*session),
            family: *family,
            secret: secret.try_into().ok()?,
            scopes,
        })
    }

    pub(super) fn write(&self) -> Secret {
        let (user, session) = (self.user.to_bytes(), self.session.to_bytes());
        let mark = self.mark();
        REFRESH_TOKEN.write(&[
            &user,
            &session,
            &self.family,
            &self.secret,
            mark.as_slice(),
        ])
    }

    /// Returns the stored digest of the part that all tokens of the session share.
    pub(super) fn family_digest(&self) -> SecretDigest {
        let Some(scopes) = self.mark() else { return digest(&self.family) };
        let mut marked = Zeroizing::new([scopes; 17]);
        if let Some((family, _)) = marked.split_first_chunk_mut() {
            *family = self.family;
        }
        digest(&*marked)
    }

    /// Returns the stored digest of the part that is unique to each token.
    pub(super) fn secret_digest(&self) -> SecretDigest {
        digest(&self.secret)
    }

    /// Returns the encoded scopes. A token with all scopes has none, as in earlier versions.
    fn mark(&self) -> Option<u8> {
        (self.scopes != Scopes::ALL).then(|| self.scopes.bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::scope::Scope;

    fn token(scopes: Scopes) -> RefreshToken {
        RefreshToken {
            user: UserId::new(7),
            session: SessionId::from_bytes([1; 16]),
            family: [2; 16],
            secret: [3; 32],
            scopes,
        }
    }

    #[test]
    fn a_token_is_read_as_it_was_written() {
        for bits in 1..8 {
            let scopes = Scopes::from_bits(bits).unwrap();
            let text = token(scopes).write();
            let read = RefreshToken::read(text.expose()).unwrap();
            assert_eq!((read.user, read.scopes), (UserId::new(7), scopes));
            assert_eq!((read.family, read.secret), ([2; 16], [3; 32]));
        }
        assert!(RefreshToken::read("duly_rt_").is_none());
    }

    #[test]
    fn other_scopes_make_it_a_token_of_another_family() {
        let [all, one] = [Scopes::ALL, Scopes::from_iter([Scope::TasksRead])].map(token);
        assert_ne!(all.family_digest(), one.family_digest());
        assert_eq!(all.family_digest(), digest(&[2; 16]));
        assert_eq!(all.secret_digest(), one.secret_digest());
    }
}
