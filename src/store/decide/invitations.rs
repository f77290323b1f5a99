//! Decisions about invitations.

use super::{Change, Decision, Snapshot, audit};
use crate::domain::audit::{Act, AuditAction};
use crate::domain::id::InvitationId;
use crate::domain::invitation::Invitation;
use crate::store::StoreError;

/// Creates an invitation and removes expired ones. `false` if too many have not expired.
///
/// # Errors
///
/// Errors of the database.
pub fn create(
    snapshot: &dyn Snapshot,
    new: Invitation,
    by: Act,
) -> Result<Decision<bool>, StoreError> {
    let others = snapshot.invitations()?;
    let (live, expired): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|found| found.expires_at > new.created_at);
    if live.len() >= Invitation::MAX {
        return Ok(Decision::unchanged(false));
    }
    let mut changes = audit::add(snapshot, by, &[AuditAction::InvitationCreated], None)?;
    changes.extend(expired.into_iter().map(|found| Change::InvitationDelete(found.id)));
    changes.push(Change::InvitationPut(new));
    Ok(Decision { result: true, changes })
}

/// Deletes an invitation.
///
/// # Errors
///
/// Errors of the database.
pub fn delete(
    snapshot: &dyn Snapshot,
    id: InvitationId,
    by: Act,
) -> Result<Decision<bool>, StoreError> {
    if snapshot.invitation(id)?.is_none() {
        return Ok(Decision::unchanged(false));
    }
    let mut changes = audit::add(snapshot, by, &[AuditAction::InvitationDeleted], None)?;
    changes.push(Change::InvitationDelete(id));
    Ok(Decision { result: true, changes })
}
