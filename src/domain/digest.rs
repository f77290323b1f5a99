//! Digests of secrets that the server generated.

use std::fmt;

/// SHA-256 of a secret of 256 random bits. The secret itself is never stored.
///
/// Comparison need not take constant time: a client that presents a secret cannot choose its digest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretDigest(pub [u8; 32]);

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(..)")
    }
}
