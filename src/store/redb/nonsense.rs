//! Pages that make no sense. redb panics over some of them, which is a finding here and no crash.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static LOOKING: Cell<bool> = const { Cell::new(false) };
}

/// Looks at pages that may be damaged in a way that redb does not expect. `None` if they are.
///
/// What `look` works with must not be used again after that.
pub(super) fn catch<T>(look: impl FnOnce() -> T) -> Option<T> {
    let before = LOOKING.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(look));
    LOOKING.set(before);
    outcome.ok()
}

/// Whether a panic of this thread is caught and told as damage: panic hooks need not tell it as well.
pub fn is_caught() -> bool {
    LOOKING.get()
}
