//! Lists as stored records.

use bincode::{BorrowDecode, Encode};

use super::{V1, label, time, v1};
use crate::domain::id::{ListId, UserId};
use crate::domain::list::{Colour, Icon, TaskList};
use crate::domain::position::Position;
use crate::store::StoreError;
use crate::store::redb::format::codec::{open, seal};
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;

/// `colour`: red, green and blue.
#[derive(Encode, BorrowDecode)]
struct ListV1<'a> {
    name: &'a str,
    colour: Option<[u8; 3]>,
    icon: Option<&'a str>,
    position: &'a str,
    archived: bool,
    created_ms: i64,
    updated_ms: i64,
    revision: u64,
    seq: u64,
}

pub(crate) fn list(list: &TaskList) -> Result<Vec<u8>, StoreError> {
    let record = ListV1 {
        name: list.name.as_str(),
        colour: list.colour.map(Colour::to_bytes),
        icon: list.icon.as_ref().map(Icon::as_str),
        position: list.position.as_str(),
        archived: list.archived,
        created_ms: list.created_at.as_millis(),
        updated_ms: list.updated_at.as_millis(),
        revision: list.revision,
        seq: list.seq,
    };
    seal(Table::Owned, &key::list(list.owner, list.id), V1, &record)
}

pub(crate) fn decode_list(
    owner: UserId,
    id: ListId,
    value: &[u8],
) -> Result<TaskList, StoreError> {
    let key = key::list(owner, id);
    let envelope = open(Table::Owned, &key, value)?;
    let record: ListV1<'_> = v1(&envelope)?.record()?;
    Ok(TaskList {
        id,
        owner,
        name: label(record.name),
        colour: record.colour.map(Colour::of_bytes),
        icon: record.icon.map(|text| Icon::new_unchecked(text.to_owned())),
        position: Position::new_unchecked(record.position.to_owned()),
        archived: record.archived,
        created_at: time(&envelope, record.created_ms)?,
        updated_at: time(&envelope, record.updated_ms)?,
        revision: record.revision,
        seq: record.seq,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::arbitrary::{any_label, any_time, at};
    use super::*;
    use crate::domain::hex::hex;
    use crate::domain::label::Label;

    proptest! {
        #[test]
        fn lists_survive_the_round_trip(
            numbers in any::<(u64, u64, u64, u64)>(),
            name in any_label().prop_filter_map("a name", |name| name),
            look in (any::<Option<[u8; 3]>>(), prop::option::of("[a-z]{1,32}")),
            archived: bool,
            times in (any_time(), any_time()),
        ) {
            let (owner, id) = (UserId::new(numbers.0), ListId::new(numbers.1));
            let written = TaskList {
                id,
                owner,
                name,
                colour: look.0.map(Colour::of_bytes),
                icon: look.1.map(|text| Icon::new(&text).unwrap()),
                position: Position::of_number(numbers.2),
                archived,
                created_at: times.0,
                updated_at: times.1,
                revision: numbers.2,
                seq: numbers.3,
            };
            let bytes = list(&written).unwrap();
            prop_assert_eq!(decode_list(owner, id, &bytes).unwrap(), written);
            let other = ListId::new(numbers.1 ^ 1);
            prop_assert!(decode_list(owner, other, &bytes).is_err());
        }
    }

    #[test]
    fn the_record_of_a_list_never_changes() {
        let written = TaskList {
            name: Label::new("Home").unwrap(),
            colour: Some(Colour::of_bytes([1, 2, 3])),
            icon: Some(Icon::new("x").unwrap()),
            archived: true,
            updated_at: at(4),
            revision: 5,
            seq: 6,
            ..TaskList::default_of(UserId::new(1), at(3))
        };
        let bytes = list(&written).unwrap();
        assert_eq!(hex(&bytes[9..]), "04486f6d65010102030101780261300106080506");
    }
}
