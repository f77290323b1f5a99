//! Texts of tasks in requests.

use poem_openapi::registry::MetaSchema;
use poem_openapi::types::{ParseFromJSON, ParseResult, ToJSON};
use serde_json::Value;

use crate::domain::due::Due;
use crate::domain::position::Position;
use crate::domain::recurrence::Rule;
use crate::domain::task::Title;
use crate::http::format;
use crate::http::wire::{schema_type, text_type};

text_type!(
    /// A title. Checked by [`Title::typed`].
    TitleText,
    "string_title",
    MetaSchema {
        min_length: Some(1),
        max_length: Some(Title::MAX_CHARS),
        ..MetaSchema::new_with_format("string", format::TITLE)
    }
);

text_type!(
    /// When a task is due. Checked by [`Due::parse`].
    DueText,
    "string_due",
    MetaSchema {
        max_length: Some(Due::MAX_BYTES),
        ..MetaSchema::new_with_format("string", format::DUE)
    }
);

text_type!(
    /// A tag. Checked by [`Tag::new`](crate::domain::tag::Tag::new).
    TagText,
    "string_tag",
    MetaSchema::new_with_format("string", format::TAG)
);

text_type!(
    /// A place in the order of all tasks. Checked by [`Position::parse`].
    PositionText,
    "string_position",
    MetaSchema {
        min_length: Some(1),
        max_length: Some(Position::MAX_CHARS),
        ..MetaSchema::new_with_format("string", format::POSITION)
    }
);

text_type!(
    /// When a task comes round again. Checked by [`Rule::parse`].
    RuleText,
    "string_rule",
    MetaSchema {
        max_length: Some(Rule::MAX_BYTES),
        ..MetaSchema::new_with_format("string", format::RULE)
    }
);

/// Makes a member of a task that the server counts by itself: taken and not looked at, so that a client can send a
/// whole task back.
macro_rules! ignored_type {
    ($(#[$doc:meta])* $type:ident, $name:expr, $json:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) struct $type;

        schema_type!($type, $name, MetaSchema::new_with_format($json, format::IGNORED));

        impl ParseFromJSON for $type {
            fn parse_from_json(_value: Option<Value>) -> ParseResult<Self> {
                Ok(Self)
            }
        }

        impl ToJSON for $type {
            fn to_json(&self) -> Option<Value> {
                None
            }
        }
    };
}

ignored_type!(
    /// A number that is not looked at.
    IgnoredNumber,
    "integer_ignored",
    "integer"
);

ignored_type!(
    /// A time that is not looked at.
    IgnoredTime,
    "string_ignored",
    "string"
);
