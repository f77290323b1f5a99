//! Opaque credentials: refresh tokens, personal tokens, tickets for streams, invitations.
//!
//! ```text
//! prefix, bytes in hexadecimal, CRC-32 of both in hexadecimal
//! ```
//!
//! The bytes begin with the key of the credential in the store and end with 32 random ones; the store keeps the SHA-256
//! of the random part, or of all of it. Prefix and checksum serve secret scanners, and let invalid texts be rejected
//! without reading the store.

use crc32fast::Hasher as Crc;
use sha2::{Digest as _, Sha256};

use super::Secret;
use crate::domain::digest::SecretDigest;
use crate::domain::hex::{hex, unhex};

/// Kind of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    prefix: &'static str,
}

/// Refresh token, which renews a session after its access token has expired.
pub const REFRESH_TOKEN: Kind = Kind { prefix: "duly_rt_" };
/// Personal access token.
pub const PERSONAL_TOKEN: Kind = Kind { prefix: "duly_pat_" };
/// Ticket for one stream of changes.
pub const STREAM_TICKET: Kind = Kind { prefix: "duly_st_" };
/// Invitation to register.
pub const INVITATION: Kind = Kind { prefix: "duly_inv_" };

impl Kind {
    /// Whether a text has the prefix of this kind.
    pub fn fits(self, text: &str) -> bool {
        text.starts_with(self.prefix)
    }

    /// Formats a credential.
    pub fn write(self, parts: &[&[u8]]) -> Secret {
        let mut text = self.prefix.to_owned();
        for part in parts {
            text.push_str(&hex(part));
        }
        text.push_str(&checksum(&text));
        Secret::new(text)
    }

    /// Parses a credential of `LEN` bytes. `None` if it is invalid or mistyped.
    pub fn read<const LEN: usize>(self, text: &str) -> Option<[u8; LEN]> {
        let (rest, sum) = text.split_at_checked(text.len().checked_sub(8)?)?;
        if checksum(rest) != sum {
            return None;
        }
        unhex(rest.strip_prefix(self.prefix)?)
    }
}

fn checksum(text: &str) -> String {
    let mut crc = Crc::new();
    crc.update(text.as_bytes());
    hex(&crc.finalize().to_be_bytes())
}

/// Returns the digest of a secret, as it is stored.
pub fn digest(secret: &[u8]) -> SecretDigest {
    SecretDigest(Sha256::digest(secret).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_read_back_whole_or_not_at_all() {
        let text = PERSONAL_TOKEN.write(&[&[1, 2], &[0xFF; 3]]);
        // Computed with Python's zlib.crc32.
        assert_eq!(text.expose(), "duly_pat_0102ffffff58b9e5da");
        assert_eq!(PERSONAL_TOKEN.read(text.expose()), Some([1, 2, 0xFF, 0xFF, 0xFF]));
        assert_eq!(PERSONAL_TOKEN.read::<4>(text.expose()), None);
        assert_eq!(REFRESH_TOKEN.read::<5>(text.expose()), None);
        for place in 0..text.expose().len() {
            let mut mistyped = text.expose().as_bytes().to_vec();
            mistyped[place] = if mistyped[place] == b'a' { b'b' } else { b'a' };
            let mistyped = String::from_utf8(mistyped).unwrap();
            assert_eq!(PERSONAL_TOKEN.read::<5>(&mistyped), None, "{mistyped}");
        }
        for text in ["", "duly_pat_", "duly_pat_\u{fc}\u{fc}\u{fc}\u{fc}", "x"] {
            assert_eq!(PERSONAL_TOKEN.read::<5>(text), None, "{text}");
        }
    }
}
