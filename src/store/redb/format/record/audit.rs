//! Audit records as stored records.

use bincode::{BorrowDecode, Encode};

use super::{V1, time, v1};
use crate::domain::audit::{Act, Actor, AuditAction, AuditRecord};
use crate::domain::id::UserId;
use crate::store::StoreError;
use crate::store::redb::format::codec::{open, seal};
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;

/// `actor`: the operator, or a user id. `action`: [`AuditAction::code`].
#[derive(Encode, BorrowDecode)]
struct AuditV1 {
    at_ms: i64,
    actor: Option<u64>,
    action: u8,
    target: Option<u64>,
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
    use crate::store::redb::format::record::arbitrary::at;

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
    fn the_record_never_changes() {
        let act = Act { actor: Actor::Admin(UserId::new(7)), at: at(3) };
        let written = AuditRecord {
            id: 1,
            act,
            action: AuditAction::UserDeleted,
            target: Some(UserId::new(9)),
        };
        assert_eq!(hex(&audit(&written).unwrap()[9..]), "0601070a0109");
    }
}
