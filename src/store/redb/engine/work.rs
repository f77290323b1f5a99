//! Planned and actual work of a write.

use crate::store::redb::engine::batch::Op;

/// Work of a write: index rows and records that it touches, and bytes of keys and values that it writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store::redb) struct Work {
    pub(in crate::store::redb) rows: u64,
    pub(in crate::store::redb) bytes: u64,
}

/// Maximum work of one commit. A single write may exceed it.
pub(in crate::store::redb) const COMMIT: Work = Work { rows: 20_000, bytes: 4 << 20 };

/// Maximum work of a small write, and of a commit from its first small write on. A quarter of [`COMMIT`].
const SMALL: Work = Work { rows: COMMIT.rows / 4, bytes: COMMIT.bytes / 4 };

/// Maximum size of the row of an account's statistics, in bytes.
const STATS: u64 = 256;

/// Bytes that count as one row.
const BYTES_A_ROW: u64 = 256;

impl Work {
    /// Creates the work of a write that touches `rows` and writes `bytes`.
    pub(in crate::store::redb) const fn new(rows: u64, bytes: u64) -> Self {
        Self { rows, bytes }
    }

    /// Returns the work of steps, with the row of their owner's statistics. A range counts as one row.
    pub(in crate::store::redb) fn of(ops: &[Op]) -> Self {
        if ops.is_empty() {
            return Self::new(0, 0);
        }
        let size = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        let mut work = Self::new(size(ops.len()) + 1, STATS);
        for op in ops {
            work.bytes += match op {
                Op::Put(_, key, value) => size(key.len()) + size(value.len()),
                Op::Delete(_, key) => size(key.len()),
                Op::Stats(..)
                | Op::DeleteOwned(_)
                | Op::UsedUserId(_)
                | Op::UsedTaskId(_) => 0,
            };
        }
        work
    }

    pub(in crate::store::redb) const fn add(&mut self, more: Self) {
        self.rows = self.rows.saturating_add(more.rows);
        self.bytes = self.bytes.saturating_add(more.bytes);
    }

    pub(in crate::store::redb) const fn take(&mut self, less: Self) {
        self.rows = self.rows.saturating_sub(less.rows);
        self.bytes = self.bytes.saturating_sub(less.bytes);
    }

    /// Subtracts a smaller amount of work.
    pub(in crate::store::redb) const fn beyond(mut self, other: Self) -> Self {
        self.take(other);
        self
    }

    /// Whether the sum of both is at most `most`.
    pub(in crate::store::redb) const fn fits_beside(
        self,
        other: Self,
        most: Self,
    ) -> bool {
        self.rows.saturating_add(other.rows) <= most.rows
            && self.bytes.saturating_add(other.bytes) <= most.bytes
    }

    /// Returns the limit of a commit with this write in it, after the work `done` and with the limit `most` so far. A
    /// small write lets it end soon, so that its caller does not wait for a large write behind it.
    pub(in crate::store::redb) fn most_after(self, done: Self, most: Self) -> Self {
        if !self.fits_beside(Self::default(), SMALL) {
            return most;
        }
        let mut soon = done;
        soon.add(SMALL);
        Self::new(soon.rows.min(most.rows), soon.bytes.min(most.bytes))
    }

    /// Returns rows and bytes as one number, for turns.
    pub(in crate::store::redb) const fn units(self) -> u64 {
        self.rows.saturating_add(self.bytes / BYTES_A_ROW).saturating_add(1)
    }
}
