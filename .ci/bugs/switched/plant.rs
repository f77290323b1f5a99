//! Bugs behind a switch: the environment variable `DULY_PLANT` names the one that is on.

use std::sync::LazyLock;

static PLANTED: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("DULY_PLANT").ok());

/// Whether this bug is on.
pub fn is(bug: &str) -> bool {
    PLANTED.as_deref() == Some(bug)
}
