//! Values for the tests of records.

use proptest::prelude::*;

use crate::domain::author::Author;
use crate::domain::id::{SessionId, TokenId};
use crate::domain::label::Label;
use crate::domain::timestamp::Timestamp;

prop_compose! {
    pub(super) fn any_time()(millis in 0..=Timestamp::MAX.as_millis()) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }
}

pub(super) fn any_label() -> impl Strategy<Value = Option<Label>> {
    prop::option::of(".{1,100}".prop_filter_map("a label", |text| Label::new(&text).ok()))
}

pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

pub(super) fn any_author() -> impl Strategy<Value = Author> {
    let token = (any::<[u8; 8]>(), any_label())
        .prop_filter_map("a name", |(id, name)| {
            Some(Author::Token(TokenId::from_bytes(id), name?))
        });
    let session =
        any::<[u8; 16]>().prop_map(|id| Author::Session(SessionId::from_bytes(id)));
    prop_oneof![Just(Author::Unknown), Just(Author::Import), session, token]
}
