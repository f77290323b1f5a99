//! Malformed pages. redb panics over some of them, which is a finding here and not a crash.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::store::StoreError;

thread_local! {
    static LOOKING: Cell<bool> = const { Cell::new(false) };
}

/// Reads pages that may be damaged in a way that makes redb panic. `None` if they are.
///
/// The state that `look` uses must not be used again after that.
pub(in crate::store::redb) fn catch<T>(look: impl FnOnce() -> T) -> Option<T> {
    let before = LOOKING.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(look));
    LOOKING.set(before);
    outcome.ok()
}

/// Whether a panic of this thread is caught and reported as damage: panic hooks need not report it.
pub fn is_caught() -> bool {
    LOOKING.get()
}

/// Finding for pages that make redb panic.
pub(in crate::store::redb) const FINDING: &str = "its pages are invalid";

/// Reads pages that may be damaged in a way that makes redb panic.
pub(in crate::store::redb) fn as_error<T, E: From<StoreError>>(
    look: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    catch(look)
        .unwrap_or_else(|| Err(StoreError::Damaged { what: FINDING.to_owned() }.into()))
}
