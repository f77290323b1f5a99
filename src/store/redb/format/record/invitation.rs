//! Invitations as stored records.

use bincode::{BorrowDecode, Encode};

use super::{V1, time, v1};
use crate::domain::digest::SecretDigest;
use crate::domain::email::Email;
use crate::domain::id::{InvitationId, UserId};
use crate::domain::invitation::Invitation;
use crate::store::StoreError;
use crate::store::redb::format::codec::{open, seal};
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hex::hex;
    use crate::store::redb::format::record::arbitrary::at;

    #[test]
    fn the_record_never_changes() {
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
