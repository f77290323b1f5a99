//! Tombstones as stored records.

use bincode::{BorrowDecode, Encode};

use super::author::AuthorV1;
use super::uid::UidV1;
use super::{V1, V2, time};
use crate::domain::id::{ListId, TaskId, UserId};
use crate::domain::task::{Gone, Tombstone};
use crate::store::StoreError;
use crate::store::redb::format::codec::{open, seal};
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;

/// Trace of a task.
#[derive(Encode, BorrowDecode)]
struct TombstoneV1<'a> {
    id: u64,
    uid: UidV1<'a>,
    unit: u64,
    at_ms: i64,
    author: AuthorV1<'a>,
}

/// Trace of a list.
#[derive(Encode, BorrowDecode)]
struct TombstoneV2<'a> {
    list: u64,
    unit: u64,
    at_ms: i64,
    author: AuthorV1<'a>,
}

pub(crate) fn tombstone(tombstone: &Tombstone) -> Result<Vec<u8>, StoreError> {
    let Tombstone { unit, .. } = *tombstone;
    let at_ms = tombstone.at.as_millis();
    let author = AuthorV1::of(&tombstone.author);
    let key = key::tombstone(tombstone.owner, tombstone.seq);
    match &tombstone.of {
        Gone::Task(id, uid) => {
            let (id, uid) = (id.get(), UidV1::of(uid));
            let record = TombstoneV1 { id, uid, unit, at_ms, author };
            seal(Table::Owned, &key, V1, &record)
        }
        Gone::List(id) => {
            let record = TombstoneV2 { list: id.get(), unit, at_ms, author };
            seal(Table::Owned, &key, V2, &record)
        }
    }
}

pub(crate) fn decode_tombstone(
    owner: UserId,
    seq: u64,
    value: &[u8],
) -> Result<Tombstone, StoreError> {
    let key = key::tombstone(owner, seq);
    let envelope = open(Table::Owned, &key, value)?;
    let (of, unit, at_ms, author) = match envelope.version {
        V1 => {
            let TombstoneV1 { id, uid, unit, at_ms, author } = envelope.record()?;
            (Gone::Task(TaskId::new(id), uid.uid()), unit, at_ms, author)
        }
        V2 => {
            let TombstoneV2 { list, unit, at_ms, author } = envelope.record()?;
            (Gone::List(ListId::new(list)), unit, at_ms, author)
        }
        _ => return Err(envelope.unknown_version()),
    };
    let at = time(&envelope, at_ms)?;
    Ok(Tombstone { owner, of, seq, unit, at, author: author.author() })
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
            is_list: bool,
        ) {
            let (owner, id) = (UserId::new(numbers.0), TaskId::new(numbers.1));
            let (seq, unit) = (numbers.2, numbers.3);
            let of = if is_list {
                Gone::List(ListId::new(numbers.1))
            } else {
                Gone::Task(id, Uid::made(id, 1))
            };
            let written = Tombstone { owner, of, seq, unit, at, author };
            let bytes = tombstone(&written).unwrap();
            prop_assert_eq!(decode_tombstone(owner, seq, &bytes).unwrap(), written);
            prop_assert!(decode_tombstone(owner, seq ^ 1, &bytes).is_err());
        }
    }

    #[test]
    fn the_record_of_a_tombstone_never_changes() {
        let uid = Uid::new("0123456789abcdef".to_owned()).unwrap();
        let mut written = Tombstone {
            owner: UserId::new(1),
            of: Gone::Task(TaskId::new(2), uid),
            seq: 3,
            unit: 3,
            at: at(4),
            author: Author::Import,
        };
        let bytes = tombstone(&written).unwrap();
        assert_eq!(hex(&bytes[9..]), "02011030313233343536373839616263646566030803");
        written.of = Gone::List(ListId::new(2));
        let bytes = tombstone(&written).unwrap();
        assert_eq!((bytes[0], hex(&bytes[9..])), (2, "02030803".to_owned()));
    }
}
