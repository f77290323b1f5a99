//! Decisions about tasks.

mod allowance;
mod draft;
mod tags;
mod tree;
mod work;
mod write;

pub(super) use self::allowance::Allowance;
pub(super) use self::draft::Draft;
pub(super) use self::tree::may_go_below;
pub use self::write::write;
