//! How names look in requests.

use poem_openapi::registry::MetaSchema;
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON};
use serde_json::Value;

use super::wire::schema_type;
use crate::domain::label::Label;

/// A name in a request, checked by [`Label::new`] after the other fields.
#[derive(Debug)]
pub(super) struct LabelText(pub(super) String);

/// No control characters, and one at least that is no white space. Spelled out, since `\s` is not the same to all
/// who read patterns.
const LABEL_PATTERN: &str = concat!(
    r"^[^\u0000-\u001f\u007f-\u009f]*",
    r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]",
    r"[^\u0000-\u001f\u007f-\u009f]*$",
);

schema_type!(
    LabelText,
    "string_label",
    MetaSchema {
        min_length: Some(1),
        max_length: Some(Label::MAX_CHARS),
        pattern: Some(LABEL_PATTERN.to_owned()),
        ..MetaSchema::new("string")
    }
);

impl ParseFromJSON for LabelText {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value.unwrap_or_default() {
            Value::String(text) => Ok(Self(text)),
            other => Err(ParseError::expected_type(other)),
        }
    }
}

impl ToJSON for LabelText {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.0.clone()))
    }
}
