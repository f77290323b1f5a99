//! Formats of the data file, and the steps from one to the next.
//!
//! A released step never changes. A new format takes a new step at the end of [`crate::store::redb::file::steps`], which raises
//! [`FORMAT`], and a fixture of the previous format in `tests/fixtures`. [`crate::store::redb::file::upgrade`] describes how a file is upgraded
//! without risk to its content.

use redb::Database;

use crate::store::StoreError;
use crate::store::redb::engine::batch::Batch;
use crate::store::redb::engine::commit;
use crate::store::redb::file::steps;
use crate::store::redb::file::steps::{STEPS, Step};
use crate::store::redb::format::table::Tables;
use crate::store::redb::options::CommitMode;

/// Format that this version writes, and the newest one it reads.
pub const FORMAT: u64 = 1 + STEPS.len() as u64;

/// Formats that a version of the program knows: all up to its newest.
#[derive(Clone, Copy, Debug)]
pub struct Formats {
    steps: &'static [Step],
}

impl Default for Formats {
    fn default() -> Self {
        Self { steps: STEPS }
    }
}

impl Formats {
    /// Formats of a hypothetical next version, to prove that a migration loses nothing: tests only.
    #[doc(hidden)]
    pub const NEXT: Self = Self { steps: steps::NEXT };

    /// Returns the format that is written.
    pub const fn newest(self) -> u64 {
        1 + self.steps.len() as u64
    }

    /// Returns the steps from an older format to the newest. `None` if the format is not older.
    fn from(self, found: u64) -> Option<&'static [Step]> {
        let passed = usize::try_from(found.checked_sub(1)?).ok()?;
        self.steps.get(passed..)
    }

    /// Whether a file of this format can be migrated.
    pub(in crate::store::redb) fn is_older(self, found: u64) -> bool {
        (1..self.newest()).contains(&found)
    }
}

/// Upgrades a file in one transaction: entirely, or not at all.
pub(in crate::store::redb) fn migrate(
    db: &Database,
    formats: Formats,
    found: u64,
    mode: CommitMode,
) -> Result<(), StoreError> {
    let steps = formats.from(found).unwrap_or_default();
    let txn = commit::begin(db, mode)?;
    {
        let mut tables = Tables::open(&txn)?;
        for step in steps {
            step(&mut tables)?;
        }
        Batch::set_format(&mut tables, formats.newest())?;
    }
    txn.commit()?;
    Ok(())
}
