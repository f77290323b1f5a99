//! Sessions as stored records.

use std::net::IpAddr;

use bincode::{BorrowDecode, Encode};

use super::{V2, label, octets, time, v1};
use crate::domain::digest::SecretDigest;
use crate::domain::id::{SessionId, UserId};
use crate::domain::label::Label;
use crate::domain::session::{RefreshState, Session};
use crate::store::StoreError;
use crate::store::redb::format::codec::{open, seal};
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;

#[derive(Encode, BorrowDecode)]
struct SessionV1 {
    created_ms: i64,
    expires_ms: i64,
    refresh_sha256: [u8; 32],
}

/// `address`: IPv6, or IPv4 mapped to it.
#[derive(Encode, BorrowDecode)]
struct SessionV2<'a> {
    created_ms: i64,
    expires_ms: i64,
    used_ms: i64,
    client: Option<&'a str>,
    address: Option<[u8; 16]>,
    family_sha256: [u8; 32],
    current_sha256: [u8; 32],
    previous: Option<([u8; 32], i64)>,
}

impl From<SessionV1> for SessionV2<'_> {
    /// Converts a session whose refresh token has no part that names its family, so nothing matches it:
    /// the session lasts until its access token has expired.
    fn from(old: SessionV1) -> Self {
        let SessionV1 { created_ms, expires_ms, refresh_sha256 } = old;
        Self {
            created_ms,
            expires_ms,
            used_ms: created_ms,
            client: None,
            address: None,
            family_sha256: refresh_sha256,
            current_sha256: refresh_sha256,
            previous: None,
        }
    }
}

pub(crate) fn session(session: &Session) -> Result<Vec<u8>, StoreError> {
    let RefreshState { family, current, previous } = session.refresh;
    let record = SessionV2 {
        created_ms: session.created_at.as_millis(),
        expires_ms: session.expires_at.as_millis(),
        used_ms: session.last_used_at.as_millis(),
        client: session.client.as_ref().map(Label::as_str),
        address: session.address.map(octets),
        family_sha256: family.0,
        current_sha256: current.0,
        previous: previous.map(|(digest, time)| (digest.0, time.as_millis())),
    };
    seal(Table::Owned, &key::session(session.user, session.id), V2, &record)
}

pub(crate) fn decode_session(
    user: UserId,
    id: SessionId,
    value: &[u8],
) -> Result<Session, StoreError> {
    let key = key::session(user, id);
    let envelope = open(Table::Owned, &key, value)?;
    let record: SessionV2<'_> = match envelope.version {
        V2 => envelope.record()?,
        _ => v1(&envelope)?.record::<SessionV1>()?.into(),
    };
    let previous = match record.previous {
        Some((digest, ms)) => Some((SecretDigest(digest), time(&envelope, ms)?)),
        None => None,
    };
    Ok(Session {
        id,
        user,
        created_at: time(&envelope, record.created_ms)?,
        expires_at: time(&envelope, record.expires_ms)?,
        last_used_at: time(&envelope, record.used_ms)?,
        client: record.client.map(label),
        address: record.address.map(|octets| IpAddr::from(octets).to_canonical()),
        refresh: RefreshState {
            family: SecretDigest(record.family_sha256),
            current: SecretDigest(record.current_sha256),
            previous,
        },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::redb::format::record::arbitrary::{any_label, any_time, at};

    fn any_address() -> impl Strategy<Value = Option<IpAddr>> {
        prop::option::of(any::<IpAddr>().prop_map(|address| address.to_canonical()))
    }

    proptest! {
        #[test]
        fn sessions_survive_the_round_trip(
            id in any::<[u8; 16]>(),
            digests in any::<[[u8; 32]; 3]>(),
            times in prop::array::uniform4(any_time()),
            client in any_label(),
            address in any_address(),
            replaced in any::<bool>(),
        ) {
            let previous = replaced.then_some((SecretDigest(digests[2]), times[3]));
            let written = Session {
                id: SessionId::from_bytes(id),
                user: UserId::new(7),
                created_at: times[0],
                expires_at: times[1],
                last_used_at: times[2],
                client,
                address,
                refresh: RefreshState {
                    family: SecretDigest(digests[0]),
                    current: SecretDigest(digests[1]),
                    previous,
                },
            };
            let bytes = session(&written).unwrap();
            prop_assert_eq!(decode_session(written.user, written.id, &bytes).unwrap(), written);
        }
    }

    #[test]
    fn the_first_record_is_read_for_ever() {
        let id = UserId::new(1);
        let session = SessionId::from_bytes([7; 16]);
        let key = key::session(id, session);
        let old = SessionV1 { created_ms: 1, expires_ms: 2, refresh_sha256: [9; 32] };
        let value = seal(Table::Owned, &key, 1, &old).unwrap();
        let read = decode_session(id, session, &value).unwrap();
        assert_eq!((read.created_at, read.expires_at), (at(1), at(2)));
        assert_eq!(read.refresh.current, SecretDigest([9; 32]));
    }
}
