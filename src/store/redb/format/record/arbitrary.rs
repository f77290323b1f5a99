//! Values for the tests of records.

use proptest::prelude::*;

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
