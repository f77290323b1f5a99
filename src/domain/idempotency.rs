//! Idempotency records: a retried request gets the same outcome and is not executed again.

use std::fmt;
use std::time::Duration;

use super::timestamp::Timestamp;

/// Stored form of the idempotency key that a client sent with its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdempotencyKey([u8; Self::LEN]);

impl IdempotencyKey {
    /// Length of a key, in bytes.
    pub const LEN: usize = 16;

    /// Creates a key from its bytes.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the key.
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        self.0
    }
}

/// Outcome of a request that had an effect, stored under its key.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Key of the record, unique per account.
    pub key: IdempotencyKey,
    /// Keyed hash of the request.
    pub request: [u8; 32],
    /// Time at which the request was executed.
    pub made_at: Timestamp,
    /// Encrypted outcome, which may hold secrets.
    pub sealed: Vec<u8>,
}

impl IdempotencyRecord {
    /// Retention period of a record.
    pub const RETENTION: Duration = Duration::from_secs(24 * 3600);

    /// Maximum length of an idempotency record, in bytes. Only a batch of hundreds of changes to the longest tasks
    /// exceeds it; with a key, such a batch is refused.
    pub const MAX_BYTES: usize = 8 << 20;

    /// Whether the record is still within its retention period.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now.since(self.made_at) < Self::RETENTION
    }
}

impl fmt::Debug for IdempotencyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.sealed.len();
        f.debug_struct("IdempotencyRecord").field("bytes", &bytes).finish_non_exhaustive()
    }
}

/// Facts about an idempotency record that are known without decrypting it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdempotencyNote {
    /// Key of the record, unique per account.
    pub key: IdempotencyKey,
    /// Time at which the request was executed.
    pub made_at: Timestamp,
    /// Length of the encrypted content, in bytes.
    pub bytes: u64,
}
