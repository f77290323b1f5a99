//! Values derived from the signing key, other than tokens: the key's name, and values that cannot be computed without
//! it.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::domain::hex::hex;

/// Prefix that is hashed before a key to name it.
const NAME_LABEL: &[u8] = b"duly key id v1\0";

/// Input of the sub-key for values. A zero byte is in no token, so no signature equals the sub-key.
const VALUE_LABEL: &[u8] = b"duly derived value v1\0";

/// Length of the hash that names a key, in bytes.
const NAME_BYTES: usize = 8;

/// Returns the name of a key, the `kid` of the tokens that it signs. The name does not reveal the key.
pub(super) fn key_id(key: &[u8]) -> String {
    let hash = Sha256::new().chain_update(NAME_LABEL).chain_update(key).finalize();
    hash.iter().take(NAME_BYTES).map(|byte| hex(&[*byte])).collect()
}

/// Derivation of values that look random to anyone without the signing key.
pub(super) struct Derivation {
    sub_key: Zeroizing<[u8; 32]>,
}

impl Derivation {
    pub(super) fn new(key: &[u8]) -> Self {
        let mut mac = keyed(key);
        mac.update(VALUE_LABEL);
        Self { sub_key: Zeroizing::new(mac.finalize().into_bytes().into()) }
    }

    /// Derives a value. It depends on the label, and on the parts, their order and their boundaries.
    pub(super) fn derive(&self, label: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = keyed(self.sub_key.as_slice());
        for part in [label.as_bytes()].iter().chain(parts) {
            let length = u64::try_from(part.len()).expect("memory has fewer bytes");
            mac.update(&length.to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// Returns the same without a key, for values that need not be secret from a reader of the data file.
pub(super) fn fingerprint(label: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [label.as_bytes()].iter().chain(parts) {
        let length = u64::try_from(part.len()).expect("memory has fewer bytes");
        hash.update(length.to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

impl fmt::Debug for Derivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Derivation").finish_non_exhaustive()
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

    #[test]
    fn the_name_of_a_key_stays_as_it_is() {
        // Another name would log out every user. Computed by another program:
        // printf 'duly key id v1\0%s' 0123456789abcdef0123456789abcdef | sha256sum | cut -c 1-16
        assert_eq!(key_id(KEY), "1cfb4b3d875d2793");
        assert_ne!(key_id(KEY), key_id(&[b'x'; 32]));
    }

    #[test]
    fn a_value_stays_as_it_is() {
        // Computed by Python's hmac, from the words above.
        let value = Derivation::new(KEY).derive("label", &[b"one", b"two"]);
        assert_eq!(
            hex(&value),
            "5f1cfe5d5dfbaf741f27b53d6fce151099b5f76118a63ff68054a5b59c3333a4"
        );
    }

    #[test]
    fn values_differ_by_key_label_parts_and_where_they_are_cut() {
        let (one, other) = (Derivation::new(KEY), Derivation::new(&[b'x'; 32]));
        let values = [
            one.derive("label", &[b"one", b"two"]),
            other.derive("label", &[b"one", b"two"]),
            one.derive("lab", &[b"el", b"one", b"two"]),
            one.derive("other", &[b"one", b"two"]),
            one.derive("label", &[b"two", b"one"]),
            one.derive("label", &[b"onet", b"wo"]),
            one.derive("label", &[b"onetwo"]),
            one.derive("label", &[b"one", b"two", b""]),
            one.derive("label", &[b"one"]),
            one.derive("label", &[]),
        ];
        assert_eq!(values.iter().collect::<BTreeSet<_>>().len(), values.len());
        assert_eq!(one.derive("label", &[]), Derivation::new(KEY).derive("label", &[]));
    }
}
