//! Identity of a request.

use std::fmt;
use std::time::Duration;

use crate::auth::seal::fingerprint;
use crate::domain::idempotency::{IdempotencyKey, IdempotencyRecord};

/// Key of a request, and a hash of its content.
#[derive(Clone)]
pub struct RequestKey {
    pub(super) key: IdempotencyKey,
    /// Hash of the whole request.
    pub(super) request: [u8; 32],
    /// Time for which the outcome is replayed.
    pub(super) retention: Duration,
}

impl RequestKey {
    /// Creates the identity of a request with the client's key from its parts.
    pub fn new(key: &str, request: &[&[u8]]) -> Self {
        let key = fingerprint("idempotency key", &[key.as_bytes()]);
        let request = fingerprint("idempotent request", request);
        Self::of(key, request, IdempotencyRecord::RETENTION)
    }

    /// Creates the identity of a request without a client's key from its parts.
    pub(in crate::service) fn implied(parts: &[&[u8]], retention: Duration) -> Self {
        let request = fingerprint("implied request", parts);
        Self::of(fingerprint("implied key", parts), request, retention)
    }

    fn of(key: [u8; 32], request: [u8; 32], retention: Duration) -> Self {
        let key = *key.first_chunk().expect("32 bytes are more than 16");
        Self { key: IdempotencyKey::from_bytes(key), request, retention }
    }
}

impl fmt::Debug for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestKey(..)")
    }
}
