//! Completion of a task, in the spellings that the replaced service accepted.
//!
//! Its clients send every value that pydantic reads as a boolean, such as `true`, `1`, `"on"` and `"T"`
//! ([Pydantic, booleans](https://docs.pydantic.dev/latest/api/standard_library_types/#booleans)).

use poem_openapi::registry::MetaSchema;
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON};
use serde_json::Value;

use super::format;
use super::wire::schema_type;

/// Completion of a task, in a request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Completed(pub(super) bool);

schema_type!(
    Completed,
    "boolean",
    MetaSchema::new_with_format("boolean", format::COMPLETED)
);

impl Completed {
    /// Reads a boolean, the numbers 0 and 1, or a text.
    pub(super) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(is_completed) => Some(Self(*is_completed)),
            Value::Number(number) if number.as_f64() == Some(1.0) => Some(Self(true)),
            Value::Number(number) if number.as_f64() == Some(0.0) => Some(Self(false)),
            Value::String(text) => Self::parse(text),
            _ => None,
        }
    }

    /// Reads a text, ignoring case.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" | "t" | "y" => Some(Self(true)),
            "false" | "0" | "off" | "no" | "f" | "n" => Some(Self(false)),
            _ => None,
        }
    }
}

impl ParseFromJSON for Completed {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        let value = value.unwrap_or_default();
        Self::of(&value).ok_or_else(|| ParseError::expected_type(value))
    }
}

impl ToJSON for Completed {
    fn to_json(&self) -> Option<Value> {
        Some(Value::Bool(self.0))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn completed_is_read_as_pydantic_reads_it() {
        let of = |value: &Value| Completed::of(value).map(|it| it.0);
        for value in
            [json!(true), json!(1), json!(1.0), json!("1"), json!("tRuE"), json!("ON")]
        {
            assert_eq!(of(&value), Some(true), "{value}");
        }
        for value in
            [json!(false), json!(0), json!("0"), json!("Off"), json!("n"), json!("F")]
        {
            assert_eq!(of(&value), Some(false), "{value}");
        }
        for value in
            [json!(2), json!(-1), json!(0.5), json!(""), json!(" true"), json!([true])]
        {
            assert_eq!(of(&value), None, "{value}");
        }
    }
}
