//! Formats of the data file, and the steps from one to the next.
//!
//! A released step never changes. A new format takes a new step at the end of [`crate::store::redb::file::steps`], which raises
//! [`FORMAT`], and a fixture of the previous format in `tests/fixtures`. [`crate::store::redb::file::upgrade`] describes how a file is upgraded
//! without risk to its content.

use redb::Database;

use crate::store::StoreError;
use crate::store::redb::engine::batch::Batch;
use crate::store::redb::engine::commit;
use crate::store::redb::file::steps::STEPS;
use crate::store::redb::format::table::Tables;
use crate::store::redb::options::CommitMode;

/// Format that this version writes, and the newest one it reads.
pub const FORMAT: u64 = 1 + STEPS.len() as u64;

/// Whether a file of this format can be migrated.
pub(in crate::store::redb) fn is_older(found: u64) -> bool {
    (1..FORMAT).contains(&found)
}

/// Upgrades a file in one transaction: entirely, or not at all.
pub(in crate::store::redb) fn migrate(
    db: &Database,
    found: u64,
    mode: CommitMode,
) -> Result<(), StoreError> {
    let passed = usize::try_from(found.saturating_sub(1)).ok();
    let steps = passed.and_then(|passed| STEPS.get(passed..)).unwrap_or_default();
    let txn = commit::begin(db, mode)?;
    {
        let mut tables = Tables::open(&txn)?;
        for step in steps {
            step(&mut tables)?;
        }
        Batch::set_format(&mut tables, FORMAT)?;
    }
    txn.commit()?;
    Ok(())
}
