//! Audit records that decisions append.

use super::{Change, Snapshot};
use crate::domain::audit::{Act, AuditAction, AuditRecord};
use crate::domain::id::UserId;
use crate::store::StoreError;

/// Appends audit records for actions on one target, if any.
pub(super) fn add(
    snapshot: &dyn Snapshot,
    act: Act,
    actions: &[AuditAction],
    target: Option<UserId>,
) -> Result<Vec<Change>, StoreError> {
    add_all(snapshot, act, actions.iter().map(|action| (*action, target)))
}

/// Appends audit records, each with its target. Removes the oldest beyond [`AuditRecord::MAX`].
pub(super) fn add_all(
    snapshot: &dyn Snapshot,
    act: Act,
    done: impl Iterator<Item = (AuditAction, Option<UserId>)>,
) -> Result<Vec<Change>, StoreError> {
    let (mut first, mut last) = snapshot.audited()?.unwrap_or((1, 0));
    let mut changes = Vec::new();
    for (action, target) in done {
        last += 1;
        let record = AuditRecord { id: last, act, action, target };
        changes.push(Change::AuditAdd(record));
        if last - first >= AuditRecord::MAX {
            changes.push(Change::AuditDelete(first));
            first += 1;
        }
    }
    Ok(changes)
}
