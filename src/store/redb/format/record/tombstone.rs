//! Tombstones as stored records.

use bincode::{BorrowDecode, Encode};

use super::author::AuthorV1;
use super::uid::UidV1;
use super::{V1, time, v1};
use crate::domain::id::{ListId, TaskId, UserId};
use crate::domain::task::{Gone, Tombstone};
use crate::store::StoreError;
use crate::store::redb::format::codec::{open, seal};
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;

#[derive(Encode, BorrowDecode)]
struct TombstoneV1<'a> {
    of: GoneV1<'a>,
    unit: u64,
    at_ms: i64,
    author: AuthorV1<'a>,
}

/// Id and uid of a task, or id of a list.
#[derive(Encode, BorrowDecode)]
enum GoneV1<'a> {
    Task(u64, UidV1<'a>),
    List(u64),
}

impl<'a> GoneV1<'a> {
    fn of(gone: &'a Gone) -> Self {
        match gone {
            Gone::Task(id, uid) => Self::Task(id.get(), UidV1::of(uid)),
            Gone::List(id) => Self::List(id.get()),
        }
    }

    fn gone(self) -> Gone {
        match self {
            Self::Task(id, uid) => Gone::Task(TaskId::new(id), uid.uid()),
            Self::List(id) => Gone::List(ListId::new(id)),
        }
    }
}

pub(crate) fn tombstone(tombstone: &Tombstone) -> Result<Vec<u8>, StoreError> {
    let record = TombstoneV1 {
        of: GoneV1::of(&tombstone.of),
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
    let TombstoneV1 { of, unit, at_ms, author } = v1(&envelope)?.record()?;
    Ok(Tombstone {
        owner,
        of: of.gone(),
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
        assert_eq!(hex(&bytes[9..]), "0002011030313233343536373839616263646566030803");
        written.of = Gone::List(ListId::new(2));
        let bytes = tombstone(&written).unwrap();
        assert_eq!(hex(&bytes[9..]), "0102030803");
    }
}
