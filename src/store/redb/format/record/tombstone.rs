//! Tombstones as stored records.

use bincode::{BorrowDecode, Encode};

use super::author::AuthorV1;
use super::uid::UidV1;
use super::{V1, time, v1};
use crate::domain::id::{TaskId, UserId};
use crate::domain::task::Tombstone;
use crate::store::StoreError;
use crate::store::redb::format::codec::{open, seal};
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;

#[derive(Encode, BorrowDecode)]
struct TombstoneV1<'a> {
    id: u64,
    uid: UidV1<'a>,
    unit: u64,
    at_ms: i64,
    author: AuthorV1<'a>,
}

pub(crate) fn tombstone(tombstone: &Tombstone) -> Result<Vec<u8>, StoreError> {
    let record = TombstoneV1 {
        id: tombstone.id.get(),
        uid: UidV1::of(&tombstone.uid),
        unit: tombstone.unit,
        at_ms: tombstone.at.as_millis(),
        author: AuthorV1::of(&tombstone.author),
    };
    let key = key::tombstone(tombstone.owner, tombstone.seq);
    seal(Table::Owned, &key, V1, &record)
}

pub(crate) fn decode_tombstone(
    owner: UserId,
    seq: u64,
    value: &[u8],
) -> Result<Tombstone, StoreError> {
    let key = key::tombstone(owner, seq);
    let envelope = open(Table::Owned, &key, value)?;
    let TombstoneV1 { id, uid, unit, at_ms, author } = v1(&envelope)?.record()?;
    Ok(Tombstone {
        owner,
        id: TaskId::new(id),
        uid: uid.uid(),
        seq,
        unit,
        at: time(&envelope, at_ms)?,
        author: author.author(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::arbitrary::{any_author, any_time, at};
    use super::*;
    use crate::domain::author::Author;
    use crate::domain::hex::hex;
    use crate::domain::uid::Uid;

    proptest! {
        #[test]
        fn tombstones_survive_the_round_trip(
            numbers in any::<(u64, u64, u64, u64)>(),
            at in any_time(),
            author in any_author(),
        ) {
            let (owner, id) = (UserId::new(numbers.0), TaskId::new(numbers.1));
            let (seq, unit) = (numbers.2, numbers.3);
            let written =
                Tombstone { owner, id, uid: Uid::made(id, 1), seq, unit, at, author };
            let bytes = tombstone(&written).unwrap();
            prop_assert_eq!(decode_tombstone(owner, seq, &bytes).unwrap(), written);
            prop_assert!(decode_tombstone(owner, seq ^ 1, &bytes).is_err());
        }
    }

    #[test]
    fn the_record_of_a_tombstone_never_changes() {
        let written = Tombstone {
            owner: UserId::new(1),
            id: TaskId::new(2),
            uid: Uid::new("0123456789abcdef".to_owned()).unwrap(),
            seq: 3,
            unit: 3,
            at: at(4),
            author: Author::Import,
        };
        let bytes = tombstone(&written).unwrap();
        assert_eq!(hex(&bytes[9..]), "02011030313233343536373839616263646566030803");
    }
}
