//! Text fields of tasks in requests.

use poem_openapi::registry::MetaSchema;

use crate::domain::due::Due;
use crate::domain::position::Position;
use crate::domain::recurrence::Rule;
use crate::domain::task::Title;
use crate::http::format;
use crate::http::wire::text_type;

text_type!(
    /// Title in a patch. Checked by [`Title::new`], since clients may send back an existing title.
    TitleText,
    "string_title",
    MetaSchema {
        min_length: Some(1),
        max_length: Some(Title::MAX_CHARS),
        ..MetaSchema::new("string")
    }
);

text_type!(
    /// Title of a new task. Checked by [`Title::typed`].
    NewTitleText,
    "string_new_title",
    MetaSchema {
        min_length: Some(1),
        max_length: Some(Title::MAX_CHARS),
        ..MetaSchema::new_with_format("string", format::TITLE)
    }
);

text_type!(
    /// Due date of a task. Checked by [`Due::parse`].
    DueText,
    "string_due",
    MetaSchema {
        max_length: Some(Due::MAX_BYTES),
        ..MetaSchema::new_with_format("string", format::DUE)
    }
);

text_type!(
    /// Tag of a task. Checked by [`Tag::new`](crate::domain::tag::Tag::new).
    TagText,
    "string_tag",
    MetaSchema::new_with_format("string", format::TAG)
);

text_type!(
    /// Position among all tasks. Checked by [`Position::parse`].
    PositionText,
    "string_position",
    MetaSchema {
        min_length: Some(1),
        max_length: Some(Position::MAX_CHARS),
        ..MetaSchema::new_with_format("string", format::POSITION)
    }
);

text_type!(
    /// Recurrence rule of a task. Checked by [`Rule::parse`].
    RuleText,
    "string_rule",
    MetaSchema {
        max_length: Some(Rule::MAX_BYTES),
        ..MetaSchema::new_with_format("string", format::RULE)
    }
);
