//! Decisions about tasks.

mod allowance;
mod overlay;
mod tags;
mod tree;
mod work;
mod write;

pub(super) use self::allowance::Allowance;
pub(super) use self::overlay::TaskOverlay;
pub(super) use self::tree::check_reparent;
pub use self::write::write;
