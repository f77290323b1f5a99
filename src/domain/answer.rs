//! Answers that are kept for a while, so that a request that is sent again is not done again.

use std::fmt;
use std::time::Duration;

use super::timestamp::Timestamp;

/// What is kept of the key that a client gave to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnswerKey([u8; Self::LEN]);

impl AnswerKey {
    /// Bytes of a key.
    pub const LEN: usize = 16;

    /// A key of these bytes.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        self.0
    }
}

/// The answer to a request that had an effect.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// Names it among those of its owner.
    pub key: AnswerKey,
    /// A keyed hash of the request that it answers.
    pub request: [u8; 32],
    /// When the request was done.
    pub made_at: Timestamp,
    /// What was answered, encrypted: it may hold secrets.
    pub sealed: Vec<u8>,
}

impl Answer {
    /// How long an answer is kept.
    pub const KEPT: Duration = Duration::from_secs(24 * 3600);

    /// Longest answer that is kept, in bytes. Only a batch of hundreds of changes to the longest tasks has longer
    /// ones; with a key it is refused.
    pub const MAX_BYTES: usize = 8 << 20;

    /// Whether it still stands for its request.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now.since(self.made_at) < Self::KEPT
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.sealed.len();
        f.debug_struct("Answer").field("bytes", &bytes).finish_non_exhaustive()
    }
}

/// Facts about a kept answer that can be told without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerNote {
    /// Names it among those of its owner.
    pub key: AnswerKey,
    /// When the request was done.
    pub made_at: Timestamp,
    /// Bytes of what is kept, encrypted.
    pub bytes: u64,
}

/// How far a walk over all accounts that removes old answers has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many answers were removed.
    pub removed: u64,
    /// Where the walk goes on; `None` at its end.
    pub next: Option<super::id::UserId>,
}
