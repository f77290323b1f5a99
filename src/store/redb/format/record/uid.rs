//! Uids as parts of stored records.

use bincode::{BorrowDecode, Encode};

use crate::domain::uid::Uid;

/// Bytes of a UUID in its usual spelling, or a text.
#[derive(Encode, BorrowDecode)]
pub(super) enum UidV1<'a> {
    Uuid([u8; 16]),
    Text(&'a str),
}

impl<'a> UidV1<'a> {
    pub(super) fn of(uid: &'a Uid) -> Self {
        uid.to_uuid().map_or(Self::Text(uid.as_str()), Self::Uuid)
    }

    pub(super) fn uid(self) -> Uid {
        match self {
            Self::Uuid(bytes) => Uid::of_uuid(bytes),
            Self::Text(text) => Uid::new_unchecked(text.to_owned()),
        }
    }
}
