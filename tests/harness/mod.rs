//! What the tests share.

pub(crate) mod forge;
pub(crate) mod memory;
pub(crate) mod values;
