//! Data that leaves the program and comes back: encrypted, so that it is unreadable on the way, and bound to a purpose
//! and a context, so that it is invalid for any other.
//!
//! ```text
//! layout 1 | name of the key 4 | salt 16 | encrypted, ChaCha20-Poly1305 | tag 16
//! ```
//!
//! All keys are derived from the signing key. Data sealed under an earlier signing key still opens while the
//! installation knows that key; the name identifies it.
//!
//! The salt is a keyed hash of purpose, context and content (like the synthetic IV of
//! [RFC 5297](https://www.rfc-editor.org/rfc/rfc5297)), and each salt has its own encryption key, with a nonce of zero.
//! No nonce can be reused therefore, sealing needs no randomness and cannot fail, and it reveals only whether the same
//! data was sealed twice for the same purpose and context.

use std::fmt;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::derive::{self, Derivation};
use super::token::Keys;

const LAYOUT: u8 = 1;
const NAME_BYTES: usize = 4;
const SALT_BYTES: usize = 16;
const TAG_BYTES: usize = 16;

const NAME_LABEL: &str = "seal: name";
const SALT_LABEL: &str = "seal: salt";
const KEY_LABEL: &str = "seal: key";
const DIGEST_LABEL: &str = "seal: digest";

/// Sealer with the signing key. Opens data of earlier keys too.
#[derive(Debug)]
pub struct Sealer {
    current: SealKey,
    previous: Vec<SealKey>,
}

struct SealKey {
    name: [u8; NAME_BYTES],
    derivation: Derivation,
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKey").finish_non_exhaustive()
    }
}

impl SealKey {
    fn new(key: &[u8]) -> Self {
        let derivation = Derivation::new(key);
        let name = first(&derivation.derive(NAME_LABEL, &[]));
        Self { name, derivation }
    }

    fn derive(&self, label: &str, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let parts: Vec<&[u8]> =
            [purpose.as_bytes()].into_iter().chain(parts.iter().copied()).collect();
        self.derivation.derive(label, &parts)
    }

    fn cipher(&self, salt: &[u8], purpose: &str, context: &[&[u8]]) -> LessSafeKey {
        let parts: Vec<&[u8]> =
            [salt].into_iter().chain(context.iter().copied()).collect();
        let key = Zeroizing::new(self.derive(KEY_LABEL, purpose, &parts));
        let key = UnboundKey::new(&CHACHA20_POLY1305, key.as_slice());
        LessSafeKey::new(key.expect("the cipher takes 32 bytes"))
    }
}

impl Sealer {
    /// Number of bytes that sealing adds.
    pub const ADDED_BYTES: usize = 1 + NAME_BYTES + SALT_BYTES + TAG_BYTES;

    /// Creates a sealer for these keys.
    pub fn new(keys: Keys<'_>) -> Self {
        let previous = keys.previous.iter().map(|key| SealKey::new(key)).collect();
        Self { current: SealKey::new(keys.signing), previous }
    }

    /// Encrypts data for this purpose, in this context.
    pub fn seal(
        &self,
        purpose: &'static str,
        context: &[&[u8]],
        plain: &[u8],
    ) -> Vec<u8> {
        let parts: Vec<&[u8]> = context.iter().copied().chain([plain]).collect();
        let salt: [u8; SALT_BYTES] =
            first(&self.current.derive(SALT_LABEL, purpose, &parts));
        let mut encrypted = plain.to_vec();
        let tag = self
            .current
            .cipher(&salt, purpose, context)
            .seal_in_place_separate_tag(nonce(), Aad::empty(), &mut encrypted)
            .expect("the cipher takes 256 GiB");
        [&[LAYOUT], &self.current.name[..], &salt, &encrypted, tag.as_ref()].concat()
    }

    /// Decrypts data sealed for the same purpose, in the same context. `None` if the purpose or context differs, the
    /// data was modified, or its key is no longer known.
    pub fn open(
        &self,
        purpose: &'static str,
        context: &[&[u8]],
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let (&layout, rest) = sealed.split_first()?;
        let (name, rest) = rest.split_first_chunk::<NAME_BYTES>()?;
        let (salt, encrypted) = rest.split_first_chunk::<SALT_BYTES>()?;
        if layout != LAYOUT {
            return None;
        }
        // Two keys may share a name by chance, so all keys of that name are tried.
        self.keys().filter(|key| key.name == *name).find_map(|key| {
            let mut plain = Zeroizing::new(encrypted.to_vec());
            let cipher = key.cipher(salt, purpose, context);
            cipher.open_in_place(nonce(), Aad::empty(), &mut plain).ok()?;
            let length = plain.len().checked_sub(TAG_BYTES)?;
            plain.truncate(length);
            Some(plain)
        })
    }

    /// Whether the data begins as if sealed under a key of this installation, for any purpose.
    pub fn recognizes(&self, sealed: &[u8]) -> bool {
        let Some((&LAYOUT, rest)) = sealed.split_first() else { return false };
        let name = rest.split_first_chunk::<NAME_BYTES>().map(|(name, _)| name);
        name.is_some_and(|name| self.keys().any(|key| key.name == *name))
    }

    /// Returns a hash that cannot be computed, or compared with guesses, without the key.
    pub fn digest(&self, purpose: &'static str, parts: &[&[u8]]) -> [u8; 32] {
        self.current.derive(DIGEST_LABEL, purpose, parts)
    }

    /// Whether `digest` is the [`Self::digest`] of these parts, under the current key or an earlier one.
    pub fn is_digest(
        &self,
        digest: &[u8; 32],
        purpose: &'static str,
        parts: &[&[u8]],
    ) -> bool {
        self.keys().any(|key| key.derive(DIGEST_LABEL, purpose, parts) == *digest)
    }

    fn keys(&self) -> impl Iterator<Item = &SealKey> {
        [&self.current].into_iter().chain(&self.previous)
    }
}

/// Returns a hash without a key, the same for every installation.
pub fn fingerprint(purpose: &'static str, parts: &[&[u8]]) -> [u8; 32] {
    derive::fingerprint(purpose, parts)
}

fn nonce() -> Nonce {
    // Each encryption key is used for one text.
    Nonce::assume_unique_for_key([0; 12])
}

fn first<const LEN: usize>(bytes: &[u8; 32]) -> [u8; LEN] {
    *bytes.first_chunk().expect("no more than 32 are asked for")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hex::hex;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";
    const OTHER: &[u8] = b"fedcba9876543210fedcba9876543210";

    fn sealer() -> Sealer {
        Sealer::new(Keys::only(KEY))
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let sealed = sealer().seal("a", &[b"one", b"two"], b"secret");
        assert_eq!(sealed.len(), 37 + 6);
        let open = |purpose, context: &[&[u8]]| sealer().open(purpose, context, &sealed);
        assert_eq!(open("a", &[b"one", b"two"]).unwrap().as_slice(), b"secret");
        let wrong: [(&str, &[&[u8]]); 5] = [
            ("b", &[b"one", b"two"]),
            ("a", &[b"two", b"one"]),
            ("a", &[b"onet", b"wo"]),
            ("a", &[b"one", b"two", b""]),
            ("a", &[]),
        ];
        for (purpose, context) in wrong {
            assert!(open(purpose, context).is_none(), "{purpose} {context:?}");
        }
    }

    #[test]
    fn every_changed_or_missing_byte_is_seen() {
        let sealed = sealer().seal("a", &[], b"secret");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer().open("a", &[], &changed).is_none(), "{at}");
            assert!(sealer().open("a", &[], &sealed[..at]).is_none(), "{at}");
        }
    }

    #[test]
    fn the_same_is_sealed_the_same_and_other_things_share_nothing() {
        let sealed = |context: &[u8], plain: &[u8]| sealer().seal("a", &[context], plain);
        assert_eq!(sealed(b"x", b"1"), sealed(b"x", b"1"));
        assert_ne!(sealed(b"x", b"1")[5..21], sealed(b"x", b"2")[5..21]);
        assert_ne!(sealed(b"x", b"1")[5..21], sealed(b"y", b"1")[5..21]);
    }

    #[test]
    fn a_key_from_before_still_opens_and_a_stranger_does_not() {
        let sealed = sealer().seal("a", &[], b"secret");
        let digest = sealer().digest("a", &[b"one"]);
        let previous = [Zeroizing::new(KEY.to_vec())];
        let later = Sealer::new(Keys { signing: OTHER, previous: &previous });
        let stranger = Sealer::new(Keys::only(OTHER));
        assert_eq!(later.open("a", &[], &sealed).unwrap().as_slice(), b"secret");
        assert!(stranger.open("a", &[], &sealed).is_none());
        assert_ne!(later.seal("a", &[], b"secret"), sealed);
        assert_ne!(later.digest("a", &[b"one"]), digest);
        assert!(later.is_digest(&digest, "a", &[b"one"]));
        assert!(!later.is_digest(&digest, "b", &[b"one"]));
        assert!(!later.is_digest(&digest, "a", &[b"two"]));
        assert!(!stranger.is_digest(&digest, "a", &[b"one"]));
    }

    #[test]
    fn the_layout_stays_as_it_is() {
        let sealed = sealer().seal("purpose", &[b"context"], b"text");
        // Computed by another program, from the words above and RFC 8439.
        let (head, salt) = ("013bebfaec", "e09392e2a01960a025cb91f6d8b36ae7");
        let rest = "a08cfeb7a2fcd6b3685ab03d391f41639bd4f130";
        assert_eq!(hex(&sealed), format!("{head}{salt}{rest}"));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let text = format!("{:?}", sealer());
        assert_eq!(text, "Sealer { current: SealKey { .. }, previous: [] }");
    }
}
