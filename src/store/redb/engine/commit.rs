//! Write transactions of redb.

use redb::{Database, WriteTransaction};

use crate::store::StoreError;
use crate::store::redb::options::CommitMode;

/// Begins a write transaction: the one place that does.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
pub(in crate::store::redb) fn begin(
    db: &Database,
    mode: CommitMode,
) -> Result<WriteTransaction, StoreError> {
    let mut txn = db.begin_write()?;
    match mode {
        CommitMode::OnePhase => {}
        // Implies two-phase commit.
        CommitMode::TwoPhase => txn.set_quick_repair(true),
    }
    Ok(txn)
}
