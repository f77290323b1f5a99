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
    /// A title of a task that is changed. Checked by [`Title::new`], since an old one may come back.
    TitleText,
    "string_title",
    MetaSchema {
        min_length: Some(1),
        max_length: Some(Title::MAX_CHARS),
        ..MetaSchema::new("string")
    }
);

text_type!(
    /// A title of a new task. Checked by [`Title::typed`].
    NewTitleText,
    "string_new_title",
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

/// A member of a task that the server sets by itself: taken and not looked at, so that a client can send a whole task
/// back.
#[derive(Debug)]
pub(super) struct Ignored;

schema_type!(
    Ignored,
    "ignored",
    MetaSchema { format: Some(format::IGNORED), ..MetaSchema::ANY }
);

impl ParseFromJSON for Ignored {
    fn parse_from_json(_value: Option<Value>) -> ParseResult<Self> {
        Ok(Self)
    }
}

impl ToJSON for Ignored {
    fn to_json(&self) -> Option<Value> {
        None
    }
}
