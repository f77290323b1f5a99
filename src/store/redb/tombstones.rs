//! Planned work of the removal of tombstones.

use crate::store::redb::engine::work::Work;

/// Work of a slice of the sweep: 512 tombstones with the rows by which they are found.
pub(super) const SWEEP: Work = Work::new(3 * 512, 0);
