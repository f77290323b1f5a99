//! What is kept of secrets that the program made itself.

use std::fmt;

/// SHA-256 of a secret of 256 random bits. The secret itself is never kept.
///
/// Comparing two of them need not take constant time: whoever presents a secret does not choose its digest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretDigest(pub [u8; 32]);

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(..)")
    }
}
