//! Answers as stored records.

use bincode::{BorrowDecode, Encode};

use super::{V1, time, v1};
use crate::domain::answer::{Answer, AnswerKey};
use crate::domain::id::UserId;
use crate::store::StoreError;
use crate::store::redb::codec::{open, seal, seal_long};
use crate::store::redb::key::{self, Table};

/// `request`: a keyed hash. `sealed`: encrypted.
#[derive(Encode, BorrowDecode)]
struct AnswerV1<'a> {
    request: [u8; 32],
    made_ms: i64,
    sealed: &'a [u8],
}

#[derive(Encode, BorrowDecode)]
struct AnswerStatsV1 {
    records: u64,
    bytes: u64,
}

/// Number and size of the stored answers of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AnswerStats {
    pub(crate) records: u64,
    /// Bytes of sealed content.
    pub(crate) bytes: u64,
}

pub(crate) fn answer(owner: UserId, answer: &Answer) -> Result<Vec<u8>, StoreError> {
    if answer.sealed.len() > Answer::MAX_BYTES {
        // A longer answer could not be decoded.
        return Err(StoreError::internal(std::io::Error::other("a stored response is too long")));
    }
    let record = AnswerV1 {
        request: answer.request,
        made_ms: answer.made_at.as_millis(),
        sealed: &answer.sealed,
    };
    seal_long(Table::Owned, &key::answer(owner, answer.key), V1, &record)
}

pub(crate) fn decode_answer(
    owner: UserId,
    name: AnswerKey,
    value: &[u8],
) -> Result<Answer, StoreError> {
    let key = key::answer(owner, name);
    let envelope = open(Table::Owned, &key, value)?;
    let record: AnswerV1<'_> = v1(&envelope)?.long_record()?;
    Ok(Answer {
        key: name,
        request: record.request,
        made_at: time(&envelope, record.made_ms)?,
        sealed: record.sealed.to_owned(),
    })
}

pub(crate) fn answer_stats(
    owner: UserId,
    stats: AnswerStats,
) -> Result<Vec<u8>, StoreError> {
    let AnswerStats { records, bytes } = stats;
    let record = AnswerStatsV1 { records, bytes };
    seal(Table::Owned, &key::answer_stats(owner), V1, &record)
}

pub(crate) fn decode_answer_stats(
    owner: UserId,
    value: &[u8],
) -> Result<AnswerStats, StoreError> {
    let key = key::answer_stats(owner);
    let envelope = open(Table::Owned, &key, value)?;
    let AnswerStatsV1 { records, bytes } = v1(&envelope)?.record()?;
    Ok(AnswerStats { records, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hex::hex;
    use crate::domain::timestamp::Timestamp;

    const OWNER: UserId = UserId::new(7);

    fn given(sealed: Vec<u8>) -> Answer {
        let made_at = Timestamp::from_millis(3).unwrap();
        let key = AnswerKey::from_bytes([1; 16]);
        Answer { key, request: [0xAB; 32], made_at, sealed }
    }

    #[test]
    fn the_records_never_change() {
        let bytes = answer(OWNER, &given(vec![1, 2])).unwrap();
        assert_eq!(hex(&bytes[9..]), format!("{}06020102", "ab".repeat(32)));
        let stats = AnswerStats { records: 2, bytes: 300 };
        let bytes = answer_stats(OWNER, stats).unwrap();
        assert_eq!(hex(&bytes[9..]), "02fb2c01");
        assert_eq!(decode_answer_stats(OWNER, &bytes).unwrap(), stats);
    }

    #[test]
    fn the_longest_answer_survives_the_round_trip_and_a_longer_one_is_refused() {
        let written = given(vec![7; Answer::MAX_BYTES]);
        let bytes = answer(OWNER, &written).unwrap();
        assert_eq!(decode_answer(OWNER, written.key, &bytes).unwrap(), written);
        assert!(decode_answer(OWNER, AnswerKey::from_bytes([2; 16]), &bytes).is_err());
        assert!(answer(OWNER, &given(vec![7; Answer::MAX_BYTES + 1])).is_err());
    }
}
