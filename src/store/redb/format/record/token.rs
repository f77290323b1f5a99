//! Personal tokens as stored records.

use bincode::{BorrowDecode, Encode};

use super::{V1, label, time, v1};
use crate::domain::digest::SecretDigest;
use crate::domain::id::{TokenId, UserId};
use crate::domain::scope::Scopes;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::PersonalToken;
use crate::store::StoreError;
use crate::store::redb::format::codec::{open, seal};
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;

/// `scopes`: bits of [`Scopes`].
#[derive(Encode, BorrowDecode)]
struct PersonalTokenV1<'a> {
    name: &'a str,
    scopes: u8,
    created_ms: i64,
    expires_ms: Option<i64>,
    used_ms: Option<i64>,
    sha256: [u8; 32],
}

pub(crate) fn token(token: &PersonalToken) -> Result<Vec<u8>, StoreError> {
    let record = PersonalTokenV1 {
        name: token.name.as_str(),
        scopes: token.scopes.bits(),
        created_ms: token.created_at.as_millis(),
        expires_ms: token.expires_at.map(Timestamp::as_millis),
        used_ms: token.last_used_at.map(Timestamp::as_millis),
        sha256: token.digest.0,
    };
    seal(Table::Owned, &key::token(token.user, token.id), V1, &record)
}

pub(crate) fn decode_token(
    user: UserId,
    id: TokenId,
    value: &[u8],
) -> Result<PersonalToken, StoreError> {
    let key = key::token(user, id);
    let envelope = open(Table::Owned, &key, value)?;
    let record: PersonalTokenV1<'_> = v1(&envelope)?.record()?;
    let scopes = Scopes::from_bits(record.scopes).ok_or_else(|| {
        envelope.damaged(&format_args!("unknown scopes {}", record.scopes))
    })?;
    let maybe = |ms: Option<i64>| ms.map(|ms| time(&envelope, ms)).transpose();
    Ok(PersonalToken {
        id,
        user,
        name: label(record.name),
        scopes,
        created_at: time(&envelope, record.created_ms)?,
        expires_at: maybe(record.expires_ms)?,
        last_used_at: maybe(record.used_ms)?,
        digest: SecretDigest(record.sha256),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::hex::hex;
    use crate::domain::label::Label;
    use crate::store::redb::format::record::arbitrary::{any_time, at};

    proptest! {
        #[test]
        fn tokens_survive_the_round_trip(
            id in any::<[u8; 8]>(),
            sha256 in any::<[u8; 32]>(),
            scopes in 0..8_u8,
            times in (any_time(), prop::option::of(any_time()), prop::option::of(any_time())),
        ) {
            let written = PersonalToken {
                id: TokenId::from_bytes(id),
                user: UserId::new(7),
                name: Label::new("backup script").unwrap(),
                scopes: Scopes::from_bits(scopes).unwrap(),
                created_at: times.0,
                expires_at: times.1,
                last_used_at: times.2,
                digest: SecretDigest(sha256),
            };
            let bytes = token(&written).unwrap();
            prop_assert_eq!(decode_token(written.user, written.id, &bytes).unwrap(), written);
        }
    }

    #[test]
    fn the_record_never_changes() {
        let written = PersonalToken {
            id: TokenId::from_bytes([1; 8]),
            user: UserId::new(1),
            name: Label::new("n").unwrap(),
            scopes: Scopes::ALL,
            created_at: at(3),
            expires_at: Some(at(4)),
            last_used_at: None,
            digest: SecretDigest([0xAB; 32]),
        };
        let bytes = token(&written).unwrap();
        let digest = "ab".repeat(32);
        assert_eq!(hex(&bytes[9..]), format!("016e070601080{}{digest}", "0"));
    }
}
