//! Decisions about tasks.

/// Unwraps a decision, or returns the refusal.
macro_rules! allowed {
    ($decided:expr) => {
        match $decided {
            Ok(value) => value,
            Err(refused) => return Ok(Err(refused)),
        }
    };
}

mod allowance;
mod lists;
mod merge;
mod occurrence;
mod overlay;
mod tags;
mod tree;
mod undo;
mod work;
mod write;

pub(super) use self::allowance::Allowance;
pub(super) use self::lists::{carry_below, clear_out, take_out};
pub(super) use self::overlay::{Authorship, TaskOverlay};
pub(super) use self::tree::check_reparent;
pub use self::write::write;
pub(super) use self::write::{WriteTime, author};
