//! Invitations and audit records as stored records.

use bincode::{BorrowDecode, Encode};

use super::{V1, time, v1};
use crate::domain::audit::{Act, Actor, AuditAction, AuditRecord};
use crate::domain::digest::SecretDigest;
use crate::domain::email::Email;
use crate::domain::id::{InvitationId, UserId};
use crate::domain::invitation::Invitation;
use crate::store::StoreError;
use crate::store::redb::format::codec::{open, seal};
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;

/// Stored creator of invitations by the operator. No account has this id.
const OPERATOR: u64 = 0;

#[derive(Encode, BorrowDecode)]
struct InvitationV1<'a> {
    email: Option<&'a str>,
    created_by: u64,
    created_ms: i64,
    expires_ms: i64,
    sha256: [u8; 32],
}

/// `actor`: the operator, or a user id. `action`: [`AuditAction::code`].
#[derive(Encode, BorrowDecode)]
struct AuditV1 {
    at_ms: i64,
    actor: Option<u64>,
    action: u8,
    target: Option<u64>,
}

pub(crate) fn invitation(invitation: &Invitation) -> Result<Vec<u8>, StoreError> {
    let record = InvitationV1 {
        email: invitation.email.as_ref().map(Email::as_str),
        created_by: invitation.created_by.map_or(OPERATOR, UserId::get),
        created_ms: invitation.created_at.as_millis(),
        expires_ms: invitation.expires_at.as_millis(),
        sha256: invitation.digest.0,
    };
    seal(Table::Invitations, &invitation.id.to_bytes(), V1, &record)
}

pub(crate) fn decode_invitation(
    id: InvitationId,
    value: &[u8],
) -> Result<Invitation, StoreError> {
    let key = id.to_bytes();
    let envelope = open(Table::Invitations, &key, value)?;
    let record: InvitationV1<'_> = v1(&envelope)?.record()?;
    Ok(Invitation {
        id,
        email: record.email.map(|text| Email::new_unchecked(text.to_owned())),
        created_by: Some(record.created_by).filter(|id| *id != OPERATOR).map(UserId::new),
        created_at: time(&envelope, record.created_ms)?,
        expires_at: time(&envelope, record.expires_ms)?,
        digest: SecretDigest(record.sha256),
    })
}

pub(crate) fn audit(audit: &AuditRecord) -> Result<Vec<u8>, StoreError> {
    let record = AuditV1 {
        at_ms: audit.act.at.as_millis(),
        actor: match audit.act.actor {
            Actor::Operator => None,
            Actor::Admin(id) => Some(id.get()),
        },
        action: audit.action.code(),
        target: audit.target.map(UserId::get),
    };
    seal(Table::Audit, &key::audit(audit.id), V1, &record)
}

pub(crate) fn decode_audit(id: u64, value: &[u8]) -> Result<AuditRecord, StoreError> {
    let key = key::audit(id);
    let envelope = open(Table::Audit, &key, value)?;
    let record: AuditV1 = v1(&envelope)?.record()?;
    let action = AuditAction::ALL.iter().find(|action| action.code() == record.action);
    let action = action.copied().ok_or_else(|| {
        envelope.damaged(&format_args!("unknown action {}", record.action))
    })?;
    let actor = record.actor.map_or(Actor::Operator, |id| Actor::Admin(UserId::new(id)));
    Ok(AuditRecord {
        id,
        act: Act { actor, at: time(&envelope, record.at_ms)? },
        action,
        target: record.target.map(UserId::new),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hex::hex;
    use crate::domain::timestamp::Timestamp;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    #[test]
    fn every_action_is_read_back() {
        for (number, action) in AuditAction::ALL.iter().enumerate() {
            let id = u64::try_from(number).unwrap() + 1;
            assert_eq!(u64::from(action.code()), id, "{action:?}");
            for actor in [Actor::Operator, Actor::Admin(UserId::new(7))] {
                let act = Act { actor, at: at(3) };
                let target = (number % 2 == 0).then_some(UserId::new(9));
                let written = AuditRecord { id, act, action: *action, target };
                assert_eq!(decode_audit(id, &audit(&written).unwrap()).unwrap(), written);
            }
        }
    }

    #[test]
    fn the_records_never_change() {
        let act = Act { actor: Actor::Admin(UserId::new(7)), at: at(3) };
        let written = AuditRecord {
            id: 1,
            act,
            action: AuditAction::UserDeleted,
            target: Some(UserId::new(9)),
        };
        assert_eq!(hex(&audit(&written).unwrap()[9..]), "0601070a0109");

        let written = Invitation {
            id: InvitationId::from_bytes([1; 8]),
            email: Email::new("a@b.cc").ok(),
            created_by: Some(UserId::new(7)),
            created_at: at(3),
            expires_at: at(4),
            digest: SecretDigest([0xAB; 32]),
        };
        let bytes = invitation(&written).unwrap();
        let digest = "ab".repeat(32);
        assert_eq!(hex(&bytes[9..]), format!("01066140622e6363070608{digest}"));
        assert_eq!(decode_invitation(written.id, &bytes).unwrap(), written);
    }
}
