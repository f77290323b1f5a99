//! Idempotency records as stored records.

use bincode::{BorrowDecode, Encode};

use super::{V1, time, v1};
use crate::domain::id::UserId;
use crate::domain::idempotency::{IdempotencyKey, IdempotencyRecord};
use crate::store::StoreError;
use crate::store::decide::IdempotencyUsage;
use crate::store::redb::format::codec::{open, seal, seal_long};
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;

/// `request`: a keyed hash. `sealed`: encrypted.
#[derive(Encode, BorrowDecode)]
struct IdempotencyV1<'a> {
    request: [u8; 32],
    made_ms: i64,
    sealed: &'a [u8],
}

#[derive(Encode, BorrowDecode)]
struct IdempotencyStatsV1 {
    records: u64,
    bytes: u64,
}

pub(crate) fn idempotency(
    owner: UserId,
    record: &IdempotencyRecord,
) -> Result<Vec<u8>, StoreError> {
    if record.sealed.len() > IdempotencyRecord::MAX_BYTES {
        // A longer record could not be decoded.
        return Err(StoreError::internal(std::io::Error::other(
            "an idempotency record is too long",
        )));
    }
    let key = key::idempotency(owner, record.key);
    let record = IdempotencyV1 {
        request: record.request,
        made_ms: record.made_at.as_millis(),
        sealed: &record.sealed,
    };
    seal_long(Table::Owned, &key, V1, &record)
}

pub(crate) fn decode_idempotency(
    owner: UserId,
    name: IdempotencyKey,
    value: &[u8],
) -> Result<IdempotencyRecord, StoreError> {
    let key = key::idempotency(owner, name);
    let envelope = open(Table::Owned, &key, value)?;
    let record: IdempotencyV1<'_> = v1(&envelope)?.long_record()?;
    Ok(IdempotencyRecord {
        key: name,
        request: record.request,
        made_at: time(&envelope, record.made_ms)?,
        sealed: record.sealed.to_owned(),
    })
}

pub(crate) fn idempotency_stats(
    owner: UserId,
    stats: IdempotencyUsage,
) -> Result<Vec<u8>, StoreError> {
    let IdempotencyUsage { records, bytes } = stats;
    let record = IdempotencyStatsV1 { records, bytes };
    seal(Table::Owned, &key::idempotency_stats(owner), V1, &record)
}

pub(crate) fn decode_idempotency_stats(
    owner: UserId,
    value: &[u8],
) -> Result<IdempotencyUsage, StoreError> {
    let key = key::idempotency_stats(owner);
    let envelope = open(Table::Owned, &key, value)?;
    let IdempotencyStatsV1 { records, bytes } = v1(&envelope)?.record()?;
    Ok(IdempotencyUsage { records, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hex::hex;
    use crate::domain::timestamp::Timestamp;

    const OWNER: UserId = UserId::new(7);

    fn given(sealed: Vec<u8>) -> IdempotencyRecord {
        let made_at = Timestamp::from_millis(3).unwrap();
        let key = IdempotencyKey::from_bytes([1; 16]);
        IdempotencyRecord { key, request: [0xAB; 32], made_at, sealed }
    }

    #[test]
    fn the_records_never_change() {
        let bytes = idempotency(OWNER, &given(vec![1, 2])).unwrap();
        assert_eq!(hex(&bytes[9..]), format!("{}06020102", "ab".repeat(32)));
        let stats = IdempotencyUsage { records: 2, bytes: 300 };
        let bytes = idempotency_stats(OWNER, stats).unwrap();
        assert_eq!(hex(&bytes[9..]), "02fb2c01");
        assert_eq!(decode_idempotency_stats(OWNER, &bytes).unwrap(), stats);
    }

    #[test]
    fn the_longest_record_survives_the_round_trip_and_a_longer_one_is_refused() {
        let written = given(vec![7; IdempotencyRecord::MAX_BYTES]);
        let bytes = idempotency(OWNER, &written).unwrap();
        assert_eq!(decode_idempotency(OWNER, written.key, &bytes).unwrap(), written);
        assert!(
            decode_idempotency(OWNER, IdempotencyKey::from_bytes([2; 16]), &bytes)
                .is_err()
        );
        assert!(
            idempotency(OWNER, &given(vec![7; IdempotencyRecord::MAX_BYTES + 1]))
                .is_err()
        );
    }
}
