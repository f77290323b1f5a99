//! Malformed pages. redb panics over some of them, which is a finding here and not a crash.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static LOOKING: Cell<bool> = const { Cell::new(false) };
}

/// Reads pages that may be damaged in a way that makes redb panic. `None` if they are.
///
/// The state that `look` uses must not be used again after that.
pub(super) fn catch<T>(look: impl FnOnce() -> T) -> Option<T> {
    let before = LOOKING.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(look));
    LOOKING.set(before);
    outcome.ok()
}

/// Whether a panic of this thread is caught and reported as damage: panic hooks need not report it.
pub fn is_caught() -> bool {
    LOOKING.get()
}
