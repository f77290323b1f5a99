//! Context of a write: its authority, and the idempotency record that it leaves.
//!
//! A client that got no response does not know whether its request was executed. It gives the request a key and sends it
//! again. The outcome is stored under that key in the transaction of the write, so neither exists without the other, and
//! a request with a stored outcome is not executed again.

use std::fmt;

use super::StoreError;
use crate::domain::authority::Authority;
use crate::domain::id::UserId;
use crate::domain::idempotency::{IdempotencyKey, IdempotencyRecord};
use crate::domain::timestamp::Timestamp;

/// Context of a write whose result is a `T`.
#[derive(Debug)]
pub struct WriteContext<T> {
    /// Authority, checked when the write is decided. The write fails with [`StoreError::Revoked`] without it.
    pub authority: Authority,
    /// Idempotency of the write, if the request has a key.
    pub idempotency: Option<Idempotency<T>>,
}

impl<T> WriteContext<T> {
    /// Returns the context of a write by the program itself.
    pub const fn system() -> Self {
        Self { authority: Authority::System, idempotency: None }
    }
}

/// Idempotency of a write. The write fails with [`StoreError::Repeated`], and changes nothing, if there is a live record
/// under its key.
pub struct Idempotency<T> {
    /// Owner of the key. `None` if the write creates its owner, so that only its result names it.
    pub owner: Option<UserId>,
    /// Key of the request.
    pub key: IdempotencyKey,
    /// Current time.
    pub at: Timestamp,
    /// Maker of the record.
    pub record: MakeRecord<T>,
}

/// Function that makes the record to store, and names its owner, from the result of a write.
///
/// `None` if nothing was done: a refusal is decided anew next time. A store may call it again if it has to repeat its transaction.
pub type MakeRecord<T> =
    Box<dyn FnMut(&T) -> Result<Option<(UserId, IdempotencyRecord)>, StoreError> + Send>;

impl<T> fmt::Debug for Idempotency<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idempotency").field("owner", &self.owner).finish_non_exhaustive()
    }
}
