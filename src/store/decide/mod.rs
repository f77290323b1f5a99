//! Decisions about writes: the rules of accounts, credentials, lists and tasks, for every database.
//!
//! A decision reads a [`Snapshot`] and returns a result and the [`Change`]s that it wants. It changes nothing itself, so
//! a database may run many decisions in one transaction, or run one again: a decision that is refused, or that meets a
//! damaged record, leaves nothing behind.

pub mod accounts;
mod audit;
mod authority;
mod change;
pub mod history;
pub mod idempotency;
pub mod import;
pub mod invitations;
pub mod lists;
pub mod sessions;
mod snapshot;
pub mod tasks;
pub mod tokens;
pub mod tombstones;

pub use self::authority::authorize;
pub use self::change::Change;
pub use self::idempotency::IdempotencyBounds;
pub use self::snapshot::{
    Family, Figures, HistoryUsage, IdempotencyAge, IdempotencyUsage, Side, Snapshot,
};
use super::{StoreError, WriteContext};

/// Result of a decision.
#[derive(Debug)]
pub struct Decision<T> {
    /// Result for the caller, valid once the changes are durable.
    pub result: T,
    /// Changes, in this order. May be empty.
    pub changes: Vec<Change>,
}

impl<T> Decision<T> {
    /// Creates a result without changes.
    pub const fn unchanged(result: T) -> Self {
        Self { result, changes: Vec::new() }
    }
}

/// Decides a write in its context: checks its authority and its idempotency key, and adds its idempotency record.
///
/// # Errors
///
/// [`StoreError::Revoked`], [`StoreError::Repeated`], and the errors of `decide`.
pub fn in_context<T>(
    snapshot: &dyn Snapshot,
    context: &mut WriteContext<T>,
    bounds: IdempotencyBounds,
    decide: impl FnOnce(&dyn Snapshot) -> Result<Decision<T>, StoreError>,
) -> Result<Decision<T>, StoreError> {
    authorize(snapshot, &context.authority)?;
    match &mut context.idempotency {
        Some(key) => idempotency::once(snapshot, key, bounds, decide),
        None => decide(snapshot),
    }
}
