//! Invitations: reads and decisions.

use redb::ReadTransaction;

use super::change::Change;
use super::key::Table;
use super::view::{self, View};
use super::write::Decision;
use super::{audit, table};
use crate::domain::audit::{Act, AuditAction};
use crate::domain::id::InvitationId;
use crate::domain::invitation::Invitation;
use crate::store::StoreError;

/// Creates an invitation and removes expired ones. `false` if too many have not expired.
pub(super) fn create(
    view: &View<'_, '_>,
    new: Invitation,
    by: Act,
) -> Result<Decision<bool>, StoreError> {
    let others = view.invitations()?;
    let (live, expired): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|found| found.expires_at > new.created_at);
    if live.len() >= Invitation::MAX {
        return Ok(Decision::unchanged(false));
    }
    let mut changes = audit::add(view, by, &[AuditAction::InvitationCreated], None)?;
    changes.extend(expired.into_iter().map(|found| Change::InvitationDelete(found.id)));
    changes.push(Change::InvitationPut(new));
    Ok(Decision { result: true, changes })
}

pub(super) fn delete(
    view: &View<'_, '_>,
    id: InvitationId,
    by: Act,
) -> Result<Decision<bool>, StoreError> {
    if view.invitation(id)?.is_none() {
        return Ok(Decision::unchanged(false));
    }
    let mut changes = audit::add(view, by, &[AuditAction::InvitationDeleted], None)?;
    changes.push(Change::InvitationDelete(id));
    Ok(Decision { result: true, changes })
}

pub(super) fn list(txn: &ReadTransaction) -> Result<Vec<Invitation>, StoreError> {
    view::invitations(&table::open(txn, Table::Invitations)?)
}
